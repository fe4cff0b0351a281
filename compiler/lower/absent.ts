// Rows that are not there: documents of unlike length share a call, and the slots that the shorter ones leave hold anything.
// Masks hide them, but a hidden NaN still spoils what it is summed with, as 0 * NaN is NaN, and no filler is safe in every
// model: one that divides by its own norm makes NaN of zeros. So where rows enter, each that is not there takes all of its
// inputs from one that is: in every layer it is then as finite as that one. No layer knows of it.
import { mul } from "../ir/dim.ts";
import type { Builder, Node } from "../ir/node.ts";

/** Who stands in for whom among the rows of one stream. */
export interface Standing {
  /** i32 `[batch * rows]`: itself, or for a row that is not there the last one of its document, or of any document */
  readonly index: Node;
  /** bool `[1]`: the call has no row of the stream at all */
  readonly nobody: Node;
}

/** By `order`, i32 `[batch, rows]`: below 0 where there is no row. */
export const standingOf = (g: Builder, order: Node): Standing => {
  const [batch, rows] = order.type.shape;
  const number = (value: number): Node => g.constant(value, "i32");
  const absent = g.op("less", [order, number(0)]);
  const all = g.op("split", [g.op("iota", [], { size: mul(batch!, rows!) })], { axis: 0, sizes: [batch!, rows!] });
  const last = g.op("amax", [g.op("where", [absent, number(-1), all])], { axis: 1 });
  const best = g.op("amax", [last], { axis: 0 });
  const other = g.op("where", [g.op("less", [last, number(0)]), g.op("max", [best, number(0)]), last]);
  const index = g.op("merge", [g.op("where", [absent, other, all])], { axis: 0 });
  return { index, nobody: g.op("merge", [g.op("less", [best, number(0)])], { axis: 0 }) };
};

/** `[batch * rows, ...]` with the values of those that stand in. */
export const stoodIn = (g: Builder, { index, nobody }: Standing, flat: Node): Node => {
  const taken = g.op("gather", [flat, index]);
  const rank = flat.type.shape.length;
  const none =
    rank === 1 ? nobody : g.op("split", [nobody], { axis: 0, sizes: [1, ...Array<number>(rank - 1).fill(1)] });
  return g.op("where", [none, filler(g, flat), taken]);
};
/** Where nobody is there: numbers that are neither 0 nor all alike, since of such a norm or a variance is 0. */
const filler = (g: Builder, { type: { dtype, shape } }: Node): Node => {
  if (dtype === "i32") return g.constant(0, "i32");
  const width = shape.length > 1 ? shape.at(-1)! : 1;
  if (width === 1) return g.constant(1);
  const count = g.op("cast", [g.op("iota", [], { size: width })], { dtype: "f32" });
  return g.op("div", [g.constant(1), g.op("add", [count, g.constant(1)])]);
};
