// What is made for gradients, and what is not.
import { describe, expect, test } from "vitest";
import { sym } from "../../compiler/ir/dim.ts";
import { evaluate } from "../../compiler/ir/evaluate.ts";
import { Graph } from "../../compiler/ir/graph.ts";
import { type Node, toposort } from "../../compiler/ir/node.ts";
import { print } from "../../compiler/ir/print.ts";
import { differentiate, gradients } from "../../compiler/gradient/index.ts";
import { total } from "./subject.ts";

const [B, T] = [sym("batch"), sym("text")];
const weight = (g: Graph, name: string, shape: readonly number[]): Node =>
  g.op("param", [], { name, type: { dtype: "f32", shape } });
const input = (g: Graph, name: string, ...shape: readonly (typeof B)[]): Node =>
  g.op("input", [], { name, type: { dtype: "f32", shape } });
const count = (roots: readonly Node[], op: Node["op"]): number => toposort(roots).filter((n) => n.op === op).length;

describe("what lies off the path has no adjoint", () => {
  test("frozen layers before what is trained are not gone back through, those behind it are", () => {
    const g = new Graph();
    const layer = (x: Node, name: string): Node => g.op("tanh", [g.op("linear", [x, weight(g, name, [4, 4])])]);
    const before = layer(layer(input(g, "x", B, T, 4), "frozen.0"), "frozen.1");
    const trained = layer(before, "trained");
    const after = layer(layer(trained, "frozen.2"), "frozen.3");
    const loss = total(g, after);
    const forward = new Set(toposort([loss]));
    const made = gradients(g, loss, [weight(g, "trained", [4, 4])]);
    const back = toposort(made).filter((n) => !forward.has(n));
    // Two layers passed through, and the product that is the gradient: nothing else multiplies matrices.
    expect(back.filter((n) => n.op === "matmul")).toHaveLength(3);
    expect(back.filter((n) => n.op === "matmul" && n.type.shape.length === 2)).toEqual(made);
    const read = toposort(back).filter((n) => n.op === "param" && back.some((m) => m.src.includes(n)));
    expect(read.map((n) => n.op === "param" && n.attrs.name)).toEqual(["frozen.2", "frozen.3"]);
  });
  test("what the loss does not depend on has zeros, of its shape", () => {
    const g = new Graph();
    const [w, other] = [weight(g, "w", [3]), weight(g, "other", [5, 2])];
    const through = g.op("cast", [g.op("less", [other, g.constant(0)])], { dtype: "f32" });
    const stopped = g.op("stopGradient", [g.op("exp", [other])]);
    const loss = total(g, g.op("mul", [w, g.op("add", [total(g, through), total(g, stopped)])]));
    const [, none, apart] = gradients(g, loss, [w, other, input(g, "x", B, 3)]);
    expect(print([none!])).toBe("%0 = constant() {value: 0} : f32[]\n%1 = broadcast(%0) {shape: [5, 2]} : f32[5, 2]");
    expect(print([apart!])).toBe(
      "%0 = constant() {value: 0} : f32[]\n%1 = broadcast(%0) {shape: [batch, 3]} : f32[batch, 3]",
    );
  });
  test("a loss that is no function at all", () => {
    const g = new Graph();
    const w = weight(g, "w", [3]);
    expect(differentiate(g, [g.constant(2)], [w]).gradients).toEqual([
      g.op("broadcast", [g.constant(0)], { shape: [3] }),
    ]);
  });
});

describe("forward and backward share", () => {
  const attended = (g: Graph): { loss: Node; q: Node; y: Node } => {
    const type = { dtype: "bool", shape: [B, 1, T, T] } as const;
    const [q, x] = [weight(g, "q", [8, 8]), input(g, "x", B, T, 8)];
    const src = [g.op("linear", [x, q]), x, x, g.op("input", [], { name: "mask", type })];
    const y = g.op("attention", src, { heads: 2, kvHeads: 2, scale: 0.5, covered: true });
    return { loss: total(g, g.op("mul", [y, y])), q, y };
  };
  test("an attention is expanded once, in the outputs too", () => {
    const g = new Graph();
    const { loss, q, y } = attended(g);
    const made = differentiate(g, [loss, y], [q]);
    const all = [...made.outputs, ...made.gradients];
    expect(count(all, "attention")).toBe(0);
    expect(count(all, "softmax")).toBe(1);
    // Scores and values forward; back: values, scores and the weight.
    expect(count(all, "matmul")).toBe(2 + 3);
  });
  test("one that no weight is before stays whole", () => {
    const g = new Graph();
    const { y } = attended(g);
    const w = weight(g, "w", [3, 8]);
    const loss = total(g, g.op("linear", [y, w]));
    const made = differentiate(g, [loss], [w]);
    expect(made.outputs).toEqual([loss]);
    expect(count(made.gradients, "attention")).toBe(1);
  });
  test("a norm's factor is worked out once for all its adjoints", () => {
    const g = new Graph();
    const [w, b, x] = [weight(g, "w", [4]), weight(g, "b", [4]), input(g, "x", B, 4)];
    const loss = total(g, g.op("layerNorm", [x, w, b], { eps: 1e-5 }));
    expect(count(differentiate(g, [loss], [x, w, b]).gradients, "sqrt")).toBe(1);
  });
});

test("by nodes on the way, and by one another's sources", () => {
  const g = new Graph();
  const x = weight(g, "x", [2]);
  const y = g.op("exp", [x]);
  const z = g.op("mul", [y, x]);
  const loss = total(g, z);
  const params = { x: { shape: [2], data: Float64Array.of(0.5, -1) } };
  const values = evaluate(gradients(g, loss, [x, y, z, loss]), { inputs: {}, params, dims: {} });
  expect(values.slice(1).map(({ data }) => [...data])).toEqual([[0.5, -1], [1, 1], [1]]);
  expect(values[0]!.data[0]).toBeCloseTo(Math.exp(0.5) * 1.5, 12);
  expect(values[0]!.data[1]).toBeCloseTo(0, 12);
});

test("gradients have gradients: the second derivative of a cube", () => {
  const g = new Graph();
  const x = weight(g, "x", [2]);
  const [first] = gradients(g, total(g, g.op("mul", [x, g.op("mul", [x, x])])), [x]);
  const [second] = gradients(g, total(g, first!), [x]);
  const params = { x: { shape: [2], data: Float64Array.of(0.5, -3) } };
  expect([...evaluate([second!], { inputs: {}, params, dims: {} })[0]!.data]).toEqual([3, -18]);
});

test("the same graph gives the same gradients, in a graph of their own too", () => {
  const made = (fresh: boolean): string => {
    const g = new Graph();
    const [w, x] = [weight(g, "w", [4, 4]), input(g, "x", B, 4)];
    const y = g.op("add", [g.op("linear", [x, w]), g.op("linear", [g.op("silu", [x]), w])]);
    const { outputs, gradients: all } = differentiate(fresh ? new Graph() : g, [total(g, y)], [w, x]);
    return print([...outputs, ...all]);
  };
  expect(made(false)).toBe(made(false));
  expect(made(true)).toBe(made(false));
});

test("what is made for a node says so", () => {
  const g = new Graph();
  const x = weight(g, "x", [3]);
  const y = g.under({ path: "layers.3/gate", at: "a.graft:7:5" }, () => g.op("sigmoid", [x]));
  const [made] = gradients(g, total(g, y), [x]);
  expect(made!.origin).toEqual({ path: "gradient/layers.3/gate", at: "a.graft:7:5" });
});

test("50,000 nodes one after the other overflow nothing", { timeout: 60_000 }, () => {
  const g = new Graph();
  const x = weight(g, "x", []);
  let y = x;
  for (let i = 0; i < 25_000; i++) y = g.op("add", [g.op("neg", [y]), x]);
  const [made] = gradients(g, y, [x]);
  // 1 - 1 + 1 - ...: an even number of times.
  const params = { x: { shape: [], data: Float64Array.of(2) } };
  expect(evaluate([made!], { inputs: {}, params, dims: {} })[0]!.data[0]).toBe(1);
});

describe("what cannot be differentiated is refused", () => {
  const g = new Graph();
  const x = weight(g, "x", [3]);
  const index = g.op("iota", [], { size: 3 });
  test.each([
    ["a loss of more than one number", () => gradients(g, x, [x]), "a loss is one number, not f32[3]"],
    ["a whole number as loss", () => gradients(g, g.constant(1, "i32"), [x]), "a loss is one number, not i32[]"],
    ["no loss", () => differentiate(g, [], [x]), "a loss is one number, not nothing"],
    ["by whole numbers", () => gradients(g, total(g, x), [index]), "no derivative by iota of i32"],
  ])("%s", (_title, make, message) => expect(make).toThrow(message));
});
