// The step of training, and its numbers, against AdamW written down plainly in f64.
import { expect, test } from "vitest";
import { training } from "../../compiler/index.ts";
import { evaluate, type Values } from "../../compiler/ir/evaluate.ts";
import { scheduleOf, settingsOf, stepSettingsOf } from "../../runtime/train/options.ts";
import { keepAt, rateAt, scalarsAt } from "../../runtime/train/schedule.ts";
import { example, models } from "../phases/models.ts";
import { drawn } from "../phases/schedule.ts";

const { model, sources } = example(models.find(({ name }) => name === "XFuse")!);
const module = training(model, sources);
const update = module.programs.find(({ kind }) => kind === "update")!;
const sizeOf = (shape: readonly unknown[]): number => shape.reduce<number>((n, dim) => n * (dim as number), 1);

test.each([0.01, 1e30])("is AdamW, where all gradients may have a norm of %f", (limit) => {
  const random = drawn(3);
  const settings = settingsOf({ limit, steps: 100, betas: [0.8, 0.9], epsilon: 1e-6, average: 0.9 });
  const step = 7;
  const scalars: Readonly<Record<string, number>> = scalarsAt(step, stepSettingsOf(settings, step));
  const given: Record<string, Values> = {};
  for (const { name, type } of update.inputs) {
    const shape = type.shape as number[];
    const data = Float64Array.from({ length: sizeOf(shape) }, () =>
      name.startsWith("moment2/") ? random() : 2 * random() - 1,
    );
    given[name] = { shape, data: name in scalars ? Float64Array.of(scalars[name]!) : data };
  }
  const [rates, decays] = [given["rate"]!.data, given["decay"]!.data];
  rates.forEach((_, i) => ((rates[i] = 0.01 * (i + 1)), (decays[i] = 0.1)));
  const results = evaluate(
    update.outputs.map(({ node }) => node),
    { inputs: given, params: {}, dims: {} },
  );
  const found = new Map(update.outputs.map(({ name }, i) => [name, results[i]!.data]));
  const all = module.trained.flatMap(({ name }) => [...given[`gradient/${name}`]!.data]);
  const norm = Math.sqrt(all.reduce((sum, value) => sum + value ** 2, 0));
  expect(found.get("norm")![0]).toBeCloseTo(norm, 9);
  const factor = Math.min(1, limit / (norm + 1e-6));
  for (const [i, { name }] of module.trained.entries()) {
    const of = (what: string): Float64Array => given[`${what}/${name}`]!.data as Float64Array;
    for (let k = 0; k < Math.min(9, of("weight").length); k++) {
      const g = factor * of("gradient")[k]!;
      const m = 0.8 * of("moment1")[k]! + 0.2 * g;
      const v = 0.9 * of("moment2")[k]! + 0.1 * g * g;
      const w =
        of("weight")[k]! * (1 - rates[i]! * 0.1) -
        (rates[i]! * (m / (1 - 0.8 ** step))) / (Math.sqrt(v / (1 - 0.9 ** step)) + 1e-6);
      const keep = Math.min(0.9, 8 / 17);
      const want = { weight: w, moment1: m, moment2: v, average: keep * of("average")[k]! + (1 - keep) * w };
      for (const [what, value] of Object.entries(want))
        expect(found.get(`new.${what}/${name}`)![k], `${what} of ${name}`).toBeCloseTo(value, 9);
    }
  }
});

test("the floor is a share of the rate, which a run that is all warm-up never leaves", () => {
  const settings = settingsOf({ rate: 2, warmup: 4, steps: 12, floor: 0.25 });
  expect([1, 4, 12].map((step) => rateAt(step, scheduleOf(settings)))).toEqual([0.5, 2, 0.5]);
  const short = scheduleOf(settingsOf({ rate: 1, warmup: 8, steps: 4 }));
  expect(rateAt(4, short)).toBe(0.5);
});
test("the average follows closely at first", () => {
  expect(keepAt(1, 0.99)).toBeCloseTo(2 / 11, 12);
  expect(keepAt(100_000, 0.99)).toBe(0.99);
});
test.each([
  [{ steps: 0 }, "steps is 0"],
  [{ batch: 1.5 }, "batch is 1.5"],
  [{ rate: NaN }, "rate is NaN"],
  [{ limit: 0 }, "limit is 0"],
  [{ average: 1 }, "average is 1"],
  [{ betas: [0.9] as unknown as [number, number] }, "betas are 0.9"],
])("%o has no meaning", (options, message) => {
  expect(() => settingsOf(options)).toThrow(message);
});
