// Row-wise ops as tensor ops: a total table. Operands come as values of some extent; nothing here knows of sequences.
import type { Row, RowOf, RowOp } from "../analyze/model.ts";
import type { Builder, Node, Origin } from "../ir/node.ts";
import { isFloat } from "../ir/pointwise.ts";
import type { Pointwise } from "../ir/vocabulary.ts";
import { coordinatePort, enter, inputNode, inputPort, type Rows } from "./entry.ts";
import { apply, batched, cast, finest, unbatched, type Value, widen } from "./value.ts";

/** Where a body is lowered: a stream of rows, and what the body's names stand for there. */
export interface Scope {
  readonly g: Builder;
  readonly rows: Rows;
  /** positions lie in 0 .. positions - 1 */
  readonly positions: number;
  readonly known: Map<Row, Value>;
  origin(row: Row): Origin;
  parameter(index: number): Value;
  /** of the `embed` that brings the rows in */
  argument(name: string): Node;
  attend(row: RowOf<"attend">): Value;
}

export const lowerRow = (scope: Scope, row: Row): Value => {
  const known = scope.known.get(row);
  if (known !== undefined) return known;
  const lower = table[row.op] as (scope: Scope, row: Row, src: readonly Value[]) => Value;
  // `extend` and `attend` say themselves where their operands are lowered.
  const src = row.op === "extend" || row.op === "attend" ? [] : row.src.map((operand) => lowerRow(scope, operand));
  const value = scope.g.under(scope.origin(row), () => lower(scope, row, src));
  scope.known.set(row, value);
  return value;
};

type Lower<K extends RowOp> = (scope: Scope, row: RowOf<K>, src: readonly Value[]) => Value;
const pointwise =
  <K extends RowOp>(op: Exclude<keyof Pointwise, "cast">): Lower<K> =>
  ({ g, rows }, { index }, src) =>
    apply(
      g,
      rows,
      op,
      src.map((value) => cast(g, value, index ? "i32" : "f32")),
    );
const activation =
  <K extends RowOp>(op: "silu" | "gelu" | "geluTanh"): Lower<K> =>
  ({ g }, _row, [x]) => ({ ...x!, node: g.op(op, [x!.node]) });

const table: { readonly [K in RowOp]: Lower<K> } = {
  number: ({ g }, { attrs, index }) => constant(g.constant(attrs.value, index ? "i32" : "f32"), []),
  weight: ({ g }, { attrs: { weight } }) =>
    constant(g.op("param", [], { name: weight.path, type: { dtype: "f32", shape: weight.shape } }), weight.shape),
  input: ({ g, rows }, { attrs: { input }, shape }) => {
    const { per } = input;
    if (typeof per === "object" && "row" in per)
      return { node: enter(g, rows, inputPort(input)), extent: "row", shape };
    const node = inputNode(g, inputPort(input));
    if (per === "call") return constant(node, shape);
    if (per === "document") return { node, extent: "document", shape };
    return { node: g.op("merge", [node], { axis: 0 }), extent: "span", shape };
  },
  argument: (scope, { attrs, shape }) => {
    const node = scope.argument(attrs.argument);
    return { node, extent: "row", shape };
  },
  coordinate: ({ g, rows }, { attrs: { axis } }) => ({
    node: enter(g, rows, coordinatePort(rows.stream, axis)),
    extent: "row",
    shape: [],
  }),
  parameter: (scope, { attrs }) => scope.parameter(attrs.index),
  add: pointwise("add"),
  sub: pointwise("sub"),
  mul: pointwise("mul"),
  div: pointwise("div"),
  min: pointwise("min"),
  max: pointwise("max"),
  neg: pointwise("neg"),
  exp: pointwise("exp"),
  log: pointwise("log"),
  sqrt: pointwise("sqrt"),
  tanh: pointwise("tanh"),
  sigmoid: pointwise("sigmoid"),
  relu: ({ g, rows }, _row, [x]) => apply(g, rows, "max", [x!, constant(g.constant(0), [])]),
  silu: activation("silu"),
  gelu: activation("gelu"),
  gelu_tanh: activation("geluTanh"),
  rms_norm: (scope, { attrs }, src) => norm(scope, (operands) => scope.g.op("rmsNorm", operands, attrs), src),
  layer_norm: (scope, { attrs }, src) => norm(scope, (operands) => scope.g.op("layerNorm", operands, attrs), src),
  softmax: ({ g }, _row, [x]) => ({ ...x!, node: g.op("softmax", [x!.node], { axis: x!.node.type.shape.length - 1 }) }),
  linear: (scope, { shape }, src) => linear(scope, shape, src),
  lookup: ({ g }, { shape }, [rows, index]) => ({ ...index!, node: lookup(g, rows!, index!), shape }),
  extend: (scope, row) => extend(scope, row),
  split: ({ g }, { attrs: { heads }, shape }, [x]) => {
    const axis = x!.node.type.shape.length - 1;
    return { ...x!, node: g.op("split", [x!.node], { axis, sizes: [heads, shape[1]!] }), shape };
  },
  merge: ({ g }, { shape }, [x]) => ({
    ...x!,
    node: g.op("merge", [x!.node], { axis: x!.node.type.shape.length - 2 }),
    shape,
  }),
  chunk: ({ g }, { attrs: { take }, shape }, [x]) => {
    const size = shape.at(-1)!;
    return {
      ...x!,
      node: g.op("slice", [x!.node], { axis: x!.node.type.shape.length - 1, start: take * size, size }),
      shape,
    };
  },
  concat: ({ g, rows }, { shape }, src) => {
    const extent = finest(src);
    const nodes = src.map((value) => widen(g, rows, value, extent).node);
    return { node: g.op("concat", nodes, { axis: nodes[0]!.type.shape.length - 1 }), extent, shape };
  },
  reorder: ({ g }, { attrs, shape }, [x]) => ({ ...x!, node: reorder(g, x!.node, attrs), shape }),
  sum: (scope, { shape }, [x]) => total(scope, x!, shape),
  mean: (scope, { shape }, [x]) => {
    const size = x!.shape.slice(shape.length).reduce((n, d) => n * d, 1);
    return apply(scope.g, scope.rows, "div", [total(scope, x!, shape), constant(scope.g.constant(size), [])]);
  },
  stop_gradient: ({ g }, _row, [x]) =>
    isFloat(x!.node.type.dtype) ? { ...x!, node: g.op("stopGradient", [x!.node]) } : x!,
  sinusoid: ({ g }, { attrs, shape }, [x]) => ({
    ...x!,
    node: g.op("sinusoid", [cast(g, x!, "f32").node], attrs),
    shape,
  }),
  coordinates: ({ g }, { attrs: { dim, period, limit }, shape }, [x]) => {
    const rows = g.op("table", [], { table: { kind: "coordinate", rows: limit, dim, period } });
    return { ...x!, node: lookup(g, constant(rows, [limit, dim]), x!), shape };
  },
  rotary: (scope, row, [x]) => rotary(scope, row, x!),
  attend: (scope, row) => scope.attend(row),
};

const constant = (node: Node, shape: readonly number[]): Value => ({ node, extent: "constant", shape });

/** A scale or bias that is no plain vector of the call is applied apart. */
const norm = (
  { g, rows }: Scope,
  make: (operands: readonly Node[]) => Node,
  [x, scale, bias]: readonly Value[],
): Value => {
  const affine = [scale, bias].filter((value) => value !== undefined);
  if (affine.every((value) => value.extent === "constant" && value.shape.length === 1))
    return { ...x!, node: make([x!, ...affine].map((value) => value.node)) };
  const normed = { ...x!, node: make([x!.node]) };
  const scaled = scale === undefined ? normed : apply(g, rows, "mul", [normed, scale]);
  return bias === undefined ? scaled : apply(g, rows, "add", [scaled, bias]);
};

const linear = ({ g, rows }: Scope, shape: readonly number[], [x, w, bias]: readonly Value[]): Value => {
  if (w!.extent !== "constant") throw new Error("a matrix must be the same for all rows");
  // A vector of the whole call has no leading axis, and a matrix product asks for one.
  const lone = x!.node.type.shape.length === 1;
  const operand = lone ? g.op("split", [x!.node], { axis: 0, sizes: [1, x!.shape[0]!] }) : x!.node;
  const fused = bias !== undefined && bias.extent === "constant" && bias.shape.length === 1;
  const y = g.op("linear", [operand, w!.node, ...(fused ? [bias.node] : [])]);
  const value: Value = { ...x!, node: lone ? g.op("merge", [y], { axis: 0 }) : y, shape };
  return fused || bias === undefined ? value : apply(g, rows, "add", [value, bias]);
};

const lookup = (g: Builder, rows: Value, index: Value): Node => {
  if (rows.extent !== "constant") throw new Error("a table must be the same for all rows");
  return g.op("gather", [rows.node, cast(g, index, "i32").node]);
};

/** Both tables are read, each within its bounds, and the index chooses: only where rows enter, and never on a row that is not there. */
const extend = (scope: Scope, { src, attrs: { below }, shape }: RowOf<"extend">): Value => {
  const { g, rows } = scope;
  const [at, own, added] = src as [Row, Row, Row];
  const index = lowerRow(scope, at);
  const number = (value: number): Value => constant(g.constant(value, "i32"), []);
  const clamped = apply(g, rows, "min", [index, number(below - 1)]);
  const first = lowerRow({ ...scope, known: new Map([[at, clamped]]) }, own);
  const beyond = apply(g, rows, "max", [apply(g, rows, "sub", [index, number(below)]), number(0)]);
  const second: Value = { ...beyond, node: lookup(g, lowerRow(scope, added), beyond), shape };
  return apply(g, rows, "where", [apply(g, rows, "less", [index, number(below)]), first, second]);
};

/** One axis a letter, in the order of `from`, then that of `to`, then one axis again. */
const reorder = (g: Builder, x: Node, { from, to, sizes }: RowOf<"reorder">["attrs"]): Node => {
  const axis = x.type.shape.length - 1;
  const letters = (layout: string): string[] => [...layout].filter((letter) => letter !== " ");
  const [source, target] = [letters(from), letters(to)];
  const apart = g.op("split", [x], { axis, sizes: source.map((letter) => sizes[letter]!) });
  const perm = [...Array(axis).keys(), ...target.map((letter) => axis + source.indexOf(letter))];
  const turned: Node = g.op("transpose", [apart], { perm });
  return target.slice(1).reduce<Node>((node) => g.op("merge", [node], { axis }), turned);
};

/** The sum over the last axes, until `shape` is left. */
const total = ({ g }: Scope, x: Value, shape: readonly number[]): Value => {
  const summed = x.shape.slice(shape.length).reduce((node): Node => {
    const axis = node.type.shape.length - 1;
    const sum = g.op("sum", [node], { axis });
    // The axis of size 1 that is left goes into the one before it; a lone one is read at 0.
    return axis === 0 ? g.op("gather", [sum, g.constant(0, "i32")]) : g.op("merge", [sum], { axis: axis - 1 });
  }, x.node);
  return { ...x, node: summed, shape };
};

const rotary = ({ g, rows, positions }: Scope, { attrs, shape }: RowOf<"rotary">, x: Value): Value => {
  const [heads, dim] = shape as readonly [number, number];
  const { theta, scaling, interleaved } = attrs;
  const angles = (part: "cos" | "sin"): Node =>
    g.op("table", [], { table: { kind: "rotary", rows: positions, dim, theta, scaling, part } });
  const src = [batched(g, rows, x), angles("cos"), angles("sin"), rows.position];
  return unbatched(g, g.op("rotary", src, { heads, interleaved }), shape);
};
