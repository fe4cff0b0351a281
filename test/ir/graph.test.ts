// Nodes: interning, types, origins, text, tables.
import { describe, expect, test } from "vitest";
import { expand } from "../../compiler/ir/composite.ts";
import { sameShape, sym } from "../../compiler/ir/dim.ts";
import { evaluate } from "../../compiler/ir/evaluate.ts";
import { Graph } from "../../compiler/ir/graph.ts";
import { type Node, toposort } from "../../compiler/ir/node.ts";
import { composite } from "../../compiler/ir/composite.ts";
import { inTable } from "../../compiler/ir/ops.ts";
import { print, printProgram } from "../../compiler/ir/print.ts";
import { rotaryFrequencies, tableValues } from "../../compiler/ir/table.ts";
import type { Composite, DType } from "../../compiler/ir/vocabulary.ts";
import { draw } from "./drawn.ts";
import { layerModule } from "./layer.ts";
import { samples } from "./samples.ts";

const given = (g: Graph, name: string, shape: readonly (number | string)[], dtype: DType = "f32"): Node =>
  g.op("input", [], { name, type: { dtype, shape: shape.map((d) => (typeof d === "string" ? sym(d) : d)) } });

describe("interning", () => {
  test("equal nodes are one", () => {
    const g = new Graph();
    const x = given(g, "x", ["batch", 3]);
    expect(g.op("add", [x, g.constant(1)])).toBe(g.op("add", [given(g, "x", ["batch", 3]), g.constant(1)]));
  });
  test("constants that JSON would confuse stay apart", () => {
    const g = new Graph();
    const odd = [NaN, Infinity, -Infinity, 0, -0].map((v) => g.constant(v));
    expect(new Set(odd).size).toBe(5);
    expect(g.constant(1)).not.toBe(g.constant(1, "i32"));
  });
  test("dimensions are part of it", () => {
    const g = new Graph();
    const x = given(g, "x", [1]);
    const to = (name: string): Node => g.op("broadcast", [x], { shape: [sym(name)] });
    expect(to("text")).not.toBe(to("batch"));
    expect(to("text")).toBe(to("text"));
  });
  test("the first origin is kept, and is no part of identity", () => {
    const g = new Graph();
    const [first, second] = ["a", "b"].map((path) => g.under({ path, at: "x.graft:1:1" }, () => g.constant(3)));
    expect(second).toBe(first);
    expect(first!.origin?.path).toBe("a");
    expect(g.constant(4).origin).toBeUndefined();
  });
  test("a deep chain overflows nothing", () => {
    const g = new Graph();
    let x = given(g, "x", [1]);
    for (let i = 0; i < 20_000; i++) x = g.op("add", [x, g.constant(i)]);
    expect(toposort([x]).length).toBe(40_001);
  });
});

describe("what does not fit throws with both shapes", () => {
  const cases: [string, (g: Graph) => Node, string][] = [
    [
      "add",
      (g) => g.op("add", [given(g, "x", [3, "text"]), given(g, "y", ["batch"])]),
      "add: shapes [3, text] and [batch] differ",
    ],
    [
      "types",
      (g) => g.op("add", [given(g, "x", [3]), given(g, "y", [3], "i32")]),
      "add of f32[3] and i32[3]: element types differ",
    ],
    [
      "integer division",
      (g) => g.op("div", [given(g, "x", [3], "i32"), given(g, "y", [3], "i32")]),
      "div does not take i32",
    ],
    [
      "where",
      (g) => g.op("where", [given(g, "x", [3]), given(g, "x", [3]), given(g, "x", [3])]),
      "where asks for a bool, not f32",
    ],
    ["operands", (g) => g.op("neg", []), "neg takes 1 operands, not 0"],
    [
      "matmul",
      (g) => g.op("matmul", [given(g, "x", [2, 3]), given(g, "y", [4, 2])]),
      "matmul of f32[2, 3] and f32[4, 2]",
    ],
    [
      "concat",
      (g) => g.op("concat", [given(g, "x", [2, 3]), given(g, "y", [2, 4])], { axis: 0 }),
      "concat at axis 0 of f32[2, 3] and f32[2, 4]",
    ],
    [
      "split",
      (g) => g.op("split", [given(g, "x", ["batch", 6])], { axis: 1, sizes: [4, 2] }),
      "split of [batch, 6] at axis 1 into [4, 2]: the product must be 6",
    ],
    [
      "slice",
      (g) => g.op("slice", [given(g, "x", [5])], { axis: 0, start: 3, size: 3 }),
      "slice of [5] at axis 0 from 3 to 6 leaves it",
    ],
    ["broadcast", (g) => g.op("broadcast", [given(g, "x", [5])], { shape: [4] }), "[5] does not broadcast to [4]"],
    ["transpose", (g) => g.op("transpose", [given(g, "x", [5, 2])], { perm: [0, 0] }), "transpose of [5, 2] by [0, 0]"],
    ["sum", (g) => g.op("sum", [given(g, "x", [5])], { axis: 1 }), "sum: [5] has no axis 1"],
    [
      "linear",
      (g) => g.op("linear", [given(g, "x", [2, 3]), given(g, "w", [5, 4])]),
      "linear of f32[2, 3] and f32[5, 4]",
    ],
    [
      "norm",
      (g) => g.op("rmsNorm", [given(g, "x", [2, 3]), given(g, "w", [4])], { eps: 1 }),
      "rmsNorm of f32[2, 3] and f32[4]",
    ],
    ["gather", (g) => g.op("gather", [given(g, "x", [2, 3]), given(g, "i", [4])]), "gather of [2, 3] at f32[4]"],
  ];
  test.each(cases)("%s", (_title, build, message) => expect(() => build(new Graph())).toThrow(message));
});

describe("the type of a composite is that of its expansion", () => {
  const list = Object.entries(samples).flatMap(([op, all]) =>
    inTable(composite, op) ? all.map((s) => [op, s] as const) : [],
  );
  test.each(list)("%s: $title", (_op, sample) => {
    const { root } = draw(sample, sample.dims.at(-1)!, 1);
    const g = new Graph();
    const src = root.src.map((s, i) => g.op("input", [], { name: String(i), type: s.type }) as Node);
    const expanded = expand(g, root.op as keyof Composite, src, root.attrs as never);
    expect(expanded.type.dtype).toBe(root.type.dtype);
    expect(sameShape(expanded.type.shape, root.type.shape)).toBe(true);
  });
});

describe("tables", () => {
  test("rotary: cos and sin of position times theta^(-2k/dim)", () => {
    const values = tableValues({ kind: "rotary", rows: 3, dim: 4, theta: 100, part: "cos" });
    expect([...values]).toEqual([1, 1, Math.cos(1), Math.cos(0.1), Math.cos(2), Math.cos(0.2)].map(Math.fround));
  });
  test("llama3 stretches long waves, keeps short ones and blends between", () => {
    const plain = rotaryFrequencies(64, 500000);
    const scaled = rotaryFrequencies(64, 500000, { factor: 32, low: 1, high: 4, original: 8192 });
    const ratio = scaled.map((f, k) => f / plain[k]!);
    expect(ratio[0]).toBe(1);
    expect(ratio.at(-1)).toBeCloseTo(1 / 32, 12);
    expect(ratio.filter((r) => r < 0.999 && r > 1.001 / 32).length).toBeGreaterThan(1);
    // k = 16: inv_freq = 500000^-0.5; its wave of 4442.9 is between 2048 and 8192, so s = (8192 / 4442.9 - 1) / 3.
    const wave = 2 * Math.PI * Math.sqrt(500000);
    const s = (8192 / wave - 1) / 3;
    expect(scaled[16]).toBeCloseTo(((1 - s) / 32 + s) / Math.sqrt(500000), 15);
  });
  test("coordinate: sines, then cosines", () => {
    const values = tableValues({ kind: "coordinate", rows: 2, dim: 4, period: 100 });
    expect([...values]).toEqual([0, 0, 1, 1, Math.sin(1), Math.sin(0.1), Math.cos(1), Math.cos(0.1)].map(Math.fround));
  });
});

test("erf has the digits of f64", () => {
  const g = new Graph();
  const node = g.op("erf", [given(g, "x", [4])]);
  const inputs = { x: { shape: [4], data: Float64Array.of(0.5, -1, 3, 5) } };
  const [got] = evaluate([node], { inputs, params: {}, dims: {} });
  const wanted = [0.5204998778130465, -0.8427007929497149, 0.9999779095030014, 0.9999999999984626];
  for (const [i, w] of wanted.entries()) expect(got!.data[i]).toBeCloseTo(w, 14);
});

test("text is numbered by position, whatever was made before", async () => {
  const g = new Graph();
  g.constant(99);
  const x = given(g, "x", ["batch", 2]);
  const y = g.under({ path: "y", at: "a.graft:1:1" }, () => g.op("slice", [x], { axis: 1, start: 1, size: 1 }));
  expect(print([y])).toBe(
    ["%0 = input() {name: x} : f32[batch, 2]", "%1 = slice(%0) {axis: 1, start: 1, size: 1} : f32[batch, 1]  # y"].join(
      "\n",
    ),
  );
  await expect(printProgram(layerModule(1).programs[0]!) + "\n").toMatchFileSnapshot("golden/layer.txt");
});

test("evaluate asks for what it needs", () => {
  const g = new Graph();
  const x = given(g, "x", ["batch"]);
  const none = { inputs: {}, params: {}, dims: { batch: 2 } };
  expect(() => evaluate([x], none)).toThrow("input x has no values");
  const wrong = { ...none, inputs: { x: { shape: [3], data: new Float64Array(3) } } };
  expect(() => evaluate([x], wrong)).toThrow("input x is [3], not [2]");
});
