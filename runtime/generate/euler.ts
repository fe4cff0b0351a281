// Euler's method for a flow, from s = 1, nothing but noise, to s = 0, the image.
//
// With x the estimate of the image at s, dz / ds = (z - x) / s whatever the model predicts, since z = (1 - s) x + s n. So a
// step from s to s' is z' = z + (s' - s) (z - x) / s = (s' / s) z + (1 - s' / s) x, and the last one, to 0, ends in x.
//
// s runs in equal steps that are then shifted, s -> shift s / (1 + (shift - 1) s): a shift above 1 spends more of the steps
// where there is much noise, as large images need (Esser et al., "Scaling Rectified Flow Transformers", 2024, equation 23).
import type { Move } from "./move.ts";
import { type Flow, flowFactors } from "./process.ts";

/**
 * Where sampling begins if the model predicts noise. At s = 1 that says nothing of the image, and close to it the
 * estimate multiplies a mistake of the model by s / (1 - s). At 0.994 this is 166; a DDPM's linear schedule, with which
 * predicting noise is known to work, begins at sqrt((1 - a) / a) = 157.
 */
const NOISE_BEGINS = 0.994;

/** `steps` is whole and above 0, `shift` above 0. */
export const eulerMoves = (flow: Flow, steps: number, shift: number): Move[] => {
  const begin = flow.predicts === "noise" ? NOISE_BEGINS : 1;
  /** Written so that 1 and 0 stay exactly these. */
  const shifted = (s: number): number => (shift * s) / (1 - s + shift * s);
  const at = (i: number): number => begin * shifted((steps - i) / steps);
  return Array.from({ length: steps }, (_, i) => {
    const s = at(i);
    const keep = at(i + 1) / s;
    const t = (1 - s) * flow.clean + s * flow.noise;
    return { t, estimate: flowFactors(flow, t), keep, clean: 1 - keep, fresh: 0 };
  });
};
