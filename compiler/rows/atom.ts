// Atoms: the rows that must be appended together, because one of them sees a later one. A token under a causal mask is an
// atom of its own; the patches of an image that see each other are one; a mask that lets rows see later rows of other
// spans makes one of the whole document.
import type { At, Mask, Model } from "../analyze/model.ts";
import { both, casesOf } from "./mask.ts";
import type { Stream } from "./stream.ts";
import { meetingOf, sorted } from "./walk.ts";

export interface Atom {
  readonly streams: readonly Stream[];
  /** the rows that are together: one row, those of one span, or those of the whole document */
  readonly reach: "row" | "span" | "document";
  /** the term of a mask that joins them; absent for single rows */
  readonly because: { readonly mask: Mask; readonly at: At } | undefined;
}

/** Every stream is in one atom. */
export const atomsOf = (model: Model, streams: readonly Stream[]): readonly Atom[] => {
  const groups = streams.map((stream) => ({
    streams: [stream],
    reach: "row" as Atom["reach"],
    because: undefined as Atom["because"],
  }));
  const join = (a: Stream, b: Stream, reach: Atom["reach"], because: Atom["because"]): void => {
    const [x, y] = [groups.find((g) => g.streams.includes(a))!, groups.find((g) => g.streams.includes(b))!];
    if (x !== y) {
      x.streams.push(...y.streams);
      groups.splice(groups.indexOf(y), 1);
      x.reach = wider(x.reach, y.reach);
      x.because ??= y.because;
    }
    if (wider(x.reach, reach) !== x.reach) x.because = because;
    x.reach = wider(x.reach, reach);
  };
  for (const { mask, at } of masksOf(model)) {
    for (const query of streams) {
      for (const key of streams) {
        const { same, other } = casesOf(mask, query.kinds[0]!, key.kinds[0]!);
        if (other.after) join(query, key, "document", { mask: termOf(mask, query, key, false), at });
        else if (same.after) join(query, key, "span", { mask: termOf(mask, query, key, true), at });
      }
    }
  }
  return groups;
};
const reaches: readonly Atom["reach"][] = ["row", "span", "document"];
const wider = (a: Atom["reach"], b: Atom["reach"]): Atom["reach"] =>
  reaches[Math.max(reaches.indexOf(a), reaches.indexOf(b))]!;

/** The masks of every attend, each once. */
const masksOf = (model: Model): { readonly mask: Mask; readonly at: At }[] => {
  const found = new Map<string, { mask: Mask; at: At }>();
  for (const seq of sorted([model.h, ...model.heads.map((head) => head.value)])) {
    if (seq.op !== "call" && seq.op !== "joint") continue;
    for (const { call } of meetingOf(model, seq)) {
      const mask = both(model.mask, call.attrs.sees);
      found.set(JSON.stringify(mask), { mask, at: call.attrs.sees ? call.at : model.at });
    }
  }
  return [...found.values()];
};

/** The smallest part of a mask that alone lets the query see later keys; the whole where only all of it does. */
const termOf = (mask: Mask, query: Stream, key: Stream, same: boolean): Mask => {
  const lets = (m: Mask): boolean => {
    const cases = casesOf(m, query.kinds[0]!, key.kinds[0]!);
    return (same ? cases.same : cases.other).after;
  };
  if (mask.op !== "or" && mask.op !== "and") return mask;
  const part = [mask.left, mask.right].find(lets);
  return part && mask.op === "or" ? termOf(part, query, key, same) : mask;
};
