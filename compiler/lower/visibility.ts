// A mask as a graph: for each query, which keys of a stream it sees, from the order and span of their rows alone.
import type { Builder, Node } from "../ir/node.ts";
import type { Cases, Order } from "../rows/mask.ts";
import type { Places, Rows } from "./entry.ts";

/** bool `[batch, 1, Q, K]`: which rows of `keys` each row of `queries` sees; a key that is not there is seen by none. */
export const maskNode = (g: Builder, { same, other }: Cases, queries: Rows, keys: Places): Node => {
  const q = (x: Node): Node => g.op("split", [upright(g, x)], { axis: 2, sizes: [queries.count, 1] });
  const k = (x: Node): Node => g.op("split", [upright(g, x)], { axis: 1, sizes: [1, 1] });
  const present = g.op("not", [g.op("less", [k(keys.order), g.constant(0, "i32")])]);
  const after = g.op("less", [q(queries.order), k(keys.order)]);
  const place = queries.stream.kinds[0]!.rows.kind === "token" ? "order" : "span";
  const shared = (): Node => g.op("equal", [q(queries[place]), k(keys[place])]);
  const seen = together(g, ordered(g, same, after), ordered(g, other, after), shared);
  if (seen === false) throw new Error(`${queries.stream.name} sees no row of ${keys.stream.name}`);
  if (seen !== true) return g.op("and", [present, seen]);
  return g.op("broadcast", [present], { shape: [present.type.shape[0]!, 1, queries.count, keys.count] });
};

/** `[batch, rows]` to `[batch, 1, rows]` */
const upright = (g: Builder, x: Node): Node => g.op("split", [x], { axis: 0, sizes: [x.type.shape[0]!, 1] });

type Truth = boolean | Node;
const ordered = (g: Builder, { before, after }: Order, isAfter: Node): Truth =>
  before === after ? before : before ? g.op("not", [isAfter]) : isAfter;

/** `inside` for rows of one span, `outside` for others. */
const together = (g: Builder, inside: Truth, outside: Truth, shared: () => Node): Truth => {
  if (inside === outside) return inside;
  const apart = (): Node => g.op("not", [shared()]);
  if (inside === true) return or(g, shared(), outside);
  if (outside === true) return or(g, apart(), inside);
  return or(g, and(g, shared(), inside), and(g, apart(), outside));
};
const and = (g: Builder, a: Node, b: Truth): Truth => (typeof b === "boolean" ? b && a : g.op("and", [a, b]));
const or = (g: Builder, a: Truth, b: Truth): Truth => {
  if (a === true || b === true) return true;
  return a === false ? b : b === false ? a : g.op("or", [a, b]);
};
