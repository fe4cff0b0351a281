// Lively weights: attention is neither flat nor saturated, and no branch drowns or is drowned. A verification on weights
// that are not shows nothing; those drawn are nudged, from what the oracle shows of them, until they are.
import type { Weight } from "../../compiler/analyze/model.ts";
import { limits } from "./figures.ts";
import type { Reference } from "./reference.ts";
import { makersOf, type SizeEvent } from "./roles.ts";
import { drawWeights } from "./weights.ts";

/** One attention or one residual add in an ordinary document. */
export interface Liveliness {
  /** `language.layers[2]` */
  readonly path: string;
  readonly what: "logits" | "branch";
  /** standard deviation of the logits, or the size of a branch over that of its stream */
  readonly value: number;
  readonly lively: boolean;
}

export const livelinessOf = (events: readonly SizeEvent[]): readonly Liveliness[] =>
  events.flatMap((event) => {
    const value = valueOf(event);
    if (value === undefined) return [];
    const what = event.kind === "attend" ? "logits" : "branch";
    const [least, most] = limits[what];
    return [{ path: event.path, what, value, lively: value >= least && value <= most }];
  });

/** Undefined where the document has no rows for it. */
const valueOf = (event: SizeEvent): number | undefined => {
  if (event.kind === "residual")
    return event.stream === 0 && event.branch === 0 ? undefined : event.branch / event.stream;
  const mean = event.sum / event.count;
  return event.count === 0 ? undefined : Math.sqrt(Math.max(0, event.squares / event.count - mean * mean));
};

/** For people: what is wrong and what to do. */
export const livelinessText = ({ path, what, value }: Liveliness): string => {
  const [least, most] = limits[what];
  const said =
    what === "logits" ? "the attention logits' standard deviation" : "a branch over the stream it is added to";
  return `${path}: ${said} is ${value.toPrecision(3)}, and only from ${least} to ${most} would errors show; try another seed, or give weights`;
};

const ROUNDS = 6;

/** `first` with weights drawn from `seed`, made larger or smaller where a round shows them to be dull. */
export const enliven = (first: Reference, seed: number): Reference => {
  const makers = makersOf(first.model);
  const gains = new Map<string, number>();
  let reference = first;
  for (let round = 0; round < ROUNDS; round++) {
    const groups = new Map<readonly Weight[], SizeEvent[]>();
    for (const event of reference.events()) groups.set(makers(event), [...(groups.get(makers(event)) ?? []), event]);
    const nudged = [...groups]
      .map(([weights, events]) => ({ weights, factor: nudge(events) }))
      .filter(({ weights, factor }) => weights.length > 0 && factor !== 1);
    if (nudged.length === 0) return reference;
    for (const { weights, factor } of nudged)
      for (const path of new Set(weights.map((weight) => weight.path)))
        gains.set(path, (gains.get(path) ?? 1) * factor);
    reference = reference.with(drawWeights(first.model, seed, gains));
  }
  return reference;
};

/** What the weights behind these events are to be multiplied with, so that all lie about the middle of the limits. */
const nudge = (events: readonly SizeEvent[]): number => {
  const found = livelinessOf(events);
  if (found.every(({ lively }) => lively)) return 1;
  const values = found.map(({ value }) => value);
  const [least, most] = limits[found[0]!.what];
  const factor = Math.sqrt((least * most) / (Math.min(...values) * Math.max(...values)));
  // Logits are the product of two matrices.
  return found[0]!.what === "logits" ? Math.sqrt(factor) : factor;
};
