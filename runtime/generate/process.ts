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

/** The estimate of the clean rows from noisy ones and what was predicted of them. @throws Failure "call" */
export const estimateClean = (process: Process, t: number, z: Float32Array, predicted: Float32Array): Float32Array => {
  const [kept, taken] = process.is === "flow" ? flowFactors(process, t) : ddpmFactors(process, t);
  return z.map((value, i) => kept * value + taken * predicted[i]!);
};

type Factors = readonly [z: number, predicted: number];
const flowFactors = ({ clean, noise, predicts }: Extract<Process, { is: "flow" }>, t: number): Factors => {
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
const ddpmFactors = (process: Extract<Process, { is: "ddpm" }>, t: number): Factors => {
  const kept = keptAt(process, t);
  const [image, noise] = [Math.sqrt(kept), Math.sqrt(1 - kept)];
  const { predicts } = process;
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

/**
 * What is kept of the image's variance after step t. Linear: betas from 1e-4 to 0.02 over 1,000 steps, scaled by
 * 1000 / steps. Cosine: Nichol and Dhariwal's, cos^2((t / steps + 0.008) / 1.008 * pi / 2), betas at most 0.999.
 */
const keptAt = ({ steps, schedule }: Extract<Process, { is: "ddpm" }>, t: number): number => {
  const cosine = (step: number): number => Math.cos(((step / steps + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
  const scale = 1000 / steps;
  const beta = (step: number): number =>
    schedule === "cosine"
      ? Math.min(0.999, 1 - cosine(step + 1) / cosine(step))
      : Math.min(0.999, scale * (1e-4 + (0.02 - 1e-4) * (steps === 1 ? 0 : step / (steps - 1))));
  let kept = 1;
  for (let step = 0; step <= Math.min(Math.round(t), steps - 1); step++) kept *= 1 - beta(step);
  return kept;
};
