// Matrices stored in unlike ways in one model, as where one tower's checkpoint is in bf16 and the other's in f32: the plan
// keeps them in kernels of their own, and gives the numbers that it gives for the same rounded weights in f32.
import { expect, test } from "vitest";
import { programs, webgpu } from "../../compiler/index.ts";
import type { Plan } from "../../runtime/plan.ts";
import { decodeF32 } from "../../runtime/weights/dtype.ts";
import { openPlan, type PlanFiles } from "../../runtime/webgpu/session.ts";
import { smallExample, type SmallModel, smallModels } from "../verify/examples.ts";
import { gpu } from "./gpu.ts";
import { bitsOf, callOf, plannedModel } from "./planned.ts";

const WAYS = ["f32", "f16", "bf16"] as const;
type Way = (typeof WAYS)[number];
/** By the name, so that layers differ. */
const drawn = (name: string): Way => WAYS[[...name].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) >>> 0, 7) % 3]!;
const byTower = (name: string): Way => (name.startsWith("vision") ? "f32" : "bf16");

const planOf = (
  name: SmallModel,
  stored: (name: string) => Way,
): { readonly plan: Plan; readonly tables: Float32Array } => {
  const { model, sources } = smallExample(name);
  const { plan, tables } = webgpu(programs(model, sources), { stored: (param) => stored(param.name) });
  return { plan, tables };
};

/** A small number's upper bits, as those of bf16 or, rounded down, of f16. */
const bits = (x: number, way: Exclude<Way, "f32">): number => {
  const [word] = new Uint32Array(Float32Array.of(x).buffer) as unknown as [number];
  if (way === "bf16") return word >>> 16;
  const exponent = ((word >>> 23) & 255) - 112;
  const sign = (word >>> 16) & 0x8000;
  return exponent <= 0 ? sign : sign | (exponent << 10) | ((word >>> 13) & 1023);
};

test.each(smallModels)("%s has a plan, however its matrices are stored", (name) => {
  for (const stored of [drawn, byTower]) {
    const { plan } = planOf(name, stored);
    const used = new Set(plan.weights.map((weight) => weight.stored));
    expect(used.size).toBeGreaterThan(1);
    expect(plan.programs.length).toBe(plannedModel(name).plan.programs.length);
  }
});

// Of each model what this shows of kernels is the same; this one has tables beside products.
test.each(["DualTowerDiT"] as const)("%s computes the same", { timeout: 120_000 }, async (name) => {
  const made = plannedModel(name);
  const { plan } = planOf(name, drawn);
  const ways = new Map(plan.weights.map((weight) => [weight.name, weight.stored]));
  const halves = async (path: string, shape: readonly number[]): Promise<Uint16Array | Float32Array> => {
    const numbers = (await made.files.weight({ name: path, shape } as never)) as Float32Array;
    const way = ways.get(path)!;
    return way === "f32" ? numbers : Uint16Array.from(numbers, (x) => bits(x, way));
  };
  const files: PlanFiles = { ...made.files, weight: ({ name: path, shape }) => halves(path, shape) };
  const wide: PlanFiles = {
    ...made.files,
    weight: async ({ name: path, shape }) => {
      const numbers = await halves(path, shape);
      if (numbers instanceof Float32Array) return numbers;
      return decodeF32(ways.get(path) === "f16" ? "F16" : "BF16", new Uint8Array(numbers.buffer))!;
    },
  };
  // One program runs, which reads all towers; the others are cut alike.
  const program = plan.programs.find(({ name: each }) => each.startsWith("forward"))!;
  const results = [];
  for (const [each, given] of [
    [plan, files],
    [made.plan, wide],
  ] as const) {
    const session = await openPlan(await gpu(), each, given);
    results.push(bitsOf(await session.run(program.name, callOf(made, program))));
    session.close();
  }
  expect(results[0]).toEqual(results[1]);
});
