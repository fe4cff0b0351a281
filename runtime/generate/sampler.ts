// From noise to an image in steps: which values the noise input takes, and the next rows from a model's prediction. The
// caller runs the model and draws the noise, so that everything here is a function of its arguments.
//
//   const sampler = samplerOf(process, { steps: 20 });
//   for (const [i, t] of sampler.times.entries()) {
//     const noise = sampler.needsNoise(i) ? normal(z.length) : undefined;
//     z = sampler.step(i, z, predict(z, t), noise);
//   }
import { Failure } from "../failure.ts";
import type { Process } from "../manifest.ts";
import { ddimMoves, type Spacing, SPACINGS } from "./ddim.ts";
import { eulerMoves } from "./euler.ts";
import { checkLengths, type Move, moved } from "./move.ts";
import type { Ddpm, Flow } from "./process.ts";

export const SAMPLERS = ["euler", "ddim", "ddpm"] as const;
export type SamplerName = (typeof SAMPLERS)[number];

export interface SamplerOptions {
  /** How often the model runs: a whole number from 1; of a DDPM at most the steps it was trained on, of a flow 10,000. */
  readonly steps: number;
  /** Left out: "euler" for a flow, "ddim" for a DDPM, neither of which draws noise. */
  readonly sampler?: SamplerName | undefined;
  /** Of "euler", 0.001 to 1000: how much more of the steps are spent where there is much noise. Left out: 1, equal steps. */
  readonly shift?: number | undefined;
  /** Of "ddim", 0 to 1: how much of a step's noise is drawn anew. Left out: 0, none. */
  readonly eta?: number | undefined;
  /** Of "ddim" and "ddpm": which of the trained steps are taken. Left out: "trailing", which begins at the noisiest. */
  readonly spacing?: Spacing | undefined;
  /** The largest absolute value of an estimate of the clean rows, in the model's own units. Left out: no limit. */
  readonly clip?: number | undefined;
}

export interface Sampler {
  readonly name: SamplerName;
  /** The values of the model's noise input, one a step, from the noisiest on. The clean end is not among them. */
  readonly times: readonly number[];
  /** Whether `step(i, ...)` is to be given noise. @throws Failure "call" where there is no step i */
  readonly needsNoise: (i: number) => boolean;
  /**
   * The rows after step i; after the last one, the estimate of the clean rows. Changes nothing that it is given.
   * @param z the rows before it; at step 0 independent normal numbers of variance 1
   * @param predicted what the model predicts of z at `times[i]`; as long as z
   * @param noise fresh normal numbers of variance 1, as long as z; only where the step needs it
   * @throws Failure "call" where there is no step i, lengths differ, or noise is missing or not needed
   */
  readonly step: (i: number, z: Float32Array, predicted: Float32Array, noise?: Float32Array) => Float32Array;
}

/** @throws Failure "call" where an option is out of its bounds or does not belong to the process or the sampler */
export const samplerOf = (process: Process, options: SamplerOptions): Sampler => {
  const { clip = Infinity } = options;
  if (!(clip > 0)) throw new Failure("call", `clip is ${String(clip)}`, "it is a number above 0");
  const { name, moves } = process.is === "flow" ? ofFlow(process, options) : ofDdpm(process, options);
  const moveAt = (i: number): Move => {
    const move = moves[i];
    if (move === undefined)
      throw new Failure("call", `there is no step ${String(i)}`, `steps are 0 to ${moves.length - 1}`);
    return move;
  };
  return {
    name,
    times: moves.map(({ t }) => t),
    needsNoise: (i) => moveAt(i).fresh > 0,
    step: (i, z, predicted, noise) => {
      const move = moveAt(i);
      checkLengths("the prediction", predicted, z.length);
      if (noise !== undefined) checkLengths("the noise", noise, z.length);
      if (move.fresh > 0 && noise === undefined) throw new Failure("call", `step ${i} of ${name} needs noise`);
      if (move.fresh === 0 && noise !== undefined)
        throw new Failure("call", `step ${i} of ${name} takes no noise`, "ask needsNoise before drawing it");
      return moved(move, clip, z, predicted, noise);
    },
  };
};

interface Chosen {
  readonly name: SamplerName;
  readonly moves: readonly Move[];
}

/** So that a slip of the keyboard does not fill memory. */
const MOST_STEPS = 10_000;

const ofFlow = (flow: Flow, options: SamplerOptions): Chosen => {
  const name = named(options, "euler");
  if (name !== "euler") throw new Failure("call", `${name} is for a DDPM, and this process is a flow`, "take euler");
  refuse(options, ["eta", "spacing"], name);
  const { shift = 1 } = options;
  checkSteps(options.steps, MOST_STEPS, "");
  checkBetween("shift", shift, 0.001, 1000);
  return { name, moves: eulerMoves(flow, options.steps, shift) };
};

const ofDdpm = (ddpm: Ddpm, options: SamplerOptions): Chosen => {
  const name = named(options, "ddim");
  if (name === "euler")
    throw new Failure("call", "euler is for a flow, and this process is a DDPM", "take ddim or ddpm");
  refuse(options, name === "ddim" ? ["shift"] : ["shift", "eta"], name);
  const { eta = name === "ddim" ? 0 : 1, spacing = "trailing" } = options;
  checkSteps(options.steps, ddpm.steps, ", the steps that the model was trained on");
  checkBetween("eta", eta, 0, 1);
  if (!SPACINGS.includes(spacing))
    throw new Failure("call", `spacing is ${String(spacing)}`, `it is one of ${SPACINGS.join(", ")}`);
  return { name, moves: ddimMoves(ddpm, options.steps, eta, spacing) };
};

/** Options come from command lines too, where no type holds them. */
const named = ({ sampler }: SamplerOptions, otherwise: SamplerName): SamplerName => {
  if (sampler === undefined) return otherwise;
  if (SAMPLERS.includes(sampler)) return sampler;
  throw new Failure("call", `there is no sampler ${String(sampler)}`, `there are ${SAMPLERS.join(", ")}`);
};

const refuse = (options: SamplerOptions, keys: readonly (keyof SamplerOptions)[], name: SamplerName): void => {
  const given = keys.find((key) => options[key] !== undefined);
  if (given !== undefined) throw new Failure("call", `${name} has no ${given}`, `leave out ${given}`);
};

const checkSteps = (steps: number, most: number, because: string): void => {
  if (Number.isSafeInteger(steps) && steps >= 1 && steps <= most) return;
  throw new Failure("call", `steps is ${String(steps)}`, `it is a whole number from 1 to ${most}${because}`);
};

const checkBetween = (what: string, value: number, least: number, most: number): void => {
  if (value >= least && value <= most) return;
  throw new Failure("call", `${what} is ${String(value)}`, `it is a number from ${least} to ${most}`);
};
