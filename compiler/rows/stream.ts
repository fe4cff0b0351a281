// Streams: kinds that nothing in the model tells apart. They share every matrix, and rows of one stream stay together
// through all layers; for a program a stream is one kind of row, named by its first kind.
import type { Kind, Mask, Model, Row, Seq } from "../analyze/model.ts";
import { embedOf, rowsOf, sorted } from "./walk.ts";

export interface Stream {
  /** of its first kind: `text`, `image.patch` */
  readonly name: string;
  /** in the model's order */
  readonly kinds: readonly Kind[];
}

/** The streams of a model, in the order of their first kinds. */
export const streamsOf = (model: Model): readonly Stream[] => {
  const sets = distinctionsOf(model).map(({ set }) => set);
  const groups = new Map<string, Kind[]>();
  for (const kind of model.kinds) {
    const key = sets.map((set) => (set.includes(kind.name) ? "1" : "0")).join("");
    groups.set(key, [...(groups.get(key) ?? []), kind]);
  }
  return [...groups.values()].map((kinds) => ({ name: kinds[0]!.name, kinds }));
};

/** What tells the kinds of streams apart, in words: `their \`embed\``, `the mask`. */
export const distinguishing = (model: Model, streams: readonly Stream[]): readonly string[] => {
  const kinds = streams.map((stream) => stream.kinds[0]!.name);
  const found = distinctionsOf(model).filter(({ set }) => {
    const inside = kinds.filter((kind) => set.includes(kind)).length;
    return inside > 0 && inside < kinds.length;
  });
  return [...new Set(found.map(({ by }) => by))];
};

/** A set of kinds that something in the model treats alike, and what does. */
interface Distinction {
  readonly by: string;
  readonly set: KindSet;
}
const distinctionsOf = (model: Model): Distinction[] => {
  const layers = sorted([model.h, ...model.steps.map((step) => step.value)]);
  const own = new Set(layers);
  const ends = [...model.heads.map((head) => head.value), ...model.losses.flatMap(({ value }) => value ?? [])];
  const heads = sorted(ends).filter((seq) => !own.has(seq));
  const by = (what: string, sets: readonly KindSet[]): Distinction[] => sets.map((set) => ({ by: what, set }));
  return [
    ...by("their `embed`", entrySets(model)),
    ...by("the mask", maskSets(model, model.mask)),
    ...by(
      "the layers",
      layers.flatMap((seq) => setsOf(model, seq)),
    ),
    // What a head alone leaves out costs a few rows where it only reads rows; it matters where they meet.
    ...by(
      "a head",
      heads
        .filter((seq) => seq.op !== "restrict" || heads.some((h) => h.op === "call" || h.op === "joint"))
        .flatMap((seq) => setsOf(model, seq)),
    ),
  ];
};

type KindSet = readonly string[];
const entrySets = (model: Model): KindSet[] => {
  const byRow = new Map<Row, string[]>();
  const byTokens = new Map<string, string[]>();
  for (const kind of model.kinds) {
    const { name, modality, rows } = kind;
    const { row } = embedOf(model, kind);
    byRow.set(row, [...(byRow.get(row) ?? []), name]);
    // Two vocabularies are told apart even where one table lets both in: their heads give unlike logits.
    const tokens = rows.kind === "marker" ? rows.of : modality;
    byTokens.set(tokens, [...(byTokens.get(tokens) ?? []), name]);
  }
  return [...[...byRow].flatMap(([row, kinds]) => [kinds, ...bodySets(row, kinds)]), ...byTokens.values()];
};

/** The sets of kinds that a sequence tells apart. */
const setsOf = (model: Model, seq: Seq): KindSet[] => {
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
      return bodySets(seq.attrs.body, [...seq.shapes.keys()]);
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
      return model.modalities.map(({ name }) =>
        model.kinds.filter((kind) => kind.modality === name && mask.kinds.includes(kind.name)).map((kind) => kind.name),
      );
    case "and":
    case "or":
      return [...maskSets(model, mask.left), ...maskSets(model, mask.right)];
    case "not":
      return maskSets(model, mask.of);
    default:
      throw new Error(`no such mask: ${String(mask satisfies never)}`);
  }
};
