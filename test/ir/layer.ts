// Two small Llama-like layers over flat rows, built as the lowering builds them.
import { sym } from "../../compiler/ir/dim.ts";
import { Graph } from "../../compiler/ir/graph.ts";
import type { Module, Param, Port } from "../../compiler/ir/module.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { DType } from "../../compiler/ir/vocabulary.ts";

const [batch, text] = [sym("batch"), sym("text")];
const D = 16;
const HEADS = 4;
const KV_HEADS = 2;
const HEAD = D / HEADS;

export const layerModule = (layers: number): Module => {
  const g = new Graph();
  const inputs: Port[] = [];
  const params: Param[] = [];
  const input = (name: string): Node => {
    const type = { dtype: "i32" as DType, shape: [batch, text] };
    inputs.push({ name, type, doc: `the ${name} of each row` });
    return g.under({ path: name, at: "tiny.graft:1:1" }, () => g.op("input", [], { name, type }));
  };
  const weight = (name: string, shape: readonly number[]): Node => {
    const type = { dtype: "f32", shape } as const;
    params.push({ name, type, doc: `tiny.graft: ${name}` });
    return g.op("param", [], { name, type });
  };
  const at = (path: string, line: number, make: () => Node): Node =>
    g.under({ path, at: `tiny.graft:${line}:3` }, make);

  const [id, order, position] = [input("text.id"), input("text.order"), input("text.position")];
  const mask = at("mask", 9, () => {
    const queries = g.op("split", [order], { axis: 1, sizes: [1, text, 1] });
    const keys = g.op("split", [order], { axis: 1, sizes: [1, 1, text] });
    const there = g.op("not", [g.op("less", [keys, g.constant(0, "i32")])]);
    return g.op("and", [g.op("not", [g.op("less", [queries, keys])]), there]);
  });
  const table = (part: "cos" | "sin"): Node =>
    g.op("table", [], { table: { kind: "rotary", rows: 128, dim: HEAD, theta: 1e4, part } });

  const layer = (x: Node, path: string): Node => {
    const norm = (value: Node, name: string): Node =>
      at(`${path}/${name}`, 12, () => g.op("rmsNorm", [value, weight(`${path}.${name}`, [D])], { eps: 1e-5 }));
    const linear = (value: Node, name: string, from: number, to: number): Node =>
      at(`${path}/${name}`, 13, () => g.op("linear", [value, weight(`${path}.${name}`, [to, from])]));
    const documents = (rows: Node): Node => g.op("split", [rows], { axis: 0, sizes: [batch, text] });
    const turned = (rows: Node, heads: number, name: string): Node =>
      at(`${path}/${name}/rope`, 14, () =>
        g.op("rotary", [documents(rows), table("cos"), table("sin"), position], { heads, interleaved: false }),
      );
    const n = norm(x, "attn_norm");
    const q = turned(linear(n, "q", D, D), HEADS, "q");
    const k = turned(linear(n, "k", D, KV_HEADS * HEAD), KV_HEADS, "k");
    const rows = linear(n, "v", D, KV_HEADS * HEAD);
    const attended = at(`${path}/attend`, 15, () => {
      const attrs = { heads: HEADS, kvHeads: KV_HEADS, scale: 0.5, covered: false };
      return g.op("merge", [g.op("attention", [q, k, documents(rows), mask], attrs)], { axis: 0 });
    });
    const y = at(`${path}/y`, 16, () => g.op("add", [x, linear(attended, "o", D, D)]));
    const m = norm(y, "mlp_norm");
    const gate = at(`${path}/act`, 17, () => g.op("silu", [linear(m, "gate", D, 24)]));
    const hidden = at(`${path}/hidden`, 18, () => g.op("mul", [gate, linear(m, "up", D, 24)]));
    return at(`${path}/out`, 19, () => g.op("add", [y, linear(hidden, "down", 24, D)]));
  };

  let x = at("embed", 8, () => g.op("merge", [g.op("gather", [weight("embed", [32, D]), id])], { axis: 0 }));
  for (let i = 0; i < layers; i++) x = layer(x, `language/layers.${i}`);
  const hidden = at("head", 20, () => g.op("split", [x], { axis: 0, sizes: [batch, text] }));
  const program = {
    name: "forward(text)",
    doc: "every row of a text",
    inputs,
    outputs: [{ name: "hidden", node: hidden, doc: "rows" }],
  };
  return { name: "tiny", doc: "two layers", params, programs: [program] };
};
