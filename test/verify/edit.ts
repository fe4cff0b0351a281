// Ways to break one thing: in the nodes of a lowered module, in the model that is lowered, in what is fed, in the weights.
import type { Model, Seq } from "../../compiler/analyze/model.ts";
import { programs } from "../../compiler/index.ts";
import { Graph } from "../../compiler/ir/graph.ts";
import type { ModelModule } from "../../compiler/ir/module.ts";
import { type Builder, type Node, toposort } from "../../compiler/ir/node.ts";
import type { Tensor } from "../../runtime/index.ts";
import { wholeDocuments } from "../../cli/verify/graphs.ts";
import { replacing, withParts } from "../../cli/verify/section.ts";
import type { Subject } from "../../cli/verify/verify.ts";
import type { Example } from "./examples.ts";

/** A fault, and a model with it; undefined where the model has nothing that it could break. */
export interface Mutation {
  readonly name: string;
  readonly of: (example: Example) => Subject | undefined;
}

/** What stands in the place of a node whose sources are already changed; undefined: the node stays. */
export type Change = (node: Node, src: readonly Node[], g: Builder) => Node | undefined;

/** Breaks nodes; `change` is made for each module from its outputs. */
export const nodes = (name: string, change: (roots: readonly Node[], model: Model) => Change): Mutation => ({
  name,
  of: ({ model, sources, module }) => {
    const edited = edit(module, model, change);
    return (
      edited && {
        module: (traced) => (traced ? edit(wholeDocuments(programs(model, sources, true)), model, change)! : edited),
      }
    );
  },
});

const edit = (
  module: ModelModule,
  model: Model,
  make: (roots: readonly Node[], model: Model) => Change,
): ModelModule | undefined => {
  const g = new Graph();
  const done = new Map<Node, Node>();
  const roots = module.programs.flatMap(({ outputs }) => outputs.map(({ node }) => node));
  const change = make(roots, model);
  let changed = false;
  for (const node of toposort(roots)) {
    const src = node.src.map((each) => done.get(each)!);
    const next = g.under(node.origin, () => {
      const other = change(node, src, g);
      changed ||= other !== undefined;
      return other ?? (g.op(node.op, src, node.attrs as never) as Node);
    });
    done.set(node, next);
  }
  // A broken program may read weights that the sound one does not.
  const params = model.weights.map(({ path, shape }) => ({
    name: path,
    type: { dtype: "f32" as const, shape },
    doc: "",
  }));
  const edited = module.programs.map((program) => ({
    ...program,
    outputs: program.outputs.map((output) => ({ ...output, node: done.get(output.node)! })),
  }));
  return changed ? { ...module, params, programs: edited } : undefined;
};

/** Reads another weight in the place of one, where `other` names it and it has the same shape. */
export const renamed = (name: string, other: (path: string, model: Model) => string | undefined): Mutation =>
  nodes(name, (_roots, model) => {
    const shapes = new Map(model.weights.map(({ path, shape }) => [path, shape.join()]));
    return (node, _src, g) => {
      if (node.op !== "param") return undefined;
      const found = other(node.attrs.name, model);
      if (found === undefined || found === node.attrs.name) return undefined;
      if (shapes.get(found) !== shapes.get(node.attrs.name)) return undefined;
      return g.op("param", [], { ...node.attrs, name: found });
    };
  });

/** Exchanges the two names in a path: `one.layers[0].q` for `two.layers[0].q`. */
export const swapped = (path: string, one: string, two: string): string | undefined => {
  if (path.includes(one)) return path.replace(one, two);
  return path.includes(two) ? path.replace(two, one) : undefined;
};

export interface Fed {
  readonly model: Model;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly port: string;
}
/** Breaks what goes in at the ports that `at` chooses. */
export const fed = (
  name: string,
  applies: (model: Model) => boolean,
  at: (port: string, model: Model) => boolean,
  change: (tensor: Tensor, fed: Fed) => Tensor,
): Mutation => ({
  name,
  of: ({ model }) => {
    if (!applies(model)) return undefined;
    return {
      feed: (inputs) =>
        Object.fromEntries(
          Object.entries(inputs).map(([port, tensor]) => [
            port,
            at(port, model) ? change(tensor, { model, inputs, port }) : tensor,
          ]),
        ),
    };
  },
});

/** The numbers of a tensor in another order: `from(i)` is where number i comes from. */
export const reordered = (tensor: Tensor, from: (i: number) => number): Tensor => {
  const data = tensor.data.slice();
  for (let i = 0; i < data.length; i++) data[i] = tensor.data[from(i)]!;
  return { ...tensor, data } as Tensor;
};

/** Lowers another model: one whose sequences `change` replaces. Judged against the model itself. */
export const remodelled = (name: string, change: (seq: Seq) => Seq | undefined): Mutation => ({
  name,
  of: ({ model, sources }) => {
    let changed = false;
    const visit: (seq: Seq) => Seq = replacing((seq) => {
      const next = change(seq);
      changed ||= next !== undefined;
      return next && withParts(next, visit);
    });
    const other: Model = {
      ...model,
      steps: model.steps.map((step) => ({ ...step, value: visit(step.value) })),
      h: visit(model.h),
      heads: model.heads.map((head) => ({ ...head, value: visit(head.value) })),
    };
    return changed ? { module: (traced) => wholeDocuments(programs(other, sources, traced)) } : undefined;
  },
});
