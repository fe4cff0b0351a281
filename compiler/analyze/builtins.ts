// The row-wise ops as a person calls them: their parameters, their shapes, and the row each makes. One table; `attend` is
// here too, since only its place (inside a block) sets it apart.
import type { Row, RowOp, RowOps, RotaryScaling, None } from "./model.ts";
import type { Say } from "./messages.ts";

type Rest<K extends RowOp> = None extends RowOps[K] ? [attrs?: RowOps[K]] : [attrs: RowOps[K]];
/** What making a row needs: the builder at the place of the call, and a way to say what is wrong there. */
export interface Making {
  readonly name: string;
  make<K extends RowOp>(op: K, src: readonly Row[], shape: readonly number[], ...attrs: Rest<K>): Row;
  fail: Say;
}
/** One parameter: a row, a static number, a text or a scaling; `optional`, or with a default. */
export interface BuiltinParameter {
  readonly name: string;
  readonly type: "row" | "number" | "text" | "scaling";
  readonly optional?: true;
  readonly value?: number | string;
}
export interface Given {
  readonly rows: readonly (Row | undefined)[];
  readonly numbers: Readonly<Record<string, number>>;
  readonly texts: Readonly<Record<string, string>>;
  readonly scaling: RotaryScaling | undefined;
}
export interface RowBuiltin {
  readonly parameters: readonly BuiltinParameter[];
  /** labels beyond the parameters are sizes by letter (`reorder`) */
  readonly letters?: true;
  build(given: Given, m: Making): Row | readonly Row[] | undefined;
}

const row = (name: string): BuiltinParameter => ({ name, type: "row" });
const maybe = (name: string): BuiltinParameter => ({ name, type: "row", optional: true });
const number = (name: string, value?: number): BuiltinParameter => ({
  name,
  type: "number",
  ...(value !== undefined && { value }),
});
const text = (name: string, value?: string): BuiltinParameter => ({
  name,
  type: "text",
  ...(value !== undefined && { value }),
});
const option = (name: string): BuiltinParameter => ({ name, type: "number", optional: true });

export const show = (shape: readonly number[]): string => (shape.length ? `[${shape.join(", ")}]` : "a number");
const equal = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);
const last = (r: Row): number => r.shape.at(-1) ?? 0;
const whole = (n: number): boolean => Number.isSafeInteger(n) && n >= 1;

/** The shape of two operands together: equal, one a number, or `[d]` beside `[heads, d]`. */
const together = (a: readonly number[], b: readonly number[]): readonly number[] | undefined => {
  if (equal(a, b) || b.length === 0) return a;
  if (a.length === 0) return b;
  if (a.length > b.length && equal(a.slice(-b.length), b)) return a;
  if (b.length > a.length && equal(b.slice(-a.length), a)) return b;
  return undefined;
};
type Binary = "add" | "sub" | "mul" | "div" | "min" | "max";
export const binary = (op: Binary, a: Row, b: Row, m: Making): Row | undefined => {
  const shape = together(a.shape, b.shape);
  return shape ? m.make(op, [a, b], shape) : m.fail("shapes-differ", [m.name, show(a.shape), show(b.shape)]);
};
const pair = (op: Binary): RowBuiltin => ({
  parameters: [row("x"), row("y")],
  build: ({ rows: [x, y] }, m) => binary(op, x!, y!, m),
});
type Unary =
  | "exp"
  | "log"
  | "sqrt"
  | "tanh"
  | "sigmoid"
  | "relu"
  | "silu"
  | "gelu"
  | "gelu_tanh"
  | "stop_gradient"
  | "neg";
const single = (op: Unary): RowBuiltin => ({
  parameters: [row("x")],
  build: ({ rows: [x] }, m) => m.make(op, [x!], x!.shape),
});
const overLast = (op: "softmax" | "sum" | "mean"): RowBuiltin => ({
  parameters: [row("x")],
  build: ({ rows: [x] }, m) =>
    x!.shape.length
      ? m.make(op, [x!], op === "softmax" ? x!.shape : x!.shape.slice(0, -1))
      : m.fail("needs-vector", [m.name, show(x!.shape)]),
});
/** A norm's weight and bias are as wide as the last axis. */
const norm = (op: "rms_norm" | "layer_norm", { rows: [x, ...scales], numbers }: Given, m: Making): Row | undefined => {
  if (!x!.shape.length) return m.fail("needs-vector", [m.name, show(x!.shape)]);
  const given = scales.filter((scale) => scale !== undefined);
  const wrong = given.find((scale) => !equal(scale.shape, [last(x!)]));
  if (wrong) return m.fail("norm-weight", [m.name, show(wrong.shape), last(x!)]);
  if (scales.length === 2 && scales[1] && !scales[0]) return m.fail("missing-argument", [m.name, ["weight"]]);
  return m.make(op, [x!, ...given], x!.shape, { eps: numbers["eps"]! });
};

export const rowBuiltins: Readonly<Record<string, RowBuiltin>> = {
  min: pair("min"),
  max: pair("max"),
  exp: single("exp"),
  log: single("log"),
  sqrt: single("sqrt"),
  tanh: single("tanh"),
  sigmoid: single("sigmoid"),
  relu: single("relu"),
  silu: single("silu"),
  gelu: single("gelu"),
  gelu_tanh: single("gelu_tanh"),
  stop_gradient: single("stop_gradient"),
  softmax: overLast("softmax"),
  sum: overLast("sum"),
  mean: overLast("mean"),
  cosine: {
    parameters: [row("x"), row("y")],
    build: ({ rows: [x, y] }, m) => {
      if (!x!.shape.length) return m.fail("needs-vector", [m.name, show(x!.shape)]);
      if (!equal(x!.shape, y!.shape)) return m.fail("shapes-differ", [m.name, show(x!.shape), show(y!.shape)]);
      const shape = x!.shape.slice(0, -1);
      const dot = (a: Row, b: Row): Row => m.make("sum", [m.make("mul", [a, b], a.shape)], shape);
      const lengths = m.make("sqrt", [m.make("mul", [dot(x!, x!), dot(y!, y!)], shape)], shape);
      return m.make(
        "div",
        [dot(x!, y!), m.make("max", [lengths, m.make("number", [], [], { value: 1e-8 })], shape)],
        shape,
      );
    },
  },
  rms_norm: {
    parameters: [row("x"), maybe("weight"), number("eps", 1e-5)],
    build: (given, m) => norm("rms_norm", given, m),
  },
  layer_norm: {
    parameters: [row("x"), maybe("weight"), maybe("bias"), number("eps", 1e-5)],
    build: (given, m) => norm("layer_norm", given, m),
  },
  linear: {
    parameters: [row("x"), row("w"), maybe("bias")],
    build: ({ rows: [x, w, bias] }, m) => {
      if (x!.op === "weight" && x!.shape.length === 2 && w!.shape.length < 2) return m.fail("linear-order", []);
      if (!x!.shape.length) return m.fail("needs-vector", [m.name, show(x!.shape)]);
      if (w!.shape.length !== 2 || w!.shape[1] !== last(x!))
        return m.fail("linear-width", [last(x!), nameOf(w!), show(w!.shape)]);
      if (bias && !equal(bias.shape, [w!.shape[0]!]))
        return m.fail("linear-bias", [w!.shape[0]!, nameOf(bias), show(bias.shape)]);
      return m.make("linear", bias ? [x!, w!, bias] : [x!, w!], [...x!.shape.slice(0, -1), w!.shape[0]!]);
    },
  },
  split: {
    parameters: [row("x"), number("heads")],
    build: ({ rows: [x], numbers: { heads } }, m) => {
      const [width, ...more] = x!.shape;
      if (width === undefined || more.length) return m.fail("needs-vector", [m.name, show(x!.shape)]);
      if (!whole(heads!) || width % heads! !== 0) return m.fail("not-divisible", [m.name, width, heads!]);
      return m.make("split", [x!], [heads!, width / heads!], { heads: heads! });
    },
  },
  merge: {
    parameters: [row("x")],
    build: ({ rows: [x] }, m) =>
      x!.shape.length === 2
        ? m.make("merge", [x!], [x!.shape[0]! * x!.shape[1]!])
        : m.fail("needs-heads", [m.name, show(x!.shape)]),
  },
  chunk: {
    parameters: [row("x"), number("parts")],
    build: ({ rows: [x], numbers: { parts } }, m) => {
      if (!x!.shape.length) return m.fail("needs-vector", [m.name, show(x!.shape)]);
      if (!whole(parts!) || parts! > 1024 || last(x!) % parts! !== 0)
        return m.fail("not-divisible", [m.name, last(x!), parts!]);
      const shape = [...x!.shape.slice(0, -1), last(x!) / parts!];
      return Array.from({ length: parts! }, (_, take) => m.make("chunk", [x!], shape, { parts: parts!, take }));
    },
  },
  concat: {
    parameters: [row("x"), row("y"), maybe("z")],
    build: ({ rows }, m) => {
      const given = rows.filter((r) => r !== undefined);
      const [first] = given;
      const bad = given.find((r) => !r.shape.length || !equal(r.shape.slice(0, -1), first!.shape.slice(0, -1)));
      const number = given.find((r) => !r.shape.length);
      if (number) return m.fail("needs-vector", [m.name, show(number.shape)]);
      if (bad) return m.fail("concat-shapes", [show(first!.shape), show(bad.shape)]);
      return m.make("concat", given, [...first!.shape.slice(0, -1), given.reduce((n, r) => n + last(r), 0)]);
    },
  },
  reorder: {
    parameters: [row("x"), text("from"), text("to")],
    letters: true,
    build: ({ rows: [x], texts: { from, to }, numbers }, m) => {
      const letters = from!.split(" ");
      const same = [...letters].sort().join() === to!.split(" ").sort().join();
      if (!same || letters.some((l) => !/^[a-z]$/.test(l)) || new Set(letters).size !== letters.length)
        return m.fail("reorder-letters", [from!, to!]);
      const unsized = letters.find((l) => !whole(numbers[l] ?? 0));
      if (unsized) return m.fail("missing-argument", [m.name, [unsized]]);
      const sizes = Object.fromEntries(letters.map((l) => [l, numbers[l]!]));
      const size = letters.reduce((n, l) => n * numbers[l]!, 1);
      if (!equal(x!.shape, [size]))
        return m.fail("reorder-size", [letters.map((l) => `${l} = ${numbers[l]}`).join(", "), size, show(x!.shape)]);
      return m.make("reorder", [x!], x!.shape, { from: from!, to: to!, sizes });
    },
  },
  sinusoid: {
    parameters: [
      row("t"),
      number("dim"),
      number("period", 10_000),
      option("divisor"),
      number("scale", 1),
      text("order", "cos sin"),
    ],
    build: ({ rows: [t], numbers: { dim, period, divisor, scale }, texts: { order } }, m) => {
      if (t!.shape.length) return m.fail("needs-number", [m.name, show(t!.shape)]);
      if (!whole(dim!) || dim! % 2) return m.fail("even-width", [m.name, dim!]);
      if (order !== "cos sin" && order !== "sin cos")
        return m.fail("bad-choice", ["order", order!, ["cos sin", "sin cos"]]);
      return m.make("sinusoid", [t!], [dim!], {
        dim: dim!,
        period: period!,
        divisor: divisor ?? dim! / 2,
        scale: scale!,
        order,
      });
    },
  },
  coordinates: {
    parameters: [row("x"), number("dim"), number("limit"), number("period", 10_000)],
    build: ({ rows: [x], numbers: { dim, limit, period } }, m) => {
      if (x!.op !== "coordinate") return m.fail("needs-coordinate", [m.name]);
      if (!whole(dim!) || dim! % 2) return m.fail("even-width", [m.name, dim!]);
      if (!whole(limit!) || limit! > 65_536) return m.fail("bad-size", ["limit", limit!]);
      return m.make("coordinates", [x!], [dim!], { dim: dim!, period: period!, limit: limit! });
    },
  },
  rotary: {
    parameters: [
      row("x"),
      number("theta"),
      { name: "scaling", type: "scaling", optional: true },
      text("layout", "halves"),
    ],
    build: ({ rows: [x], numbers: { theta }, texts: { layout }, scaling }, m) => {
      if (x!.shape.length !== 2) return m.fail("needs-heads", [m.name, show(x!.shape)]);
      if (last(x!) % 2) return m.fail("even-width", [m.name, last(x!)]);
      if (layout !== "halves" && layout !== "pairs")
        return m.fail("bad-choice", ["layout", layout!, ["halves", "pairs"]]);
      return m.make("rotary", [x!], x!.shape, { theta: theta!, scaling, interleaved: layout === "pairs" });
    },
  },
  attend: {
    parameters: [row("q"), row("k"), row("v"), option("scale"), option("softcap")],
    build: ({ rows: [q, k, v], numbers: { scale, softcap } }, m) => {
      const wrong = [q!, k!, v!].find((r) => r.shape.length !== 2);
      if (wrong) return m.fail("needs-heads", [m.name, show(wrong.shape)]);
      if (last(q!) !== last(k!)) return m.fail("attend-width", [last(q!), last(k!)]);
      const [heads, kv] = [q!.shape[0]!, k!.shape[0]!];
      if (v!.shape[0] !== kv) return m.fail("attend-values", [kv, v!.shape[0]!]);
      if (heads % kv) return m.fail("attend-heads", [heads, kv]);
      return m.make("attend", [q!, k!, v!], [heads, last(v!)], { scale: scale ?? 1 / Math.sqrt(last(q!)), softcap });
    },
  },
};
/** The built-in function of that name. */
export const rowBuiltin = (name: string): RowBuiltin | undefined =>
  Object.hasOwn(rowBuiltins, name) ? rowBuiltins[name] : undefined;
const nameOf = (r: Row): string => (r.op === "weight" ? `\`${r.attrs.weight.path}\`` : "the matrix");
