// Functions of numbers at the numbers where they are hard: 0, next to it, where a function turns from one form to another,
// where its result or what it is made of is too large or too small for f32.
import type { Pointwise } from "../../../compiler/ir/vocabulary.ts";
import type { Case } from "../draw.ts";
import { B, P, pairs, T } from "./sizes.ts";

const SIZES = [
  1e-30, 1e-4, 0.1, 0.299, 0.301, 0.5, 0.624, 0.626, 0.7, 1, 1.5, 2.5, 4, 9.5, 17, 30, 79, 81, 88, 100, 1e4,
];
const SIGNED = [0, -0, ...SIZES, ...SIZES.map((x) => -x)];
const NEAR_1 = [1, 1 + 2 ** -23, 1 - 2 ** -24, 1.0001, 0.9999, 1.3, 0.7, Math.SQRT2, Math.SQRT1_2];
const POSITIVE = [...SIZES, ...NEAR_1, 1e-37, 3e38];

type Unary = "neg" | "exp" | "log" | "sqrt" | "tanh" | "sigmoid" | "erf" | "silu" | "gelu" | "geluTanh";
/** Each number by itself is right, by this share of itself; four at once and one by one. */
const unary = (op: Unary, numbers: readonly number[], each: number): Case => ({
  title: "special numbers",
  dims: [{}],
  each,
  build: ({ g, numbers: input }) => {
    const x = input("x", [numbers.length], numbers);
    const apart = g.op("transpose", [g.op("split", [x], { axis: 0, sizes: [1, numbers.length] })], { perm: [1, 0] });
    return [g.op(op, [x]), g.op(op, [apart])];
  },
});
type Binary = "add" | "sub" | "mul" | "div" | "max" | "min" | "pow" | "less" | "equal";
const binary = (op: Binary, left: readonly number[], right: readonly number[], each = 0): Case => ({
  title: "special numbers with one another",
  dims: [{}],
  each,
  build: ({ g, numbers }) => {
    const [x, y] = [numbers("x", [left.length, 1], left), numbers("y", [right.length], right)];
    return [
      g.op(op, [x, y]),
      g.op(op, [g.op("transpose", [x], { perm: [1, 0] }), numbers("z", [right.length, 1], right)]),
    ];
  },
});
const WHOLE = [0, 1, -1, 7, -7, 4095, -4095, 1 << 23];
const whole = (op: Exclude<Binary, "div" | "pow">): Case => ({
  title: "whole numbers with one another",
  dims: [{}],
  each: 0,
  build: ({ g, numbers }) => {
    const small = op === "mul" ? WHOLE.slice(0, 7) : WHOLE;
    const x = numbers("x", [small.length, 1], small, "i32");
    return g.op(op, [x, numbers("y", [small.length], small, "i32")]);
  },
});
const truths: Case["build"] = ({ g, bool }) => {
  const [x, y] = [bool("x", [B, T, 5]), bool("y", [P, 1, 1, 5])];
  return [
    g.op("and", [x, y]),
    g.op("or", [x, y]),
    g.op("not", [g.op("and", [g.op("not", [x]), y])]),
    g.op("equal", [x, y]),
  ];
};
const ofTruths: Case = { title: "one of another, on both sides", dims: pairs, build: truths };
const FRACTIONS = [0, -0, 0.4, -0.4, 1, -1, 1.9999, -1.9999, 2.5, -2.5, 1e6, -1e6, 1e-30];

/** Constants that f32 holds, does not hold, or holds as no number. */
export const constants: readonly Case[] = [
  {
    title: "large, small, and no numbers at all, chosen or not",
    dims: pairs,
    each: 1e-6,
    build: ({ g, bool }) => {
      const chosen = bool("c", [B, T, 5]);
      const values = [0.1, 1e-3, 3e38, -1e-30, 2 ** 24 + 2, -0, Infinity, -Infinity, NaN, 1e39].map(Math.fround);
      return [
        ...values.map((value) => g.op("where", [chosen, g.constant(value), g.constant(1)])),
        g.op("amax", [g.op("where", [chosen, g.constant(-1), g.constant(-Infinity)])], { axis: 2 }),
        g.op("exp", [g.op("where", [chosen, g.constant(-1), g.constant(-Infinity)])]),
        g.op("where", [chosen, g.constant(-7, "i32"), g.constant(2 ** 23, "i32")]),
        g.op("where", [chosen, g.constant(1, "bool"), g.constant(0, "bool")]),
      ];
    },
  },
];

export const pointwises: Readonly<Record<keyof Pointwise | "silu" | "gelu" | "geluTanh", readonly Case[]>> = {
  add: [binary("add", SIGNED, SIGNED, 1e-6), whole("add")],
  sub: [binary("sub", SIGNED, [0, 1, -1e4, 1e-30], 1e-6), whole("sub")],
  mul: [binary("mul", SIGNED, SIGNED, 1e-6), whole("mul")],
  div: [binary("div", SIGNED, [1, -3, 1e-4, 1e4, 1e-30], 1e-6)],
  max: [binary("max", SIGNED, SIGNED), whole("max")],
  min: [binary("min", SIGNED, SIGNED), whole("min")],
  pow: [
    binary("pow", [-3, -2, -1.5, -1, -0.5, 0, 0.1, 0.5, 1, 2, 10], [0, 1, 2, 3, 4, 7, -1, -2], 2e-5),
    binary("pow", [0, 1e-4, 0.5, 0.9999, 1, 1.0001, 2, 100, 1e4], [0, 0.5, 1.5, 1 / 3, -0.5, 2.2], 2e-5),
  ],
  neg: [unary("neg", SIGNED, 0)],
  exp: [unary("exp", SIGNED, 2e-5)],
  log: [unary("log", POSITIVE, 1e-6)],
  sqrt: [unary("sqrt", [0, ...POSITIVE], 1e-6)],
  tanh: [unary("tanh", SIGNED, 1e-6)],
  sigmoid: [unary("sigmoid", SIGNED, 2e-5)],
  erf: [unary("erf", SIGNED, 1e-6)],
  less: [binary("less", SIGNED, SIGNED), whole("less")],
  equal: [binary("equal", SIGNED, SIGNED), whole("equal")],
  and: [ofTruths],
  or: [ofTruths],
  not: [ofTruths],
  where: [
    {
      title: "keeps what is not chosen away, whatever it is",
      dims: [{}],
      each: 1e-6,
      build: ({ g, numbers }) => {
        const x = numbers("x", [SIGNED.length], SIGNED);
        const positive = g.op("less", [g.constant(0), x]);
        const safe = g.op("where", [positive, g.op("log", [x]), g.op("neg", [x])]);
        return [
          safe,
          g.op("where", [positive, g.op("less", [x, g.constant(1)]), positive]),
          g.op("where", [positive, x, g.constant(-1e30)]),
        ];
      },
    },
  ],
  cast: [
    {
      title: "fractions of both signs",
      dims: [{}],
      each: 0,
      build: ({ g, numbers }) => {
        const x = numbers("x", [FRACTIONS.length], FRACTIONS);
        const integer = g.op("cast", [x], { dtype: "i32" });
        const truth = g.op("cast", [x], { dtype: "bool" });
        return [
          integer,
          truth,
          g.op("cast", [integer], { dtype: "bool" }),
          g.op("cast", [truth], { dtype: "i32" }),
          g.op("cast", [g.op("neg", [integer])], { dtype: "f32" }),
        ];
      },
    },
  ],
  silu: [unary("silu", SIGNED, 2e-5)],
  // In f64 the tail of 0.5 x (1 + erf) is lost; kernels keep it.
  gelu: [{ ...unary("gelu", SIGNED, 2e-5), floor: 1e-15 }],
  geluTanh: [{ ...unary("geluTanh", SIGNED, 2e-5), floor: 1e-15 }],
};
