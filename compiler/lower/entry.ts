// What a program is given: its ports in the order of the call interface, and the rows of each stream, joined once from
// those of its kinds. Everything later works on whole streams.
import type { Embed, Input, Kind, Model } from "../analyze/model.ts";
import { add, type Dim, mul, sym } from "../ir/dim.ts";
import type { Port } from "../ir/module.ts";
import type { Builder, Node } from "../ir/node.ts";
import type { DType } from "../ir/vocabulary.ts";
import { embedOf, type Stream } from "./stream.ts";

export const BATCH: Dim = sym("batch");

/** The rows of one stream in one program. */
export interface Rows {
  readonly kinds: readonly Kind[];
  /** in one document */
  readonly count: Dim;
  /** i32 `[batch, count]` */
  readonly order: Node;
  readonly position: Node;
  readonly span: Node;
}
export const rowsOfStream = (g: Builder, { kinds }: Stream): Rows => {
  const joined = (what: "order" | "position" | "span"): Node =>
    join(
      g,
      kinds.map((kind) => inputNode(g, placePort(kind, what))),
    );
  return {
    kinds,
    count: kinds.map((kind) => sym(kind.name)).reduce(add),
    order: joined("order"),
    position: joined("position"),
    span: joined("span"),
  };
};

/** Where the rows of `kind` stand in a stream: the first one and how many. */
export const sliceOf = (whole: readonly Kind[], kinds: readonly Kind[]): { start: Dim; size: Dim } => {
  const count = (some: readonly Kind[]): Dim => some.map((kind) => sym(kind.name)).reduce(add, 0);
  return { start: count(whole.slice(0, whole.indexOf(kinds[0]!))), size: count(kinds) };
};

export const inputNode = (g: Builder, { name, type }: Port): Node => g.op("input", [], { name, type });
/** `[batch, rows, ...]` of each kind to that of the stream */
const join = (g: Builder, parts: readonly Node[]): Node =>
  parts.length === 1 ? parts[0]! : g.op("concat", parts, { axis: 1 });

/** An argument of the stream's `embed`, a row each: `[batch * rows, ...]`, or a scalar where it is one marker's id. */
export const argumentNode = (g: Builder, model: Model, rows: Rows, name: string): Node => {
  const [only] = rows.kinds;
  if (rows.kinds.length === 1 && only!.rows.kind === "marker") return g.constant(only!.rows.id, "i32");
  const parts = rows.kinds.map((kind) => {
    if (kind.rows.kind !== "marker") return inputNode(g, argumentPort(kind, argumentOf(model, kind, name)));
    return g.op("broadcast", [g.constant(kind.rows.id, "i32")], { shape: [BATCH, sym(kind.name)] });
  });
  return g.op("merge", [join(g, parts)], { axis: 0 });
};
const argumentOf = (model: Model, kind: Kind, name: string): Embed["arguments"][number] => {
  const found = embedOf(model, kind).arguments.find((argument) => argument.name === name);
  if (found === undefined) throw new Error(`the embed of ${kind.name} has no argument ${name}`);
  return found;
};

/** Every port that a program over `kinds` could have, in the order of the call interface. */
export const portsOf = (model: Model, kinds: readonly Kind[]): Port[] => {
  const present = new Set(kinds.map((kind) => kind.modality));
  const inputs = model.inputs.filter(({ per }) => typeof per === "string" || "row" in per || present.has(per.span));
  const perRow = (kind: Kind): Input[] =>
    inputs.filter(({ per }) => typeof per === "object" && "row" in per && per.row === kind.name);
  const rank = ({ per }: Input): number => (typeof per === "object" ? 0 : per === "document" ? 1 : 2);
  const others = inputs.filter(({ per }) => typeof per === "string" || "span" in per).sort((a, b) => rank(a) - rank(b));
  return [
    ...kinds.flatMap((kind) => [
      ...(kind.rows.kind === "marker" ? [] : embedOf(model, kind).arguments.map((a) => argumentPort(kind, a))),
      ...(["row", "col", "index"] as const).map((axis) => coordinatePort(kind, axis)),
      ...perRow(kind).map(inputPort),
      ...(["order", "position", "span"] as const).map((what) => placePort(kind, what)),
    ]),
    ...others.map(inputPort),
  ];
};

const port = (name: string, dtype: DType, shape: readonly Dim[], doc: string): Port => ({
  name,
  type: { dtype, shape },
  doc,
});
const argumentPort = (kind: Kind, { name, type }: Embed["arguments"][number]): Port => {
  const shape = [BATCH, sym(kind.name)];
  if (type === "index") return port(`${kind.name}.${name}`, "i32", shape, `which ${kind.name} token each row is`);
  if (kind.rows.kind !== "grid") throw new Error(`rows of ${kind.name} have no numbers`);
  return port(`${kind.name}.${name}`, "f32", [...shape, kind.rows.width], `the numbers of each ${kind.name} row`);
};
export const coordinatePort = (kind: Kind, axis: "row" | "col" | "index"): Port => {
  const where = { row: "grid row", col: "grid column", index: "index in its segment" };
  return port(`${kind.name}.${axis}`, "i32", [BATCH, sym(kind.name)], `${where[axis]} of each ${kind.name} row`);
};
const places = {
  order: "place in the document, from 0; -1 where there is no row",
  position: "position, from 0; 0 where there is no row",
  span: "which span of its modality in the document, from 0; 0 for tokens and where there is no row",
};
export const placePort = (kind: Kind, what: keyof typeof places): Port =>
  port(`${kind.name}.${what}`, "i32", [BATCH, sym(kind.name)], `of each ${kind.name} row: ${places[what]}`);
export const inputPort = ({ name, per, type, doc }: Input): Port => {
  const lead = per === "call" ? [] : per === "document" ? [BATCH] : [BATCH, sym("span" in per ? per.span : per.row)];
  return type.kind === "index" ? port(name, "i32", lead, doc) : port(name, "f32", [...lead, ...type.shape], doc);
};

/** How many spans of the stream's modality one document has. */
export const spanCount = ({ kinds }: Rows): Dim => sym(kinds[0]!.modality);
/** i32 `[batch * rows]`: for each row, which of the call's spans it belongs to. */
export const spanIndex = (g: Builder, rows: Rows): Node => {
  const spans = spanCount(rows);
  const all = g.op("split", [g.op("iota", [], { size: mul(BATCH, spans) })], { axis: 0, sizes: [BATCH, spans] });
  const first = g.op("slice", [all], { axis: 1, start: 0, size: 1 });
  return g.op("merge", [g.op("add", [rows.span, first])], { axis: 0 });
};
