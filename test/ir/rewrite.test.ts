// Rewriting: it keeps the meaning of random graphs, ends where it ends twice, and every rule has work to do.
import { describe, expect, test } from "vitest";
import { sym } from "../../compiler/ir/dim.ts";
import { evaluate, type Values } from "../../compiler/ir/evaluate.ts";
import { Graph } from "../../compiler/ir/graph.ts";
import type { Module } from "../../compiler/ir/module.ts";
import { type Node, toposort } from "../../compiler/ir/node.ts";
import { $, op } from "../../compiler/ir/pattern.ts";
import { print } from "../../compiler/ir/print.ts";
import { rewrite, rule } from "../../compiler/ir/rewrite.ts";
import type { DType } from "../../compiler/ir/vocabulary.ts";
import { optimize, passes } from "../../compiler/optimize/index.ts";
import { legalize } from "../../compiler/target/legalize.ts";
import { layerModule } from "./layer.ts";
import { Random } from "./random.ts";

const [batch, text] = [sym("batch"), sym("text")];
const dims = { batch: 2, text: 3 };
const moduleOf = (node: Node): Module => ({
  name: "m",
  doc: "",
  params: [],
  programs: [{ name: "p", doc: "", inputs: [], outputs: [{ name: "y", node, doc: "" }] }],
});
const rootOf = (module: Module): Node => module.programs[0]!.outputs[0]!.node;

const fired = new Map<string, number>();
const simplified = (node: Node): Node =>
  rootOf(optimize(moduleOf(node), (r) => void fired.set(r.name, (fired.get(r.name) ?? 0) + 1)));

/** A graph of steps that each may meet a rule. */
const randomGraph = (g: Graph, random: Random): Node => {
  const leaf = (dtype: DType): Node =>
    g.op("input", [], { name: `${dtype}${random.below(2)}`, type: { dtype, shape: [batch, text, 4] } });
  const number = (): Node => g.constant(random.pick([0, 1, 1, 2, -1]));
  const truth = (): Node => g.constant(random.below(2), "bool");
  const floats: ((x: Node) => Node)[] = [
    (x) => g.op("add", random.next() < 0.5 ? [x, number()] : [number(), x]),
    (x) => g.op("sub", [x, number()]),
    (x) => g.op("mul", random.next() < 0.5 ? [x, number()] : [number(), x]),
    (x) => g.op("div", [x, g.op("exp", [g.constant(random.below(2))])]),
    (x) => g.op("div", [x, g.constant(1)]),
    (x) => g.op("neg", [x]),
    (x) =>
      g.op("add", [x, g.op(random.pick(["sqrt", "tanh", "sigmoid", "erf", "exp", "log"] as const), [g.constant(1.5)])]),
    (x) =>
      g.op("mul", [
        x,
        g.op(random.pick(["add", "sub", "mul", "div", "max", "min", "pow"] as const), [g.constant(2), g.constant(0.5)]),
      ]),
    (x) => g.op("add", [x, g.op("neg", [number()])]),
    (x) => g.op("cast", [x], { dtype: "f32" }),
    (x) => g.op("mul", [x, g.op("cast", [g.constant(random.below(3), "i32")], { dtype: "f32" })]),
    (x) => g.op("where", [random.next() < 0.5 ? truth() : bools(2), x, random.next() < 0.3 ? x : leaf("f32")]),
    (x) => g.op("where", [truth(), g.constant(2), x]),
    (x) =>
      g.op("transpose", [g.op("transpose", [x], { perm: [2, 0, 1] })], {
        perm: random.pick(
          [
            [1, 2, 0],
            [1, 0, 2],
          ].slice(0, 1),
        ),
      }),
    (x) => g.op("transpose", [x], { perm: [0, 1, 2] }),
    (x) => g.op("broadcast", [x], { shape: x.type.shape }),
    (x) =>
      g.op("add", [x, g.op("broadcast", [g.op("broadcast", [number()], { shape: [1, 4] })], { shape: [text, 4] })]),
    (x) => g.op("slice", [x], { axis: 1, start: 0, size: text }),
    (x) => g.op("merge", [g.op("split", [x], { axis: 2, sizes: [2, 2] })], { axis: 2 }),
    (x) =>
      g.op("merge", [g.op("merge", [g.op("split", [x], { axis: 2, sizes: [2, 1, 2] })], { axis: 3 })], { axis: 2 }),
    (x) => g.op("split", [g.op("merge", [x], { axis: 0 })], { axis: 0, sizes: [batch, text] }),
    (x) => g.op("split", [x], { axis: 2, sizes: [4] }),
    (x) => g.op("concat", [x], { axis: 1 }),
    (x) => g.op("stopGradient", [x]),
    (x) => {
      const many = g.op("broadcast", [number()], { shape: x.type.shape });
      return g.op(
        random.pick(["add", "sub", "mul", "max", "min"] as const),
        random.next() < 0.5 ? [x, many] : [many, x],
      );
    },
    (x) => g.op("div", [x, g.op("broadcast", [g.constant(2)], { shape: [1, 4] })]),
    (x) => {
      const many = g.op("broadcast", [number()], { shape: [4, 2 * 3, batch, text, 2] });
      const cut = g.op("slice", [many], { axis: 1, start: 1, size: 1 });
      const turned = g.op("transpose", [g.op("merge", [cut], { axis: 0 })], { perm: [1, 2, 0, 3] });
      const halves = g.op("split", [turned], { axis: 2, sizes: [2, 2] });
      const summed = g.op("sum", [g.op("merge", [halves], { axis: 2 })], { axis: 3 });
      return g.op("add", [x, g.op("merge", [summed], { axis: 2 })]);
    },
    (x) => g.op("add", [within(x, 0, random.pick([1, 2, 3])), within(x, random.pick([1, 2, 3]), 1)]),
  ];
  const logic: ((b: Node) => Node)[] = [
    (b) => g.op("not", [b]),
    (b) => g.op("not", [g.op("not", [b])]),
    (b) => g.op(random.pick(["and", "or"] as const), random.next() < 0.5 ? [b, truth()] : [truth(), b]),
    (b) => g.op(random.pick(["and", "or"] as const), [b, leaf("bool")]),
    (b) => g.op(random.pick(["and", "or"] as const), [b, b]),
    (b) => g.op("or", [b, g.op(random.pick(["less", "equal"] as const), [number(), number()])]),
    (b) => g.op("and", [b, g.op(random.pick(["and", "or"] as const), [truth(), truth()])]),
    (b) => g.op("and", [b, g.op("not", [truth()])]),
    (b) => g.op("or", [b, g.op("where", [truth(), truth(), truth()])]),
  ];
  /** A part of the last axis where it stands, within zeros. */
  const within = (x: Node, start: number, size: number): Node => {
    const zeros = (count: number): readonly Node[] =>
      count === 0 ? [] : [g.op("broadcast", [g.constant(0)], { shape: [batch, text, count] })];
    const part = g.op("slice", [x], { axis: 2, start, size });
    return g.op("concat", [...zeros(start), part, ...zeros(4 - start - size)], { axis: 2 });
  };
  const grow = (start: Node, steps: readonly ((x: Node) => Node)[], length: number): Node => {
    let x = start;
    for (let i = 0; i < length; i++) x = random.pick(steps)(x);
    return x;
  };
  function bools(length: number): Node {
    return grow(leaf("bool"), logic, length);
  }
  return g.op("where", [
    bools(random.below(6)),
    grow(leaf("f32"), floats, random.below(9)),
    grow(leaf("f32"), floats, 3),
  ]);
};

const draw = (random: Random): Record<string, Values> => {
  const values = (next: () => number): Values => ({ shape: [2, 3, 4], data: Float64Array.from({ length: 24 }, next) });
  return {
    f320: values(() => random.between(-2, 2)),
    f321: values(() => random.between(-2, 2)),
    bool0: values(() => random.below(2)),
    bool1: values(() => random.below(2)),
  };
};

describe("optimize", () => {
  test("keeps the meaning of random graphs, and is idempotent (seeds 1 .. 300)", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new Random(seed);
      const before = randomGraph(new Graph(), random);
      const after = simplified(before);
      const given = { inputs: draw(random), params: {}, dims };
      const [wanted, got] = [evaluate([before], given)[0]!, evaluate([after], given)[0]!];
      expect(got.shape, `seed ${seed}`).toEqual(wanted.shape);
      for (const [i, w] of wanted.data.entries()) expect(got.data[i], `seed ${seed}`).toBeCloseTo(w, 9);
      expect(print([simplified(after)]), `seed ${seed}`).toBe(print([after]));
      expect(toposort([after]).length, `seed ${seed}`).toBeLessThanOrEqual(toposort([before]).length);
    }
  });

  test("every rule fires in those graphs", () => {
    const names = new Set(passes.flatMap((p) => p.rules.map((r) => r.name)));
    expect([...names].filter((name) => !fired.has(name))).toEqual([]);
  });

  test("every node of an optimized module knows where it comes from", () => {
    const g = new Graph();
    const x = g.under({ path: "x", at: "a.graft:1:1" }, () =>
      g.op("input", [], { name: "x", type: { dtype: "bool", shape: [batch, 3] } }),
    );
    const y = g.under({ path: "y", at: "a.graft:2:1" }, () => g.op("and", [x, g.constant(0, "bool")]));
    const after = simplified(y);
    expect(print([after])).toBe(
      "%0 = constant() {value: 0} : bool[]  # y\n%1 = broadcast(%0) {shape: [batch, 3]} : bool[batch, 3]  # y",
    );
    expect(after.origin?.at).toBe("a.graft:2:1");
  });

  test("programs keep sharing nodes", () => {
    const module = layerModule(1);
    const [program] = module.programs;
    const both = optimize({ ...module, programs: [program!, { ...program!, name: "again" }] });
    expect(both.programs[1]!.outputs[0]!.node).toBe(both.programs[0]!.outputs[0]!.node);
  });
});

describe("the driver", () => {
  test("a chain of rewritings deeper than the stack ends", () => {
    const g = new Graph();
    let x: Node = g.op("input", [], { name: "x", type: { dtype: "f32", shape: [2] } });
    const start = x;
    for (let i = 0; i < 20_000; i++) x = g.op("add", [x, g.constant(0)]);
    expect(print([simplified(x)])).toBe(print([start]));
  });
  test("rules that undo each other are found", () => {
    const g = new Graph();
    const x = g.op("input", [], { name: "x", type: { dtype: "f32", shape: [2] } });
    const grows = rule("x = x + x", op("neg", [$("x")]), ({ x }, b) => b.op("neg", [b.op("add", [x, x])]));
    expect(() => rewrite(new Graph(), [g.op("neg", [x])], [grows])).toThrow("rewriting neg does not end");
  });
  test("legalize expands what a target refuses, under the origin of what it was", () => {
    const refuses = new Set(["attention", "silu", "rmsNorm", "linear", "rotary", "softmax"]);
    const roots = [rootOf(layerModule(1))];
    const legal = legalize(new Graph(), roots, (n) => !refuses.has(n.op));
    const ops = toposort(legal);
    expect(ops.filter((n) => refuses.has(n.op))).toEqual([]);
    const paths = new Set(ops.filter((n) => n.op === "matmul").map((n) => n.origin?.path));
    expect(paths).toContain("language/layers.0/attend");
    expect(paths).toContain("language/layers.0/q");
  });
});
