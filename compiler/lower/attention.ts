// One attend of one query stream: its keys and values are those of every stream it may see, each as it lies. Softmax does
// not care for the order of keys, so rows are never gathered or moved.
import type { RowOf } from "../analyze/model.ts";
import type { Builder, Node } from "../ir/node.ts";
import type { Rows } from "./entry.ts";
import { batched, unbatched, type Value } from "./value.ts";

export interface Keys {
  /** `[batch, K, kvHeads * width]` */
  readonly k: Node;
  readonly v: Node;
  readonly kvHeads: number;
  /** bool `[batch, 1, Q, K]`: which of them each query sees */
  readonly mask: Node;
}

/** `covered`: every row of `rows` that is there sees itself. */
export const attend = (
  g: Builder,
  row: RowOf<"attend">,
  queries: { readonly rows: Rows; readonly q: Value; readonly covered: boolean },
  keys: readonly Keys[],
): Value => {
  const { rows, q, covered } = queries;
  const [first] = keys;
  // A query that sees nothing gives 0.
  if (first === undefined) return { node: zeros(g, row.shape), extent: "constant", shape: row.shape };
  const streams = keys.flatMap((key) => [key.k, key.v, key.mask]);
  const attrs = { heads: q.shape[0]!, kvHeads: first.kvHeads, ...row.attrs, covered };
  return unbatched(g, g.op("attention", [batched(g, rows, q), ...streams], attrs), row.shape);
};
const zeros = (g: Builder, shape: readonly number[]): Node => g.op("broadcast", [g.constant(0)], { shape });
