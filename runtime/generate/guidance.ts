// Guidance without a classifier: what a model predicts under a condition, pushed away from what it predicts without.
import { Failure } from "../failure.ts";
import { checkLengths } from "./move.ts";

/**
 * unconditional + scale (conditional - unconditional), number by number, in f64 and rounded once to f32 (Ho and Salimans,
 * "Classifier-Free Diffusion Guidance", 2022, whose w is scale - 1). 0 is the unconditional, 1 the conditional prediction.
 * It may be taken of velocities, noises or images, since all are linear in each other at one time, and of logits.
 * @throws Failure "call" where the lengths differ or the scale is no finite number
 */
export const guided = (unconditional: Float32Array, conditional: Float32Array, scale: number): Float32Array => {
  if (!Number.isFinite(scale))
    throw new Failure("call", `the scale of guidance is ${String(scale)}, not a finite number`);
  checkLengths("the unconditional prediction", unconditional, conditional.length);
  return unconditional.map((u, i) => u + scale * (conditional[i]! - u));
};
