// Attention as its expansion: scores against each stream of keys, one masked softmax over them all, and the sum of what
// each stream's values give. Keys and values of different streams are never joined. Query heads that share a key head
// stand as further rows of it, so that keys and values are used as they are.
import { add, type Dim } from "./dim.ts";
import type { Builder, Node } from "./node.ts";
import type { Composite } from "./vocabulary.ts";

/** The score of a pair that may not meet: its weight is exactly 0 beside any that may, and it never makes a NaN. */
export const HIDDEN = -1e30;

export interface KeyStream<T> {
  readonly k: T;
  readonly v: T;
  readonly mask: T;
}
/** The streams among an attention's operands, which are q and then k, v, mask of each. */
export const keyStreams = <T>(src: readonly T[]): readonly KeyStream<T>[] =>
  Array.from({ length: (src.length - 1) / 3 }, (_, i) => ({
    k: src[3 * i + 1]!,
    v: src[3 * i + 2]!,
    mask: src[3 * i + 3]!,
  }));

/** Over `q [batch, Q, heads * d]` and streams `k [batch, K, kvHeads * d], v [batch, K, kvHeads * e], mask [batch or 1, 1, Q, K]`. */
export const expandAttention = (g: Builder, src: readonly Node[], attrs: Composite["attention"]): Node => {
  const { heads, kvHeads, scale, softcap, covered } = attrs;
  const streams = keyStreams(src);
  const head: Heads = { kvHeads, group: heads / kvHeads, rows: src[0]!.type.shape[1]! };
  const q = queries(g, g.op("mul", [src[0]!, g.constant(scale)]), head);
  const masks = streams.map(({ mask }) =>
    head.group === 1 ? mask : g.op("split", [mask], { axis: 1, sizes: [1, 1] }),
  );
  const scores = streams.map(({ k }, i) => {
    const raw = g.op("matmul", [q, g.op("transpose", [apart(g, k, kvHeads)], { perm: [0, 2, 3, 1] })]);
    return g.op("where", [masks[i]!, grouped(g, capped(g, raw, softcap), head), g.constant(HIDDEN)]);
  });
  const axis = scores[0]!.type.shape.length - 1;
  const joined = scores.length === 1 ? scores[0]! : g.op("concat", scores, { axis });
  const weights = g.op("softmax", [joined], { axis });
  let start: Dim = 0;
  const parts = streams.map(({ v }, i): Node => {
    const size = scores[i]!.type.shape[axis]!;
    const own = streams.length === 1 ? weights : g.op("slice", [weights], { axis, start, size });
    start = add(start, size);
    const values = g.op("transpose", [apart(g, v, kvHeads)], { perm: [0, 2, 1, 3] });
    return g.op("matmul", [head.group === 1 ? own : g.op("merge", [own], { axis: 2 }), values]);
  });
  const y = grouped(
    g,
    parts.reduce((a, b) => g.op("add", [a, b])),
    head,
  );
  if (covered) return rowsAgain(g, y, head);
  const seen = masks.map<Node>((mask) => g.op("amax", [g.op("cast", [mask], { dtype: y.type.dtype })], { axis }));
  return rowsAgain(g, g.op("mul", [y, seen.reduce((a, b) => g.op("max", [a, b]))]), head);
};

interface Heads {
  readonly kvHeads: number;
  /** query heads a key head */
  readonly group: number;
  readonly rows: Dim;
}
const capped = (g: Builder, scores: Node, softcap: number | undefined): Node => {
  if (softcap === undefined) return scores;
  const cap = g.constant(softcap);
  return g.op("mul", [g.op("tanh", [g.op("div", [scores, cap])]), cap]);
};
/** `[batch, rows, n * d]` to `[batch, rows, n, d]` */
const apart = (g: Builder, x: Node, ...heads: readonly number[]): Node => {
  const width = x.type.shape[2] as number;
  return g.op("split", [x], { axis: 2, sizes: [...heads, heads.reduce((left, n) => left / n, width)] });
};
/** `[batch, kvHeads, group * rows, d]` */
const queries = (g: Builder, q: Node, { kvHeads, group }: Heads): Node => {
  if (group === 1) return g.op("transpose", [apart(g, q, kvHeads)], { perm: [0, 2, 1, 3] });
  return g.op("merge", [g.op("transpose", [apart(g, q, kvHeads, group)], { perm: [0, 2, 3, 1, 4] })], { axis: 2 });
};
/** `[batch, kvHeads, group * rows, n]` to `[batch, kvHeads, group, rows, n]`; of single heads as it is */
const grouped = (g: Builder, x: Node, { group, rows }: Heads): Node =>
  group === 1 ? x : g.op("split", [x], { axis: 2, sizes: [group, rows] });
/** back to `[batch, rows, heads * e]` */
const rowsAgain = (g: Builder, y: Node, { group }: Heads): Node => {
  if (group === 1) return g.op("merge", [g.op("transpose", [y], { perm: [0, 2, 1, 3] })], { axis: 2 });
  const back = g.op("transpose", [y], { perm: [0, 3, 1, 2, 4] });
  return g.op("merge", [g.op("merge", [back], { axis: 2 })], { axis: 2 });
};
