// Gradients of every small model, in f32 by ONNX Runtime, against central differences of the oracle's loss in f64.
import { describe, expect, test } from "vitest";
import { trainingOf, type TrainingOptions } from "../../compiler/gradient/training.ts";
import { training } from "../../compiler/index.ts";
import type { Values } from "../../compiler/ir/evaluate.ts";
import type { TrainingModule } from "../../compiler/ir/module.ts";
import { toposort } from "../../compiler/ir/node.ts";
import { lowerLosses } from "../../compiler/lower/loss.ts";
import { evaluate as oracle } from "../../compiler/oracle/index.ts";
import { nmse, run } from "../onnx/session.ts";
import { example, models, type Small, weightsOf } from "../phases/models.ts";
import { drawn } from "../phases/schedule.ts";
import type { Specified, WeightOf } from "../reference/run.ts";
import { givenOf, programFor } from "./run.ts";
import { type Sample, sample } from "./samples.ts";

/** elements of a model whose derivative is compared, of all its trained weights together */
const ELEMENTS = Number(process.env["RUNS"] ?? 16);
const STEP = 1e-3;

const moduleOf = ({ model, sources }: Specified, options?: TrainingOptions): TrainingModule =>
  training(model, sources, options);
const gradientsOf = async (
  specified: Specified,
  module: TrainingModule,
  weight: WeightOf,
  samples: readonly Sample[],
): Promise<ReadonlyMap<string, Values>> => {
  const program = programFor(
    module.programs.filter(({ kind }) => kind === "gradient"),
    samples,
  );
  const given = givenOf(specified, program, weight, samples);
  const results = await run(module, program, given, "ort-cpu", "all");
  return new Map(program.outputs.map(({ name }, i) => [name.replace("new.gradient/", ""), results[i]!]));
};
const lossOf = ({ model }: Specified, weight: WeightOf, samples: readonly Sample[]): number =>
  samples.reduce(
    (sum, { document, targets }) =>
      sum + oracle(model, ({ path }) => weight(path), document, { targets }).losses!.total,
    0,
  );
/** The derivative of the oracle's loss by one number of a weight. */
const centralDifference = (
  specified: Specified,
  weight: WeightOf,
  samples: readonly Sample[],
  path: string,
  element: number,
): number => {
  const at = (by: number): number => {
    const moved = Float64Array.from(weight(path));
    moved[element]! += by;
    return lossOf(specified, (other) => (other === path ? (moved as unknown as Float32Array) : weight(other)), samples);
  };
  // Of fourth order, so that what is left is far below f32.
  return (8 * (at(STEP) - at(-STEP)) - (at(2 * STEP) - at(-2 * STEP))) / (12 * STEP);
};

const greatest = (gradient: Values | undefined): number =>
  gradient?.data.reduce((best, value, i, all) => (Math.abs(value) > Math.abs(all[best]!) ? i : best), 0) ?? 0;

describe.each(models)("$name", (small: Small) => {
  const specified = example(small);
  const weight = weightsOf(specified);
  const trained = moduleOf(specified);
  // A language model that is frozen as a whole is judged as if it were trained.
  const module = trained.trained.length > 0 ? trained : trainingOf(lowerLosses(specified.model), () => true);
  const layouts =
    small.most > 0
      ? [
          ["t[", "ttt["],
          ["t[]t", "[]tt"],
        ]
      : [["ttt", "t"]];

  test.each(layouts)("of %s and %s: as the oracle's loss changes", { timeout: 3_600_000 }, async (...two) => {
    const samples = two.map((layout, i) => sample(specified.model, layout, i + 1, small.most));
    const found = await gradientsOf(specified, module, weight, samples);
    const random = drawn(two.join().length);
    const each = Math.max(2, Math.ceil(ELEMENTS / module.trained.length));
    const worst: string[] = [];
    for (const { name } of module.trained.toSorted(() => random() - 0.5).slice(0, ELEMENTS / each)) {
      const gradient = found.get(name);
      let [error, power] = [0, 0];
      for (let i = 0; i < each; i++) {
        // The greatest is among them, so that the tensor is known by what weighs in it.
        const element = i === 0 ? greatest(gradient) : Math.floor(random() * weight(name).length);
        const want = centralDifference(specified, weight, samples, name, element);
        error += ((gradient?.data[element] ?? 0) - want) ** 2;
        power += want ** 2;
      }
      if (error > 1e-8 * power) worst.push(`${name}: ${error} of ${power}`);
    }
    expect(worst).toEqual([]);
  });
});

const bytesOf = ({ data }: Values): string => Buffer.from(Float32Array.from(data).buffer).toString("base64");
const specifiedOf = (name: string): Specified => example(models.find((small) => small.name === name)!);

test.each(["DualTower", "XFuse", "LMFusion", "DualTowerDiT"])(
  "%s: layers computed anew give the same bytes",
  async (name) => {
    const specified = specifiedOf(name);
    const weight = weightsOf(specified);
    const samples = [sample(specified.model, "t[]t", 1), sample(specified.model, "[]tt", 2)];
    const [kept, anew] = [moduleOf(specified), moduleOf(specified, { recompute: "layers" })];
    const found = await gradientsOf(specified, kept, weight, samples);
    const again = await gradientsOf(specified, anew, weight, samples);
    expect([...again.keys()]).toEqual([...found.keys()]);
    for (const [path, gradient] of found) expect(bytesOf(again.get(path)!), path).toBe(bytesOf(gradient));
    const barriers = (module: TrainingModule): number =>
      toposort(module.programs.flatMap(({ outputs }) => outputs.map(({ node }) => node))).filter(
        ({ op }) => op === "barrier",
      ).length;
    expect(barriers(kept)).toBe(0);
    expect(barriers(anew)).toBeGreaterThan(4);
  },
);

test("calls of parts of a batch add up to the whole", async () => {
  const specified = specifiedOf("DualTower");
  const weight = weightsOf(specified);
  const module = moduleOf(specified);
  const samples = ["t[]t", "[]tt", "tttt", "ttt[]"].map((layout, i) => sample(specified.model, layout, i));
  const whole = await gradientsOf(specified, module, weight, samples);
  const parts = await Promise.all(samples.map((each) => gradientsOf(specified, module, weight, [each])));
  for (const [path, { shape, data }] of whole) {
    const sum = data.map((_, i) => parts.reduce((total, part) => total + (part.get(path)?.data[i] ?? 0), 0));
    expect(nmse({ shape, data: sum }, { shape, data }), path).toBeLessThan(1e-10);
  }
});

describe("through the frozen tower", () => {
  const specified = specifiedOf("DualTower");
  const weight = weightsOf(specified);
  const module = moduleOf(specified);
  const silent = (layout: string, seed: number): Sample => {
    const { document, targets } = sample(specified.model, layout, seed);
    const rows = document.rows.map((row) => ({ ...row, values: { ...row.values, "velocity.weight": 0 } }));
    return { document: { ...document, rows }, targets: { text: targets["text"]! } };
  };

  test("text behind an image teaches the vision tower", async () => {
    const samples = [silent("[]ttt", 1)];
    const found = await gradientsOf(specified, module, weight, samples);
    // The last layer's results for the image are read by no text.
    const vision = module.trained.map(({ name }) => name).filter((name) => name.startsWith("vision.layers[0]"));
    expect(vision.length).toBeGreaterThan(5);
    for (const path of vision) {
      const gradient = found.get(path)!;
      const element = greatest(gradient);
      const want = centralDifference(specified, weight, samples, path, element);
      expect(Math.abs(want), path).toBeGreaterThan(0);
      expect(Math.abs(gradient.data[element]! / want - 1), path).toBeLessThan(1e-4);
    }
  });
  test("text alone teaches it nothing, and nothing of it is computed", () => {
    const { outputs, inputs } = module.programs.find(({ name }) => name === "gradient(text)")!;
    const named = [...inputs, ...outputs].filter(({ name }) => name.includes("vision."));
    expect(named).toEqual([]);
  });
  test("nothing passes through the language tower where text only stands before its image", () => {
    // The rows of added tokens enter the language tower, so without them.
    const vision = trainingOf(lowerLosses(specified.model), (path) => path.startsWith("vision."));
    const nodes = (name: string): number =>
      toposort(vision.programs.find((program) => program.name === name)!.outputs.map(({ node }) => node)).filter(
        ({ op, origin }) => op === "matmul" && origin?.path.startsWith("gradient/language/layers"),
      ).length;
    expect(nodes("gradient(text, image)")).toBeGreaterThan(10);
    expect(nodes("gradient(text then image)")).toBe(0);
  });
});

test("no program gives or takes anything of a frozen weight but what it reads", () => {
  for (const { name } of models) {
    const specified = specifiedOf(name);
    const module = moduleOf(specified);
    const frozen = new Set(specified.model.weights.filter((each) => !each.trained).map(({ path }) => path));
    for (const program of module.programs)
      for (const port of [...program.inputs, ...program.outputs])
        expect(
          frozen.has(port.name.replace(/^(new\.)?(weight|gradient|moment1|moment2|average)\//, "")),
          port.name,
        ).toBe(false);
    for (const { name: path } of module.trained) expect(frozen.has(path), path).toBe(false);
  }
});
