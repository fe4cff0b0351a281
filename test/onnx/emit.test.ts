// The emitted file itself: its text, its names, its documentation, its bytes.
import { describe, expect, test } from "vitest";
import { sym } from "../../compiler/ir/dim.ts";
import { evaluate, type Values } from "../../compiler/ir/evaluate.ts";
import { Graph } from "../../compiler/ir/graph.ts";
import type { Module } from "../../compiler/ir/module.ts";
import { optimize } from "../../compiler/optimize/index.ts";
import { emit } from "../../compiler/target/onnx/emit.ts";
import { printModel } from "../../compiler/target/onnx/print.ts";
import { decodeModel } from "../../compiler/target/onnx/proto.ts";
import { layerModule } from "../ir/layer.ts";
import { Random } from "../ir/random.ts";
import { emitted, levels, nmse, profileNames, run, runModel } from "./session.ts";

const given = (module: Module, batch: number, text: number) => {
  const random = new Random(7);
  const values = (shape: readonly number[], next: () => number): Values => ({
    shape,
    data: Float64Array.from({ length: shape.reduce((p, d) => p * d, 1) }, next),
  });
  const params = module.params.map(
    (p) => [p.name, values(p.type.shape as number[], () => Math.fround(random.between(-0.5, 0.5)))] as const,
  );
  let row = -1;
  const place = (): number => ++row % text;
  // The last row of each document is not there.
  const order = (): number => (place() === text - 1 ? -1 : row % text);
  const shape = [batch, text];
  return {
    dims: { batch, text },
    params: Object.fromEntries(params),
    inputs: {
      "text.id": values(shape, () => random.below(32)),
      "text.order": values(shape, order),
      "text.position": values(shape, place),
    },
  };
};

describe("a layer of a language model", () => {
  const module = optimize(layerModule(2));
  const program = module.programs[0]!;

  test.each(profileNames)("%s: its text", async (profile) => {
    const { model } = emitted(optimize(layerModule(1)), optimize(layerModule(1)).programs[0]!, profile);
    await expect(printModel(model) + "\n").toMatchFileSnapshot(`golden/layer.${profile}.txt`);
  });

  test.each(profileNames)("%s: runs on unlike batches", async (profile) => {
    for (const [batch, text] of [
      [1, 2],
      [3, 5],
    ] as const) {
      const values = given(module, batch, text);
      const [wanted] = evaluate([program.outputs[0]!.node], values);
      for (const level of levels) {
        const [got] = await run(module, program, values, profile, level);
        expect(nmse(got!, wanted!)).toBeLessThan(1e-10);
      }
    }
  });

  test("shapes, masks and positions are made once, whatever the depth", () => {
    const count = (layers: number, op: string): number => {
      const deep = optimize(layerModule(layers));
      const { graph } = decodeModel(emitted(deep, deep.programs[0]!, "ort-cpu").model);
      return graph!.node!.filter((n) => n.opType === op).length;
    };
    for (const op of ["Shape", "Concat", "Where", "Cast", "ReduceMax", "Exp"])
      expect([op, count(4, op)]).toEqual([op, count(1, op)]);
    expect(count(1, "Shape")).toBe(1);
    // q, k and v into documents, what was attended out of them.
    expect(count(4, "Reshape") - count(3, "Reshape")).toBe(4);
    expect(count(4, "Gemm") - count(3, "Gemm")).toBe(7);
  });

  test.each(profileNames)(
    "%s: every node has a name of its own and a source position, every value a type",
    (profile) => {
      const { graph } = decodeModel(emitted(module, program, profile).model);
      const nodes = graph!.node!;
      expect(new Set(nodes.map((n) => n.name)).size).toBe(nodes.length);
      expect(nodes.filter((n) => !/^tiny\.graft:\d+:\d+$/.test(n.docString ?? ""))).toEqual([]);
      const typed = new Set([...graph!.valueInfo!, ...graph!.output!].map((v) => v.name));
      expect(nodes.flatMap((n) => n.output!).filter((name) => !typed.has(name))).toEqual([]);
      expect(nodes.find((n) => n.opType === "Gemm")?.name).toBe("language/layers.0/q");
    },
  );

  test("the same module gives the same bytes", () => {
    const again = optimize(layerModule(2));
    for (const profile of profileNames) {
      const [a, b] = [emitted(module, program, profile), emitted(again, again.programs[0]!, profile)];
      expect(Buffer.compare(a.model, b.model)).toBe(0);
      expect(Buffer.compare(a.constants, b.constants)).toBe(0);
    }
  });

  test("inputs keep their order", () => {
    const { graph } = decodeModel(emitted(module, program, "ort-cpu").model);
    expect(graph!.input!.map((v) => v.name)).toEqual(["text.id", "text.order", "text.position"]);
  });
});

test("constants above 1 KiB lie beside the graph, at multiples of 64 bytes", () => {
  const g = new Graph();
  const type = { dtype: "f32", shape: [sym("batch"), 300] } as const;
  const x = g.op("input", [], { name: "x", type });
  const table = (part: "cos" | "sin") =>
    g.op("table", [], { table: { kind: "rotary", rows: 1, dim: 600, theta: 10, part } });
  const node = g.op("add", [g.op("add", [g.op("add", [x, table("cos")]), table("sin")]), g.constant(2)]);
  const inputs = [{ name: "x", type, doc: "" }];
  const program = { name: "p", doc: "", inputs, outputs: [{ name: "y", node, doc: "" }] };
  const { model, constants } = emitted({ name: "wide", doc: "", params: [], programs: [program] }, program, "portable");
  const entries = decodeModel(model).graph!.initializer!.map((t) => t.externalData!.map((e) => e.value));
  expect(entries).toEqual([["constants.bin", "0", "1200"], ["constants.bin", "1216", "1200"], []]);
  expect(constants.length).toBe(2416);
});

describe("weights", () => {
  const g = new Graph();
  const type = { dtype: "f32", shape: [3] } as const;
  const port = { name: "x", type, doc: "" };
  const sum = g.op("add", [g.op("input", [], { name: "x", type }), g.op("param", [], { name: "w", type })]);
  const program = { name: "p", doc: "", inputs: [port], outputs: [{ name: "y", node: sum, doc: "" }] };
  const module: Module = { name: "m", doc: "", params: [{ name: "w", type, doc: "" }], programs: [program] };
  const x: Values = { shape: [3], data: Float64Array.of(1, 2, 3) };
  const values = { inputs: { x }, params: {}, dims: {} };
  const stored = { bf16: Uint16Array.of(0x3f80, 0xc000, 0x4040), f16: Uint16Array.of(0x3c00, 0xc000, 0x4200) };

  test.each(["bf16", "f16"] as const)("stored as %s are cast", async (dtype) => {
    const file = new Uint8Array(9 + 6);
    file.set(new Uint8Array(stored[dtype].buffer), 9);
    const place = () => ({ location: "model.safetensors", offset: 9, length: 6, dtype });
    for (const profile of profileNames) {
      const { model, constants } = emit(module, program, { profile, place, constantsLocation: "c.bin" });
      expect(constants.length).toBe(0);
      for (const level of levels) {
        const [y] = await runModel(model, { "model.safetensors": file }, program, values, level);
        expect([...y!.data]).toEqual([2, 0, 6]);
      }
    }
  });
  test("of another size, or that lie nowhere, are errors", () => {
    const at = (length: number | undefined) => () =>
      emit(module, program, {
        profile: "portable",
        constantsLocation: "c.bin",
        place: () =>
          length === undefined ? undefined : { location: "w.bin", offset: 0, length, dtype: "f32" as const },
      });
    expect(at(11)).toThrow("weight w needs 12 bytes as f32[3], not 11");
    expect(at(undefined)).toThrow("weight w lies nowhere");
  });
});

describe("outputs", () => {
  const type = { dtype: "f32", shape: [sym("batch")] } as const;
  test("may be an input, a constant, or one value under two names", async () => {
    const g = new Graph();
    const x = g.op("input", [], { name: "x", type });
    const y = g.op("neg", [x]);
    const outputs = [x, y, y, g.constant(4)].map((node, i) => ({ name: `out${i}`, node, doc: "" }));
    const program = { name: "p", doc: "", inputs: [{ name: "x", type, doc: "" }], outputs };
    const module: Module = { name: "m", doc: "", params: [], programs: [program] };
    const values = { inputs: { x: { shape: [2], data: Float64Array.of(1, 2) } }, params: {}, dims: { batch: 2 } };
    const got = await run(module, program, values, "ort-cpu", "all");
    expect(got.map((v) => [...v.data])).toEqual([[1, 2], [-1, -2], [-1, -2], [4]]);
  });
});

test("sinusoid keeps every digit that float has, at large angles", async () => {
  const g = new Graph();
  const type = { dtype: "f32", shape: [3] } as const;
  const x = g.op("input", [], { name: "t", type });
  const node = g.op("sinusoid", [x], { dim: 256, period: 1e4, divisor: 128, scale: 1, order: "cos sin" });
  const program = {
    name: "p",
    doc: "",
    inputs: [{ name: "t", type, doc: "" }],
    outputs: [{ name: "y", node, doc: "" }],
  };
  const module: Module = { name: "m", doc: "", params: [], programs: [program] };
  const values = { inputs: { t: { shape: [3], data: Float64Array.of(999, 998.5, 0) } }, params: {}, dims: {} };
  const [wanted] = evaluate([node], values);
  for (const profile of profileNames) {
    const [got] = await run(module, program, values, profile, "all");
    const worst = got!.data.reduce((most, v, i) => Math.max(most, Math.abs(v - wanted!.data[i]!)), 0);
    expect(worst).toBeLessThan(6e-8);
  }
});
