// Which sequences the outputs need, in an order that meets sources first, and at which kinds of rows: backwards from
// the heads, an arm asks only at its kinds, and an attend asks keys only of rows that its mask lets be seen.
import type { Mask, Model, Row, Seq, SeqOf } from "../analyze/model.ts";
import { both, visible } from "./mask.ts";

export interface Demand {
  /** every sequence needed, sources first */
  readonly order: readonly Seq[];
  readonly kinds: ReadonlyMap<Seq, ReadonlySet<string>>;
  /** those that the layers are made of; the others belong to heads alone */
  readonly layers: ReadonlySet<Seq>;
}
/** One call of an attend site: the rows it computes, and the mask its queries obey. */
export interface Site {
  readonly call: SeqOf<"call">;
  readonly kinds: readonly string[];
  readonly mask: Mask;
}

/** The calls whose rows meet in one softmax: a call alone, or the calls among a joint's arms. */
export const sitesOf = (model: Model, seq: SeqOf<"call"> | SeqOf<"joint">): Site[] => {
  const arms = seq.op === "call" ? [{ kinds: [...seq.shapes.keys()], value: seq }] : seq.attrs.arms;
  return arms.flatMap(({ kinds, value }) =>
    value.op === "call" ? [{ call: value, kinds, mask: both(model.mask, value.attrs.sees) }] : [],
  );
};

/** What `roots` need of each sequence. Roots are asked at all their kinds. */
export const demandOf = (model: Model, roots: readonly Seq[]): Demand => {
  const order = sorted(roots);
  const kinds = new Map<Seq, Set<string>>(order.map((seq) => [seq, new Set()]));
  const ask = (seq: Seq, at: Iterable<string>): void => {
    for (const kind of at) if (seq.shapes.has(kind)) kinds.get(seq)!.add(kind);
  };
  for (const root of roots) ask(root, root.shapes.keys());
  for (const seq of order.toReversed()) pass(model, seq, kinds.get(seq)!, ask);
  return { order, kinds, layers: new Set(sorted([model.h, ...model.steps.map((step) => step.value)])) };
};

type Ask = (seq: Seq, kinds: Iterable<string>) => void;
const pass = (model: Model, seq: Seq, wanted: ReadonlySet<string>, ask: Ask): void => {
  const among = (kinds: readonly string[]): string[] => kinds.filter((kind) => wanted.has(kind));
  switch (seq.op) {
    case "embed":
      return;
    case "restrict":
      return ask(seq.attrs.of, wanted);
    case "union":
      return seq.attrs.parts.forEach((part) => ask(part, wanted));
    case "map":
      return seq.attrs.arguments.forEach((argument) => ask(argument, wanted));
    case "select":
      return seq.attrs.arms.forEach((arm) => ask(arm.value, among(arm.kinds)));
    case "joint":
      for (const arm of seq.attrs.arms) if (arm.value.op !== "call") ask(arm.value, among(arm.kinds));
      return passSites(model, seq, wanted, ask);
    case "call":
      return passSites(model, seq, wanted, ask);
    default:
      throw new Error(`no such sequence: ${String(seq satisfies never)}`);
  }
};

const passSites = (model: Model, seq: SeqOf<"call"> | SeqOf<"joint">, wanted: ReadonlySet<string>, ask: Ask): void => {
  const kind = new Map(model.kinds.map((k) => [k.name, k]));
  const sites = sitesOf(model, seq);
  const queries = sites.flatMap(({ kinds, mask }) =>
    kinds.filter((name) => wanted.has(name)).map((name) => ({ mask, kind: kind.get(name)! })),
  );
  for (const { call, kinds } of sites) {
    const needed = kinds.filter(
      (name) => wanted.has(name) || queries.some((q) => visible(q.mask, q.kind, kind.get(name)!)),
    );
    for (const argument of call.attrs.arguments) if (argument !== undefined) ask(argument, needed);
  }
};

const sourcesOf = (seq: Seq): readonly Seq[] => {
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

/** An explicit stack: a thousand layers must not overflow the JavaScript one. */
const sorted = (roots: readonly Seq[]): Seq[] => {
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
