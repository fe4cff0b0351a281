// Greedy runs of text: at every place of every document, the token that was written is the likeliest by the oracle, which
// computes the whole document anew. So what both write is the same, token for token.
import { expect } from "vitest";
import { evaluate } from "../../compiler/oracle/index.ts";
import type { SessionOptions } from "../../runtime/session.ts";
import { drawn } from "../phases/schedule.ts";
import { compiled } from "./judged.ts";

export const greedy = ["LlamaModel", "DualTower", "LMFusion"] as const;

const TOKENS = 64;
/**
 * The last norm with any signs, and so large that the next token has an entropy of some nats; and blocks that say more than
 * the token they stand at, so that a run does not go round.
 */
const spread = (weight: string, numbers: Float32Array): Float32Array => {
  if (/\.(q|v|o|down)$/.test(weight)) return numbers.map((x) => 5 * x);
  if (weight !== "language.norm") return numbers;
  const random = drawn(3);
  return numbers.map(() => 2.1 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
};

export interface Run {
  readonly places: number;
  /** places where the two best differ by less than 1e-4 of the logits' standard deviation, and another was written */
  readonly close: number;
  readonly entropy: number;
  /** the least number of different tokens of a document */
  readonly different: number;
}

/** `count` prompts of unlike length in one batch. */
export const greedily = async (
  name: (typeof greedy)[number],
  target: "onnx" | "webgpu",
  count: number,
  options?: SessionOptions,
): Promise<Run> => {
  const { session, specified, weights, close } = await compiled(name, target, spread, options);
  try {
    const random = drawn(11);
    const prompt = Array.from({ length: count }, (_, d) => [
      { ids: Array.from({ length: 2 + d }, () => Math.floor(random() * 256)) },
    ]);
    const written: number[][] = prompt.map(() => []);
    for await (const event of session.generate({ prompt, maxTokens: TOKENS, images: "never" }))
      if (event.is === "text") written[event.document]!.push(...event.ids);
    let [places, near, entropy, different] = [0, 0, 0, Infinity];
    for (const [d, ids] of written.entries()) {
      expect(ids).toHaveLength(TOKENS);
      different = Math.min(different, new Set(ids).size);
      const all = [...prompt[d]![0]!.ids, ...ids];
      const rows = all.map((id) => ({ kind: "text", span: 0, index: 0, values: { id } }));
      const { heads } = evaluate(specified.model, ({ path }) => weights.get(path)!, { rows, spans: {}, inputs: {} });
      const logits = heads.find(({ modality }) => modality === "text")!.rows;
      for (const [i, id] of ids.entries()) {
        const own = logits.get(all.length - ids.length + i - 1)!.subarray(0, 256);
        const best = own.reduce((a, x, j) => (x > own[a]! ? j : a), 0);
        places++;
        entropy += entropyOf(own);
        if (id === best) continue;
        expect(own[best]! - own[id]!, `document ${d}, token ${i}`).toBeLessThan(1e-4 * deviationOf(own));
        near++;
      }
    }
    return { places, close: near, entropy: entropy / places, different };
  } finally {
    await close();
  }
};
const entropyOf = (logits: Float64Array): number => {
  const most = Math.max(...logits);
  const shares = logits.map((x) => Math.exp(x - most));
  const sum = shares.reduce((a, b) => a + b);
  return -shares.reduce((total, x) => total + (x === 0 ? 0 : (x / sum) * Math.log(x / sum)), 0);
};
const deviationOf = (logits: Float64Array): number => {
  const mean = logits.reduce((a, b) => a + b) / logits.length;
  return Math.sqrt(logits.reduce((sum, x) => sum + (x - mean) ** 2, 0) / logits.length);
};

export const isSound = ({ places, close, entropy, different }: Run, count: number): void => {
  expect(places).toBe(count * TOKENS);
  expect(close).toBeLessThanOrEqual(places / 1000);
  expect(entropy).toBeGreaterThan(1);
  expect(entropy).toBeLessThan(3);
  expect(different).toBeGreaterThanOrEqual(20);
};
