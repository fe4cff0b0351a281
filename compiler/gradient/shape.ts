// The shapes of adjoints: sums over what was broadcast, zeros around what was sliced, all leading axes as one.
import { type Dim, same, sub } from "../ir/dim.ts";
import type { Builder, Node } from "../ir/node.ts";
import type { Type } from "../ir/vocabulary.ts";

export const zeros = (g: Builder, { dtype, shape }: Type): Node => {
  const zero = g.constant(0, dtype);
  return shape.length === 0 ? zero : g.op("broadcast", [zero], { shape });
};

/** `x` without an axis of size 1. */
export const withoutAxis = (g: Builder, x: Node, axis: number): Node => {
  // It goes into a neighbour; a lone one is read at 0.
  if (x.type.shape.length === 1) return g.op("gather", [x, g.constant(0, "i32")]);
  return g.op("merge", [x], { axis: Math.max(axis - 1, 0) });
};

/** The first `axes` axes of `x` as one. */
export const merged = (g: Builder, x: Node, axes: number): Node =>
  Array.from({ length: axes - 1 }).reduce<Node>((y) => g.op("merge", [y], { axis: 0 }), x);

/** `[..., width]` as `[rows, width]` */
export const rowsOf = (g: Builder, x: Node): Node => merged(g, x, x.type.shape.length - 1);

/** Sums `d` over all along which an operand of shape `to` was broadcast: what every element of it is given, together. */
export const unbroadcast = (g: Builder, d: Node, to: readonly Dim[]): Node => {
  const lead = d.type.shape.length - to.length;
  const spread = [...to.keys()].filter((axis) => same(to[axis]!, 1) && !same(d.type.shape[lead + axis]!, 1));
  const inner = spread.reduceRight<Node>((x, axis) => g.op("sum", [x], { axis: lead + axis }), d);
  if (lead === 0) return inner;
  const outer = merged(g, inner, lead);
  return withoutAxis(g, same(outer.type.shape[0]!, 1) ? outer : g.op("sum", [outer], { axis: 0 }), 0);
};

/** `x` within zeros: along `axis` it begins at `start` of `whole`. */
export const padded = (g: Builder, x: Node, axis: number, start: Dim, whole: Dim): Node => {
  const { dtype, shape } = x.type;
  const around = (size: Dim): readonly Node[] =>
    same(size, 0) ? [] : [zeros(g, { dtype, shape: shape.with(axis, size) })];
  const parts = [...around(start), x, ...around(sub(sub(whole, start), shape[axis]!))];
  return parts.length === 1 ? x : g.op("concat", parts, { axis });
};
