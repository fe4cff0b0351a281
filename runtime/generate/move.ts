// One step of a sampler as numbers: what the estimate of the clean rows is made of, and how that estimate, the noisy rows
// and fresh noise make the next rows. Every sampler is a list of these, so that all of them run and are checked alike.
import { Failure } from "../failure.ts";
import type { Factors } from "./process.ts";

/** All numbers are f64. */
export interface Move {
  /** The value of the model's noise input. */
  readonly t: number;
  /** The estimate x = estimate[0] z + estimate[1] predicted. */
  readonly estimate: Factors;
  /** The next rows are z * keep + x * clean + noise * fresh. */
  readonly keep: number;
  readonly clean: number;
  /** 0: this step draws no noise. */
  readonly fresh: number;
}

/**
 * The next rows. Each number is computed in f64 and rounded once.
 * @param clip the largest absolute value of the estimate of the clean rows; Infinity leaves it as it is
 */
export const moved = (
  { estimate: [ofZ, ofPredicted], keep, clean, fresh }: Move,
  clip: number,
  z: Float32Array,
  predicted: Float32Array,
  noise: Float32Array | undefined,
): Float32Array => {
  const next = new Float32Array(z.length);
  for (let i = 0; i < next.length; i++) {
    const x = Math.max(-clip, Math.min(clip, ofZ * z[i]! + ofPredicted * predicted[i]!));
    next[i] = keep * z[i]! + clean * x + (noise === undefined ? 0 : fresh * noise[i]!);
  }
  return next;
};

/** @throws Failure "call" where rows that belong together are of unlike lengths */
export const checkLengths = (what: string, rows: Float32Array, length: number): void => {
  if (rows.length === length) return;
  throw new Failure("call", `${what} has ${rows.length} numbers, and the rows that it belongs to have ${length}`);
};
