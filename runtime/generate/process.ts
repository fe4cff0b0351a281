// How noise and an image make a noisy image, and how a prediction about it becomes an estimate of the clean one. One pass
// gives one estimate; a sampler takes many.
//
// Flow from t = clean to t = noise, with s = (t - clean) / (noise - clean):
//   z = (1 - s) x + s n,  velocity v = dz / dt = (n - x) / (noise - clean),  so  x = z - (t - clean) v;
//   a prediction of n gives x = (z - s n) / (1 - s), which has no meaning at s = 1.
// DDPM with a = the product of 1 - beta up to step t:
//   z = sqrt(a) x + sqrt(1 - a) n;  from n: x = (z - sqrt(1 - a) n) / sqrt(a);  from v: x = sqrt(a) z - sqrt(1 - a) v.
import { Failure } from "../failure.ts";
import type { Process } from "../manifest.ts";

/** The value of the input at which a span is nothing but noise. */
export const noisiest = (process: Process): number => (process.is === "flow" ? process.noise : process.steps - 1);

export type Flow = Extract<Process, { is: "flow" }>;
export type Ddpm = Extract<Process, { is: "ddpm" }>;

/** The estimate of the clean rows from noisy ones and what was predicted of them. @throws Failure "call" */
export const estimateClean = (process: Process, t: number, z: Float32Array, predicted: Float32Array): Float32Array => {
  const [kept, taken] = cleanFactors(process, t);
  return z.map((value, i) => kept * value + taken * predicted[i]!);
};

/** How much of the noisy rows and of what was predicted of them the estimate of the clean rows is made of. */
export type Factors = readonly [z: number, predicted: number];

const cleanFactors = (process: Process, t: number): Factors => {
  if (process.is === "flow") return flowFactors(process, t);
  const kept = keptAfter(process);
  // Before the first step nothing was taken yet.
  return ddpmFactors(process, kept[Math.min(Math.round(t), kept.length - 1)] ?? 1);
};

/** In f64. @throws Failure "call" where the noise is predicted and t is the noisiest time */
export const flowFactors = ({ clean, noise, predicts }: Flow, t: number): Factors => {
  const s = (t - clean) / (noise - clean);
  switch (predicts) {
    case "velocity":
      return [1, -(t - clean)];
    case "x":
      return [0, 1];
    case "noise":
      if (s === 1) throw new Failure("call", "a prediction of the noise says nothing of the image where all is noise");
      return [1 / (1 - s), -s / (1 - s)];
    default:
      return predicts satisfies never;
  }
};

/** In f64, by what is kept of the image's variance. */
export const ddpmFactors = ({ predicts }: Ddpm, kept: number): Factors => {
  const [image, noise] = [Math.sqrt(kept), Math.sqrt(1 - kept)];
  switch (predicts) {
    case "noise":
      return [1 / image, -noise / image];
    case "v":
      return [image, -noise];
    case "x":
      return [0, 1];
    default:
      return predicts satisfies never;
  }
};

/** Thousands are usual; a table of what a broken manifest may say would fill memory. */
const MOST_STEPS = 1_000_000;

/**
 * What is kept of the image's variance after each step. Linear: betas from 1e-4 to 0.02 over 1,000 steps, scaled by
 * 1000 / steps. Cosine: Nichol and Dhariwal's, cos^2((t / steps + 0.008) / 1.008 * pi / 2), betas at most 0.999.
 * @throws Failure "call" beyond a million steps
 */
export const keptAfter = ({ steps, schedule }: Ddpm): Float64Array => {
  const cosine = (step: number): number => Math.cos(((step / steps + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
  const scale = 1000 / steps;
  const beta = (step: number): number =>
    schedule === "cosine"
      ? Math.min(0.999, 1 - cosine(step + 1) / cosine(step))
      : Math.min(0.999, scale * (1e-4 + (0.02 - 1e-4) * (steps === 1 ? 0 : step / (steps - 1))));
  if (steps > MOST_STEPS) throw new Failure("call", `a DDPM of ${steps} steps`, `at most ${MOST_STEPS} can be run`);
  let kept = 1;
  return Float64Array.from({ length: steps }, (_, step) => (kept *= 1 - beta(step)));
};
