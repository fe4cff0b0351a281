// A graph to differentiate: a sample with its inputs drawn, and as its loss the sum of all that it gives, each number
// weighed by one of its own, so that no two derivatives are alike.
import { at, type Dim } from "../../compiler/ir/dim.ts";
import { evaluate, type Given, type Values } from "../../compiler/ir/evaluate.ts";
import { Graph } from "../../compiler/ir/graph.ts";
import type { Module, Output, Param, Port } from "../../compiler/ir/module.ts";
import { type Node, toposort } from "../../compiler/ir/node.ts";
import { rewrite } from "../../compiler/ir/rewrite.ts";
import { differentiate } from "../../compiler/gradient/index.ts";
import { optimize } from "../../compiler/optimize/index.ts";
import { draw } from "../ir/drawn.ts";
import { Random } from "../ir/random.ts";
import type { Sample } from "../ir/samples.ts";

export type Leaf = Extract<Node, { op: "input" | "param" }>;
export interface Subject {
  readonly g: Graph;
  readonly root: Node;
  readonly loss: Node;
  /** `root` with what is stopped held at its value, as no derivative passes it */
  readonly held: Node;
  /** its inputs and weights that are real numbers, but for the weights of the sum */
  readonly leaves: readonly Leaf[];
  readonly given: Given;
  readonly inputs: readonly Port[];
  readonly params: readonly Param[];
}

const SHARES = "shares";
const isLeaf = (n: Node): n is Leaf => n.op === "input" || n.op === "param";

/** All numbers of `x` together, as one. */
export const total = (g: Graph, x: Node): Node => {
  if (x.type.shape.length === 0) return x;
  const flat = x.type.shape.slice(1).reduce<Node>((y) => g.op("merge", [y], { axis: 0 }), x);
  return g.op("gather", [g.op("sum", [flat], { axis: 0 }), g.constant(0, "i32")]);
};

export const valuesOf = (shape: readonly Dim[], dims: Given["dims"], next: () => number): Values => {
  const sizes = shape.map((d) => at(d, dims));
  return { shape: sizes, data: Float64Array.from({ length: sizes.reduce((p, d) => p * d, 1) }, next) };
};

/** `root` with an input in place of all that is stopped, and the values of these inputs. */
const hold = (g: Graph, root: Node, given: Given): { readonly held: Node; readonly values: Given["inputs"] } => {
  const order = toposort([root]);
  const stopped = order.filter((n) => n.op === "stopGradient");
  const made = new Map<Node, Node>(
    stopped.map((n, i) => [n, g.op("input", [], { name: `held ${i}`, type: n.type }) as Node]),
  );
  for (const n of order)
    if (!made.has(n))
      made.set(
        n,
        g.copy(
          n,
          n.src.map((s) => made.get(s)!),
        ),
      );
  const values = evaluate(stopped, given).map((value, i) => [`held ${i}`, value] as const);
  return { held: made.get(root)!, values: Object.fromEntries(values) };
};

export const subjectOf = (
  node: Node,
  given: Given,
  inputs: readonly Port[],
  params: readonly Param[],
  seed: number,
): Subject => {
  const g = new Graph();
  const random = new Random(seed);
  const [root] = rewrite(g, [node], []) as [Node];
  const type = { dtype: "f32", shape: root.type.shape } as const;
  const numbers = root.type.dtype === "f32" ? root : g.op("cast", [root], { dtype: "f32" });
  const loss = total(g, g.op("mul", [numbers, g.op("input", [], { name: SHARES, type })]));
  const shares = valuesOf(type.shape, given.dims, () => Math.fround(random.between(0.3, 1) * random.pick([1, 1, -1])));
  const { held, values } = hold(g, root, given);
  return {
    g,
    root,
    loss,
    held,
    leaves: toposort([root]).filter((n) => isLeaf(n) && n.type.dtype === "f32") as Leaf[],
    given: { ...given, inputs: { ...given.inputs, ...values, [SHARES]: shares } },
    inputs: [...inputs, { name: SHARES, type, doc: "" }],
    params,
  };
};
export const ofSample = (sample: Sample, dims: Given["dims"], seed: number): Subject => {
  const { module, program, root, given } = draw(sample, dims, seed);
  return subjectOf(root, given, program.inputs, module.params, seed + 100);
};

export const gradientsOf = ({ g, loss, leaves }: Subject): readonly Node[] =>
  differentiate(g, [loss], leaves).gradients;

/** The gradients of a subject as a module of one program, optimized as a compiled one is. */
export const moduleOf = (subject: Subject): Module => {
  const { outputs, gradients } = differentiate(subject.g, [subject.loss, subject.root], subject.leaves);
  const named = [...outputs, ...gradients].map((node, i): Output => ({ name: `out${i}`, node, doc: "" }));
  const program = { name: "gradients", doc: "", inputs: subject.inputs, outputs: named };
  return optimize({ name: "subject", doc: "", params: subject.params, programs: [program] });
};

const STEP = 1e-5;
/** The derivative of the loss along a change of one leaf, by central differences of the fourth order. */
const difference = ({ held, given }: Subject, leaf: Leaf, along: (i: number) => number): number => {
  const kind = leaf.op === "input" ? "inputs" : "params";
  const { name } = leaf.attrs;
  const { shape, data } = given[kind][name]!;
  const moved = (by: number): Float64Array => {
    const values = { shape, data: data.map((x, i) => x + by * along(i)) };
    return evaluate([held], { ...given, [kind]: { ...given[kind], [name]: values } })[0]!.data;
  };
  const shares = given.inputs[SHARES]!.data;
  const points = [
    [1, 8],
    [-1, -8],
    [2, -1],
    [-2, 1],
  ] as const;
  const slopes = points.map(([by, weight]) => moved(by * STEP).map((value) => (value * weight) / (12 * STEP)));
  // Summed last: what does not change is then exactly 0.
  return shares.reduce((sum, share, i) => sum + share * slopes.reduce((slope, each) => slope + each[i]!, 0), 0);
};

export interface Found {
  readonly what: string;
  readonly got: number;
  readonly wanted: number;
  /** of the greatest derivative by this leaf */
  readonly error: number;
}
/** How far derivatives are from differences: of some elements of each leaf, and of all of it in one direction. */
export const errors = (subject: Subject, gradients: readonly Node[], seed: number, elements = 5): readonly Found[] => {
  const random = new Random(seed);
  const all = evaluate(gradients, subject.given);
  return subject.leaves.flatMap((leaf, i) => {
    const { data } = all[i]!;
    const most = data.reduce((greatest, x) => Math.max(greatest, Math.abs(x)), 0);
    const found = (what: string, got: number, wanted: number): Found => {
      // Rounding alone makes differences of about 1e-11 where a derivative is 0.
      const error = Math.abs(got - wanted) / Math.max(most, 1e-4);
      return { what: `${leaf.attrs.name} ${what}`, got, wanted, error: Number.isNaN(error) ? Infinity : error };
    };
    const some =
      data.length <= elements ? [...data.keys()] : Array.from({ length: elements }, () => random.below(data.length));
    const signs = data.map(() => random.pick([-1, 1]));
    const dot = data.reduce((sum, x, k) => sum + x * signs[k]!, 0);
    return [
      ...some.map((k) =>
        found(
          `at ${k}`,
          data[k]!,
          difference(subject, leaf, (j) => Number(j === k)),
        ),
      ),
      found(
        "along a direction",
        dot,
        difference(subject, leaf, (j) => signs[j]!),
      ),
    ];
  });
};

/** The greatest difference between the numbers of two lists of tensors, of the greatest number of its tensor. */
export const apart = (got: readonly Values[], wanted: readonly Values[]): number =>
  Math.max(
    ...wanted.map(({ data }, i) => {
      const most = data.reduce((greatest, x) => Math.max(greatest, Math.abs(x)), 0);
      const error = data.reduce((worst, x, k) => Math.max(worst, Math.abs(x - got[i]!.data[k]!)), 0);
      if (got[i]!.data.some(Number.isNaN)) return Infinity;
      return error === 0 ? 0 : error / Math.max(most, 1e-6);
    }),
  );
