// What is measured on a GPU: single ops at sizes that models have, each as a module of one program.
import { type Dim, sym } from "../../compiler/ir/dim.ts";
import { Graph } from "../../compiler/ir/graph.ts";
import type { ModelModule, PhaseProgram } from "../../compiler/ir/module.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { Tensor } from "../../runtime/tensor.ts";

export interface Row {
  readonly name: string;
  readonly module: ModelModule;
  readonly program: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** multiply-adds, where they are what counts */
  readonly work: number;
}

/** Numbers of standard deviation near `size`, the same every time. */
export const numbers = (count: number, size = 1): Float32Array => {
  let state = 12_345;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 31 - 1) * size * 1.7;
  });
};

const rows = sym("text");
const input = (g: Graph, name: string, shape: readonly Dim[]): Node =>
  g.op("input", [], { name, type: { dtype: "f32", shape } });
const param = (g: Graph, name: string, shape: readonly number[]): Node =>
  g.op("param", [], { name, type: { dtype: "f32", shape } });

const moduleOf = (
  kind: PhaseProgram["kind"],
  inputs: readonly Node[],
  params: readonly Node[],
  root: Node,
): ModelModule => ({
  name: "bench",
  doc: "",
  params: params.flatMap((n) => (n.op === "param" ? [{ ...n.attrs, doc: "" }] : [])),
  programs: [
    {
      name: "run",
      kind,
      doc: "",
      streams: [{ name: "text", kinds: ["text"] }],
      whole: [],
      again: [],
      reads: [],
      writes: [],
      inputs: inputs.flatMap((n) => (n.op === "input" ? [{ ...n.attrs, doc: "" }] : [])),
      outputs: [{ name: "y", node: root, doc: "" }],
    },
  ],
});
const tensor = (shape: readonly number[], size?: number): Tensor => ({
  dtype: "f32",
  shape,
  data: numbers(
    shape.reduce((a, b) => a * b, 1),
    size,
  ),
});

const linear = (name: string, kind: PhaseProgram["kind"], m: number, k: number, n: number): Row => {
  const g = new Graph();
  const x = input(g, "x", [rows, k]);
  const w = param(g, "w", [n, k]);
  return {
    name,
    program: "run",
    module: moduleOf(kind, [x], [w], g.op("linear", [x, w])),
    inputs: { x: tensor([m, k]) },
    work: m * k * n,
  };
};
const attention = (
  name: string,
  kind: PhaseProgram["kind"],
  queries: number,
  keys: number,
  heads: number,
  d: number,
): Row => {
  const g = new Graph();
  const past = sym("past");
  const [q, k, v] = [
    input(g, "q", [1, rows, heads * d]),
    input(g, "k", [1, past, heads * d]),
    input(g, "v", [1, past, heads * d]),
  ] as const;
  const mask = g.op("broadcast", [g.constant(1, "bool")], { shape: [1, 1, rows, past] });
  const attrs = { heads, kvHeads: heads, scale: 1 / Math.sqrt(d), covered: true };
  return {
    name,
    program: "run",
    module: moduleOf(kind, [q, k, v], [], g.op("attention", [q, k, v, mask], attrs)),
    inputs: { q: tensor([1, queries, heads * d]), k: tensor([1, keys, heads * d]), v: tensor([1, keys, heads * d]) },
    work: 2 * queries * keys * heads * d,
  };
};
const pointwise = (name: string, m: number, n: number, make: (g: Graph, x: Node) => Node): Row => {
  const g = new Graph();
  const x = input(g, "x", [rows, n]);
  return {
    name,
    program: "run",
    module: moduleOf("forward", [x], [], make(g, x)),
    inputs: { x: tensor([m, n]) },
    work: m * n,
  };
};

export const kernelRows: readonly Row[] = [
  linear("matmul 256 x 256 x 256", "forward", 256, 256, 256),
  linear("matmul 512 x 512 x 512", "forward", 512, 512, 512),
  linear("gemv 2048 x 2048", "decode", 1, 2048, 2048),
  attention("attention of 128 rows, 8 heads of 64", "forward", 128, 128, 8, 64),
  attention("attention of 1 row over 1024, 8 heads of 64", "decode", 1, 1024, 8, 64),
  pointwise("rms norm of 512 x 1024", 512, 1024, (g, x) => g.op("rmsNorm", [x], { eps: 1e-5 })),
  pointwise("softmax of 512 x 512", 512, 512, (g, x) => g.op("softmax", [x], { axis: 1 })),
  pointwise("silu(x) * x of 512 x 1024", 512, 1024, (g, x) => g.op("mul", [g.op("silu", [x]), x])),
];
