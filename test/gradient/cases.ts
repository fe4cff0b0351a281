// Cases of every op where differentiating it is hard, beside the samples that all targets agree on: tsc names the op that
// is missing.
import { mul, sym } from "../../compiler/ir/dim.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { Composite, Op } from "../../compiler/ir/vocabulary.ts";
import type { Make, Sample } from "../ir/samples.ts";

const B = sym("batch");
const T = sym("text");
const P = sym("image.patch");
const of = (title: string, build: Sample["build"]): Sample => ({ title, dims: [{}], build });
const free = (title: string, build: Sample["build"]): Sample => ({
  title,
  dims: [
    { batch: 2, text: 3, "image.patch": 1 },
    { batch: 1, text: 1, "image.patch": 5 },
  ],
  build,
});

type Binary = "add" | "sub" | "mul" | "div" | "max" | "min" | "pow";
/** Every way in which an operand is broadcast. */
const broadcast = (op: Binary, low = 0.5, high = 2): readonly Sample[] => [
  free("each operand along other axes", ({ g, f32 }) =>
    g.op(op, [f32("x", [B, 1, 3], low, high), f32("y", [T, 1], low, high)]),
  ),
  free("a row and all", ({ g, f32 }) => g.op(op, [f32("x", [5], low, high), f32("y", [B, T, 5], low, high)])),
  free("one number and all", ({ g, f32 }) => g.op(op, [f32("x", [B, T, 3], low, high), f32("y", [], low, high)])),
  of("axes of size 1 that stay", ({ g, f32 }) =>
    g.op(op, [f32("x", [1, 1, 7], low, high), f32("y", [1, 7], low, high)]),
  ),
  of("the same twice", ({ g, f32 }) => {
    const x = f32("x", [2, 3], low, high);
    return g.op(op, [x, g.op("sigmoid", [x])]);
  }),
];
const ties = (op: "max" | "min"): readonly Sample[] => [
  of("ties", ({ g, f32 }) => g.op(op, [f32("x", [3, 1], 0.5, 0.5), f32("y", [2], 0.5, 0.5)])),
  of("a tie with a constant", ({ g, f32 }) => g.op(op, [g.constant(0), f32("x", [3], 0, 0)])),
];
const unary = (op: "exp" | "log" | "sqrt" | "tanh" | "sigmoid" | "erf" | "neg" | "silu" | "gelu" | "geluTanh") => [
  of("of itself", ({ g, f32 }: Make) => g.op(op, [g.op("add", [g.op(op, [f32("x", [7], 0.8, 1.7)]), g.constant(2)])])),
];
/** Derivatives do not pass; those by what is given beside it do. */
const stops = (title: string, build: (make: Make, x: Node) => Node): Sample =>
  of(title, (make) => {
    const x = make.f32("x", [5]);
    return make.g.op("mul", [build(make, x), x]);
  });

const norm = (op: "rmsNorm" | "layerNorm", operands: readonly number[]): readonly Sample[] => [
  ...operands.map((count) =>
    free(`of heads, near the size of eps, ${count} weights`, ({ g, f32, weight }) => {
      const x = g.op("split", [f32("x", [B, T, 10], -0.02, 0.02)], { axis: 2, sizes: [2, 5] });
      return g.op(op, [x, ...["w", "b"].slice(0, count).map((name) => weight(name, [5]))], { eps: 1e-4 });
    }),
  ),
  of("of one number", ({ g, f32, weight }) => g.op(op, [f32("x", [3, 1]), weight("w", [1])], { eps: 1e-2 })),
  of("of one row of what is read again", ({ g, f32, weight }) => {
    const x = f32("x", [1, 7]);
    return g.op("mul", [g.op(op, [x, weight("w", [7])], { eps: 1e-5 }), x]);
  }),
];

interface Meeting extends Partial<Composite["attention"]> {
  readonly e?: number;
  readonly chances: readonly number[];
}
const attention = (
  title: string,
  { heads = 2, kvHeads = 2, e = 3, chances, softcap, covered = false }: Meeting,
): Sample =>
  free(title, ({ g, f32, bool }) => {
    const keys = chances.flatMap((chance, i) => {
      const count = [P, 3, T][i]!;
      return [
        f32(`k${i}`, [B, count, kvHeads * 3]),
        f32(`v${i}`, [B, count, kvHeads * e]),
        bool(`mask${i}`, [B, 1, T, count], chance),
      ];
    });
    const attrs = { heads, kvHeads, scale: 0.7, softcap, covered };
    return g.op("attention", [f32("q", [B, T, heads * 3]), ...keys], attrs);
  });

/** Cosines and sines that are given, as a table that is trained would be. */
const turned = (interleaved: boolean): Sample =>
  free(interleaved ? "angles that are given, interleaved" : "angles that are given", ({ g, f32, i32 }) => {
    const angles = [f32("cos", [7, 2]), f32("sin", [7, 2])];
    return g.op("rotary", [f32("x", [B, T, 12]), ...angles, i32("position", [B, T], 7)], { heads: 3, interleaved });
  });

export const cases: Record<Op, readonly Sample[]> = {
  input: [free("the loss itself", ({ f32 }) => f32("x", []))],
  param: [
    free("read by many", ({ g, f32, weight }) => {
      const w = weight("w", [3]);
      return g.op("add", [g.op("mul", [f32("x", [B, T, 3]), w]), g.op("mul", [w, g.op("exp", [w])])]);
    }),
  ],
  constant: [stops("beside x", ({ g }) => g.constant(3))],
  table: [
    stops("beside x", ({ g, f32 }) => {
      const table = { kind: "coordinate", rows: 5, dim: 4, period: 9 } as const;
      const flat = g.op("linear", [g.op("table", [], { table }), f32("w", [1, 4])]);
      return g.op("merge", [flat], { axis: 0 });
    }),
  ],
  iota: [stops("beside x", ({ g }) => g.op("cast", [g.op("iota", [], { size: 5 })], { dtype: "f32" }))],

  add: broadcast("add"),
  sub: broadcast("sub"),
  mul: broadcast("mul"),
  div: broadcast("div"),
  max: [...broadcast("max"), ...ties("max")],
  min: [...broadcast("min"), ...ties("min")],
  pow: [
    ...broadcast("pow"),
    of("a negative base", ({ g, f32 }) => g.op("pow", [f32("x", [5], -2, -1), g.constant(3)])),
    of("to the power of 0", ({ g, f32 }) => g.op("pow", [f32("x", [5], -2, 2), g.constant(0)])),
    of("0 to the power of 0 and of 2", ({ g, f32 }) => {
      const powers = g.op("cast", [g.op("iota", [], { size: 2 })], { dtype: "f32" });
      return g.op("pow", [f32("x", [2], 0, 0), g.op("mul", [powers, g.constant(2)])]);
    }),
  ],
  neg: unary("neg"),
  exp: unary("exp"),
  log: unary("log"),
  sqrt: unary("sqrt"),
  tanh: unary("tanh"),
  sigmoid: unary("sigmoid"),
  erf: unary("erf"),
  less: [
    stops("as numbers", ({ g }, x) => g.op("cast", [g.op("less", [x, g.constant(0.2)])], { dtype: "f32" })),
    of("a condition of its own branches", ({ g, f32 }) => {
      const [x, y] = [f32("x", [11]), f32("y", [11])];
      return g.op("where", [g.op("less", [x, y]), g.op("exp", [x]), g.op("mul", [x, y])]);
    }),
  ],
  equal: [stops("as numbers", ({ g }, x) => g.op("cast", [g.op("equal", [x, g.constant(0.2)])], { dtype: "f32" }))],
  and: [
    stops("a condition", ({ g, bool }, x) =>
      g.op("where", [g.op("and", [bool("a", [5]), g.op("less", [x, g.constant(0)])]), x, g.constant(2)]),
    ),
  ],
  or: [
    stops("a condition", ({ g, bool }, x) =>
      g.op("where", [g.op("or", [bool("a", [5]), g.op("less", [x, g.constant(0)])]), x, g.constant(2)]),
    ),
  ],
  not: [stops("a condition", ({ g, bool }, x) => g.op("where", [g.op("not", [bool("a", [5])]), x, g.constant(2)]))],
  where: [
    free("branches that broadcast", ({ g, bool, f32 }) =>
      g.op("where", [bool("c", [B, 1, 3]), f32("x", [T, 1]), f32("y", [3])]),
    ),
    of("a condition that broadcasts", ({ g, bool, f32 }) =>
      g.op("where", [bool("c", [2, 1]), f32("x", []), f32("y", [1])]),
    ),
    of("a branch that has no derivative", ({ g, f32 }) => {
      const x = f32("x", [7]);
      const positive = g.op("less", [g.constant(0), x]);
      return g.op("where", [positive, g.op("sqrt", [g.op("where", [positive, x, g.constant(1)])]), g.constant(0)]);
    }),
  ],
  cast: [
    stops("to whole numbers and back", ({ g }, x) => {
      const scaled = g.op("mul", [x, g.constant(3)]);
      return g.op("cast", [g.op("cast", [scaled], { dtype: "i32" })], { dtype: "f32" });
    }),
    of("between real numbers", ({ g, f32 }) => {
      const half = g.op("cast", [f32("x", [5])], { dtype: "f16" });
      return g.op("cast", [g.op("mul", [half, half])], { dtype: "f32" });
    }),
  ],

  transpose: [
    free("three axes in a ring", ({ g, f32 }) => g.op("transpose", [f32("x", [B, T, 3])], { perm: [1, 2, 0] })),
  ],
  broadcast: [
    free("along axes at both ends", ({ g, f32 }) => g.op("broadcast", [f32("x", [1, T, 1])], { shape: [B, 3, T, P] })),
    free("one number", ({ g, f32 }) => g.op("broadcast", [f32("x", [])], { shape: [B, T] })),
    of("to axes of size 1", ({ g, f32 }) => g.op("broadcast", [f32("x", [3])], { shape: [1, 1, 3] })),
  ],
  split: [of("into one", ({ g, f32 }) => g.op("split", [f32("x", [3, 5])], { axis: 1, sizes: [5] }))],
  merge: [free("free axes", ({ g, f32 }) => g.op("merge", [f32("x", [3, B, T])], { axis: 1 }))],
  slice: [
    free("of free rows, all of them apart", ({ g, f32 }) => {
      const x = g.op("concat", [f32("x", [B, T, 2]), f32("y", [B, P, 2])], { axis: 1 });
      const [first, second] = [
        g.op("slice", [x], { axis: 1, start: 0, size: T }),
        g.op("slice", [x], { axis: 1, start: T, size: P }),
      ];
      return g.op("mul", [first, g.op("sum", [second], { axis: 1 })]);
    }),
    of("three parts of a row, and one again", ({ g, f32 }) => {
      const x = f32("x", [2, 9]);
      const part = (start: number, size = 3): Node => g.op("slice", [x], { axis: 1, start, size });
      const gated = g.op("mul", [g.op("sigmoid", [part(0)]), g.op("add", [part(3), part(6)])]);
      return g.op("add", [gated, part(5)]);
    }),
    of("the whole", ({ g, f32 }) => g.op("slice", [f32("x", [3])], { axis: 0, start: 0, size: 3 })),
  ],

  sum: [
    free("and each number beside it", ({ g, f32 }) => {
      const x = f32("x", [B, T, 3]);
      return g.op("mul", [x, g.op("sum", [x], { axis: 1 })]);
    }),
  ],
  amax: [
    of("two that are greatest", ({ g, f32 }) => {
      const x = g.op("concat", [f32("x", [3, 2], 1, 1), f32("y", [3, 3], -1, 0)], { axis: 1 });
      return g.op("amax", [x], { axis: 1 });
    }),
    free("beside what it is of", ({ g, f32 }) => {
      const x = f32("x", [B, T, 3]);
      return g.op("sub", [x, g.op("amax", [x], { axis: 1 })]);
    }),
  ],

  matmul: [
    free("leading axes that broadcast both ways", ({ g, f32 }) =>
      g.op("matmul", [f32("x", [B, 1, T, 3]), f32("y", [2, 3, P])]),
    ),
    free("one matrix on the left", ({ g, f32 }) => g.op("matmul", [f32("x", [2, 3]), f32("y", [B, T, 3, 5])])),
    free("one matrix on the right", ({ g, f32 }) => g.op("matmul", [f32("x", [B, T, 2, 3]), f32("y", [3, 5])])),
    of("of itself", ({ g, f32 }) => {
      const x = f32("x", [3, 3]);
      return g.op("matmul", [x, g.op("matmul", [x, x])]);
    }),
  ],
  gather: [
    free("rows that repeat and rows that are not read", ({ g, f32, i32 }) =>
      g.op("gather", [f32("x", [7, 3]), i32("i", [B, T], 2)]),
    ),
    free("of free rows", ({ g, f32, i32 }) => g.op("gather", [f32("x", [T, 2, 3]), i32("i", [5], 1)])),
    of("numbers", ({ g, f32, i32 }) => g.op("gather", [f32("x", [7]), i32("i", [2, 3], 7)])),
    of("one row", ({ g, f32, i32 }) => g.op("gather", [f32("x", [7, 3]), i32("i", [], 7)])),
    of("of the only row", ({ g, f32, i32 }) => g.op("gather", [f32("x", [1, 3]), i32("i", [2, 5], 1)])),
    of("the only number", ({ g, f32, i32 }) => g.op("gather", [f32("x", [1]), i32("i", [], 1)])),
  ],
  concat: [
    free("the same twice", ({ g, f32 }) => {
      const x = f32("x", [B, T]);
      return g.op("concat", [x, f32("y", [B, P]), x], { axis: 1 });
    }),
  ],
  sinusoid: [
    of("of one number", ({ g, f32 }) =>
      g.op("sinusoid", [f32("t", [])], { dim: 6, period: 100, divisor: 3, scale: 2, order: "sin cos" }),
    ),
  ],

  linear: [
    free("one row of one", ({ g, f32, weight }) => g.op("linear", [f32("x", [1, 1]), weight("w", [3, 1])])),
    free("more leading axes", ({ g, f32, weight }) =>
      g.op("linear", [f32("x", [B, 2, T, 3]), weight("w", [5, 3]), weight("b", [5])]),
    ),
  ],
  softmax: [
    free("the first axis, of one or more", ({ g, f32 }) => g.op("softmax", [f32("x", [T, 3])], { axis: 0 })),
    of("of equal numbers", ({ g, f32 }) => g.op("softmax", [f32("x", [2, 5], 3, 3)], { axis: 1 })),
  ],
  rmsNorm: norm("rmsNorm", [0, 1]),
  layerNorm: norm("layerNorm", [0, 1, 2]),
  silu: unary("silu"),
  gelu: unary("gelu"),
  geluTanh: unary("geluTanh"),
  rotary: [turned(false), turned(true)],
  attention: [
    attention("all see all", { chances: [1], covered: true }),
    attention("some see nothing, grouped heads", { heads: 4, chances: [0.4], e: 5 }),
    attention("nothing is seen", { chances: [0, 0] }),
    attention("a stream that none sees", { heads: 6, chances: [0.7, 0, 0.5] }),
    attention("softcap over two streams", { heads: 2, kvHeads: 1, chances: [0.5, 0.8], softcap: 1.3 }),
    free("to itself, with rotary", ({ g, f32, bool, i32, weight }) => {
      const x = f32("x", [B, T, 4]);
      const angles = (part: "cos" | "sin"): Node =>
        g.op("table", [], { table: { kind: "rotary", rows: 9, dim: 4, theta: 10, part } });
      const project = (name: string): Node => g.op("linear", [x, weight(name, [8, 4])]);
      const position = i32("position", [B, T], 9);
      const turn = (y: Node): Node =>
        g.op("rotary", [y, angles("cos"), angles("sin"), position], { heads: 2, interleaved: true });
      const src = [turn(project("q")), turn(project("k")), project("v"), bool("mask", [1, 1, T, T])];
      const y = g.op("attention", src, { heads: 2, kvHeads: 2, scale: 0.5, covered: false });
      return g.op("linear", [y, weight("o", [4, 8])]);
    }),
  ],
  scatter: [
    free("rows that repeat and rows that get nothing", ({ g, f32, i32 }) =>
      g.op("scatter", [f32("x", [B, T, 3]), i32("i", [B, T], 2)], { rows: 5 }),
    ),
    free("to free rows", ({ g, f32, i32 }) =>
      g.op(
        "scatter",
        [g.op("merge", [f32("x", [B, T, 3])], { axis: 0 }), g.op("merge", [i32("i", [B, T], 1)], { axis: 0 })],
        { rows: mul(B, T) },
      ),
    ),
  ],
  barrier: [
    free("before what is read after it", ({ g, f32 }) => {
      const x = f32("x", [B, T]);
      return g.op("mul", [g.op("barrier", [x, g.op("exp", [x])]), x]);
    }),
  ],
  stopGradient: [
    stops("beside x", ({ g }, x) => g.op("stopGradient", [g.op("exp", [x])])),
    of("one way of two", ({ g, f32, weight }) => {
      const y = g.op("linear", [f32("x", [2, 3]), weight("w", [3, 3])]);
      return g.op("add", [g.op("silu", [y]), g.op("stopGradient", [g.op("mul", [y, y])])]);
    }),
  ],
};
