// The rules of views and reductions: the way of each number, gone back.
import type { Reduce, View } from "../ir/vocabulary.ts";
import type { Rule } from "./rule.ts";
import { padded, unbroadcast } from "./shape.ts";

export const view: { readonly [K in keyof View]: Rule<K> } = {
  transpose: [
    ({ g, n, d }) => g.op("transpose", [d], { perm: n.attrs.perm.map((_, axis) => n.attrs.perm.indexOf(axis)) }),
  ],
  broadcast: [({ g, d, x }) => unbroadcast(g, d, x.type.shape)],
  split: [
    ({ g, n, d }) => n.attrs.sizes.slice(1).reduce((joined) => g.op("merge", [joined], { axis: n.attrs.axis }), d),
  ],
  merge: [
    ({ g, n, d, x }) => {
      const { axis } = n.attrs;
      return g.op("split", [d], { axis, sizes: x.type.shape.slice(axis, axis + 2) });
    },
  ],
  slice: [({ g, n, d, x }) => padded(g, d, n.attrs.axis, n.attrs.start, x.type.shape[n.attrs.axis]!)],
};

export const reduce: { readonly [K in keyof Reduce]: Rule<K> } = {
  sum: [({ g, d, x }) => g.op("broadcast", [d], { shape: x.type.shape })],
  // Those that are greatest have equal shares.
  amax: [
    ({ g, n, d, x, equal, mul, div, sum }) => {
      const greatest = g.op("cast", [equal(x, n)], { dtype: n.type.dtype });
      return mul(greatest, div(d, sum(greatest, n.attrs.axis)));
    },
  ],
};
