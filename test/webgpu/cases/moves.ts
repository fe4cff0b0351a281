// What only moves numbers: views alone and one upon the other, rows found by an index, rows joined; and outputs that are
// what was given.
import type { Node } from "../../../compiler/ir/node.ts";
import type { Case, Making } from "../draw.ts";
import { B, P, pairs, T } from "./sizes.ts";

const made = (title: string, build: Case["build"], rest: Partial<Case> = {}): Case => ({
  title,
  dims: pairs,
  build,
  ...rest,
});
const fixed = (title: string, build: Case["build"]): Case => made(title, build, { dims: [{}] });

const perms = [
  [0, 1, 3, 2],
  [0, 2, 1, 3],
  [1, 0, 2, 3],
  [3, 1, 2, 0],
  [2, 3, 0, 1],
];
export const transposes: readonly Case[] = [
  fixed("of rank 4, of all kinds", ({ g, f32 }) => {
    const x = f32("x", [2, 3, 4, 5]);
    return perms.map((perm) => g.op("transpose", [x], { perm }));
  }),
  made("of a free last axis", ({ g, f32 }) => {
    const x = f32("x", [B, T, P]);
    return [
      g.op("transpose", [x], { perm: [0, 2, 1] }),
      g.op("transpose", [g.op("neg", [f32("y", [B, T, 7])])], { perm: [0, 2, 1] }),
    ];
  }),
  made("of a merge of a slice of a split", ({ g, f32 }) => {
    const split = g.op("split", [f32("x", [B, T, 24])], { axis: 2, sizes: [4, 6] });
    const slice = g.op("slice", [split], { axis: 3, start: 1, size: 4 });
    const merge = g.op("merge", [slice], { axis: 2 });
    return [
      merge,
      g.op("transpose", [merge], { perm: [1, 0, 2] }),
      g.op("transpose", [merge], { perm: [2, 0, 1] }),
      g.op("merge", [g.op("transpose", [slice], { perm: [0, 1, 3, 2] })], { axis: 2 }),
      g.op("exp", [g.op("merge", [g.op("transpose", [slice], { perm: [0, 2, 1, 3] })], { axis: 1 })]),
    ];
  }),
];
export const broadcasts: readonly Case[] = [
  fixed("over each axis", ({ g, f32 }) =>
    [
      [3, 4, 1],
      [3, 1, 5],
      [1, 4, 5],
      [1, 1, 1],
    ].map((shape, i) => g.op("broadcast", [f32(`x${i}`, shape)], { shape: [2, 3, 4, 5] })),
  ),
  made("to free sizes", ({ g, f32 }) => [
    g.op("broadcast", [f32("x", [T, 1])], { shape: [B, T, P] }),
    g.op("add", [g.op("broadcast", [f32("y", [1, 6])], { shape: [B, T, 6] }), f32("z", [P, B, T, 6])]),
  ]),
];
export const splits: readonly Case[] = [
  fixed("of widths on and off the vec4s", ({ g, f32 }) => [
    g.op("split", [f32("x", [3, 40])], { axis: 1, sizes: [5, 8] }),
    g.op("split", [f32("y", [3, 40])], { axis: 1, sizes: [8, 5] }),
    g.op("split", [f32("z", [12, 3])], { axis: 0, sizes: [4, 3] }),
    g.op("neg", [g.op("split", [f32("w", [30])], { axis: 0, sizes: [2, 3, 5] })]),
  ]),
  made("of rows, and back", ({ g, f32 }) => {
    const x = g.op("merge", [f32("x", [B, T, 6])], { axis: 0 });
    const y = g.op("split", [g.op("tanh", [x])], { axis: 0, sizes: [B, T] });
    return [x, y, g.op("merge", [g.op("transpose", [y], { perm: [1, 0, 2] })], { axis: 0 })];
  }),
];
export const merges: readonly Case[] = [
  fixed("of widths on and off the vec4s", ({ g, f32 }) => [
    g.op("merge", [f32("x", [3, 5, 7])], { axis: 1 }),
    g.op("merge", [f32("y", [3, 2, 8])], { axis: 1 }),
    g.op("merge", [f32("z", [3, 6, 2])], { axis: 1 }),
    g.op("merge", [g.op("merge", [f32("w", [3, 5, 7])], { axis: 0 })], { axis: 0 }),
  ]),
  made("of free axes", ({ g, f32 }) => {
    const x = f32("x", [B, T, P]);
    return [
      g.op("merge", [x], { axis: 1 }),
      g.op("merge", [g.op("exp", [x])], { axis: 0 }),
      g.op("merge", [g.op("transpose", [f32("y", [B, T, 6])], { perm: [0, 2, 1] })], { axis: 1 }),
    ];
  }),
];
export const slices: readonly Case[] = [
  fixed("at each start of a row", ({ g, f32 }) => {
    const x = f32("x", [3, 13]);
    return [
      [0, 13],
      [0, 4],
      [4, 4],
      [8, 5],
      [1, 4],
      [3, 9],
      [12, 1],
    ].map(([start, size]) => g.op("slice", [x], { axis: 1, start: start!, size: size! }));
  }),
  made("of free rows", ({ g, f32 }) => {
    const all = g.op("concat", [f32("x", [B, T, 6]), f32("y", [B, P, 6])], { axis: 1 });
    const part = g.op("slice", [all], { axis: 1, start: T, size: P });
    return [
      part,
      g.op("slice", [part], { axis: 2, start: 2, size: 4 }),
      g.op("transpose", [part], { perm: [1, 2, 0] }),
    ];
  }),
];

export const concats: readonly Case[] = [
  fixed("of features, on and off the vec4s", ({ g, f32 }) => {
    const widths = (name: string, ...sizes: readonly number[]): Node =>
      g.op(
        "concat",
        sizes.map((size, i) => f32(`${name}${i}`, [2, size])),
        { axis: 1 },
      );
    return [widths("a", 4, 8, 4), widths("b", 3, 1, 9), widths("c", 4, 3), widths("d", 1, 4)];
  }),
  fixed("along each axis", ({ g, f32 }) =>
    [0, 1, 2].map((axis) => {
      const [x, y] = ["x", "y"].map((name, i) => f32(`${name}${axis}`, [2, 3, 6].with(axis, i === 0 ? 1 : 5)));
      return g.op("concat", [x!, y!], { axis });
    }),
  ),
  made("of free rows, and of what was joined", ({ g, f32 }) => {
    const [x, y] = [f32("x", [B, T, 5]), f32("y", [B, P, 5])];
    const rows = g.op("concat", [x, g.op("neg", [y]), x], { axis: 1 });
    const wide = g.op("concat", [rows, g.op("exp", [rows])], { axis: 2 });
    return [rows, wide, g.op("concat", [f32("u", [B, T]), f32("v", [B, P])], { axis: 1 })];
  }),
];

const index = ({ g, numbers, f32 }: Making): Node => {
  // Of numbers beyond both ends, kept within the table.
  const raw = g.op("cast", [g.op("mul", [f32("raw", [B, T], -2, 2), g.constant(9)])], { dtype: "i32" });
  const moved = g.op("add", [raw, numbers("at", [B, 1], [0, 7, 900], "i32")]);
  return g.op("max", [g.op("min", [moved, g.constant(10, "i32")]), g.constant(0, "i32")]);
};
export const gathers: readonly Case[] = [
  made("of weights and inputs at an index kept within them", (make) => {
    const { g, f32, weight } = make;
    const at = index(make);
    return [
      g.op("gather", [weight("w", [11, 9]), at]),
      g.op("gather", [f32("x", [11, 2, 3]), at]),
      g.op("gather", [weight("v", [11]), at]),
      g.op("gather", [g.op("exp", [f32("y", [11, 4])]), at]),
    ];
  }),
  made("of tables at inputs and at what is computed", (make) => {
    const { g, i32 } = make;
    const table = g.op("table", [], { table: { kind: "coordinate", rows: 11, dim: 6, period: 100 } });
    return [
      g.op("gather", [table, i32("id", [B, T], 11)]),
      g.op("gather", [table, index(make)]),
      g.op("gather", [table, g.op("iota", [], { size: 11 })]),
    ];
  }),
];

export const scatters: readonly Case[] = [
  made("rows on and off the vec4s, at an index kept within, and what is stopped", (make) => {
    const { g, f32 } = make;
    const at = index(make);
    const scattered = g.op("scatter", [f32("x", [B, T, 8]), at], { rows: 11 });
    return [
      scattered,
      g.op("scatter", [f32("y", [B, T, 3, 3]), at], { rows: 13 }),
      g.op("scatter", [g.op("exp", [f32("z", [B, T])]), at], { rows: 11 }),
      g.op("gather", [g.op("barrier", [g.op("stopGradient", [scattered]), at]), at]),
    ];
  }),
];

export const given: readonly Case[] = [
  made("outputs that are what was given, or views of it", ({ g, f32, i32, bool, weight, cache }) => {
    const [x, w, c] = [f32("x", [B, T, 3]), weight("w", [3, 5]), cache("c.k", [B, 2, P, 4])];
    const bias = weight("b", [5]);
    return [
      x,
      w,
      c,
      bias,
      i32("id", [B, T], 9),
      bool("seen", [B, P]),
      g.op("merge", [x], { axis: 0 }),
      g.op("transpose", [w], { perm: [1, 0] }),
      g.op("transpose", [c], { perm: [0, 2, 1, 3] }),
      g.op("linear", [g.op("linear", [x, g.op("transpose", [w], { perm: [1, 0] })]), w]),
      g.op("mul", [x, x]),
      g.constant(2),
      g.constant(-3, "i32"),
    ];
  }),
];
