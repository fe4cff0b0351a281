// What a program computes, backwards from what it gives: at which streams each sequence is needed, and which cached keys
// and values it reads. Restriction and select narrow, row-wise ops pass on, an attend asks keys of the rows that its mask
// lets be seen: new ones are computed, past ones come from a cache.
import type { Mask, Model, Seq, SeqOf } from "../analyze/model.ts";
import { casesOf, seesPast, visible } from "./mask.ts";
import { casesIn, type Precedes } from "./precedence.ts";
import type { Stream } from "./stream.ts";
import { meetingOf, rowsOf, sorted, type Calling } from "./walk.ts";

/** Keys and values of the rows of one stream at one attend of a call: what a cache holds. */
export interface Kept {
  readonly call: SeqOf<"call">;
  /** which attend of the block */
  readonly attend: number;
  readonly stream: Stream;
}
export interface Roots {
  readonly values: readonly { readonly seq: Seq; readonly stream: Stream }[];
  readonly keys: readonly Kept[];
}
export interface Demand {
  /** every sequence needed, sources first */
  readonly order: readonly Seq[];
  /** at which new streams */
  readonly streams: ReadonlyMap<Seq, ReadonlySet<Stream>>;
  /** keys and values of past rows that are read */
  readonly reads: readonly Kept[];
}
/** The streams whose rows a program computes, and those of which a document may hold rows already. */
export interface Present {
  readonly fresh: readonly Stream[];
  readonly past: readonly Stream[];
  /** whether past rows of one stream may stand before new rows of another */
  readonly precedes: Precedes;
  /** the same of new rows */
  readonly among: Precedes;
}

export const demandOf = (model: Model, present: Present, roots: Roots): Demand => {
  const owners = ownersOf(model);
  const order = sorted([...roots.values.map((root) => root.seq), ...roots.keys.map((kept) => owners.get(kept.call)!)]);
  const streams = new Map<Seq, Set<Stream>>(order.map((seq) => [seq, new Set()]));
  const ask = (seq: Seq, at: Iterable<Stream>): void => {
    for (const stream of at) if (hasRows(seq, stream)) streams.get(seq)!.add(stream);
  };
  for (const { seq, stream } of roots.values) ask(seq, [stream]);
  const kept = new Map<Seq, Kept[]>();
  for (const root of roots.keys) {
    const owner = owners.get(root.call)!;
    kept.set(owner, [...(kept.get(owner) ?? []), root]);
  }
  const reads: Kept[] = [];
  for (const seq of order.toReversed()) {
    const wanted = streams.get(seq)!;
    if (seq.op === "call" || seq.op === "joint") meet(model, seq, present, wanted, kept.get(seq) ?? [], ask, reads);
    else passOn(seq, wanted, ask);
  }
  return { order, streams, reads };
};

/** Whether a sequence has the rows of a stream: kinds of a stream are told apart nowhere, a head's own choice aside. */
export const hasRows = (seq: Seq, stream: Stream): boolean => stream.kinds.some((kind) => seq.shapes.has(kind.name));
const among = (wanted: ReadonlySet<Stream>, kinds: readonly string[]): Stream[] =>
  [...wanted].filter((stream) => stream.kinds.some((kind) => kinds.includes(kind.name)));

/** A call by the sequence in which it attends: itself, or the joint whose arm it is. */
const ownersOf = (model: Model): ReadonlyMap<SeqOf<"call">, Calling> => {
  const owners = new Map<SeqOf<"call">, Calling>();
  const losses = model.losses.flatMap(({ value }) => value ?? []);
  for (const seq of sorted([model.h, ...model.heads.map((head) => head.value), ...losses])) {
    if (seq.op === "call" || seq.op === "joint") for (const { call } of meetingOf(model, seq)) owners.set(call, seq);
  }
  return owners;
};

type Ask = (seq: Seq, streams: Iterable<Stream>) => void;
const passOn = (seq: Exclude<Seq, Calling>, wanted: ReadonlySet<Stream>, ask: Ask): void => {
  switch (seq.op) {
    case "embed":
      return;
    case "restrict":
      return ask(seq.attrs.of, wanted);
    case "union":
      return seq.attrs.parts.forEach((part) => ask(part, among(wanted, [...part.shapes.keys()])));
    case "map":
      return seq.attrs.arguments.forEach((argument) => ask(argument, wanted));
    case "select":
      return seq.attrs.arms.forEach((arm) => ask(arm.value, among(wanted, arm.kinds)));
    default:
      throw new Error(`no such sequence: ${String(seq satisfies never)}`);
  }
};
/** Queries on the wanted rows; keys and values on the new rows that they see and those to be kept. */
const meet = (
  model: Model,
  seq: Calling,
  present: Present,
  wanted: ReadonlySet<Stream>,
  kept: readonly Kept[],
  ask: Ask,
  reads: Kept[],
): void => {
  if (seq.op === "joint")
    for (const arm of seq.attrs.arms) if (arm.value.op !== "call") ask(arm.value, among(wanted, arm.kinds));
  const meetings = meetingOf(model, seq);
  const asked = meetings.flatMap(({ kinds, mask }) => among(wanted, kinds).map((stream): Query => ({ stream, mask })));
  const isSeen = (query: Query, key: Stream): boolean => visible(casesIn(query.mask, query.stream, key, present.among));
  const isSeenPast = ({ stream, mask }: Query, key: Stream): boolean =>
    present.precedes(key, stream) && seesPast(casesOf(mask, stream.kinds[0]!, key.kinds[0]!));
  for (const { call, kinds, mask } of meetings) {
    const own = (streams: readonly Stream[]): Stream[] =>
      streams.filter((stream) => stream.kinds.some((kind) => kinds.includes(kind.name)));
    const { attends } = call.attrs.block;
    const needed = new Set(among(wanted, kinds));
    // Where a block attends more than once, rows that give keys to a later attend are queries of those the keys are made of.
    const further = attends.map(() => new Set<Stream>());
    for (const [attend, row] of [...attends.entries()].reverse()) {
      const queries = [...asked, ...[...further[attend]!].map((stream): Query => ({ stream, mask }))];
      const roots = kept.filter((root) => root.call === call && root.attend === attend).map((root) => root.stream);
      const made = new Set(row.src.slice(1).flatMap((operand) => [...rowsOf(operand)]));
      for (const key of [
        ...own(present.fresh).filter((stream) => queries.some((query) => isSeen(query, stream))),
        ...roots,
      ]) {
        needed.add(key);
        attends.forEach((earlier, i) => made.has(earlier) && further[i]!.add(key));
      }
      for (const stream of own(present.past))
        if (queries.some((query) => isSeenPast(query, stream))) reads.push({ call, attend, stream });
    }
    for (const argument of call.attrs.arguments) if (argument !== undefined) ask(argument, needed);
  }
};
interface Query {
  readonly stream: Stream;
  readonly mask: Mask;
}
