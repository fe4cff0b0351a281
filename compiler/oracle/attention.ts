// Attention of one row: scores against the keys it sees, one softmax, a mean of their values.
import type { Place } from "./place.ts";

/** A row as others see it: `k [kv, d]`, `v [kv, e]`. */
export interface Key {
  readonly place: Place;
  readonly k: Float64Array;
  readonly v: Float64Array;
}
/** Sizes and constants of the query's own `attend`. */
export interface Site {
  readonly heads: number;
  readonly kv: number;
  readonly d: number;
  readonly e: number;
  readonly scale: number;
  readonly softcap: number | undefined;
}
/** Count, sum and sum of squares of the visible scores, as they enter the softmax. */
export interface Scores {
  count: number;
  sum: number;
  squares: number;
}

/**
 * `q [heads, d]` over the keys it sees -> [heads, e]; head i reads kv head floor(i / (heads / kv)). No keys: zeros.
 * `scores`, if given, is added to.
 */
export function attention(q: Float64Array, keys: readonly Key[], site: Site, scores?: Scores): Float64Array {
  const { heads, kv, d, e, scale, softcap } = site;
  const result = new Float64Array(heads * e);
  for (let head = 0; head < heads; head++) {
    const group = Math.floor(head / (heads / kv));
    const logits = keys.map(({ k }) => {
      let product = 0;
      for (let i = 0; i < d; i++) product += q[head * d + i]! * k[group * d + i]!;
      return softcap === undefined ? scale * product : softcap * Math.tanh((scale * product) / softcap);
    });
    if (scores !== undefined) tally(scores, logits);
    const share = softmax(logits);
    keys.forEach(({ v }, n) => {
      for (let i = 0; i < e; i++) result[head * e + i]! += share[n]! * v[group * e + i]!;
    });
  }
  return result;
}

/** Shares of 1, in proportion to e^x. Not a number if any is, or if the greatest is infinite. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const result = Float64Array.from(logits);
  const most = result.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = Math.exp(result[i]! - most);
    sum += result[i]!;
  }
  return result.map((x) => x / sum);
}

function tally(scores: Scores, logits: readonly number[]): void {
  for (const logit of logits) {
    scores.count++;
    scores.sum += logit;
    scores.squares += logit * logit;
  }
}
