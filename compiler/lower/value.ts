// Lowered values. Each is computed once for each of its extent (the whole call, a document, a span, a row) and widened
// only where it meets a finer one.
import { type Dim, mul } from "../ir/dim.ts";
import type { Builder, Node, Rest } from "../ir/node.ts";
import type { DType, Pointwise } from "../ir/vocabulary.ts";
import { BATCH, type Rows, spanCount, spanIndex } from "./entry.ts";

export type Extent = "constant" | "document" | "span" | "row";
export interface Value {
  /** `shape` for a constant, else `[n, ...shape]` with one entry a document, span or row of the whole batch */
  readonly node: Node;
  readonly extent: Extent;
  readonly shape: readonly number[];
}

const extents: readonly Extent[] = ["constant", "document", "span", "row"];
export const finest = (values: readonly Value[]): Extent =>
  extents[Math.max(...values.map((value) => extents.indexOf(value.extent)))]!;
/** How many values of that extent a call has. */
const count = (rows: Rows, extent: Extent): Dim => {
  if (extent === "constant") throw new Error("a constant has no entries");
  return extent === "document" ? BATCH : mul(BATCH, extent === "span" ? spanCount(rows) : rows.count);
};

/** The same value at an extent as fine or finer. */
export const widen = (g: Builder, rows: Rows, value: Value, extent: Extent): Value => {
  if (value.extent === extent) return value;
  if (extents.indexOf(value.extent) > extents.indexOf(extent))
    throw new Error(`a ${value.extent}'s value is no ${extent}'s`);
  return { ...value, extent, node: widened(g, rows, value, extent) };
};
const widened = (g: Builder, rows: Rows, { node, extent: from, shape }: Value, to: Extent): Node => {
  if (from === "constant") return g.op("broadcast", [node], { shape: [count(rows, to), ...shape] });
  if (from === "span") return g.op("gather", [node, spanIndex(g, rows)]);
  const each = to === "span" ? spanCount(rows) : rows.count;
  const apart = g.op("split", [node], { axis: 0, sizes: [BATCH, 1] });
  return g.op("merge", [g.op("broadcast", [apart], { shape: [BATCH, each, ...shape] })], { axis: 0 });
};

export const cast = (g: Builder, value: Value, dtype: DType): Value =>
  value.node.type.dtype === dtype ? value : { ...value, node: g.op("cast", [value.node], { dtype }) };

/** A pointwise op: shapes equal, or one a scalar, or one the end of the other; at the finest extent of the operands. */
export const apply = <K extends keyof Pointwise>(
  g: Builder,
  rows: Rows,
  op: K,
  operands: readonly Value[],
  ...attrs: Rest<K>
): Value => {
  const extent = finest(operands);
  const shape = operands.map((value) => value.shape).reduce((a, b) => (b.length > a.length ? b : a));
  const nodes = operands.map((value) => {
    // A constant has no leading axis: it meets the others at their last axes as it is.
    if (value.extent === "constant") return value.node;
    return deepened(g, widen(g, rows, value, extent).node, 1 + shape.length);
  });
  return { node: g.op(op, nodes, ...attrs) as Node, extent, shape };
};
/** `[n, ...]` to `[n, 1, ...]` of that rank */
const deepened = (g: Builder, node: Node, rank: number): Node => {
  const [n, ...rest] = node.type.shape;
  if (rest.length + 1 === rank) return node;
  return g.op("split", [node], { axis: 0, sizes: [n!, ...Array<Dim>(rank - 1 - rest.length).fill(1)] });
};

/** `[batch * rows, ...shape]` as `[batch, rows, numbers]`, as attention and outputs have it. */
export const batched = (g: Builder, rows: Rows, value: Value): Node => {
  const wide = widen(g, rows, value, "row");
  const flat = value.shape.slice(1).reduce<Node>((node) => g.op("merge", [node], { axis: 1 }), wide.node);
  return g.op("split", [flat], { axis: 0, sizes: [BATCH, rows.count] });
};
/** Back from `[batch, rows, numbers]` to a value a row. */
export const unbatched = (g: Builder, node: Node, shape: readonly number[]): Value => {
  const flat = g.op("merge", [node], { axis: 0 });
  return { node: shape.length === 1 ? flat : g.op("split", [flat], { axis: 1, sizes: shape }), extent: "row", shape };
};
