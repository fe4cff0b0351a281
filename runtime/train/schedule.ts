// How fast weights learn at each step, and the numbers that the program `update` is given with it. Steps count from 1.
//
// The rate rises in equal steps to its peak and falls along half a cosine to a floor: Goyal et al., "Accurate, Large
// Minibatch SGD", 2017, section 2.2 (the warm-up); Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm
// Restarts", 2017, equation 5 (the cosine, without restarts).
// The corrections are those of Kingma and Ba, "Adam", 2015, section 3: moments start at 0, and so are too small at first.

export interface Schedule {
  /** the peak */
  readonly rate: number;
  /** the step at which the peak is reached; 0 for none */
  readonly warmup: number;
  /** the step at which the floor is reached; not below `warmup` */
  readonly steps: number;
  /** the rate then and after, not above the peak */
  readonly floor: number;
}

/** The rate of a step, from 1 on. */
export const rateAt = (step: number, { rate, warmup, steps, floor }: Schedule): number => {
  if (step <= warmup) return (rate * step) / warmup;
  if (step >= steps) return floor;
  const done = (step - warmup) / (steps - warmup);
  return floor + ((rate - floor) * (1 + Math.cos(Math.PI * done))) / 2;
};

/** What a step of AdamW and of the moving average goes by, apart from the rate and the decay of each weight. */
export interface StepSettings {
  /** how much of the first moment stays in a step */
  readonly beta1: number;
  /** how much of the second moment stays */
  readonly beta2: number;
  readonly epsilon: number;
  /** the norm that all gradients together may have; absent for none */
  readonly limit?: number | undefined;
  /** how much of the moving average of the weights stays */
  readonly average: number;
}

type Scalar =
  | "limit"
  | ("beta1" | "rest1" | "correction1")
  | ("beta2" | "rest2" | "correction2")
  | "epsilon"
  | ("keep" | "take");

/** What stands for no limit: in f32 the squares of such gradients are infinite long before. */
const UNLIMITED = 3e38;

/**
 * The scalars that `update` takes at a step, by the names of its inputs. They are computed here in f64, since f32 keeps
 * three digits of 1 - beta where beta is 0.9999.
 */
export const scalarsAt = (
  step: number,
  { beta1, beta2, epsilon, limit, average }: StepSettings,
): Readonly<Record<Scalar, number>> => ({
  limit: limit ?? UNLIMITED,
  beta1,
  rest1: 1 - beta1,
  beta2,
  rest2: 1 - beta2,
  correction1: 1 - beta1 ** step,
  correction2: Math.sqrt(1 - beta2 ** step),
  epsilon,
  keep: average,
  take: 1 - average,
});

/** What the moving average keeps. At first it follows the weights closely, so that it forgets where they began. */
export const keepAt = (step: number, average: number): number => Math.min(average, (1 + step) / (10 + step));
