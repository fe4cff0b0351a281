// What a program is given: its ports in the order of the call interface, and the rows of each stream. A stream is one kind
// of row to a program; rows of its kinds may stand in any order, since `order` says where each one belongs.
import type { Embed, Input, Kind, Model } from "../analyze/model.ts";
import { type Dim, mul, sym } from "../ir/dim.ts";
import type { Port } from "../ir/module.ts";
import type { Builder, Node } from "../ir/node.ts";
import type { DType } from "../ir/vocabulary.ts";
import type { Cache } from "../rows/phase.ts";
import type { Stream } from "../rows/stream.ts";
import { embedOf } from "../rows/walk.ts";
import { type Standing, standingOf, stoodIn } from "./absent.ts";

export const BATCH: Dim = sym("batch");

/** Where rows stand, as keys of a mask. */
export interface Places {
  readonly stream: Stream;
  /** in one document */
  readonly count: Dim;
  /** i32 `[batch, count]` */
  readonly order: Node;
  readonly span: Node;
}
/** The rows of one stream that a program computes; as queries, with those that stand in for rows that are not there. */
export interface Rows extends Places {
  readonly position: Node;
  readonly standing: Standing;
  /** the same as keys of a mask: as they are given */
  readonly given: Places;
}
export const rowsOfStream = (g: Builder, stream: Stream): Rows => {
  const count = sym(stream.name);
  const [order, position, span] = (["order", "position", "span"] as const).map((what) =>
    inputNode(g, placePort(stream, what)),
  ) as [Node, Node, Node];
  const standing = standingOf(g, order);
  const stood = (node: Node): Node =>
    g.op("split", [stoodIn(g, standing, g.op("merge", [node], { axis: 0 }))], { axis: 0, sizes: [BATCH, count] });
  const given = { stream, count, order, span };
  return { ...given, order: stood(order), position: stood(position), span: stood(span), standing, given };
};
/** Past rows of a stream: as many as their cache has room for. */
export const pastOfStream = (g: Builder, stream: Stream): Places => ({
  stream,
  count: sym(`past.${stream.name}`),
  order: inputNode(g, pastPort(stream, "order")),
  span: inputNode(g, pastPort(stream, "span")),
});

export const inputNode = (g: Builder, { name, type }: Port): Node => g.op("input", [], { name, type });
/** An argument of the stream's `embed`, a row each: `[batch * rows, ...]`. */
export const argumentNode = (g: Builder, model: Model, rows: Rows, name: string): Node => {
  const { stream } = rows;
  const found = embedOf(model, stream.kinds[0]!).arguments.find((argument) => argument.name === name);
  if (found === undefined) throw new Error(`the embed of ${stream.name} has no argument ${name}`);
  return enter(g, rows, argumentPort(stream, found));
};
/** An input of each row: `[batch * rows, ...]` */
export const enter = (g: Builder, { standing }: Rows, port: Port): Node =>
  stoodIn(g, standing, g.op("merge", [inputNode(g, port)], { axis: 0 }));

/** Every port that a program could have, in the order of the call interface: new rows, spans and calls, past rows, caches. */
export const portsOf = (
  model: Model,
  fresh: readonly Stream[],
  past: readonly Stream[],
  caches: readonly Cache[],
): Port[] => {
  const present = new Set(fresh.flatMap((stream) => stream.kinds.map((kind) => kind.modality)));
  const inputs = model.inputs.filter(({ per }) => typeof per === "string" || "row" in per || present.has(per.span));
  const perRow = (stream: Stream): Input[] =>
    inputs.filter(
      ({ per }) => typeof per === "object" && "row" in per && stream.kinds.some((kind) => kind.name === per.row),
    );
  const rank = ({ per }: Input): number => (typeof per === "object" ? 0 : per === "document" ? 1 : 2);
  const ids = ({ kinds: [kind] }: Stream, { type }: Embed["arguments"][number]): number | undefined => {
    const tokens = kind!.rows.kind === "marker" ? kind!.rows.of : kind!.modality;
    const modality = model.modalities.find(({ name }) => name === tokens);
    return type === "index" && modality?.kind === "tokens" ? modality.vocab + modality.added.length : undefined;
  };
  const others = inputs.filter(({ per }) => typeof per === "string" || "span" in per).sort((a, b) => rank(a) - rank(b));
  return [
    ...fresh.flatMap((stream) => [
      ...embedOf(model, stream.kinds[0]!).arguments.map((a) => ({ ...argumentPort(stream, a), below: ids(stream, a) })),
      ...(["row", "col", "index"] as const).map((axis) => coordinatePort(stream, axis)),
      ...perRow(stream).map(inputPort),
      placePort(stream, "order"),
      { ...placePort(stream, "position"), below: model.position.limit },
      placePort(stream, "span"),
    ]),
    ...others.map(inputPort),
    ...past.flatMap((stream) => (["order", "span"] as const).map((what) => pastPort(stream, what))),
    ...caches.flatMap((cache) => (["k", "v"] as const).map((what) => cachePort(cache, what))),
  ];
};

const port = (name: string, dtype: DType, shape: readonly Dim[], doc: string): Port => ({
  name,
  type: { dtype, shape },
  doc,
});
const argumentPort = ({ name: stream, kinds }: Stream, { name, type }: Embed["arguments"][number]): Port => {
  const shape = [BATCH, sym(stream)];
  if (type === "index") return port(`${stream}.${name}`, "i32", shape, `which token each row is${markers(kinds)}`);
  const { rows } = kinds[0]!;
  if (rows.kind !== "grid") throw new Error(`rows of ${stream} have no numbers`);
  return port(`${stream}.${name}`, "f32", [...shape, rows.width], `the numbers of each ${stream} row`);
};
const markers = (kinds: readonly Kind[]): string => {
  const found = kinds.flatMap(({ name, rows }) => (rows.kind === "marker" ? [`${rows.id} for ${name}`] : []));
  return found.length ? `; ${found.join(", ")}` : "";
};
export const coordinatePort = ({ name, kinds: [kind] }: Stream, axis: "row" | "col" | "index"): Port => {
  const where = { row: "grid row", col: "grid column", index: "index in its segment" };
  const { rows, cols } = kind!.rows.kind === "grid" ? kind!.rows : { rows: 1, cols: 1 };
  const below = { row: rows, col: cols, index: rows * cols };
  const doc = `${where[axis]} of each ${name} row`;
  return { ...port(`${name}.${axis}`, "i32", [BATCH, sym(name)], doc), below: below[axis] };
};
const places = {
  order: "place in the document, from 0; -1 where there is no row",
  position: "position, from 0; 0 where there is no row",
  span: "which span of its modality in the document, from 0; 0 for tokens and where there is no row",
};
export const placePort = ({ name }: Stream, what: keyof typeof places): Port =>
  port(`${name}.${what}`, "i32", [BATCH, sym(name)], `of each ${name} row: ${places[what]}`);
const pastPort = ({ name }: Stream, what: "order" | "span"): Port =>
  port(`past.${name}.${what}`, "i32", [BATCH, sym(`past.${name}`)], `of each past ${name} row: ${places[what]}`);
/** `k` or `v` of the past rows: `[batch, kvHeads, room, width]` */
export const cachePort = ({ name, call, attend, stream }: Cache, what: "k" | "v"): Port => {
  const [heads, width] = call.attrs.block.attends[attend]!.src[what === "k" ? 1 : 2]!.shape as [number, number];
  return port(
    `${name}.${what}`,
    "f32",
    [BATCH, heads, sym(`past.${stream.name}`), width],
    `${what === "k" ? "keys" : "values"} of past ${stream.name} rows`,
  );
};
export const inputPort = ({ name, per, type, doc }: Input): Port => {
  const lead = per === "call" ? [] : per === "document" ? [BATCH] : [BATCH, sym("span" in per ? per.span : per.row)];
  if (type.kind === "index") return { ...port(name, "i32", lead, doc), below: type.below };
  return port(name, "f32", [...lead, ...type.shape], doc);
};

/** How many spans of the stream's modality one document has. */
export const spanCount = ({ stream }: Rows): Dim => sym(stream.kinds[0]!.modality);
/** i32 `[batch * rows]`: for each row, which of the call's spans it belongs to. */
export const spanIndex = (g: Builder, rows: Rows): Node => {
  const spans = spanCount(rows);
  const all = g.op("split", [g.op("iota", [], { size: mul(BATCH, spans) })], { axis: 0, sizes: [BATCH, spans] });
  const first = g.op("slice", [all], { axis: 1, start: 0, size: 1 });
  return stoodIn(g, rows.standing, g.op("merge", [g.op("add", [rows.given.span, first])], { axis: 0 }));
};
