// The numbers of a step: how fast weights learn, and how much the moments and the average keep.
import type { Settings } from "./options.ts";

/** Steps count from 1. Up in a line, then down along a cosine to the floor, which the last step has. */
export const rateAt = ({ rate, warmup, steps, floor }: Settings, step: number): number => {
  if (step <= warmup) return (rate * step) / warmup;
  const done = steps <= warmup ? 1 : (step - warmup) / (steps - warmup);
  return rate * (floor + ((1 - floor) * (1 + Math.cos(Math.PI * done))) / 2);
};

/** What the moving average keeps. At first it follows the weights closely, so that it forgets where they began. */
export const keepAt = ({ average }: Settings, step: number): number => Math.min(average, (1 + step) / (10 + step));

/** Every finite norm is below it, and it is one in f32. */
const NO_LIMIT = 3e38;

/** The scalars of the update by name. */
export const scalarsAt = (settings: Settings, step: number): Readonly<Record<string, number>> => {
  const { limit, betas, epsilon } = settings;
  const [beta1, beta2] = betas;
  const keep = keepAt(settings, step);
  return {
    limit: Math.min(limit, NO_LIMIT),
    beta1,
    rest1: 1 - beta1,
    beta2,
    rest2: 1 - beta2,
    correction1: 1 - beta1 ** step,
    correction2: Math.sqrt(1 - beta2 ** step),
    epsilon,
    keep,
    take: 1 - keep,
  };
};
