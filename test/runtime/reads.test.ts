// What kernels of the dual tower read: each tower's matrices for its own rows, once, and of the other the norm, the keys and
// the values that the model itself asks for. Nothing else, and in no more dispatches than the tower alone takes.
import { expect, test } from "vitest";
import { programs, webgpu } from "../../compiler/index.ts";
import type { Plan } from "../../runtime/plan.ts";
import { smallExample, type SmallModel } from "../verify/examples.ts";

const planOf = (name: SmallModel): Plan => {
  const { model, sources } = smallExample(name);
  return webgpu(programs(model, sources)).plan;
};
/** Weight -> in how many steps of a program it is read. */
const readsOf = ({ programs: all }: Plan, name: string): ReadonlyMap<string, number> => {
  const { values, steps } = all.find((program) => program.name === name)!;
  const reads = new Map<string, number>();
  for (const { operands } of steps)
    for (const { value } of operands) {
      const { origin } = values[value]!;
      if (origin.is === "weight") reads.set(origin.weight, (reads.get(origin.weight) ?? 0) + 1);
    }
  return reads;
};
const stepsOf = (plan: Plan, name: string): number =>
  plan.programs.find((program) => program.name === name)!.steps.length;
const bytesOf = (plan: Plan, reads: ReadonlyMap<string, number>): number =>
  plan.weights.reduce(
    (sum, { name, shape }) => sum + 4 * (reads.get(name) ?? 0) * shape.reduce((product, d) => product * d, 1),
    0,
  );

const LAYERS = [0, 1, 2];
const dual = planOf("DualTower");
const alone = planOf("LlamaModel");
const foreign = (tower: string): string[] =>
  LAYERS.flatMap((i) => ["attn_norm", "k", "v"].map((what) => `${tower}.layers[${i}].${what}`));

test("a token decoded in two towers reads one of them, and the other's norms, keys and values", () => {
  const [together, apart] = [readsOf(dual, "decode(text)"), readsOf(alone, "decode(text)")];
  const added = ["text.added.enter", "text.added.head"];
  expect([...together.keys()].sort()).toEqual([...apart.keys(), ...added, ...foreign("vision")].sort());
  for (const [name, times] of together) expect(times, name).toBe(name === "language.embed" ? 2 : 1);
  const more = new Map([...foreign("vision"), ...added].map((name) => [name, 1]));
  expect(bytesOf(dual, together)).toBe(bytesOf(alone, apart) + bytesOf(dual, more));
});

test("and takes no more dispatches in the layers than the language tower alone", () => {
  const ends = stepsOf(dual, "decode(text)") - stepsOf(alone, "decode(text)");
  // What is added to the vocabulary enters and leaves in a kernel of its own.
  expect(ends).toBeLessThanOrEqual(2);
  expect(ends).toBeGreaterThanOrEqual(0);
});

test("an image denoised reads the vision tower alone", () => {
  const reads = readsOf(dual, "denoise(image)");
  expect([...reads.keys()].filter((name) => name.startsWith("language"))).toEqual([]);
  const layers = [...reads.keys()].filter((name) => name.startsWith("vision.layers"));
  expect(layers).toHaveLength(9 * LAYERS.length);
  for (const name of layers) expect(reads.get(name), name).toBe(1);
});
