// Numbers that are broadcast, of which gradients are full: they need no data of their own, and zeros around the parts of
// one axis need not be added up.
import { type Dim, same, sameShape, sub, terms } from "../ir/dim.ts";
import type { Builder, Node, NodeOf } from "../ir/node.ts";
import { $, constant, op } from "../ir/pattern.ts";
import { broadcastShape } from "../ir/pointwise.ts";
import { type Rule, rule } from "../ir/rewrite.ts";
import type { Type } from "../ir/vocabulary.ts";

const spread = op("broadcast", [$("c")], "spread");
/** The number that `n` is a broadcast of, or `n` itself. */
const bare = (n: Node): Node => (n.op === "broadcast" && n.src[0]!.op === "constant" ? n.src[0]! : n);

const arithmetic: readonly Rule[] = (["add", "sub", "mul", "div", "max", "min"] as const).map((name) =>
  rule(`${name} of a spread number`, op(name, undefined, "n"), ({ n }, g) => {
    const [x, y] = n.src.map(bare) as [Node, Node];
    if (x === n.src[0] && y === n.src[1]) return undefined;
    const shape = broadcastShape(name, x.type.shape, y.type.shape);
    return sameShape(shape, n.type.shape) ? g.op(name, [x, y]) : undefined;
  }),
);
const views: readonly Rule[] = (["transpose", "split", "merge", "slice"] as const).map((name) =>
  rule(`${name} of a spread number`, op(name, [spread], "n"), ({ c, n }, g) =>
    c.op === "constant" ? g.op("broadcast", [c], { shape: n.type.shape }) : undefined,
  ),
);

/** A stretch of an axis; nothing: zeros. */
interface Piece {
  readonly size: Dim;
  readonly node: Node | undefined;
}
const zero = op("broadcast", [constant(0)]);
const piecesOf = ({ src, attrs }: NodeOf<"concat">): Piece[] =>
  src.map((node) => ({
    size: node.type.shape[attrs.axis]!,
    node: zero.match(node, {}) === undefined ? node : undefined,
  }));
const isCount = (d: Dim): boolean => terms(d).every(({ coefficient }) => coefficient >= 0);

/** The sum of two rows of pieces, where of any two that meet one is of zeros. */
const together = (a: readonly Piece[], b: readonly Piece[]): Piece[] | undefined => {
  const [left, right] = [[...a], [...b]];
  const sum: Piece[] = [];
  while (left.length > 0 && right.length > 0) {
    const [p, q] = [left[0]!, right[0]!];
    if (p.node !== undefined && q.node !== undefined) return undefined;
    const whole = p.node === undefined ? q : p;
    const [shorter, longer] = same(p.size, q.size) || isCount(sub(q.size, p.size)) ? [p, q] : [q, p];
    const rest = sub(longer.size, shorter.size);
    // Only zeros can be cut.
    if (!same(rest, 0) && (longer.node !== undefined || !isCount(rest))) return undefined;
    sum.push({ size: shorter.size, node: whole.node });
    left.shift();
    right.shift();
    if (!same(rest, 0)) (longer === p ? left : right).unshift({ size: rest, node: undefined });
  }
  return sum;
};
const joined = (g: Builder, pieces: readonly Piece[], { dtype, shape }: Type, axis: number): Node => {
  const zeros = (size: Dim): Node => g.op("broadcast", [g.constant(0, dtype)], { shape: shape.with(axis, size) });
  return g.op(
    "concat",
    pieces.map(({ size, node }) => node ?? zeros(size)),
    { axis },
  );
};
const parts = rule(
  "sum of parts within zeros = concat",
  op("add", [op("concat", undefined, "a"), op("concat", undefined, "b")], "n"),
  ({ a, b, n }, g) => {
    const { axis } = a.attrs;
    if (b.attrs.axis !== axis || !sameShape(a.type.shape, b.type.shape)) return undefined;
    const pieces = together(piecesOf(a), piecesOf(b));
    return pieces && joined(g, pieces, n.type, axis);
  },
);

export const spreads: readonly Rule[] = [...arithmetic, ...views, parts];
