// A frozen tower stays itself: on text alone, a model with a second tower gives the same bytes of logits over the tower's
// own vocabulary as the tower by itself, with the same weights, profile and threads.
import { expect, test } from "vitest";
import type { Document } from "../../compiler/analyze/model.ts";
import { programs } from "../../compiler/index.ts";
import { Graphs } from "../../cli/verify/graphs.ts";
import { stream } from "../../runtime/random.ts";
import { drawWeights, type WeightNumbers } from "../../cli/verify/weights.ts";
import { type Example, smallExample } from "./examples.ts";

const VOCAB = 256;
const seed = 7;

/** 20 prompts of 1 to 64 rows, the shortest and the longest among them. */
const prompts: readonly Document[] = Array.from({ length: 20 }, (_, n) => {
  const numbers = stream(seed, `prompt ${n}`);
  const length = n === 0 ? 1 : n === 1 ? 64 : 1 + numbers.below(0, 64);
  const rows = Array.from({ length }, (_, i) => ({
    kind: "text",
    span: 0,
    index: 0,
    values: { id: numbers.below(i + 1, VOCAB) },
  }));
  return { rows, spans: {}, inputs: {} };
});

const options = [
  { profile: "ort-cpu", threads: 1 },
  { profile: "ort-cpu", threads: 2 },
  { profile: "portable", threads: 1 },
] as const;

/** Logits over the tower's vocabulary, a line for each prompt and way of running. */
const logitsOf = async ({ model, sources }: Example, weights: WeightNumbers): Promise<string[]> => {
  const module = programs(model, sources);
  const program = module.programs.find(({ name }) => name === "forward(text)")!;
  const graphs = await Graphs.create(model, module.params, weights);
  try {
    const lines: string[] = [];
    for (const option of options)
      for (const prompt of prompts) {
        const { shape, data } = (await graphs.run(module, program, [prompt], option))["text.logits"]!;
        const [, rows, width] = shape as [number, number, number];
        const own = Array.from({ length: rows }, (_, row) =>
          (data as Float32Array).slice(row * width, row * width + VOCAB),
        );
        lines.push(Buffer.concat(own.map(({ buffer }) => Buffer.from(buffer))).toString("hex"));
      }
    return lines;
  } finally {
    await graphs.close();
  }
};

test.each(["DualTower", "DualProjection", "LMFusion"] as const)(
  "%s on text alone is its language tower, byte for byte",
  async (name) => {
    const fused = smallExample(name);
    const alone = smallExample("LlamaModel");
    const weights = drawWeights(fused.model, seed);
    const byPath = new Map(fused.model.weights.map((weight) => [weight.path, weight]));
    const want = await logitsOf(alone, (weight) => weights(byPath.get(weight.path)!));
    expect(new Set(want).size).toBeGreaterThan(prompts.length - 1);
    expect(want[1]!.length).toBe(64 * VOCAB * 8);
    const got = await logitsOf(fused, weights);
    expect(got.map((line, i) => line === want[i])).toEqual(want.map(() => true));
  },
);
