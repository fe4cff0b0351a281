// At least one sample graph for every op, with odd shapes: what every target must agree on with `evaluate`.
import { add, type Dim, mul, sym } from "../../compiler/ir/dim.ts";
import type { Graph } from "../../compiler/ir/graph.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { DType, Op } from "../../compiler/ir/vocabulary.ts";

/** Makes the inputs of a sample; their values are drawn from what is said here. */
export interface Make {
  readonly g: Graph;
  f32(name: string, shape: readonly Dim[], low?: number, high?: number): Node;
  i32(name: string, shape: readonly Dim[], below: number): Node;
  /** true with this chance */
  bool(name: string, shape: readonly Dim[], chance?: number): Node;
  weight(name: string, shape: readonly Dim[]): Node;
}
export interface Sample {
  readonly title: string;
  readonly dims: readonly Readonly<Record<string, number>>[];
  readonly build: (make: Make) => Node;
}

const B = sym("batch");
const T = sym("text");
const P = sym("image.patch");
const lengths = [
  { batch: 1, text: 1, "image.patch": 2 },
  { batch: 3, text: 5, "image.patch": 4 },
];
const of = (title: string, build: Sample["build"], dims: Sample["dims"] = [{}]): Sample => ({ title, dims, build });
const free = (title: string, build: Sample["build"]): Sample => of(title, build, lengths);

type Unary = "neg" | "exp" | "log" | "sqrt" | "tanh" | "sigmoid" | "erf" | "silu" | "gelu" | "geluTanh";
const unary = (op: Unary, low: number, high: number): Sample[] => [
  of("a tensor", ({ g, f32 }) => g.op(op, [f32("x", [3, 1, 7], low, high)])),
  free("free rows", ({ g, f32 }) => g.op(op, [f32("x", [B, T, 3], low, high)])),
];
type Binary = "add" | "sub" | "mul" | "div" | "max" | "min" | "pow" | "less" | "equal";
const binary = (op: Binary, low = -2, high = 2): Sample[] => [
  of("broadcast both ways", ({ g, f32 }) => g.op(op, [f32("x", [3, 1, 5], low, high), f32("y", [7, 1], low, high)])),
  free("free rows and a scalar", ({ g, f32 }) => g.op(op, [f32("x", [B, T], low, high), g.constant(1.5)])),
];
const integers = (op: Binary): Sample =>
  free("integers", ({ g, i32 }) => g.op(op, [i32("x", [B, T, 1], 5), i32("y", [B, 1, P], 5)]));

interface Heads {
  readonly title: string;
  readonly heads: number;
  readonly kvHeads: number;
  readonly d: number;
  readonly e?: number;
  readonly softcap?: number;
  readonly chance?: number;
  readonly oneMask?: boolean;
  /** how many keys each stream has */
  readonly streams?: readonly Dim[];
}
const attention = ({ title, heads, kvHeads, d, e = d, softcap, chance, oneMask, streams = [P] }: Heads): Sample =>
  free(title, ({ g, f32, bool }) => {
    const q = f32("q", [B, T, heads * d]);
    const keys = streams.flatMap((count, i) => [
      f32(`k${i}`, [B, count, kvHeads * d]),
      f32(`v${i}`, [B, count, kvHeads * e]),
      bool(`mask${i}`, [oneMask ? 1 : B, 1, T, count], chance ?? 1),
    ]);
    const scale = 1 / Math.sqrt(d);
    return g.op("attention", [q, ...keys], { heads, kvHeads, scale, softcap, covered: chance === undefined });
  });

const rotary = (title: string, interleaved: boolean, scaling: boolean): Sample =>
  free(title, ({ g, f32, i32 }) => {
    const llama3 = { factor: 8, low: 1, high: 4, original: 64 };
    const table = (part: "cos" | "sin"): Node => {
      const angles = {
        kind: "rotary",
        rows: 40,
        dim: 6,
        theta: 100,
        part,
        scaling: scaling ? llama3 : undefined,
      } as const;
      return g.op("table", [], { table: angles });
    };
    const position = i32("position", [B, T], 40);
    return g.op("rotary", [f32("x", [B, T, 24]), table("cos"), table("sin"), position], { heads: 4, interleaved });
  });

const casts: readonly (readonly [DType, DType])[] = [
  ["f32", "i32"],
  ["i32", "f32"],
  ["f32", "bool"],
  ["bool", "f32"],
  ["bool", "i32"],
  ["i32", "bool"],
];

export const samples: Record<Op, readonly Sample[]> = {
  input: [free("as it came", ({ f32 }) => f32("x", [B, 3]))],
  param: [of("a weight", ({ weight }) => weight("w", [3, 5]))],
  constant: [
    of("f32", ({ g }) => g.constant(0.1)),
    of("bool", ({ g }) => g.constant(1, "bool")),
    of("i32", ({ g }) => g.constant(-7, "i32")),
  ],
  table: [
    of("rotary", ({ g }) =>
      g.op("table", [], { table: { kind: "rotary", rows: 70, dim: 10, theta: 1e4, part: "sin" } }),
    ),
    of("coordinate", ({ g }) => g.op("table", [], { table: { kind: "coordinate", rows: 9, dim: 6, period: 1e4 } })),
  ],
  iota: [
    of("constant size", ({ g }) => g.op("iota", [], { size: 5 })),
    free("free size", ({ g, f32 }) =>
      g.op("add", [g.op("iota", [], { size: T }), g.op("cast", [f32("x", [B, T])], { dtype: "i32" })]),
    ),
    free("a sum of free sizes", ({ g, f32, i32 }) => {
      const rows = g.op("concat", [i32("a", [B, T], 9), g.op("cast", [f32("x", [B, P])], { dtype: "i32" })], {
        axis: 1,
      });
      return g.op("equal", [g.op("iota", [], { size: add(T, P) }), rows]);
    }),
  ],

  add: [...binary("add"), integers("add")],
  sub: [...binary("sub"), integers("sub")],
  mul: [...binary("mul"), integers("mul")],
  div: binary("div", 0.5, 2),
  max: [...binary("max"), integers("max")],
  min: [...binary("min"), integers("min")],
  pow: binary("pow", 0.2, 2),
  neg: [...unary("neg", -2, 2), of("integers", ({ g, i32 }) => g.op("neg", [i32("x", [4], 9)]))],
  exp: unary("exp", -5, 5),
  log: unary("log", 0.01, 9),
  sqrt: unary("sqrt", 0, 9),
  tanh: unary("tanh", -100, 100),
  sigmoid: unary("sigmoid", -20, 20),
  erf: unary("erf", -4, 4),
  less: [...binary("less"), integers("less")],
  equal: [
    ...binary("equal"),
    integers("equal"),
    free("bools", ({ g, bool }) => g.op("equal", [bool("x", [B, T]), bool("y", [B, 1])])),
  ],
  and: [free("broadcast", ({ g, bool }) => g.op("and", [bool("x", [B, 1, T]), bool("y", [P, 1])]))],
  or: [free("broadcast", ({ g, bool }) => g.op("or", [bool("x", [B, 1, T]), bool("y", [P, 1])]))],
  not: [free("free rows", ({ g, bool }) => g.op("not", [bool("x", [B, T])]))],
  where: [
    free("numbers", ({ g, bool, f32 }) => g.op("where", [bool("c", [B, 1]), f32("x", [B, T]), g.constant(-3)])),
    free("bools", ({ g, bool }) => g.op("where", [bool("c", [B, 1]), bool("x", [T]), bool("y", [1, T])])),
    of("integers", ({ g, bool, i32 }) => g.op("where", [bool("c", [5]), i32("x", [3, 5], 9), i32("y", [5], 9)])),
  ],
  cast: casts.map(([from, to]) =>
    free(`${from} to ${to}`, ({ g, f32, i32, bool }) => {
      const x = from === "f32" ? f32("x", [B, T], -3, 3) : from === "i32" ? i32("x", [B, T], 3) : bool("x", [B, T]);
      return g.op("cast", [x], { dtype: to });
    }),
  ),

  transpose: [
    free("of rank 4", ({ g, f32 }) => g.op("transpose", [f32("x", [B, T, 2, 3])], { perm: [0, 2, 3, 1] })),
    of("of bools", ({ g, bool }) => g.op("transpose", [bool("x", [3, 5])], { perm: [1, 0] })),
  ],
  broadcast: [
    of("to a constant shape", ({ g, f32 }) => g.op("broadcast", [f32("x", [3, 1])], { shape: [2, 3, 4] })),
    free("to free sizes", ({ g, f32, i32 }) => {
      const many = g.op("broadcast", [f32("x", [1, 3])], { shape: [B, T, 3] });
      return g.op("mul", [
        many,
        g.op("cast", [g.op("split", [i32("y", [B, T], 5)], { axis: 1, sizes: [T, 1] })], { dtype: "f32" }),
      ]);
    }),
    free("a scalar", ({ g, i32 }) =>
      g.op("equal", [i32("x", [B, P], 2), g.op("broadcast", [g.constant(1, "i32")], { shape: [B, P] })]),
    ),
  ],
  split: [
    of("constant sizes", ({ g, f32 }) => g.op("split", [f32("x", [3, 12])], { axis: 1, sizes: [2, 3, 2] })),
    free("heads", ({ g, f32 }) => g.op("split", [f32("x", [B, T, 12])], { axis: 2, sizes: [4, 3] })),
    free("flat rows into documents", ({ g, f32, i32 }) => {
      const rows = g.op("merge", [f32("x", [B, T, 3])], { axis: 0 });
      const doubled = g.op("split", [g.op("add", [rows, rows])], { axis: 0, sizes: [B, T] });
      return g.op("add", [doubled, g.op("cast", [i32("y", [B, T, 1], 3)], { dtype: "f32" })]);
    }),
    free("a middle axis", ({ g, f32, bool }) => {
      const rows = g.op("merge", [f32("x", [2, T, P, 3])], { axis: 1 });
      const again = g.op("split", [g.op("neg", [rows])], { axis: 1, sizes: [T, P] });
      return g.op("where", [bool("c", [T, P, 1]), again, g.constant(0)]);
    }),
  ],
  merge: [
    of("constant sizes", ({ g, f32 }) => g.op("merge", [f32("x", [3, 4, 5])], { axis: 1 })),
    free("heads", ({ g, f32 }) => g.op("merge", [f32("x", [B, T, 4, 3])], { axis: 2 })),
    free("documents", ({ g, f32 }) => g.op("merge", [f32("x", [B, T, 3])], { axis: 0 })),
    free("two free axes before a free one", ({ g, f32 }) => g.op("merge", [f32("x", [B, T, P, 3])], { axis: 0 })),
  ],
  slice: [
    of("a middle", ({ g, f32 }) => g.op("slice", [f32("x", [3, 9])], { axis: 1, start: 2, size: 4 })),
    of("of bools", ({ g, bool }) => g.op("slice", [bool("x", [9])], { axis: 0, start: 4, size: 5 })),
    free("what was joined", ({ g, f32 }) => {
      const all = g.op("concat", [f32("x", [B, T, 3]), f32("y", [B, P, 3])], { axis: 1 });
      return g.op("slice", [g.op("neg", [all])], { axis: 1, start: T, size: P });
    }),
    free("the first of what was joined", ({ g, f32 }) => {
      const all = g.op("concat", [f32("x", [B, T, 3]), f32("y", [B, P, 3])], { axis: 1 });
      return g.op("slice", [g.op("neg", [all])], { axis: 1, start: 0, size: T });
    }),
  ],

  sum: [
    free("the last axis", ({ g, f32 }) => g.op("sum", [f32("x", [B, T, 37])], { axis: 2 })),
    free("a free axis", ({ g, f32 }) => g.op("sum", [f32("x", [B, T, 3])], { axis: 1 })),
    of("integers", ({ g, i32 }) => g.op("sum", [i32("x", [3, 5], 99)], { axis: 0 })),
  ],
  amax: [
    free("the last axis", ({ g, f32 }) => g.op("amax", [f32("x", [B, T, 37], -9, -1)], { axis: 2 })),
    free("integers over a free axis", ({ g, i32 }) => g.op("amax", [i32("x", [B, T], 99)], { axis: 1 })),
  ],

  matmul: [
    of("matrices", ({ g, f32 }) => g.op("matmul", [f32("x", [3, 7]), f32("y", [7, 5])])),
    free("a batch", ({ g, f32 }) => g.op("matmul", [f32("x", [B, 2, T, 7]), f32("y", [B, 2, 7, P])])),
    free("a batch broadcast", ({ g, f32 }) => g.op("matmul", [f32("x", [B, 2, 3, T, 7]), f32("y", [B, 2, 1, 7, P])])),
    free("with a weight", ({ g, f32, weight }) => g.op("matmul", [f32("x", [B, T, 7]), weight("w", [7, 3])])),
  ],
  gather: [
    free("rows of a weight", ({ g, i32, weight }) => g.op("gather", [weight("w", [11, 5]), i32("i", [B, T], 11)])),
    free("planes at flat rows", ({ g, i32, weight }) =>
      g.op("gather", [weight("w", [4, 2, 3]), g.op("merge", [i32("i", [B, T], 4)], { axis: 0 })]),
    ),
    of("of integers", ({ g, i32 }) => g.op("gather", [i32("w", [6], 50), i32("i", [3], 6)])),
  ],
  concat: [
    free("streams", ({ g, f32 }) =>
      g.op("concat", [f32("x", [B, T, 3]), f32("y", [B, P, 3]), f32("z", [B, T, 3])], { axis: 1 }),
    ),
    of("features", ({ g, f32 }) => g.op("concat", [f32("x", [2, 3]), f32("y", [2, 1])], { axis: 1 })),
    of("bools", ({ g, bool }) => g.op("concat", [bool("x", [2, 3]), bool("y", [2, 3])], { axis: 0 })),
  ],
  sinusoid: [
    free("cos sin", ({ g, f32 }) =>
      g.op("sinusoid", [f32("t", [B, 1], 0, 1)], { dim: 10, period: 1e4, divisor: 5, scale: 1000, order: "cos sin" }),
    ),
    free("sin cos", ({ g, f32 }) =>
      g.op("sinusoid", [f32("t", [B], 990, 999)], { dim: 8, period: 1e4, divisor: 3, scale: 1, order: "sin cos" }),
    ),
  ],

  linear: [
    of("flat rows", ({ g, f32, weight }) => g.op("linear", [f32("x", [3, 7]), weight("w", [5, 7])])),
    free("flat rows with a bias", ({ g, f32, weight }) =>
      g.op("linear", [g.op("merge", [f32("x", [B, T, 7])], { axis: 0 }), weight("w", [5, 7]), weight("b", [5])]),
    ),
    free("documents with a bias", ({ g, f32, weight }) =>
      g.op("linear", [f32("x", [B, T, 7]), weight("w", [5, 7]), weight("b", [5])]),
    ),
    free("a tied weight", ({ g, f32, weight }) => {
      const w = weight("w", [6, 6]);
      return g.op("linear", [g.op("linear", [f32("x", [B, T, 6]), w]), w]);
    }),
  ],
  softmax: [
    free("the last axis", ({ g, f32 }) => g.op("softmax", [f32("x", [B, T, 5], -30, 30)], { axis: 2 })),
    free("a middle axis", ({ g, f32 }) => g.op("softmax", [f32("x", [B, T, 5])], { axis: 1 })),
  ],
  rmsNorm: [
    free("with a weight", ({ g, f32, weight }) =>
      g.op("rmsNorm", [f32("x", [B, T, 13]), weight("w", [13])], { eps: 1e-5 }),
    ),
    free("without", ({ g, f32 }) => g.op("rmsNorm", [f32("x", [mul(B, 1), T, 13], -1e-3, 1e-3)], { eps: 1e-6 })),
  ],
  layerNorm: [
    free("with weight and bias", ({ g, f32, weight }) =>
      g.op("layerNorm", [f32("x", [B, T, 13]), weight("w", [13]), weight("b", [13])], { eps: 1e-5 }),
    ),
    free("with a weight", ({ g, f32, weight }) =>
      g.op("layerNorm", [f32("x", [B, 13]), weight("w", [13])], { eps: 1e-5 }),
    ),
    free("without", ({ g, f32 }) => g.op("layerNorm", [f32("x", [B, T, 300], 1, 3)], { eps: 1e-6 })),
  ],
  silu: unary("silu", -9, 9),
  gelu: unary("gelu", -5, 5),
  geluTanh: unary("geluTanh", -5, 5),
  rotary: [rotary("half", false, false), rotary("interleaved", true, false), rotary("llama3 scaling", false, true)],
  attention: [
    attention({ title: "plain", heads: 3, kvHeads: 3, d: 4 }),
    attention({ title: "grouped heads", heads: 6, kvHeads: 2, d: 4 }),
    attention({ title: "one key head", heads: 4, kvHeads: 1, d: 3, chance: 0.6 }),
    attention({ title: "wide values, some rows see nothing", heads: 4, kvHeads: 2, d: 4, e: 7, chance: 0.4 }),
    attention({ title: "no row sees anything", heads: 2, kvHeads: 2, d: 4, chance: 0 }),
    attention({ title: "softcap", heads: 4, kvHeads: 2, d: 4, softcap: 0.7, chance: 0.5 }),
    attention({ title: "softcap, covered", heads: 4, kvHeads: 4, d: 4, softcap: 5 }),
    attention({ title: "two streams of keys", heads: 4, kvHeads: 2, d: 4, streams: [P, 5], chance: 0.5 }),
    attention({
      title: "three streams, single heads, softcap",
      heads: 3,
      kvHeads: 3,
      d: 2,
      e: 3,
      streams: [2, P, T],
      softcap: 2,
    }),
    attention({ title: "one mask for the batch", heads: 4, kvHeads: 2, d: 4, chance: 0.5, oneMask: true }),
  ],
  scatter: [
    free("rows of a weight, often the same", ({ g, f32, i32 }) =>
      g.op("scatter", [f32("x", [B, T, 5]), i32("i", [B, T], 3)], { rows: 7 }),
    ),
    free("numbers at free rows", ({ g, f32, i32 }) =>
      g.op("scatter", [f32("x", [B, T, P]), g.op("broadcast", [i32("i", [T, 1], 1)], { shape: [B, T, P] })], {
        rows: T,
      }),
    ),
    of("planes", ({ g, f32, i32 }) => g.op("scatter", [f32("x", [11, 2, 3]), i32("i", [11], 4)], { rows: 5 })),
    of("one row", ({ g, f32 }) => g.op("scatter", [f32("x", [3]), g.constant(1, "i32")], { rows: 2 })),
  ],
  barrier: [
    free("after what is computed", ({ g, f32 }) =>
      g.op("barrier", [f32("x", [B, T]), g.op("exp", [f32("y", [2, 3])])]),
    ),
    free("after a number", ({ g, f32 }) => g.op("barrier", [f32("x", [3]), f32("y", [])])),
  ],
  stopGradient: [
    free("of what is computed", ({ g, f32 }) => g.op("stopGradient", [g.op("exp", [f32("x", [B, T])])])),
    of("of what was given", ({ g, f32 }) => g.op("stopGradient", [f32("x", [3])])),
  ],
};
