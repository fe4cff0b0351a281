// Whole models by kernels whose invocations work together: right by the f64 oracle, and on small hardware the same as by
// kernels of invocations alone. One model here, all of them by `npm run test:long`.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verify } from "../../cli/verify/verify.ts";
import type { Adapter, Feature } from "../../runtime/webgpu/adapter.ts";
import type { Limits } from "../../runtime/webgpu/limits.ts";
import { openPlan } from "../../runtime/webgpu/session.ts";
import { type SmallModel, smallExample, smallModels } from "../verify/examples.ts";
import { figuresOf } from "./agree.ts";
import { gpu, ownGpu } from "./gpu.ts";
import { asHardware } from "./hardware.ts";
import { type Narrow, narrow } from "./narrow.ts";
import { callOf, plannedModel, type Tensors } from "./planned.ts";

const isLong = process.env["RUNS"] !== undefined;
const judged: readonly SmallModel[] = isLong ? smallModels : ["LMFusion"];
const ways: readonly (readonly [string, readonly Feature[]])[] = [
  ["with subgroups", ["subgroups"]],
  ["without subgroups", []],
];

describe.each(judged)("%s is right", (name) => {
  test.each(isLong ? ways : ways.slice(0, 1))("%s", { timeout: 3_600_000 }, async (_, features) => {
    const { model, sources } = smallExample(name);
    const adapter = async (): Promise<Adapter> => asHardware(await gpu(), features);
    const found = await verify(model, sources, { profiles: ["webgpu"], optimize: ["none"], trace: false, adapter });
    expect(found.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(found.verdict).toBe("passed");
  });
});

let device: Narrow;
beforeAll(async () => {
  device = narrow(await ownGpu());
});
afterAll(() => device.close());

const least: Partial<Limits> = {
  maxStorageBufferBindingSize: 32 << 10,
  maxBufferSize: 64 << 10,
  maxComputeInvocationsPerWorkgroup: 128,
  maxComputeWorkgroupsPerDimension: 64,
  maxComputeWorkgroupStorageSize: 16 << 10,
};
const small: readonly (readonly [string, Partial<Limits>])[] = [
  ["the least that WebGPU allows", least],
  ["less workgroup memory", { ...least, maxComputeInvocationsPerWorkgroup: 64, maxComputeWorkgroupStorageSize: 4096 }],
];

/** What all programs of a model give, and the kernels that they ran. */
const resultsOf = async (adapter: Adapter, name: SmallModel) => {
  const made = plannedModel(name);
  const session = await openPlan(adapter, made.plan, made.files);
  const outputs = new Map<string, Tensors>();
  try {
    for (const program of made.plan.programs.filter((_, i) => isLong || i % 2 === 1))
      outputs.set(program.name, await session.run(program.name, callOf(made, program)));
  } finally {
    session.close();
  }
  return outputs;
};

describe.each(isLong ? smallModels : (["LlamaModel"] as const))("%s on small hardware", (name) => {
  test.each(small)("%s", { timeout: 3_600_000 }, async (_, limits) => {
    const alone = await resultsOf(device.under({}), name);
    const together = await resultsOf(asHardware(device.under(limits), ["subgroups"]), name);
    for (const [program, outputs] of alone)
      for (const [output, { shape, data }] of Object.entries(outputs)) {
        const wanted = { shape, data: Float64Array.from(data as Float32Array) };
        const { nmse, broken } = figuresOf(together.get(program)![output]!, wanted);
        expect([program, output, broken]).toEqual([program, output, 0]);
        expect(nmse, `${program}: ${output}`).toBeLessThanOrEqual(1e-9);
      }
  });
});
