// The rules of kernels: products give products, what is read at an index is added up there.
import { add, type Dim, same } from "../ir/dim.ts";
import type { Kernel } from "../ir/vocabulary.ts";
import type { Rule } from "./rule.ts";
import { rowsOf, unbroadcast, withoutAxis } from "./shape.ts";

export const kernel: { readonly [K in keyof Kernel]: Rule<K> } = {
  matmul: [
    ({ g, d, x, y, matmul, swapped }) => unbroadcast(g, matmul(d, swapped(y)), x.type.shape),
    // One matrix for all rows is summed within the product, not after it.
    ({ g, d, x, y, matmul, swapped }) =>
      y.type.shape.length === 2
        ? matmul(swapped(rowsOf(g, x)), rowsOf(g, d))
        : unbroadcast(g, matmul(swapped(x), d), y.type.shape),
  ],
  gather: [
    ({ g, d, x, y }) => {
      const [rows, ...rest] = x.type.shape as [Dim, ...Dim[]];
      // All that reads the only row is added up, whatever the index.
      if (!same(rows, 1)) return g.op("scatter", [d, y], { rows });
      const shape = [1, ...rest];
      return y.type.shape.length === 0 ? g.op("broadcast", [d], { shape }) : unbroadcast(g, d, shape);
    },
    "none",
  ],
  concat: [
    ({ g, n, d }, operand) => {
      const { axis } = n.attrs;
      const start = n.src.slice(0, operand).reduce<Dim>((sum, s) => add(sum, s.type.shape[axis]!), 0);
      return g.op("slice", [d], { axis, start, size: n.src[operand]!.type.shape[axis]! });
    },
  ],
  // Of `[cos | sin]` it is `[-sin | cos]` times the frequencies: the same features in the other order.
  sinusoid: [
    ({ g, n, d, sum, mul, neg, exp }) => {
      const { dim, period, divisor, scale, order } = n.attrs;
      const last = n.type.shape.length - 1;
      const sineFirst = order === "sin cos";
      const turned = g.op("sinusoid", n.src, { ...n.attrs, order: sineFirst ? "cos sin" : "sin cos" });
      const k = g.op("cast", [g.op("iota", [], { size: dim / 2 })], { dtype: "f32" });
      const frequencies = mul(exp(mul(k, -Math.log(period) / divisor)), scale);
      const halves = sineFirst ? [frequencies, neg(frequencies)] : [neg(frequencies), frequencies];
      const slopes = mul(turned, g.op("concat", halves, { axis: 0 }));
      return withoutAxis(g, sum(mul(d, slopes), last), last);
    },
  ],
};
