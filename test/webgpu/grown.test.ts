// Graphs that nobody would write, each by its seed: kernels of all kinds beside, before and after one another. RUNS and SEED
// ask for others.
import { describe, expect, test } from "vitest";
import { webgpu } from "../../compiler/index.ts";
import { Failure } from "../../runtime/failure.ts";
import type { Adapter } from "../../runtime/webgpu/adapter.ts";
import { agrees } from "./agree.ts";
import { draw } from "./draw.ts";
import { gpu } from "./gpu.ts";
import { grown } from "./grown.ts";
import { validateByNaga } from "./wgsl.ts";

const RUNS = Number(process.env["RUNS"] ?? 50);
const FIRST = Number(process.env["SEED"] ?? 1);
const seeds = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => FIRST + i);

/** The same device, as one that binds and allocates little: what steps say they reach is all that they are given. */
const small = (adapter: Adapter): Adapter => ({
  ...adapter,
  limits: { ...adapter.limits, maxStorageBufferBindingSize: 2048, maxBufferSize: 4096 },
});
let cut = 0;

describe("agree with their meaning", () => {
  test.each(seeds(RUNS))("seed %i", async (seed) => {
    const adapter = await gpu();
    await agrees(adapter, grown(seed));
    try {
      await agrees(small(adapter), grown(seed));
      cut++;
    } catch (thrown) {
      // Some graphs have a step that reads more than that.
      if (!(thrown instanceof Failure) || !thrown.message.includes("needs more of a buffer")) throw thrown;
    }
  });
  test("and most of them fit a small device", () => expect(cut).toBeGreaterThanOrEqual(RUNS / 3 - 5));
});

describe("are compiled to what Naga takes", () => {
  test.each(seeds(6 * RUNS))("seed %i", (seed) => {
    const one = grown(seed);
    const { plan } = webgpu(draw(one, one.dims[0]!, 1).module);
    for (const { wgsl } of plan.kernels) expect(validateByNaga(wgsl), wgsl).toBeUndefined();
  });
});
