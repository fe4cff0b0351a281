// How an id is drawn from logits: by settings, a seed and a counter. The definition is in docs/generation.md ("Sampling
// tokens") and in whole numbers, so that runtime/webgpu/sampler.ts draws the same ids on a device.
import { Failure } from "../failure.ts";
import { halves, philox, PURPOSE, type Words2 } from "./random.ts";
import { keysOf, LARGEST_WEIGHT, penalized, type Slope, slopeOf, weightsOf } from "./scores.ts";

export interface Sampling {
  /** what scores are divided by, from 2^-20 to 2^20, or 0: the largest score alone, the lowest id of several; 1 by default */
  readonly temperature?: number | undefined;
  /** how many ids may be drawn: those of the largest scores, of equal ones the lower ids; all by default */
  readonly topK?: number | undefined;
  /** from the largest scores down, ids until their share of all weights (of those that top-k leaves) is this; all by default */
  readonly topP?: number | undefined;
  /**
   * Scores of recent ids are divided by it where positive, else multiplied, however often an id is among them; from 2^-16
   * to 2^16, 1 by default (Keskar et al., "CTRL", 2019)
   */
  readonly penalty?: number | undefined;
  /** a whole number from 0 to 2^64 - 1; as a number, up to 2^53 - 1 */
  readonly seed: number | bigint;
}

/** From one id up to, and without, another. */
export type Span = readonly [from: number, to: number];

/** Whose numbers a draw takes: each pair of the two once under a seed. */
export interface Place {
  /** which draw it is, from 0 to 2^53 - 1 */
  readonly counter: number;
  /** which sequence of draws, such as a document of a batch, from 0 to 2^32 - 1; 0 by default */
  readonly stream?: number;
}
/** What may be drawn. */
export interface Among {
  /** ids that the penalty is for; what is no id of the vocabulary is passed over */
  readonly recent?: readonly number[];
  /** the ids that may be drawn; no others are looked at; all by default */
  readonly allowed?: readonly Span[];
}
/** Whole numbers in proportion to how likely each id is. */
export interface Weights {
  /** by id, at most 2^30; 0 of what is not drawn */
  readonly of: Uint32Array;
  readonly total: number;
}

export interface Sampler {
  /** An id by logits, `[vocabulary]`. @throws Failure "call" where one that is looked at is NaN or +Infinity, or all are -Infinity */
  draw(logits: Float32Array, options: Place & Among): number;
  /** The first part of a draw, without chance: for several of the same logits. @throws Failure "call" as `draw` */
  weigh(logits: Float32Array, among?: Among): Weights;
  /** The second part: one id by its weight. @throws Failure "call" */
  pick(weights: Weights, place: Place): number;
}

/** So that sums of weights stay below 2^52. */
export const LARGEST_VOCABULARY = 2 ** 22;

/** @throws Failure "call" for a setting that is none */
export const sampler = (sampling: Sampling): Sampler => {
  const rule = ruleOf(sampling);
  const weigh = (logits: Float32Array, among: Among = {}): Weights => weighed(rule, logits, among);
  const pick = (weights: Weights, place: Place): number => picked(rule, weights, place);
  return { weigh, pick, draw: (logits, options) => pick(weigh(logits, options), options) };
};

/** A setting as the whole numbers and f32 that a draw depends on, on the host and on a device. */
export interface Rule {
  /** nothing is left to chance where there is none */
  readonly slope: Slope | undefined;
  /** how many ids; 0 for all */
  readonly topK: number;
  /** the share in 2^-32; 0 for all */
  readonly topP: number;
  /** the factors of recent scores, f32: of those above 0, and of others */
  readonly factors: readonly [above: number, other: number];
  readonly penalizes: boolean;
  readonly seed: Words2;
}

const refuse = (what: string, value: unknown, must: string, help?: string): never => {
  throw new Failure("call", `${what} is ${String(value)}, and must be ${must}`, help);
};
/** @throws Failure "call" for a setting that is none */
export const ruleOf = ({ temperature = 1, topK, topP = 1, penalty = 1, seed }: Sampling): Rule => {
  if (temperature !== 0 && !(temperature >= 2 ** -20 && temperature <= 2 ** 20))
    refuse("temperature", temperature, "0 or from 2^-20 to 2^20", "0 takes the largest score");
  if (topK !== undefined && !(Number.isSafeInteger(topK) && topK >= 1))
    refuse("topK", topK, "a whole number above 0", "leave it out to draw among all ids");
  if (!(topP > 0 && topP <= 1)) refuse("topP", topP, "above 0 and at most 1", "leave it out to draw among all ids");
  if (!(penalty >= 2 ** -16 && penalty <= 2 ** 16))
    refuse("penalty", penalty, "from 2^-16 to 2^16", "1 changes nothing");
  return {
    slope: temperature === 0 ? undefined : slopeOf(temperature),
    topK: topK === undefined || topK >= LARGEST_VOCABULARY ? 0 : topK,
    topP: topP === 1 ? 0 : Math.max(1, Math.floor(topP * 2 ** 32)),
    factors: [Math.fround(1 / penalty), Math.fround(penalty)],
    penalizes: penalty !== 1,
    seed: seedOf(seed),
  };
};
const seedOf = (seed: number | bigint): Words2 => {
  const whole = typeof seed === "bigint" ? seed >= 0n && seed < 1n << 64n : Number.isSafeInteger(seed) && seed >= 0;
  if (!whole)
    refuse("seed", seed, "a whole number from 0 to 2^64 - 1", "one above 2^53 - 1 is written as a bigint, 1n << 60n");
  return [Number(BigInt(seed) & 0xffff_ffffn), Number(BigInt(seed) >> 32n)];
};

/** @throws Failure "call" */
export const checkVocabulary = (count: number): void => {
  if (!(Number.isSafeInteger(count) && count >= 1 && count <= LARGEST_VOCABULARY))
    refuse("the number of logits", count, `from 1 to ${LARGEST_VOCABULARY}`);
};
/** Whether each id may be drawn; undefined where all may. @throws Failure "call" for spans that are none of `count` ids */
export const allowedOf = (allowed: readonly Span[] | undefined, count: number): Uint8Array | undefined => {
  if (allowed === undefined) return undefined;
  const is = new Uint8Array(count);
  for (const [from, to] of allowed) {
    const right = Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from <= to && to <= count;
    if (!right) refuse("a span of allowed ids", `[${from}, ${to})`, `within [0, ${count})`);
    is.fill(1, from, to);
  }
  return is;
};
/** The counter of a draw, and its stream. @throws Failure "call" */
export const placeOf = ({ counter, stream = 0 }: Place): readonly [low: number, high: number, stream: number] => {
  if (!(Number.isSafeInteger(counter) && counter >= 0))
    refuse("the counter of a draw", counter, "a whole number from 0 to 2^53 - 1");
  if (!(Number.isSafeInteger(stream) && stream >= 0 && stream < 2 ** 32))
    refuse("the stream of a draw", stream, "a whole number from 0 to 2^32 - 1");
  return [...halves(counter), stream];
};
export const undefinedLogits = (): Failure =>
  new Failure("call", "no id can be drawn: a logit is NaN or +Infinity", "look for what overflows in the model");
export const noLogits = (): Failure =>
  new Failure("call", "no id can be drawn: all logits of ids that may be drawn are -Infinity, or none may be");

const weighed = (rule: Rule, logits: Float32Array, { recent, allowed }: Among): Weights => {
  checkVocabulary(logits.length);
  const scores = scoresOf(rule, logits, recent, allowedOf(allowed, logits.length));
  let best = 0;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id]!;
    if (!(score < Infinity)) throw undefinedLogits();
    if (score > scores[best]!) best = id;
  }
  if (scores[best] === -Infinity) throw noLogits();
  if (rule.slope === undefined) {
    const of = new Uint32Array(scores.length);
    of[best] = LARGEST_WEIGHT;
    return { of, total: LARGEST_WEIGHT };
  }
  const of = weightsOf(scores, scores[best]!, rule.slope);
  if (rule.topK !== 0 || rule.topP !== 0) cut(rule, keysOf(scores), of);
  return { of, total: of.reduce((sum, weight) => sum + weight, 0) };
};

/** Scores: -Infinity for ids that may not be drawn. */
const scoresOf = (
  { penalizes, factors }: Rule,
  logits: Float32Array,
  recent: readonly number[] | undefined,
  allowed: Uint8Array | undefined,
): Float32Array => {
  const scores = allowed === undefined ? logits.slice() : logits.map((logit, id) => (allowed[id] ? logit : -Infinity));
  if (!penalizes || recent === undefined) return scores;
  for (const id of recent) {
    const logit = logits[id];
    // Others are judged as they are: a NaN stays one.
    if (logit === undefined || !Number.isFinite(logit) || allowed?.[id] === 0) continue;
    scores[id] = penalized(logit, factors[logit > 0 ? 0 : 1]);
  }
  return scores;
};

/** Of the ids that stay, the lowest key, and how many that have it: those with the lowest ids. */
interface Edge {
  readonly key: number;
  readonly ties: number;
}

/** Sets the weights to 0 of what top-k and top-p leave out. */
const cut = ({ topK, topP }: Rule, keys: Uint32Array, weights: Uint32Array): void => {
  let edge: Edge = { key: 0, ties: 0 };
  if (topK !== 0) {
    const { key, above } = descend(keys, undefined, edge, () => topK);
    edge = key === 0 ? edge : { key, ties: topK - above };
  }
  if (topP !== 0) {
    const share = (total: number): number => Number((BigInt(total) * BigInt(topP) + 0xffff_ffffn) >> 32n);
    const { key, above, need } = descend(keys, weights, edge, share);
    edge = { key, ties: Math.ceil((need - above) / weights[keys.indexOf(key)]!) };
  }
  let { ties } = edge;
  for (const [id, key] of keys.entries()) if (key < edge.key || (key === edge.key && ties-- <= 0)) weights[id] = 0;
};

/**
 * The largest key such that all of at least it, of what an edge leaves, amount to what is needed, which may depend on the
 * amount of all; and the amount of those above it. 0 where all are too few. Digit by digit, from the highest.
 *
 * @param weights what each amounts to; 1 where there are none
 */
const descend = (
  keys: Uint32Array,
  weights: Uint32Array | undefined,
  edge: Edge,
  needOf: (total: number) => number,
): { readonly key: number; readonly above: number; readonly need: number } => {
  let [prefix, above, need] = [0, 0, 0];
  const sums = new Float64Array(256);
  for (const shift of [24, 16, 8, 0]) {
    sums.fill(0);
    let ties = edge.ties;
    for (let id = 0; id < keys.length; id++) {
      const key = keys[id]!;
      if (key < edge.key || key === 0 || (key === edge.key && ties-- <= 0)) continue;
      if (shift < 24 && (key ^ prefix) >>> (shift + 8) !== 0) continue;
      sums[(key >>> shift) & 255]! += weights === undefined ? 1 : weights[id]!;
    }
    if (shift === 24) need = needOf(sums.reduce((sum, each) => sum + each, 0));
    let digit = 255;
    for (; digit > 0 && above + sums[digit]! < need; digit--) above += sums[digit]!;
    prefix = (prefix | (digit << shift)) >>> 0;
  }
  return { key: prefix, above, need };
};

const picked = ({ seed }: Rule, { of, total }: Weights, place: Place): number => {
  const [low, high, stream] = placeOf(place);
  const [first, second] = philox([low, high, stream, PURPOSE.tokens], seed);
  const number = (BigInt(second) << 32n) | BigInt(first);
  let left = Number((number * BigInt(total)) >> 64n);
  for (let id = 0; id < of.length; id++) {
    const weight = of[id]!;
    if (left < weight) return id;
    left -= weight;
  }
  throw new Failure("call", "these weights have another total than they say");
};
