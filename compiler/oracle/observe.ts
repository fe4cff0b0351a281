// What an evaluation reports besides its results: figures by which a verification shows that its weights are lively,
// that is, that attention is neither flat nor saturated and that no branch is drowned by the stream it is added to.
import type { At, Row, RowOf } from "../analyze/model.ts";

export type Event =
  /** one `attend` of one call: how many scores were visible (heads * pairs), their sum and sum of squares */
  | {
      readonly kind: "attend";
      readonly path: string;
      readonly at: At;
      readonly count: number;
      readonly sum: number;
      readonly squares: number;
    }
  /** the keys and values that one `attend` of one call makes of its own rows, by their place: what a cache must hold */
  | {
      readonly kind: "keys";
      readonly node: RowOf<"attend">;
      readonly rows: ReadonlyMap<number, { readonly k: Float64Array; readonly v: Float64Array }>;
    }
  /** one residual `add` of one call: root mean squares of the stream and of what is added, over all rows */
  | {
      readonly kind: "residual";
      readonly path: string;
      readonly at: At;
      readonly stream: number;
      readonly branch: number;
    };

/** A residual add and its operands by role. */
export interface Residual {
  readonly add: RowOf<"add">;
  readonly stream: Row;
  readonly branch: Row;
}

/** The adds onto the residual stream (a block's rows themselves, or a sum on the stream) in its body, inner ones first. */
export function residuals(body: Row): readonly Residual[] {
  const found: Residual[] = [];
  const seen = new Map<Row, boolean>();
  /** is the node on the stream? */
  const visit = (node: Row): boolean => {
    const known = seen.get(node);
    if (known !== undefined) return known;
    const on = node.src.map(visit);
    const stream = on.indexOf(true);
    const isResidual = node.op === "add" && stream >= 0;
    if (isResidual) found.push({ add: node, stream: node.src[stream]!, branch: node.src[1 - stream]! });
    const result = isResidual || (node.op === "parameter" && node.attrs.index === 0);
    seen.set(node, result);
    return result;
  };
  visit(body);
  return found;
}

/** Root mean square over all rows; 0 of nothing. */
export function rms(rows: readonly Float64Array[]): number {
  let sum = 0;
  let count = 0;
  for (const row of rows) {
    for (const x of row) sum += x * x;
    count += row.length;
  }
  return count === 0 ? 0 : Math.sqrt(sum / count);
}
