// Attention as its expansion: two matmuls about a masked softmax, query heads grouped over key heads.
import type { Builder, Node } from "./node.ts";
import type { Composite } from "./vocabulary.ts";

/** The score of a pair that may not meet: its weight is exactly 0 beside any that may, and it never makes a NaN. */
export const HIDDEN = -1e30;

/** Over `q [batch, Q, heads * d], k [batch, K, kvHeads * d], v [batch, K, kvHeads * e], mask [batch or 1, 1, Q, K]`. */
export const expandAttention = (g: Builder, src: readonly Node[], attrs: Composite["attention"]): Node => {
  const [q, k, v, mask] = src as [Node, Node, Node, Node];
  const { heads, kvHeads, scale, softcap, covered } = attrs;
  const group = heads / kvHeads;
  const views = group > 1 ? grouped : plain;
  const scaled = g.op("mul", [q, g.constant(scale)]);
  const raw = g.op("matmul", [views.heads(g, scaled, kvHeads, group), views.keys(g, k, kvHeads)]);
  const scores = capped(g, raw, softcap);
  const axis = scores.type.shape.length - 1;
  const seen = views.mask(g, mask);
  const weights = g.op("softmax", [g.op("where", [seen, scores, g.constant(HIDDEN)])], { axis });
  const y = g.op("matmul", [weights, views.heads(g, v, kvHeads, 1)]);
  const any = covered ? undefined : g.op("amax", [g.op("cast", [seen], { dtype: y.type.dtype })], { axis });
  return views.rows(g, any === undefined ? y : g.op("mul", [y, any]));
};

const capped = (g: Builder, scores: Node, softcap: number | undefined): Node => {
  if (softcap === undefined) return scores;
  const cap = g.constant(softcap);
  return g.op("mul", [g.op("tanh", [g.op("div", [scores, cap])]), cap]);
};

/** How heads stand apart while scores are made, and come together again as `[batch, rows, heads * e]`. */
interface Views {
  /** from `[batch, rows, n * group * d]`; keys and values are one of a group */
  heads(g: Builder, x: Node, n: number, group: number): Node;
  /** with features before rows */
  keys(g: Builder, k: Node, n: number): Node;
  mask(g: Builder, mask: Node): Node;
  rows(g: Builder, y: Node): Node;
}
const split = (g: Builder, x: Node, ...heads: readonly number[]): Node => {
  const width = x.type.shape[2] as number;
  return g.op("split", [x], { axis: 2, sizes: [...heads, heads.reduce((left, n) => left / n, width)] });
};
/** `[batch, heads, rows, d]` */
const plain: Views = {
  heads: (g, x, n) => g.op("transpose", [split(g, x, n)], { perm: [0, 2, 1, 3] }),
  keys: (g, k, n) => g.op("transpose", [split(g, k, n)], { perm: [0, 2, 3, 1] }),
  mask: (_g, mask) => mask,
  rows: (g, y) => g.op("merge", [g.op("transpose", [y], { perm: [0, 2, 1, 3] })], { axis: 2 }),
};
/** `[batch, kvHeads, group, rows, d]` */
const grouped: Views = {
  heads: (g, x, n, group) => g.op("transpose", [split(g, x, n, group)], { perm: [0, 2, 3, 1, 4] }),
  keys: (g, k, n) => g.op("transpose", [split(g, k, n, 1)], { perm: [0, 2, 3, 4, 1] }),
  mask: (g, mask) => g.op("split", [mask], { axis: 1, sizes: [1, 1] }),
  rows: (g, y) => {
    const back = g.op("transpose", [y], { perm: [0, 3, 1, 2, 4] });
    return g.op("merge", [g.op("merge", [back], { axis: 2 })], { axis: 2 });
  },
};
