// Algebra that holds for every value, and views that cancel. Each rule's name is what it does.
import { same, sameShape } from "../ir/dim.ts";
import type { Builder, Node } from "../ir/node.ts";
import { $, constant, op } from "../ir/pattern.ts";
import { type Rule, rule } from "../ir/rewrite.ts";
import type { Type } from "../ir/vocabulary.ts";

/** `x`, spread to the shape of what it stands for. */
const shaped = (g: Builder, x: Node, { shape }: Type): Node =>
  sameShape(x.type.shape, shape) ? x : g.op("broadcast", [x], { shape });

const algebra: readonly Rule[] = [
  rule("x + 0 = x", op("add", [$("x"), constant(0)]), ({ x }) => x),
  rule("x - 0 = x", op("sub", [$("x"), constant(0)]), ({ x }) => x),
  rule("x * 1 = x", op("mul", [$("x"), constant(1)]), ({ x }) => x),
  rule("x / 1 = x", op("div", [$("x"), constant(1)]), ({ x }) => x),
  rule("- - x = x", op("neg", [op("neg", [$("x")])]), ({ x }) => x),
  rule("not not x = x", op("not", [op("not", [$("x")])]), ({ x }) => x),
  rule("x and x = x", op("and", [$("x"), $("x")]), ({ x }) => x),
  rule("x or x = x", op("or", [$("x"), $("x")]), ({ x }) => x),
  rule("x and true = x", op("and", [$("x"), constant(1)]), ({ x }) => x),
  rule("x or false = x", op("or", [$("x"), constant(0)]), ({ x }) => x),
  rule("x and false = false", op("and", [$("x"), constant(0)], "n"), ({ n }, g) =>
    shaped(g, g.constant(0, "bool"), n.type),
  ),
  rule("x or true = true", op("or", [$("x"), constant(1)], "n"), ({ n }, g) =>
    shaped(g, g.constant(1, "bool"), n.type),
  ),
  rule("where true: a", op("where", [constant(1), $("a"), $("b")], "n"), ({ a, n }, g) => shaped(g, a, n.type)),
  rule("where false: b", op("where", [constant(0), $("a"), $("b")], "n"), ({ b, n }, g) => shaped(g, b, n.type)),
  rule("where c: x else x = x", op("where", [$("c"), $("x"), $("x")], "n"), ({ x, n }, g) => shaped(g, x, n.type)),
  rule("cast to its own type", op("cast", [$("x")], "n"), ({ x, n }) =>
    n.attrs.dtype === x.type.dtype ? x : undefined,
  ),
  // Whoever differentiates a program does so before it is optimized.
  rule("stopped gradient of x = x", op("stopGradient", [$("x")]), ({ x }) => x),
];

const views: readonly Rule[] = [
  rule("transpose by identity", op("transpose", [$("x")], "n"), ({ x, n }) =>
    n.attrs.perm.every((p, i) => p === i) ? x : undefined,
  ),
  rule(
    "transpose of transpose",
    op("transpose", [op("transpose", [$("x")], "inner")], "outer"),
    ({ x, inner, outer }, g) => g.op("transpose", [x], { perm: outer.attrs.perm.map((p) => inner.attrs.perm[p]!) }),
  ),
  rule("broadcast to its own shape", op("broadcast", [$("x")], "n"), ({ x, n }) =>
    sameShape(x.type.shape, n.type.shape) ? x : undefined,
  ),
  rule("broadcast of broadcast", op("broadcast", [op("broadcast", [$("x")])], "n"), ({ x, n }, g) =>
    g.op("broadcast", [x], n.attrs),
  ),
  rule("slice of the whole axis", op("slice", [$("x")], "n"), ({ x, n }) =>
    same(n.attrs.start, 0) && sameShape(x.type.shape, n.type.shape) ? x : undefined,
  ),
  rule("split into one", op("split", [$("x")], "n"), ({ x, n }) => (n.attrs.sizes.length === 1 ? x : undefined)),
  rule("merge of split", op("merge", [op("split", [$("x")], "inner")], "outer"), ({ x, inner, outer }, g) => {
    const { axis, sizes } = inner.attrs;
    const first = outer.attrs.axis - axis;
    if (first < 0 || first > sizes.length - 2) return undefined;
    return g.op("split", [x], { axis, sizes: sizes.toSpliced(first, 2, outer.type.shape[outer.attrs.axis]!) });
  }),
  rule("split of merge", op("split", [op("merge", [$("x")], "inner")], "outer"), ({ x, inner, outer }, g) => {
    const { axis, sizes } = outer.attrs;
    const [first, ...rest] = sizes;
    if (inner.attrs.axis !== axis || !same(first!, x.type.shape[axis]!)) return undefined;
    return g.op("split", [x], { axis: axis + 1, sizes: rest });
  }),
  rule("concat of one", op("concat", [$("x")]), ({ x }) => x),
];

export const simplify: readonly Rule[] = [...algebra, ...views];
