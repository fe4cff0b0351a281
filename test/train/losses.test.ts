// What documents cost: programs against the oracle, in f64.
import { describe, expect, test } from "vitest";
import { evaluate as oracle } from "../../compiler/oracle/index.ts";
import type { LossProgram } from "../../compiler/ir/module.ts";
import { lowerLosses } from "../../compiler/lower/loss.ts";
import { example, models, type Small, source, weightsOf } from "../phases/models.ts";
import { specify, type Specified, type WeightOf } from "../reference/run.ts";
import { programFor, valuesOf } from "./run.ts";
import { type Sample, sample } from "./samples.ts";

/** Tables of angles are rounded to f32 in programs, and not in the oracle. */
const NEAR = 1e-8;
const layouts = ["ttttt", "ttt[", "[]tt", "t[]tt[]t", "[", "t"];

/** The loss of a batch, and its terms, by the oracle. */
const judged = ({ model }: Specified, weight: WeightOf, samples: readonly Sample[]): Map<string, number> => {
  const sums = new Map<string, number>();
  for (const { document, targets } of samples) {
    const { total, terms } = oracle(model, ({ path }) => weight(path), document, { targets }).losses!;
    for (const [name, cost] of [["loss", total] as const, ...Object.entries(terms)])
      sums.set(
        name === "loss" ? name : `loss.${name}`,
        (sums.get(name === "loss" ? name : `loss.${name}`) ?? 0) + cost,
      );
  }
  return sums;
};
const agree = (specified: Specified, programs: readonly LossProgram[], samples: readonly Sample[]): string => {
  const weight = weightsOf(specified);
  const program = programFor(programs, samples);
  const found = valuesOf(specified, program, weight, samples);
  const want = judged(specified, weight, samples);
  for (const [name, { data }] of found) {
    const value = data[0]!;
    expect(Math.abs(value - want.get(name)!), name).toBeLessThan(NEAR * (1 + Math.abs(value)));
  }
  for (const [name, value] of want) if (!found.has(name)) expect(value, name).toBe(0);
  return program.name;
};

describe.each(models)("$name", (small: Small) => {
  const specified = example(small);
  const { programs } = lowerLosses(specified.model);
  const possible = layouts.filter((layout) => small.most > 0 || !layout.includes("["));

  test("costs what the oracle says", () => {
    for (const [i, layout] of possible.entries())
      agree(specified, programs, [sample(specified.model, layout, i + 1, small.most)]);
  });
  test("a batch costs the sum", () => {
    const samples = possible.map((layout, i) => sample(specified.model, layout, 10 + i, small.most));
    agree(specified, programs, samples);
  });
});

test("each shape of documents has its program", () => {
  const names = (name: string): string[] =>
    lowerLosses(example(models.find((small) => small.name === name)!).model).programs.map((program) => program.name);
  expect(names("LlamaModel")).toEqual(["loss(text)"]);
  expect(names("DualTower")).toEqual(["loss(text)", "loss(text, image)", "loss(text then image)"]);
});

test("a loss of its own, over what a layer names", () => {
  const small = models.find(({ name }) => name === "XFuse")!;
  const whole = source(small);
  const from = whole.indexOf("weight beta");
  const at = whole.indexOf("  loss =", from);
  const inputs = whole.lastIndexOf("  input t: number per image\n", from);
  const text = `${whole.slice(0, inputs)}${aligned.input}${whole.slice(inputs, at)}${aligned.loss}${whole.slice(whole.indexOf("\n", at))}`;
  const specified = specify(text, "XFuse");
  expect(specified.model.losses).toMatchObject([
    { name: "text", factor: 0.2 },
    { name: "image", factor: 1 },
    { name: "near", factor: -0.5 },
  ]);
  const { programs } = lowerLosses(specified.model);
  for (const [i, layout] of ["t[", "tt[]t"].entries())
    agree(specified, programs, [sample(specified.model, layout, i + 1, small.most)]);
});
const aligned = {
  input: "  input feature: [6] per image.patch\n",
  loss: `  weight align: [6, 64] = normal(0.1)
  train align
  loss near = 1 - cosine(linear(fuse[1].seen[image.patch], align), feature)
  loss = 0.2 * text + image - 0.5 * near`,
};
