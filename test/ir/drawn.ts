// A sample with its inputs drawn: a graph, a program over it, and values that f32 holds exactly.
import { at, type Binding, type Dim } from "../../compiler/ir/dim.ts";
import type { Given, Values } from "../../compiler/ir/evaluate.ts";
import { Graph } from "../../compiler/ir/graph.ts";
import type { Module, Param, Port, Program } from "../../compiler/ir/module.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { DType } from "../../compiler/ir/vocabulary.ts";
import { Random } from "./random.ts";
import type { Make, Sample } from "./samples.ts";

export interface Drawn {
  readonly module: Module;
  readonly program: Program;
  readonly root: Node;
  readonly given: Given;
}

/** Builds `sample` and draws its inputs for these lengths. */
export const draw = (sample: Sample, dims: Binding, seed: number): Drawn => {
  const g = new Graph();
  const random = new Random(seed);
  const ports: Port[] = [];
  const params: Param[] = [];
  const inputs: Record<string, Values> = {};
  const weights: Record<string, Values> = {};
  const values = (shape: readonly Dim[], next: () => number): Values => {
    const sizes = shape.map((d) => at(d, dims));
    return { shape: sizes, data: Float64Array.from({ length: sizes.reduce((p, d) => p * d, 1) }, next) };
  };
  const input = (name: string, dtype: DType, shape: readonly Dim[], next: () => number): Node => {
    const type = { dtype, shape };
    ports.push({ name, type, doc: `input ${name}` });
    inputs[name] = values(shape, next);
    return g.op("input", [], { name, type });
  };
  const make: Make = {
    g,
    f32: (name, shape, low = -1, high = 1) => input(name, "f32", shape, () => Math.fround(random.between(low, high))),
    i32: (name, shape, below) => input(name, "i32", shape, () => random.below(below)),
    bool: (name, shape, chance = 0.5) => input(name, "bool", shape, () => Number(random.next() < chance)),
    weight: (name, shape) => {
      const type = { dtype: "f32", shape } as const;
      params.push({ name, type, doc: `weight ${name}` });
      weights[name] = values(shape, () => Math.fround(random.between(-1, 1)));
      return g.op("param", [], { name, type });
    },
  };
  const root = g.under({ path: "sample/it", at: "sample.graft:1:1" }, () => sample.build(make));
  const program: Program = {
    name: "it",
    doc: sample.title,
    inputs: ports,
    outputs: [{ name: "result", node: root, doc: "" }],
  };
  const module: Module = { name: "sample", doc: "a sample", params, programs: [program] };
  return { module, program, root, given: { inputs, params: weights, dims } };
};
