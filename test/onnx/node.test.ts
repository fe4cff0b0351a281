// The ONNX project's own node tests, for the ops whose meaning ours share: our op with the same attributes must give
// what they expect, both in f64 and in the graph that we emit.
import { expect, test } from "vitest";
import { evaluate } from "../../compiler/ir/evaluate.ts";
import { Graph } from "../../compiler/ir/graph.ts";
import type { Module, Port } from "../../compiler/ir/module.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { Composite, Pointwise } from "../../compiler/ir/vocabulary.ts";
import { nodeTestNames, type Attributes, type NodeTest, readNodeTest, type TestTensor } from "./nodeTests.ts";
import { profileNames, run } from "./session.ts";

interface Case {
  readonly g: Graph;
  /** a graph input with the numbers of the test's input; undefined where it has none */
  readonly x: (i: number) => Node;
  readonly has: (i: number) => boolean;
  readonly numbers: (i: number) => number[];
  readonly attrs: Attributes;
  readonly test: NodeTest;
}
type Build = (c: Case) => Node;

const pointwise =
  (op: Exclude<keyof Pointwise, "cast"> | "silu"): Build =>
  ({ g, x, test }) =>
    g.op(
      op,
      test.inputs.map((_, i) => x(i)),
    );
const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const rank = (n: Node): number => n.type.shape.length;

/** Axes from `axis` on as one. */
const flat = (g: Graph, x: Node, axis: number): Node => {
  let y = x;
  while (rank(y) > axis + 1) y = g.op("merge", [y], { axis });
  return y;
};
const norm =
  (op: "rmsNorm" | "layerNorm"): Build =>
  ({ g, x, has, attrs }) => {
    const [input, axis] = [x(0), axisOf(attrs.number("axis", -1), rank(x(0)))];
    const weights = [1, 2].filter(has).map((i) => flat(g, x(i), 0));
    const y = g.op(op, [flat(g, input, axis), ...weights], { eps: attrs.number("epsilon", 1e-5) });
    return g.op("split", [y], { axis, sizes: input.type.shape.slice(axis) });
  };

/** `[batch, heads, rows, d]` to our `[batch, rows, heads * d]` */
const rows = (g: Graph, x: Node): Node =>
  rank(x) === 3 ? x : g.op("merge", [g.op("transpose", [x], { perm: [0, 2, 1, 3] })], { axis: 2 });
const headed = (g: Graph, y: Node, heads: number): Node => {
  const d = (y.type.shape[2] as number) / heads;
  return g.op("transpose", [g.op("split", [y], { axis: 2, sizes: [heads, d] })], { perm: [0, 2, 1, 3] });
};
const maskOf = ({ g, x, has, attrs }: Case, queries: number, keys: number): Node => {
  const shape = [1, 1, queries, keys];
  const index = (size: number, sizes: number[]): Node =>
    g.op("split", [g.op("iota", [], { size })], { axis: 0, sizes });
  if (attrs.number("is_causal", 0) === 1)
    return g.op("not", [g.op("less", [index(queries, [1, 1, queries, 1]), index(keys, [1, 1, 1, keys])])]);
  if (has(3)) return g.op("split", [x(3)], { axis: 0, sizes: [1, 1, queries] });
  return g.op("broadcast", [g.constant(1, "bool")], { shape });
};
const attention: Build = (c) => {
  const { g, x, attrs } = c;
  const whole = rank(x(0)) === 4;
  const count = (i: number, name: string): number => (whole ? (x(i).type.shape[1] as number) : attrs.number(name, 0));
  const [heads, kvHeads] = [count(0, "q_num_heads"), count(1, "kv_num_heads")];
  const [q, k, v] = [rows(g, x(0)), rows(g, x(1)), rows(g, x(2))];
  const scale = attrs.number("scale", 1 / Math.sqrt((q.type.shape[2] as number) / heads));
  const softcap = attrs.number("softcap", 0) || undefined;
  const settings: Composite["attention"] = { heads, kvHeads, scale, softcap, covered: false };
  const mask = maskOf(c, q.type.shape[1] as number, k.type.shape[1] as number);
  const y = g.op("attention", [q, k, v, mask], settings);
  return whole ? headed(g, y, heads) : y;
};
const rotary: Build = ({ g, x, attrs }) => {
  const input = x(0);
  const heads = rank(input) === 4 ? (input.type.shape[1] as number) : attrs.number("num_heads", 0);
  const interleaved = attrs.number("interleaved", 0) === 1;
  const y = g.op("rotary", [rows(g, input), x(1), x(2), x(3)], { heads, interleaved });
  return rank(input) === 4 ? headed(g, y, heads) : y;
};
const gemm: Build = ({ g, x, has, attrs }) => {
  const side = (i: number, name: string): Node =>
    attrs.number(name, 0) === 1 ? g.op("transpose", [x(i)], { perm: [1, 0] }) : x(i);
  const scaled = (y: Node, name: string): Node => g.op("mul", [y, g.constant(attrs.number(name, 1))]);
  if (attrs.number("transB", 0) === 1 && attrs.number("alpha", 1) === 1)
    return g.op("add", [g.op("linear", [side(0, "transA"), x(1)]), scaled(x(2), "beta")]);
  const y = scaled(g.op("matmul", [side(0, "transA"), side(1, "transB")]), "alpha");
  return has(2) ? g.op("add", [y, scaled(x(2), "beta")]) : y;
};
const slice: Build = ({ g, x, has, numbers }) => {
  const [starts, ends] = [numbers(1), numbers(2)];
  const axes = has(3) ? numbers(3) : [...starts.keys()];
  return axes.reduce((y, axis, i) => {
    const size = y.type.shape[axis] as number;
    const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
    return g.op("slice", [y], { axis, start: clamp(starts[i]!), size: clamp(ends[i]!) - clamp(starts[i]!) });
  }, x(0));
};
const reduce =
  (op: "sum" | "amax"): Build =>
  ({ g, x, has, numbers }) => {
    const axes = has(1) ? numbers(1) : [];
    return (axes.length > 0 ? axes : [...x(0).type.shape.keys()]).reduce((y, axis) => g.op(op, [y], { axis }), x(0));
  };

const builders: Record<string, Build> = {
  Add: pointwise("add"),
  Sub: pointwise("sub"),
  Mul: pointwise("mul"),
  Div: pointwise("div"),
  Max: pointwise("max"),
  Min: pointwise("min"),
  Pow: pointwise("pow"),
  Neg: pointwise("neg"),
  Exp: pointwise("exp"),
  Log: pointwise("log"),
  Sqrt: pointwise("sqrt"),
  Tanh: pointwise("tanh"),
  Sigmoid: pointwise("sigmoid"),
  Erf: pointwise("erf"),
  Equal: pointwise("equal"),
  And: pointwise("and"),
  Not: pointwise("not"),
  Where: pointwise("where"),
  Swish: pointwise("silu"),
  Greater: ({ g, x }) => g.op("less", [x(1), x(0)]),
  GreaterOrEqual: ({ g, x }) => g.op("not", [g.op("less", [x(0), x(1)])]),
  LessOrEqual: ({ g, x }) => g.op("not", [g.op("less", [x(1), x(0)])]),
  Gelu: ({ g, x, attrs }) => g.op(attrs.text("approximate", "none") === "tanh" ? "geluTanh" : "gelu", [x(0)]),
  Softmax: ({ g, x, attrs }) => g.op("softmax", [x(0)], { axis: axisOf(attrs.number("axis", -1), rank(x(0))) }),
  RMSNormalization: norm("rmsNorm"),
  LayerNormalization: norm("layerNorm"),
  Attention: attention,
  RotaryEmbedding: rotary,
  MatMul: ({ g, x }) => g.op("matmul", [x(0), x(1)]),
  Gemm: gemm,
  Gather: ({ g, x }) => g.op("gather", [x(0), x(1)]),
  Concat: ({ g, x, attrs, test }) =>
    g.op(
      "concat",
      test.inputs.map((_, i) => x(i)),
      { axis: axisOf(attrs.number("axis", 0), rank(x(0))) },
    ),
  Transpose: ({ g, x, attrs }) =>
    g.op("transpose", [x(0)], { perm: attrs.numbers("perm") ?? [...x(0).type.shape.keys()].reverse() }),
  Slice: slice,
  ReduceSum: reduce("sum"),
  ReduceMax: reduce("amax"),
  Expand: ({ g, x, test }) => g.op("broadcast", [x(0)], { shape: test.output.shape }),
};

const build = (name: string) => {
  const nodeTest = readNodeTest(name);
  const g = new Graph();
  const ports = new Map<string, Port>();
  const tensor = (i: number): TestTensor => nodeTest.inputs[i]!;
  const x = (i: number): Node => {
    const { dtype, shape } = tensor(i);
    const port: Port = { name: `x${i}`, type: { dtype, shape }, doc: "" };
    ports.set(port.name, port);
    return g.op("input", [], { name: port.name, type: port.type });
  };
  const has = (i: number): boolean => nodeTest.inputs[i] !== undefined;
  const node = builders[nodeTest.op]!({
    g,
    x,
    has,
    numbers: (i) => [...tensor(i).data],
    attrs: nodeTest.attrs,
    test: nodeTest,
  });
  const inputs = Object.fromEntries([...ports.keys()].map((key) => [key, tensor(Number(key.slice(1)))]));
  const program = { name, doc: "", inputs: [...ports.values()], outputs: [{ name: "y", node, doc: "" }] };
  const module: Module = { name, doc: "", params: [], programs: [program] };
  return { module, program, node, given: { inputs, params: {}, dims: {} }, wanted: nodeTest.output };
};

test.each(nodeTestNames())("%s", async (name) => {
  const { module, program, node, given, wanted } = build(name);
  const close = (got: { shape: readonly number[]; data: Float64Array }, who: string): void => {
    expect(got.shape, who).toEqual(wanted.shape);
    for (const [i, w] of wanted.data.entries())
      expect(Math.abs(got.data[i]! - w), `${who} at ${i}`).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(w)));
  };
  close(evaluate([node], given)[0]!, "evaluate");
  for (const profile of profileNames) close((await run(module, program, given, profile, "all"))[0]!, profile);
});
