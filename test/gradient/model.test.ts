// A whole model: the sum of squares of all that its program gives, by every weight that the program reads.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { differentiate } from "../../compiler/gradient/index.ts";
import { check, type Model } from "../../compiler/index.ts";
import { evaluate, type Given } from "../../compiler/ir/evaluate.ts";
import { Graph } from "../../compiler/ir/graph.ts";
import type { PhaseProgram } from "../../compiler/ir/module.ts";
import { type Node, toposort } from "../../compiler/ir/node.ts";
import { rewrite } from "../../compiler/ir/rewrite.ts";
import { lower } from "../../compiler/lower/index.ts";
import { optimize } from "../../compiler/optimize/index.ts";
import { casesFor } from "../../cli/verify/documents.ts";
import { drawWeights } from "../../cli/verify/weights.ts";
import { pack } from "../../runtime/document.ts";
import { entryOf } from "../entry.ts";
import { Random } from "../ir/random.ts";
import { apart, total } from "./subject.ts";

const FILE = "examples/xfusion/tiny.graft";
const text = `
import { Llama, PlainRope } from "std/llama"
import { DualTower } from "./xfusion"
tower Tiny = Llama(L: 2, D: 16, heads: 4, kv_heads: 2, hidden: 24, vocab: 32, rope: PlainRope())
model M = DualTower(language: Tiny, patch: 12, rows: 2)
`;
const read = (path: string): string =>
  path === FILE ? text : readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

const model = check(FILE, read).model("M")!;
const module = lower(model);
const program = module.programs.find(({ kind, streams }) => kind === "forward" && streams.length > 1)!;

const givenTo = ({ modalities, weights }: Model, { inputs }: PhaseProgram): Given => {
  const names = modalities.map(({ name }) => name);
  const packed = pack(entryOf(model, program), casesFor(model, names, 1)[0]!.documents);
  const numbers = drawWeights(model, 1);
  const dims = inputs.flatMap(({ name, type }) =>
    type.shape.flatMap((d, axis) => (typeof d === "number" ? [] : [[d.key, packed[name]!.shape[axis]!] as const])),
  );
  const values = inputs.map(({ name }) => {
    const { shape, data } = packed[name]!;
    return [name, { shape, data: Float64Array.from(data as Float32Array) }] as const;
  });
  const params = weights.map((weight) => {
    const { path, shape } = weight;
    return [path, { shape, data: Float64Array.from(numbers(weight)) }] as const;
  });
  return { dims: Object.fromEntries(dims), inputs: Object.fromEntries(values), params: Object.fromEntries(params) };
};
const given = givenTo(model, program);

const g = new Graph();
const outputs = rewrite(
  g,
  program.outputs.map(({ node }) => node),
  [],
);
const squares = (of: readonly Node[]): Node =>
  of.map((node): Node => total(g, g.op("mul", [node, node]))).reduce((a, b) => g.op("add", [a, b]));
const loss = squares(outputs);
const weights = toposort(outputs).filter((n) => n.op === "param");
const made = differentiate(g, [loss], weights);
const values = evaluate(made.gradients, given);

/** The derivative of the loss along a change of these weights, by central differences of the fourth order. */
const difference = (along: ReadonlyMap<string, Float64Array>): number => {
  const length = Math.hypot(...[...along.values()].map((change) => Math.hypot(...change)));
  const step = 1e-4 / length;
  const moved = (by: number): number => {
    const params = Object.entries(given.params).map(([name, { shape, data }]) => {
      const change = along.get(name);
      const next = change === undefined ? data : data.map((x, i) => x + by * step * change[i]!);
      return [name, { shape, data: next }] as const;
    });
    return evaluate([loss], { ...given, params: Object.fromEntries(params) })[0]!.data[0]!;
  };
  return (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * step);
};
const nameOf = (i: number): string => weights[i]!.attrs.name;
const slope = (i: number, along: Float64Array): number => values[i]!.data.reduce((sum, x, k) => sum + x * along[k]!, 0);

test("every weight has a gradient, and none is 0 everywhere", () => {
  expect(weights.length).toBeGreaterThan(40);
  expect(weights.flatMap((_, i) => (values[i]!.data.every((x) => x === 0) ? [nameOf(i)] : []))).toEqual([]);
});

test("all together, and some alone, as central differences have them (seed 1)", () => {
  const random = new Random(1);
  const directions = values.map(({ data }) => data.map(() => random.pick([-1, 1])));
  const all = directions.reduce((sum, along, i) => sum + slope(i, along), 0);
  const together = new Map(directions.map((along, i) => [nameOf(i), along]));
  expect(Math.abs(difference(together) / all - 1)).toBeLessThan(1e-6);
  for (const [i, along] of directions.entries()) {
    if (i % 6 !== 0) continue;
    const error = Math.abs(difference(new Map([[nameOf(i), along]])) - slope(i, along));
    expect(error / Math.hypot(...values[i]!.data), nameOf(i)).toBeLessThan(1e-6);
  }
});

test("some elements, as central differences have them (seed 2)", () => {
  const random = new Random(2);
  for (let count = 0; count < 8; count++) {
    const i = random.below(weights.length);
    const { data } = values[i]!;
    const k = random.below(data.length);
    const error = Math.abs(difference(new Map([[nameOf(i), data.map((_, n) => Number(n === k))]])) - data[k]!);
    expect(error / Math.hypot(...data), `${nameOf(i)} at ${k}`).toBeLessThan(1e-6);
  }
});

test("optimized they are the same, of fewer nodes", () => {
  const named = made.gradients.map((node, i) => ({ name: `out${i}`, node, doc: "" }));
  const once = optimize({ ...module, programs: [{ ...program, outputs: named }] }).programs[0]!.outputs;
  const nodes = once.map(({ node }) => node);
  expect(apart(evaluate(nodes, given), values)).toBeLessThan(1e-12);
  expect(toposort(nodes).length).toBeLessThan(0.9 * toposort(made.gradients).length);
});
