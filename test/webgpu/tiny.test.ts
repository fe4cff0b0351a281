// Limits of small hardware: every program of every small model where bindings, buffers, workgroups and grids are tiny, by
// the defaults of WebGPU in a browser, and by what the hardware has. The numbers are the same bit for bit.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Adapter } from "../../runtime/webgpu/adapter.ts";
import type { Limits } from "../../runtime/webgpu/limits.ts";
import { openPlan, type ReadyProgram } from "../../runtime/webgpu/session.ts";
import { type SmallModel, smallModels } from "../verify/examples.ts";
import { ownGpu } from "./gpu.ts";
import { type Narrow, narrow } from "./narrow.ts";
import { bitsOf, callOf, plannedModel, type Tensors } from "./planned.ts";

const tiny: Partial<Limits> = {
  maxStorageBufferBindingSize: 16 << 10,
  maxBufferSize: 64 << 10,
  maxStorageBuffersPerShaderStage: 4,
  maxComputeInvocationsPerWorkgroup: 128,
  maxComputeWorkgroupsPerDimension: 64,
};
const browser: Partial<Limits> = {
  maxStorageBufferBindingSize: 128 << 20,
  maxBufferSize: 256 << 20,
  maxStorageBuffersPerShaderStage: 10,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupsPerDimension: 65535,
  maxComputeWorkgroupStorageSize: 16 << 10,
};

let device: Narrow;
beforeAll(async () => {
  device = narrow(await ownGpu());
});
afterAll(() => device.close());

interface Results {
  readonly outputs: ReadonlyMap<string, Tensors>;
  readonly programs: ReadonlyMap<string, ReadyProgram>;
}
/** What all programs of a model give, and how each was made ready. */
const resultsOf = async (adapter: Adapter, name: SmallModel): Promise<Results> => {
  const made = plannedModel(name);
  const session = await openPlan(adapter, made.plan, made.files);
  try {
    const outputs = new Map<string, Tensors>();
    const programs = new Map<string, ReadyProgram>();
    for (const program of made.plan.programs) {
      outputs.set(program.name, await session.run(program.name, callOf(made, program)));
      programs.set(program.name, session.report().programs.at(-1)!);
    }
    return { outputs, programs };
  } finally {
    session.close();
  }
};

/** Small devices make hundreds of dispatches of a call, so all the others are left to `npm run test:long`. */
const sampled: readonly SmallModel[] = ["LlamaModel", "LMFusion"];
const judged = process.env["RUNS"] === undefined ? sampled : smallModels;
test.each(judged)("%s", { timeout: 240_000 }, async (name) => {
  const small = await resultsOf(device.under(tiny), name);
  const [usual, wide] = [await resultsOf(device.under(browser), name), await resultsOf(device.under({}), name)];
  // With an image all keys are too many at once, and are taken a part at a time.
  const parted = [...small.programs].some(([program, { steps }]) => steps > wide.programs.get(program)!.steps);
  expect(parted).toBe(name !== "LlamaModel");
  for (const [program, outputs] of wide.outputs) {
    const numbers = Object.values(outputs).map(({ data }) => data as Float32Array);
    expect(numbers.every((data) => data.every(Number.isFinite) && new Set(data).size > 8)).toBe(true);
    expect([program, bitsOf(small.outputs.get(program)!)]).toEqual([program, bitsOf(outputs)]);
    expect([program, bitsOf(usual.outputs.get(program)!)]).toEqual([program, bitsOf(outputs)]);
    expect(usual.programs.get(program)).toEqual(wide.programs.get(program));
    const [few, many] = [wide.programs.get(program)!, small.programs.get(program)!];
    // A step is one dispatch where limits do not matter; here they do.
    expect(few.dispatches).toBe(few.steps);
    expect(many.dispatches).toBeGreaterThan(2 * few.dispatches);
  }
});
