// What training may be told, what it is where nothing is said, and what of it has no meaning.
import { keepAt, type Schedule, type StepSettings } from "./schedule.ts";
import { Failure } from "../failure.ts";
import type { SampleSource } from "./sample.ts";

/** What decides every number of training, beside the model and the samples. */
export interface Settings {
  /** of the order of samples and of noise; 0 if left out */
  readonly seed: number;
  /** 1000 if left out */
  readonly steps: number;
  /** documents of a step; 8 if left out */
  readonly batch: number;
  /** documents of a call at most, so that a step needs less memory; all if left out */
  readonly micro: number;
  /** how fast weights learn at most; 1e-4 if left out */
  readonly rate: number;
  /** steps in which the rate rises; a tenth of all, at most 1000, if left out */
  readonly warmup: number;
  /** the share of the rate that the last step has; 0.1 if left out */
  readonly floor: number;
  /** what matrices lose by themselves, in rates; 0.01 if left out */
  readonly decay: number;
  /** what the moments keep; 0.9 and 0.95 if left out */
  readonly betas: readonly [number, number];
  /** 1e-8 if left out */
  readonly epsilon: number;
  /** the norm that all gradients together may have; 1 if left out, Infinity for any */
  readonly limit: number;
  /** what the moving average of the weights keeps; 0.999 if left out */
  readonly average: number;
  /** steps between two checkpoints, and two validations; 100 if left out */
  readonly every: number;
}

export interface TrainOptions extends Partial<Settings> {
  readonly samples: SampleSource;
  /** samples that are not learnt from; what they cost is told every so many steps */
  readonly validation?: SampleSource | undefined;
  /** the folder of checkpoints and of the log; nothing is written if left out */
  readonly out?: string | undefined;
  /** goes on from the last checkpoint in `out`, with the settings that it has */
  readonly resume?: boolean | undefined;
  /** what says that two runs learn from the same samples, such as a hash; a checkpoint keeps it */
  readonly samplesId?: string | undefined;
  readonly tokenizer?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Rule {
  readonly holds: (value: number) => boolean;
  readonly is: string;
}
const whole = (least: number): Rule => ({
  holds: (value) => Number.isSafeInteger(value) && value >= least && value < 2 ** 32,
  is: `a whole number from ${least}`,
});
const share: Rule = { holds: (value) => value >= 0 && value <= 1, is: "a number from 0 to 1" };
const below1: Rule = { holds: (value) => value >= 0 && value < 1, is: "a number from 0, below 1" };
const above0: Rule = { holds: (value) => value > 0 && value < Infinity, is: "a number above 0" };
const from0: Rule = { holds: (value) => value >= 0 && value < Infinity, is: "a number from 0" };

const rules: { readonly [K in Exclude<keyof Settings, "betas">]: Rule } = {
  seed: whole(0),
  steps: whole(1),
  batch: whole(1),
  micro: whole(1),
  rate: from0,
  warmup: whole(0),
  floor: share,
  decay: from0,
  epsilon: above0,
  limit: { holds: (value) => value > 0, is: "a number above 0, or Infinity" },
  average: below1,
  every: whole(1),
};
export const SETTINGS = [...(Object.keys(rules) as (keyof typeof rules)[]), "betas"] as const;

/** @throws Failure "call" where a value has no meaning */
export const settingsOf = (given: Partial<Settings>): Settings => {
  const { steps = 1000, batch = 8 } = given;
  const settings: Settings = {
    seed: given.seed ?? 0,
    steps,
    batch,
    micro: given.micro ?? batch,
    rate: given.rate ?? 1e-4,
    warmup: given.warmup ?? Math.min(1000, Math.floor(steps / 10)),
    floor: given.floor ?? 0.1,
    decay: given.decay ?? 0.01,
    betas: given.betas ?? [0.9, 0.95],
    epsilon: given.epsilon ?? 1e-8,
    limit: given.limit ?? 1,
    average: given.average ?? 0.999,
    every: given.every ?? 100,
  };
  for (const [name, { holds, is }] of Object.entries(rules)) {
    const value = settings[name as keyof typeof rules];
    if (typeof value !== "number" || !holds(value))
      throw new Failure("call", `${name} is ${String(value)}`, `it is ${is}`);
  }
  const { betas } = settings;
  if (!Array.isArray(betas) || betas.length !== 2 || !betas.every((beta) => below1.holds(beta)))
    throw new Failure("call", `betas are ${String(betas)}`, "they are two numbers from 0, below 1");
  return settings;
};

/** How the rate goes. */
export const scheduleOf = ({ rate, warmup, steps, floor }: Settings): Schedule => ({
  rate,
  warmup,
  steps: Math.max(steps, warmup),
  floor: rate * floor,
});
/** What a step goes by. */
export const stepSettingsOf = ({ betas, epsilon, limit, average }: Settings, step: number): StepSettings => ({
  beta1: betas[0],
  beta2: betas[1],
  epsilon,
  limit: Number.isFinite(limit) ? limit : undefined,
  average: keepAt(step, average),
});
