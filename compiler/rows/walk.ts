// Walks over the model: sequences with their sources first, the rows of an expression, the calls that meet in a softmax.
import type { Embed, Kind, Mask, Model, Row, Seq, SeqOf } from "../analyze/model.ts";
import { both } from "./mask.ts";

export const sourcesOf = (seq: Seq): readonly Seq[] => {
  switch (seq.op) {
    case "embed":
      return [];
    case "call":
      return seq.attrs.arguments.filter((argument) => argument !== undefined);
    case "restrict":
      return [seq.attrs.of];
    case "union":
      return seq.attrs.parts;
    case "select":
      return seq.attrs.arms.map((arm) => arm.value);
    case "joint":
      return seq.attrs.arms.flatMap((arm) => (arm.value.op === "call" ? sourcesOf(arm.value) : [arm.value]));
    case "map":
      return seq.attrs.arguments;
    default:
      throw new Error(`no such sequence: ${String(seq satisfies never)}`);
  }
};

/** Every sequence that `roots` are made of, sources first. An explicit stack: layers may be a thousand deep. */
export const sorted = (roots: readonly Seq[]): Seq[] => {
  const done = new Set<Seq>();
  const stack = roots.map((seq) => ({ seq, ready: false })).reverse();
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (done.has(top.seq)) continue;
    if (top.ready) done.add(top.seq);
    else
      stack.push(
        { seq: top.seq, ready: true },
        ...sourcesOf(top.seq)
          .map((seq) => ({ seq, ready: false }))
          .reverse(),
      );
  }
  return [...done];
};

/** Every row that `root` is made of, each once. */
export const rowsOf = (root: Row): ReadonlySet<Row> => {
  const seen = new Set<Row>();
  const stack = [root];
  for (let row = stack.pop(); row !== undefined; row = stack.pop()) {
    if (seen.has(row)) continue;
    seen.add(row);
    stack.push(...row.src);
  }
  return seen;
};

/** How rows of `kind` enter: a marker without an `embed` of its own by that of the token it is. */
export const embedOf = (model: Model, { name, rows }: Kind): Embed => {
  const found = model.embeds.get(name) ?? (rows.kind === "marker" ? model.embeds.get(rows.of) : undefined);
  if (found === undefined) throw new Error(`no embed for rows of ${name}`);
  return found;
};

export type Calling = SeqOf<"call"> | SeqOf<"joint">;
/** One call of those that meet in a softmax: the kinds whose rows it computes, and the mask its queries obey. */
export interface Meeting {
  readonly call: SeqOf<"call">;
  readonly kinds: readonly string[];
  readonly mask: Mask;
}
/** Asked again and again of the same sequences, which never change. */
const meetings = new WeakMap<Model, Map<Calling, readonly Meeting[]>>();
/** A call alone, or the calls among a joint's arms. */
export const meetingOf = (model: Model, seq: Calling): readonly Meeting[] => {
  const known = meetings.get(model) ?? new Map<Calling, readonly Meeting[]>();
  meetings.set(model, known);
  const found = known.get(seq) ?? meetingsAt(model, seq);
  known.set(seq, found);
  return found;
};
const meetingsAt = (model: Model, seq: Calling): readonly Meeting[] => {
  const arms = seq.op === "call" ? [{ kinds: [...seq.shapes.keys()], value: seq }] : seq.attrs.arms;
  return arms.flatMap(({ kinds, value }) =>
    value.op === "call" ? [{ call: value, kinds, mask: both(model.mask, value.attrs.sees) }] : [],
  );
};
