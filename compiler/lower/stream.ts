// The partition of a document's rows into streams. Kinds that nothing in the model tells apart share a stream, so that
// each matrix is applied to all of them at once; rows of a stream stay together through all layers.
import type { Embed, Kind, Mask, Model, Row, Seq } from "../analyze/model.ts";
import { type Demand, rowsOf } from "./demand.ts";

export interface Stream {
  /** in the order in which their rows stand */
  readonly kinds: readonly Kind[];
  /** for rows that only a head tells apart: the stream of the layers that they are a slice of */
  readonly whole: Stream | undefined;
}
export interface Partition {
  readonly layers: readonly Stream[];
  /** finer where a head reads a part of a stream's kinds */
  readonly heads: readonly Stream[];
}

/** The streams of a document that has rows of `kinds` only. */
export const partition = (model: Model, demand: Demand, kinds: readonly Kind[]): Partition => {
  const layerSets = distinct([
    ...entrySets(model),
    ...maskSets(model, model.mask),
    ...demand.order.filter((seq) => demand.layers.has(seq)).flatMap((seq) => setsOf(model, seq, demand)),
  ]);
  const headSets = distinct([
    ...model.heads.map((head) => [...head.value.shapes.keys()]),
    ...demand.order.filter((seq) => !demand.layers.has(seq)).flatMap((seq) => setsOf(model, seq, demand)),
  ]);
  const layers = grouped(kinds, layerSets).map((group): Stream => {
    // Kinds that heads treat alike side by side, so that what a head reads is one slice; those read first.
    const parts = grouped(group, headSets).sort((a, b) => rank(b, headSets) - rank(a, headSets));
    return { kinds: parts.flat(), whole: undefined };
  });
  const heads = layers.flatMap((whole) => {
    const parts = grouped(whole.kinds, headSets);
    return parts.length === 1 ? [whole] : parts.map((part): Stream => ({ kinds: part, whole }));
  });
  return { layers, heads };
};

type KindSet = readonly string[];
const distinct = (sets: readonly KindSet[]): KindSet[] => [
  ...new Map(sets.map((set) => [[...set].sort().join(" "), set])).values(),
];
/** Kinds that are in the same of `sets`, in the order given. */
const grouped = (kinds: readonly Kind[], sets: readonly KindSet[]): Kind[][] => {
  const groups = new Map<string, Kind[]>();
  for (const kind of kinds) {
    const key = sets.map((set) => (set.includes(kind.name) ? "1" : "0")).join("");
    groups.set(key, [...(groups.get(key) ?? []), kind]);
  }
  return [...groups.values()];
};
const rank = (kinds: readonly Kind[], sets: readonly KindSet[]): number =>
  sets.filter((set) => set.includes(kinds[0]!.name)).length;

/** How rows of `kind` enter: a marker without an `embed` of its own by that of the token it is. */
export const embedOf = (model: Model, { name, rows }: Kind): Embed => {
  const found = model.embeds.get(name) ?? (rows.kind === "marker" ? model.embeds.get(rows.of) : undefined);
  if (found === undefined) throw new Error(`no embed for rows of ${name}`);
  return found;
};

const entrySets = (model: Model): KindSet[] => {
  const byRow = new Map<Row, string[]>();
  for (const kind of model.kinds) {
    const { row } = embedOf(model, kind);
    byRow.set(row, [...(byRow.get(row) ?? []), kind.name]);
  }
  return [...byRow].flatMap(([row, kinds]) => [kinds, ...bodySets(row, kinds)]);
};

/** The sets of kinds that a sequence tells apart. */
const setsOf = (model: Model, seq: Seq, demand: Demand): KindSet[] => {
  const wanted = [...demand.kinds.get(seq)!];
  switch (seq.op) {
    case "embed":
      return [];
    case "restrict":
      return [[...seq.shapes.keys()]];
    case "union":
      return seq.attrs.parts.map((part) => [...part.shapes.keys()]);
    case "select":
      return seq.attrs.arms.map((arm) => arm.kinds);
    case "joint":
      return seq.attrs.arms.flatMap(({ kinds, value }) => [
        kinds,
        ...(value.op === "call" ? callSets(model, value, kinds) : []),
      ]);
    case "call":
      return callSets(model, seq, [...seq.shapes.keys()]);
    case "map":
      return bodySets(seq.attrs.body, wanted);
    default:
      throw new Error(`no such sequence: ${String(seq satisfies never)}`);
  }
};
const callSets = (model: Model, { attrs }: Extract<Seq, { op: "call" }>, kinds: KindSet): KindSet[] => [
  ...(attrs.sees === undefined ? [] : maskSets(model, attrs.sees)),
  ...bodySets(attrs.block.body, kinds),
];

/**
 * Coordinates tell every kind apart. Other inputs of rows and spans need no set: kinds that have one and kinds that have
 * none are told apart by whatever routes them past it.
 */
const bodySets = (body: Row, kinds: KindSet): KindSet[] =>
  [...rowsOf(body)].some((row) => row.op === "coordinate") ? kinds.map((kind) => [kind]) : [];
const ofModality = (model: Model, modality: string): string[] =>
  model.kinds.filter((kind) => kind.modality === modality).map((kind) => kind.name);

const maskSets = (model: Model, mask: Mask): KindSet[] => {
  switch (mask.op) {
    case "all":
    case "causal":
      return [];
    case "query":
    case "key":
      return [mask.kinds];
    case "within":
      // Only rows of one modality share a span.
      return model.modalities.map(({ name }) => mask.kinds.filter((kind) => ofModality(model, name).includes(kind)));
    case "and":
    case "or":
      return [...maskSets(model, mask.left), ...maskSets(model, mask.right)];
    case "not":
      return maskSets(model, mask.of);
    default:
      throw new Error(`no such mask: ${String(mask satisfies never)}`);
  }
};
