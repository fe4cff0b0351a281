// DDIM and ancestral sampling for a DDPM, over some of the steps it was trained on.
//
// With a what is kept of the image's variance at a step, a' at the next one (1 after the last), x the estimate of the image
// and e = (z - sqrt(a) x) / sqrt(1 - a) the noise that goes with it (Song et al., "Denoising Diffusion Implicit Models",
// 2021, equations 12 and 16):
//   sigma^2 = eta^2 (1 - a') / (1 - a) (1 - a / a'),   z' = sqrt(a') x + sqrt(1 - a' - sigma^2) e + sigma noise.
// eta = 0 draws no noise. eta = 1 is the posterior of Ho et al., "Denoising Diffusion Probabilistic Models", 2020,
// equation 7, with the smaller variance: ancestral sampling, which therefore needs no formula of its own.
import type { Move } from "./move.ts";
import { type Ddpm, ddpmFactors, keptAfter } from "./process.ts";

/** Which of the steps that the model was trained on are taken. */
export const SPACINGS = ["trailing", "leading"] as const;
export type Spacing = (typeof SPACINGS)[number];

/** `steps` is whole, from 1 to the process's own; `eta` from 0 to 1. */
export const ddimMoves = (ddpm: Ddpm, steps: number, eta: number, spacing: Spacing): Move[] => {
  const times = spaced(ddpm.steps, steps, spacing);
  const all = keptAfter(ddpm);
  const kept = [...times.map((t) => all[t]!), 1];
  return times.map((t, i) => {
    const [now, next] = [kept[i]!, kept[i + 1]!];
    // The share of the next rows' noise that is drawn anew. At most eta^2, in floating point too, since now <= now / next.
    const anew = eta ** 2 * ((1 - now / next) / (1 - now));
    const keep = Math.sqrt(((1 - next) * (1 - anew)) / (1 - now));
    return {
      t,
      estimate: ddpmFactors(ddpm, now),
      keep,
      clean: Math.sqrt(next) - keep * Math.sqrt(now),
      fresh: Math.sqrt((1 - next) * anew),
    };
  });
};

/**
 * From the noisiest on, as in table 2 of Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed", 2024,
 * counted from 0. Trailing: T - 1 is the first, where the rows are noise as they are when sampling begins. Leading: 0 is
 * the last.
 */
const spaced = (trained: number, steps: number, spacing: Spacing): number[] => {
  switch (spacing) {
    case "trailing":
      return Array.from({ length: steps }, (_, i) => halfToEven(trained * (steps - i), steps) - 1);
    case "leading":
      return Array.from({ length: steps }, (_, i) => (steps - 1 - i) * Math.floor(trained / steps));
    default:
      return spacing satisfies never;
  }
};

/** a / b rounded, halves to the even neighbour as NumPy does it, so that steps are those of libraries that use it. */
const halfToEven = (a: number, b: number): number => {
  const down = Math.floor(a / b);
  const twice = 2 * (a - down * b);
  return twice > b || (twice === b && down % 2 === 1) ? down + 1 : down;
};
