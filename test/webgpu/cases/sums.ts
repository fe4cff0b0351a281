// What is made of a whole axis: sums and largest values, norms and softmax, products of any two values, features of numbers.
import type { Node } from "../../../compiler/ir/node.ts";
import type { Case, Making } from "../draw.ts";
import { B, P, pairs, T } from "./sizes.ts";

type Reduce = "sum" | "amax";
export const reduces = (op: Reduce): readonly Case[] => [
  {
    title: "each axis of known sizes",
    dims: [{}],
    build: ({ g, f32 }) =>
      [[2, 3, 8], [5, 7, 3], [3, 1], [67], [4, 130], [3, 512], [2, 3, 1023]].flatMap((shape, i) => {
        const x = f32(`x${i}`, shape, -3, -1);
        return shape.map((_, axis) => g.op(op, [x], { axis }));
      }),
  },
  {
    title: "each axis of free sizes, and what is made of it",
    dims: pairs,
    build: ({ g, f32 }) => {
      const [x, y] = [f32("x", [B, T, P], -3, -1), f32("y", [B, T, 5])];
      const scaled = g.op("mul", [y, y]);
      return [0, 1, 2].flatMap((axis) => [
        g.op(op, [x], { axis }),
        g.op("add", [g.op(op, [scaled], { axis }), g.constant(1)]),
        g.op("sub", [y, g.op(op, [y], { axis })]),
      ]);
    },
  },
  {
    title: "whole numbers, and what is made of them",
    dims: pairs,
    build: ({ g, i32 }) => {
      const x = i32("x", [B, T, P], 99);
      const most = g.op(op, [g.op("neg", [x])], { axis: 1 });
      return [most, g.op("less", [x, g.op("neg", [most])]), g.op(op, [i32("y", [B, T, 6], 99)], { axis: 2 })];
    },
  },
];
export const softmaxes: readonly Case[] = [
  {
    title: "each axis, of large numbers",
    dims: pairs,
    build: ({ g, f32 }) => {
      const [x, y] = [f32("x", [B, T, P], -200, 200), f32("y", [B, T, 9], -90, 90)];
      return [0, 1, 2].flatMap((axis) => [g.op("softmax", [x], { axis }), g.op("softmax", [y], { axis })]);
    },
  },
];

const norms = (op: "rmsNorm" | "layerNorm", operands: readonly number[]): readonly Case[] => [
  {
    title: "widths on and off the vec4s, small and far from 0",
    dims: pairs,
    build: ({ g, f32, weight }) =>
      [1, 3, 8, 67, 128, 515].flatMap((width) =>
        operands.map((count) => {
          const name = `${width}.${count}`;
          const x = count === 0 ? f32(`x${name}`, [B, T, width], -1e-3, 1e-3) : f32(`x${name}`, [B, T, width], 7, 9);
          const own = ["w", "b"].slice(0, count).map((each) => weight(`${each}${name}`, [width]));
          return g.op(op, [x, ...own], { eps: 1e-5 });
        }),
      ),
  },
  {
    title: "of what is computed, read by several, of heads",
    dims: pairs,
    build: ({ g, f32, weight }) => {
      const h = g.op("add", [f32("x", [B, T, 12]), f32("y", [B, 1, 12])]);
      const heads = g.op("split", [h], { axis: 2, sizes: [2, 6] });
      const own = g.op(op, [heads, weight("w", [6])], { eps: 1e-6 });
      const n = g.op(op, [h], { eps: 1e-6 });
      return [g.op("merge", [own], { axis: 2 }), n, g.op("mul", [n, h]), g.op("linear", [n, weight("o", [5, 12])])];
    },
  },
];
export const rmsNorms = norms("rmsNorm", [0, 1]);
export const layerNorms = norms("layerNorm", [0, 1, 2]);

const product = ({ g, f32 }: Making, name: string, a: Node["type"]["shape"], b: Node["type"]["shape"]): Node =>
  g.op("matmul", [f32(`${name}.a`, a), f32(`${name}.b`, b)]);
export const matmuls: readonly Case[] = [
  {
    title: "leading axes that broadcast",
    dims: pairs,
    build: (make) => [
      product(make, "u", [B, 3, T, 5], [B, 3, 5, 7]),
      product(make, "v", [B, 3, T, 5], [5, 4]),
      product(make, "w", [T, 6], [B, 2, 6, 1]),
      product(make, "x", [1, 2, 3, 4], [B, 1, 4, 9]),
    ],
  },
  {
    title: "free sizes on every side, and what is made of it",
    dims: pairs,
    build: (make) => {
      const { g, f32 } = make;
      const scores = product(make, "u", [B, 2, T, 5], [B, 2, 5, P]);
      const scaled = g.op("mul", [scores, g.constant(0.5)]);
      const y = g.op("matmul", [g.op("softmax", [scaled], { axis: 3 }), f32("v", [B, 2, P, 6])]);
      return [
        scaled,
        g.op("merge", [g.op("transpose", [y], { perm: [0, 2, 1, 3] })], { axis: 2 }),
        product(make, "w", [T, B], [B, T]),
      ];
    },
  },
];

export const sinusoids: readonly Case[] = [
  {
    title: "times of all sizes, and what is made of them",
    dims: [{ batch: 4 }, { batch: 1 }],
    build: ({ g, numbers, weight }) => {
      const t = numbers("t", [B, 1], [0, 0.5, 999, 1]);
      const features = { dim: 10, period: 1e4, divisor: 5, scale: 1000 } as const;
      const x = g.op("sinusoid", [t], { ...features, order: "cos sin" });
      const y = g.op("sinusoid", [g.op("mul", [t, g.constant(0.25)])], { ...features, order: "sin cos" });
      return [x, y, g.op("silu", [g.op("linear", [g.op("merge", [x], { axis: 0 }), weight("w", [7, 10])])])];
    },
  },
];
export const iotas: readonly Case[] = [
  {
    title: "of known and free sizes, compared",
    dims: pairs,
    build: ({ g, i32 }) => {
      const [rows, columns] = [g.op("iota", [], { size: T }), g.op("iota", [], { size: 7 })];
      const at = i32("at", [B, T, 1], 9);
      return [
        rows,
        columns,
        g.op("less", [columns, at]),
        g.op("add", [g.op("split", [rows], { axis: 0, sizes: [T, 1] }), at]),
      ];
    },
  },
];
