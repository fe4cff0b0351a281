// The programs of training: what documents cost, what of that each trained weight decides, and the step that changes the
// weights. Trained weights are inputs and outputs of them; the frozen ones lie where they lie, and no program gives or
// takes a number for one.
import { Graph } from "../ir/graph.ts";
import type { LossModule, LossProgram, Output, Param, Port, TrainingModule, TrainingProgram } from "../ir/module.ts";
import { type Builder, type Node, toposort } from "../ir/node.ts";
import { differentiate } from "./index.ts";
import { recomputed } from "./recompute.ts";
import { inputOf, portOf } from "./state.ts";
import { updateOf } from "./update.ts";
import { isZero } from "./zero.ts";

export interface TrainingOptions {
  /**
   * `layers`: the way back computes anew what each layer computed, of what the layers before it left, so that this alone is
   * kept: the same numbers for a third more work. `none`: all is kept.
   */
  readonly recompute?: "none" | "layers" | undefined;
}

/** @param isTrained by the path of a weight */
export const trainingOf = (
  losses: LossModule,
  isTrained: (path: string) => boolean,
  options: TrainingOptions = {},
): TrainingModule => {
  const { name, doc, params, programs } = losses;
  const { recompute = "none" } = options;
  const g = new Graph();
  const asked = params.filter((param) => isTrained(param.name));
  const differentiated = programs.map((program) => gradientOf(g, program, asked, recompute));
  const reached = new Set(differentiated.flatMap(({ of }) => of));
  const trained = asked.filter((param) => reached.has(param));
  // A weight that no loss depends on never changes: it lies where it lies, as a frozen one does.
  if (trained.length < asked.length)
    return trainingOf(losses, (path) => trained.some((param) => param.name === path), options);
  return {
    name,
    doc,
    params: params.filter((param) => !asked.includes(param)),
    trained,
    programs: [
      ...programs.map((program) => lossOf(g, program, asked)),
      ...differentiated.map(({ program }) => program),
      ...programs.map((program) => traceOf(g, program, asked)),
      ...(trained.length > 0 ? [updateOf(g, trained)] : []),
    ],
  };
};

/** `roots` as nodes of `g`, in which trained weights are inputs. */
const withInputs = (g: Builder, roots: readonly Node[], asked: readonly Param[]): Node[] => {
  const inputs = new Map(asked.map((param) => [param.name, portOf("weight", param)]));
  const made = new Map<Node, Node>();
  for (const n of toposort(roots)) {
    const port = n.op === "param" ? inputs.get(n.attrs.name) : undefined;
    const src = n.src.map((s) => made.get(s)!);
    made.set(
      n,
      g.under(n.origin, () => (port === undefined ? g.copy(n, src) : inputOf(g, port))),
    );
  }
  return roots.map((root) => made.get(root)!);
};
/** The weights among these that outputs read. */
const readOf = (outputs: readonly Output[], asked: readonly Param[]): Port[] => {
  const nodes = toposort(outputs.map(({ node }) => node));
  const read = new Set(nodes.flatMap((n) => (n.op === "input" ? n.attrs.name : [])));
  return asked.map((param) => portOf("weight", param)).filter((port) => read.has(port.name));
};

const lossOf = (g: Builder, program: LossProgram, asked: readonly Param[]): TrainingProgram => {
  const nodes = withInputs(
    g,
    program.outputs.map(({ node }) => node),
    asked,
  );
  const outputs = program.outputs.map((output, i) => ({ ...output, node: nodes[i]! }));
  const { name, shape, doc, streams, last, inputs } = program;
  return { kind: "loss", name, shape, doc, streams, last, inputs: [...inputs, ...readOf(outputs, asked)], outputs };
};

/** What is made on the way to the loss, in the order in which it is made, with its place in the specification. */
const traceOf = (g: Builder, program: LossProgram, asked: readonly Param[]): TrainingProgram => {
  const { shape, streams, last, inputs, layers, heads, outputs: losses } = program;
  const left = layers.flatMap((own, i) =>
    own.map((node, k): Output => {
      const { path = "", at = "" } = node.origin ?? {};
      return { name: `layer/${i}/${k}`, node, doc: path === "" ? at : `${path} (${at})` };
    }),
  );
  const all = [
    ...left,
    ...heads.map((head) => ({ ...head, name: `head/${head.name}` })),
    ...losses.slice(1).map(({ name, node }) => ({ name, node, doc: node.origin?.at ?? "" })),
  ];
  const nodes = withInputs(
    g,
    all.map(({ node }) => node),
    asked,
  );
  const outputs = all.map((output, i) => ({ ...output, node: nodes[i]! }));
  return {
    kind: "trace",
    name: `trace(${shape})`,
    shape,
    doc: `What layers leave and heads give of documents of ${shape}.`,
    streams,
    last,
    inputs: [...inputs, ...readOf(outputs, asked)],
    outputs,
  };
};

/** Adds to sums of gradients what the documents of one call give. */
const gradientOf = (
  g: Builder,
  program: LossProgram,
  asked: readonly Param[],
  recompute: "none" | "layers",
): { readonly program: TrainingProgram; readonly of: readonly Param[] } => {
  const { outputs: losses, layers, shape, streams, last } = program;
  const roots = withInputs(g, [...losses.map(({ node }) => node), ...layers.flat()], asked);
  const weights = asked.map((param) => inputOf(g, portOf("weight", param)));
  const found = differentiate(g, roots, [...weights, ...(recompute === "layers" ? roots.slice(losses.length) : [])]);
  const shares = new Map(asked.map((param, i) => [param, found.gradients[i]!]));
  const of = asked.filter((param) => !isZero(shares.get(param)!));
  const own = of.map((param) => shares.get(param)!);
  const costs = found.outputs.slice(0, losses.length);
  const made =
    recompute === "none"
      ? own
      : recomputed(g, costs, own, {
          layers: grouped(found.outputs.slice(losses.length), layers),
          adjoints: grouped(found.gradients.slice(weights.length), layers),
        });
  const sums = of.map((param, i): Output => {
    const port = portOf("gradient", param);
    const origin = { path: `gradient/${param.name.replaceAll(".", "/")}`, at: param.doc };
    const node = g.under(origin, () => g.op("add", [inputOf(g, port), made[i]!]));
    return { name: `new.${port.name}`, doc: port.doc, node };
  });
  const outputs = [...losses.map((output, i) => ({ ...output, node: costs[i]! })), ...sums];
  const inputs = [...program.inputs, ...readOf(outputs, asked), ...of.map((param) => portOf("gradient", param))];
  const doc = `What documents of ${shape} cost, and sums of gradients with theirs added.`;
  return { program: { kind: "gradient", name: `gradient(${shape})`, shape, doc, streams, last, inputs, outputs }, of };
};
/** A list cut as another is. */
const grouped = <T>(all: readonly T[], like: readonly (readonly unknown[])[]): T[][] => {
  let from = 0;
  return like.map((each) => all.slice(from, (from += each.length)));
};
