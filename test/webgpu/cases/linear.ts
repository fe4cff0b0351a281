// Products with matrices: widths off the vec4s and tiles, what goes before them and after them, several at once.
import type { Node } from "../../../compiler/ir/node.ts";
import type { Case, Making, Precision } from "../draw.ts";
import { B, few, P, pairs, rows, T } from "./sizes.ts";

const widths = [
  [1, 1],
  [3, 5],
  [5, 3],
  [63, 65],
  [65, 63],
  [130, 130],
  [64, 8],
] as const;

const linear = ({ g, weight }: Making, x: Node, name: string, out: number, bias = false): Node => {
  const within = x.type.shape.at(-1)!;
  return g.op("linear", [x, weight(name, [out, within]), ...(bias ? [weight(`${name}.bias`, [out])] : [])]);
};

const plain = (kind: "forward" | "decode"): Case[] =>
  widths.map(([from, to], i) => ({
    title: `${kind}: ${from} to ${to}${i % 2 === 1 ? " with a bias" : ""}`,
    dims: i < 3 ? rows : few,
    kind,
    through: [kind === "decode" ? "linear.narrow" : "linear.wide"],
    build: (make) => {
      const x = make.f32("x", [B, T, from]);
      return linear(make, i % 2 === 0 ? make.g.op("merge", [x], { axis: 0 }) : x, "w", to, i % 2 === 1);
    },
  }));

/** Queries, keys and values of the same rows; the heads of the first two are turned. */
const turned = (kind: "forward" | "decode", width: number, interleaved: boolean): Case => ({
  title: `${kind}: turned heads of ${width}${interleaved ? ", interleaved" : ""}, beside values`,
  dims: few,
  kind,
  build: (make) => {
    const { g, f32, i32 } = make;
    const x = f32("x", [B, T, 10]);
    const position = i32("position", [B, T], 40);
    const table = (part: "cos" | "sin"): Node =>
      g.op("table", [], { table: { kind: "rotary", rows: 40, dim: width, theta: 100, part } });
    const head = (name: string, heads: number): Node =>
      g.op("rotary", [linear(make, x, name, heads * width, name === "q"), table("cos"), table("sin"), position], {
        heads,
        interleaved,
      });
    return [head("q", 3), head("k", 1), linear(make, x, "v", 2 * width)];
  },
});

const gated = (kind: "forward" | "decode", width: number): Case => ({
  title: `${kind}: silu(gate) * up of ${width}, added to the rows`,
  dims: few,
  kind,
  through: [kind === "decode" ? "linear.narrow" : "linear.wide"],
  build: (make) => {
    const { g, f32 } = make;
    const x = f32("x", [B, T, 6]);
    const [gate, up] = [linear(make, x, "gate", width), linear(make, x, "up", width, true)];
    const y = g.op("mul", [g.op("silu", [gate]), up]);
    return g.op("add", [f32("h", [B, T, width]), g.op("mul", [y, f32("scale", [B, 1, width])])]);
  },
});

type Norm = "rmsNorm" | "layerNorm";
const normed = (kind: "forward" | "decode", norm: Norm, width: number, operands: 0 | 1 | 2): Case => ({
  title: `${kind}: of ${norm} of ${width} with ${["nothing", "a weight", "a weight and a bias"][operands]}`,
  dims: few,
  kind,
  build: (make) => {
    const { g, f32, weight } = make;
    const x = g.op("add", [f32("x", [B, T, width]), f32("y", [B, T, width], 1, 3)]);
    const own = ["n", "n.bias"].slice(0, operands).map((name) => weight(name, [width]));
    const y = g.op(norm, [x, ...own], { eps: 1e-5 });
    return [linear(make, y, "a", 5), linear(make, y, "b", 12)];
  },
});

const stored = (precision: Precision, kind: "forward" | "decode"): Case => ({
  title: `${kind}: weights stored as ${precision}, of odd widths`,
  dims: few,
  kind,
  stored: precision,
  build: (make) => {
    const { g, i32, weight } = make;
    const x = g.op("gather", [weight("table", [7, 13]), i32("id", [B, T], 7)]);
    const y = g.op("rmsNorm", [x, weight("n", [13])], { eps: 1e-5 });
    return [linear(make, y, "a", 7, true), linear(make, linear(make, y, "b", 3), "c", 5)];
  },
});

export const linears: readonly Case[] = [
  ...plain("forward"),
  ...plain("decode"),
  ...[4, 6, 8, 16, 20].flatMap((width) => [turned("forward", width, false), turned("decode", width, false)]),
  ...[4, 6].flatMap((width) => [turned("forward", width, true), turned("decode", width, true)]),
  gated("forward", 7),
  gated("forward", 40),
  gated("decode", 7),
  gated("decode", 40),
  normed("forward", "rmsNorm", 13, 1),
  normed("forward", "layerNorm", 13, 2),
  normed("forward", "layerNorm", 64, 0),
  normed("decode", "rmsNorm", 13, 0),
  normed("decode", "rmsNorm", 64, 1),
  normed("decode", "layerNorm", 13, 2),
  normed("decode", "layerNorm", 3, 1),
  ...(["f16", "bf16"] as const).flatMap((each) => [stored(each, "forward"), stored(each, "decode")]),
  {
    title: "a residual of other rows, and a tail of an odd tap",
    dims: pairs,
    build: (make) => {
      const { g, f32 } = make;
      const x = g.op("merge", [f32("x", [B, T, 9])], { axis: 0 });
      const y = linear(make, g.op("gelu", [linear(make, x, "in", 18, true)]), "out", 9);
      const h = g.op("add", [x, y]);
      return [h, g.op("slice", [h], { axis: 1, start: 1, size: 6 }), g.op("split", [h], { axis: 0, sizes: [B, T] })];
    },
  },
  ...(["forward", "decode"] as const).map((kind): Case => ({
    title: `${kind}: of rows whose padding would be no number`,
    dims: few,
    kind,
    build: (make) => {
      const { g, f32, bool } = make;
      const [x, y] = [f32("x", [B, T, 5], 1, 2), f32("y", [B, T, 5], 1, 2)];
      const root = g.op("sqrt", [g.op("sub", [x, g.constant(0.5)])]);
      const chosen = g.op("where", [bool("c", [B, T, 1]), x, g.op("div", [g.constant(1), y])]);
      return [
        linear(make, g.op("div", [x, y]), "a", 3),
        linear(make, root, "b", 4),
        linear(make, chosen, "c", 5, true),
        linear(make, g.op("div", [y, x]), "d", 2),
        linear(make, g.op("mul", [g.op("log", [x]), g.op("pow", [y, g.constant(-1)])]), "e", 3),
        g.op("matmul", [g.op("div", [x, y]), g.op("transpose", [root], { perm: [0, 2, 1] })]),
        g.op("rmsNorm", [g.op("div", [x, y])], { eps: 1e-5 }),
        g.op("sum", [g.op("div", [x, y])], { axis: 2 }),
      ];
    },
  })),
  ...(["forward", "decode"] as const).map((kind): Case => ({
    title: `${kind}: of parts of rows, beside whose end others lie`,
    dims: few,
    kind,
    build: (make) => {
      const { g, f32 } = make;
      const part = (name: string, start: number, size: number): Node =>
        g.op("slice", [f32(name, [B, T, 12])], { axis: 2, start, size });
      return [
        linear(make, g.op("split", [f32("heads", [B, T, 10])], { axis: 2, sizes: [2, 5] }), "a", 3),
        linear(make, part("middle", 3, 5), "b", 4),
        linear(make, part("end", 9, 3), "c", 5),
        linear(make, g.op("neg", [part("last", 11, 1)]), "d", 2),
        linear(make, g.op("transpose", [f32("turned", [B, 3, T])], { perm: [0, 2, 1] }), "e", 2),
      ];
    },
  })),
  {
    title: "of joined rows, and joined again",
    dims: pairs,
    build: (make) => {
      const { g, f32 } = make;
      const all = g.op("concat", [f32("x", [B, T, 6]), f32("y", [B, P, 6])], { axis: 1 });
      const y = linear(make, all, "w", 10);
      return [y, g.op("slice", [y], { axis: 1, start: T, size: P })];
    },
  },
];
