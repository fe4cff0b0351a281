// A case of the kernels' tests: a graph whose inputs are drawn, or given number by number, as a model of one program. All
// its numbers are of f32, weights of the precision in which they are stored.
import { at, type Binding, type Dim } from "../../compiler/ir/dim.ts";
import type { Given, Values } from "../../compiler/ir/evaluate.ts";
import { Graph } from "../../compiler/ir/graph.ts";
import type { CachePort, ModelModule, Param, PhaseProgram, Port } from "../../compiler/ir/module.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { DType } from "../../compiler/ir/vocabulary.ts";
import type { Stored } from "../../runtime/plan.ts";
import { rounded } from "../cli/numbers.ts";
import { Random } from "../ir/random.ts";
import type { Make } from "../ir/samples.ts";

export type Precision = Exclude<Stored, "i32">;
/** Makes the inputs of a case. */
export interface Making extends Make {
  /** an input that holds these numbers again and again */
  numbers(name: string, shape: readonly Dim[], numbers: readonly number[], dtype?: "f32" | "i32"): Node;
  /** keys or values of past rows */
  cache(name: string, shape: readonly Dim[]): Node;
}
export interface Case {
  readonly title: string;
  readonly dims: readonly Binding[];
  readonly build: (make: Making) => Node | readonly Node[];
  /** a program that decodes has few rows, whatever its sizes are called */
  readonly kind?: PhaseProgram["kind"];
  readonly stored?: Precision;
  /** templates that must be among its kernels: the case is about them */
  readonly through?: readonly string[];
  /** each number by itself is judged, and may be off by this share of what it is; 0 where only the same will do */
  readonly each?: number;
  /** what it may be off by in any case; 1e-30 if left out, where f32 has few digits and, on some hardware, none */
  readonly floor?: number;
}
export interface Drawn {
  readonly module: ModelModule;
  readonly roots: readonly Node[];
  readonly given: Given;
}

/** The same precisions by their names in checkpoints. */
export const CHECKPOINT = { f32: "F32", f16: "F16", bf16: "BF16" } as const satisfies Record<Precision, string>;

/** Builds a case and draws its inputs for these lengths. */
export const draw = ({ title, build, kind = "forward", stored = "f32" }: Case, dims: Binding, seed: number): Drawn => {
  const g = new Graph();
  const random = new Random(seed);
  // Weights stay what they are when other lengths are drawn.
  const fixed = new Random(1);
  const ports: Port[] = [];
  const params: Param[] = [];
  const caches: string[] = [];
  const inputs: Record<string, Values> = {};
  const weights: Record<string, Values> = {};
  const values = (shape: readonly Dim[], next: (i: number) => number): Values => {
    const sizes = shape.map((d) => at(d, dims));
    return { shape: sizes, data: Float64Array.from({ length: sizes.reduce((p, d) => p * d, 1) }, (_, i) => next(i)) };
  };
  const input = (name: string, dtype: DType, shape: readonly Dim[], next: (i: number) => number): Node => {
    const type = { dtype, shape };
    ports.push({ name, type, doc: `input ${name}` });
    inputs[name] = values(shape, next);
    return g.op("input", [], { name, type });
  };
  const uniform = (low: number, high: number) => (): number => Math.fround(random.between(low, high));
  const made = build({
    g,
    f32: (name, shape, low = -1, high = 1) => input(name, "f32", shape, uniform(low, high)),
    i32: (name, shape, below) => input(name, "i32", shape, () => random.below(below)),
    bool: (name, shape, chance = 0.5) =>
      g.op("cast", [input(name, "f32", shape, () => Number(random.next() < chance))], { dtype: "bool" }),
    numbers: (name, shape, numbers, dtype = "f32") =>
      input(name, dtype, shape, (i) => Math.fround(numbers[i % numbers.length]!)),
    cache: (name, shape) => {
      caches.push(name);
      return input(name, "f32", shape, uniform(-1, 1));
    },
    weight: (name, shape) => {
      const type = { dtype: "f32", shape } as const;
      params.push({ name, type, doc: `weight ${name}` });
      const { data, ...rest } = values(shape, () => fixed.between(-1, 1));
      const kept = rounded(CHECKPOINT[stored], Float32Array.from(data));
      weights[name] = { ...rest, data: Float64Array.from(kept) };
      return g.op("param", [], { name, type });
    },
  });
  const roots = (Array.isArray(made) ? made : [made]) as readonly Node[];
  const streams = ["text", "image.patch"].map((name) => ({ name, kinds: [name] }));
  const reads = [...new Set(caches.map((name) => name.replace(/\.[kv]$/, "")))].map((name): CachePort => ({
    name,
    stream: "text",
    kvHeads: 1,
    widths: { k: 1, v: 1 },
  }));
  const program: PhaseProgram = {
    name: "it",
    doc: title,
    kind,
    inputs: ports,
    outputs: roots.map((node, i) => ({ name: `result ${i}`, node, doc: "" })),
    streams,
    whole: [],
    again: [],
    reads,
    writes: [],
  };
  const module = { name: "case", doc: title, params, programs: [program] };
  return { module, roots, given: { inputs, params: weights, dims } };
};
