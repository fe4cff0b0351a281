// Noise for drawn spans: how noisy each is, from the distribution that the model declares, and from that, clean rows and
// normal numbers, the noisy rows and what should be predicted of them. The conventions are those of generate/process.ts.
import { Failure } from "../failure.ts";
import { keptAfter } from "../generate/process.ts";
import type { Drawn, Process } from "../manifest.ts";
import { type Stream, normals } from "../random.ts";

/** Factors of the clean rows and of the noise. */
export type Mix = readonly [clean: number, noise: number];
export interface Mixed {
  /** what the noisy rows are made of */
  readonly z: Mix;
  /** what should be predicted is made of */
  readonly target: Mix;
}

/** Of a process, by the value of its noise input. A DDPM's table is made once. */
export const mixer = (process: Process): ((t: number) => Mixed) => {
  if (process.is === "flow") return (t) => ofFlow(process, t);
  const kept = keptAfter(process);
  return (t) => ofDdpm(process, kept[Math.max(0, Math.min(Math.round(t), kept.length - 1))] ?? 1);
};

const ofFlow = ({ clean, noise, predicts }: Extract<Process, { is: "flow" }>, t: number): Mixed => {
  const s = (t - clean) / (noise - clean);
  const z: Mix = [1 - s, s];
  switch (predicts) {
    case "velocity":
      return { z, target: [-1 / (noise - clean), 1 / (noise - clean)] };
    case "x":
      return { z, target: [1, 0] };
    case "noise":
      return { z, target: [0, 1] };
    default:
      return predicts satisfies never;
  }
};

const ofDdpm = ({ predicts }: Extract<Process, { is: "ddpm" }>, kept: number): Mixed => {
  const z: Mix = [Math.sqrt(kept), Math.sqrt(1 - kept)];
  switch (predicts) {
    case "noise":
      return { z, target: [0, 1] };
    case "v":
      return { z, target: [-z[1], z[0]] };
    case "x":
      return { z, target: [1, 0] };
    default:
      return predicts satisfies never;
  }
};

/** In f64, rounded once. */
export const mixed = ([clean, noise]: Mix, x: Float32Array, n: Float32Array): Float32Array =>
  x.map((value, i) => clean * value + noise * n[i]!);

/** A number of the noise input as f32; of a DDPM a step that it has. */
export const timeOf = (
  { distribution, arguments: [first, second] }: Drawn,
  process: Process,
  random: Stream,
): number => {
  const t =
    distribution === "uniform" ? first! + (second! - first!) * random.unit(0) : logistic(first!, second!, random);
  return process.is === "flow" ? Math.fround(t) : Math.max(0, Math.min(process.steps - 1, Math.floor(t)));
};
const logistic = (mean: number, deviation: number, { unit }: Stream): number => {
  const normal = Math.sqrt(-2 * Math.log(unit(0))) * Math.cos(2 * Math.PI * unit(1));
  return 1 / (1 + Math.exp(-(mean + deviation * normal)));
};

export const noiseOf = (seed: number, name: string, size: number): Float32Array => normals(seed, name, size, 1);

/** @throws Failure "file" where the model says nothing of it */
export const drawnOf = (all: readonly Drawn[], modality: string): Drawn => {
  const found = all.find((drawn) => drawn.modality === modality);
  if (found !== undefined) return found;
  throw new Failure("file", `the manifest does not say how noisy a drawn ${modality} is`, "compile the model again");
};
