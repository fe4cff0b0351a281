// Graphs that nobody would write, each by its seed: kernels of all kinds beside, before and after one another.
import { describe, expect, test } from "vitest";
import { webgpu } from "../../compiler/index.ts";
import { agrees } from "./agree.ts";
import { draw } from "./draw.ts";
import { gpu } from "./gpu.ts";
import { grown } from "./grown.ts";
import { validateByNaga } from "./wgsl.ts";

const RUNS = Number(process.env["RUNS"] ?? 50);
const FIRST = Number(process.env["SEED"] ?? 1);
const seeds = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => FIRST + i);

describe("agree with their meaning", () => {
  test.each(seeds(RUNS))("seed %i", async (seed) => {
    await agrees(await gpu(), grown(seed));
  });
});

describe("are compiled to what Naga takes", () => {
  test.each(seeds(6 * RUNS))("seed %i", (seed) => {
    const one = grown(seed);
    const { plan } = webgpu(draw(one, one.dims[0]!, 1).module);
    for (const { wgsl } of plan.kernels) expect(validateByNaga(wgsl), wgsl).toBeUndefined();
  });
});
