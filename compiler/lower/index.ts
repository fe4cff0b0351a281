// Lowering: what a model means, as programs over one set of weights. There is one program for each set of modalities
// that a document may have; each has the inputs and weights that its outputs reach, and no others.
import type { At, Head, Kind, Model, Seq } from "../analyze/model.ts";
import type { Dim } from "../ir/dim.ts";
import { Graph } from "../ir/graph.ts";
import type { Module, Output, Param, Program } from "../ir/module.ts";
import { type Node, toposort } from "../ir/node.ts";
import { type Demand, demandOf } from "./demand.ts";
import { inputNode, placePort, portsOf, sliceOf } from "./entry.ts";
import { Sequences } from "./sequence.ts";
import { partition, type Stream } from "./stream.ts";
import { batched } from "./value.ts";

export interface Options {
  /** also give what each step of the layers leaves, as `tap/<step path>/<kind>` `[batch, rows, width]` */
  readonly taps?: boolean;
  /** a place as people read it: `xfusion.graft:12:5` */
  readonly place?: (at: At) => string;
}

/** The programs of `model`. Throws only for what analysis should have refused. */
export const lower = (model: Model, options: Options = {}): Module => {
  const g = new Graph();
  const place = options.place ?? (({ path }: At) => path);
  const steps = options.taps === true ? model.steps : [];
  const roots = [...model.heads.map((head) => head.value), ...steps.map((step) => step.value)];
  const demand = demandOf(model, roots);
  const programs = subsets(model.modalities.map(({ name }) => name)).flatMap((modalities) => {
    const kinds = model.kinds.filter((kind) => modalities.includes(kind.modality));
    const outputs = outputsOf(g, model, demand, kinds, { steps, place });
    return outputs.length === 0 ? [] : [program(model, modalities, kinds, outputs)];
  });
  return { name: model.name, doc: model.doc, params: paramsOf(model, programs, place), programs };
};

/** The smaller ones first, each in the order given; the empty one is left out. */
const subsets = (names: readonly string[]): string[][] =>
  names
    .reduce<string[][]>((sets, name) => [...sets, ...sets.map((set) => [...set, name])], [[]])
    .filter((set) => set.length > 0)
    .sort((a, b) => a.length - b.length);

const program = (
  model: Model,
  modalities: readonly string[],
  kinds: readonly Kind[],
  outputs: readonly Output[],
): Program => {
  const read = new Set<string>();
  const sizes = new Set<string>();
  const known = new Set<string>();
  for (const node of toposort(outputs.map((output) => output.node))) {
    if (node.op === "input") read.add(node.attrs.name);
    for (const name of namesIn(node.type.shape)) (node.op === "input" ? known : sizes).add(name);
  }
  // Markers bring no numbers: where nothing reads their order either, it still says how many of them there are.
  for (const kind of kinds) if (sizes.has(kind.name) && !known.has(kind.name)) read.add(placePort(kind, "order").name);
  const inputs = portsOf(model, kinds).filter((port) => read.delete(port.name));
  if (read.size > 0) throw new Error(`inputs without a port: ${[...read].join(", ")}`);
  return {
    name: `forward(${modalities.join(", ")})`,
    doc: `Whole documents of ${modalities.join(" and ")}.`,
    inputs,
    outputs,
  };
};

const namesIn = (shape: readonly Dim[]): string[] =>
  shape.flatMap((dim) => (typeof dim === "number" ? [] : dim.terms.flatMap((term) => term.names)));

interface Asked {
  readonly steps: Model["steps"];
  readonly place: (at: At) => string;
}
/** What the heads, then the taps, give for rows of `kinds`; none where no head does. */
const outputsOf = (
  g: Graph,
  model: Model,
  demand: Demand,
  kinds: readonly Kind[],
  { steps, place }: Asked,
): Output[] => {
  if (!model.heads.some((head) => kinds.some((kind) => head.value.shapes.has(kind.name)))) return [];
  const streams = partition(model, demand, kinds);
  const sequences = new Sequences(g, model, demand, streams, place);
  sequences.lowerAll();
  const rowsAt = (seq: Seq, at: At, name: (kind: Kind) => string, doc: (kind: Kind) => string): Output[] =>
    kinds
      .filter((kind) => seq.shapes.has(kind.name))
      .map((kind) => {
        const stream = streams.heads.find((candidate) => candidate.kinds.includes(kind))!;
        const make = (): Node =>
          present(g, stream, kind, batched(g, sequences.rows(stream), sequences.value(seq, stream)));
        return { name: name(kind), node: g.under({ path: name(kind), at: place(at) }, make), doc: doc(kind) };
      });
  return [
    ...model.heads.flatMap((head) => {
      const what = resultOf(model, head);
      return rowsAt(
        head.value,
        head.at,
        (kind) => `${kind.name}.${what}`,
        (kind) => `${what} of each ${kind.name} row; 0 where there is no row`,
      );
    }),
    ...steps.flatMap((step) =>
      rowsAt(
        step.value,
        step.at,
        (kind) => `tap/${step.path}/${kind.name}`,
        (kind) => `each ${kind.name} row after ${step.path}`,
      ),
    ),
  ];
};

/** The rows of one kind out of its stream's, with 0 for those that are not there. */
const present = (g: Graph, stream: Stream, kind: Kind, node: Node): Node => {
  const { start, size } = sliceOf(stream.kinds, [kind]);
  const rows = stream.kinds.length === 1 ? node : g.op("slice", [node], { axis: 1, start, size });
  const absent = g.op("less", [inputNode(g, placePort(kind, "order")), g.constant(0, "i32")]);
  return g.op("where", [g.op("split", [absent], { axis: 1, sizes: [size, 1] }), g.constant(0), rows]);
};

/** What a head gives: logits, or what the modality's process predicts. */
const resultOf = (model: Model, head: Head): string => {
  if (head.kind === "next_token") return "logits";
  const noise = model.noise.find(({ modality }) => modality === head.modality);
  if (noise === undefined) throw new Error(`${head.modality} is denoised but has no noise`);
  return noise.process.predicts;
};

/** The weights that some program reads, in the order declared. */
const paramsOf = (model: Model, programs: readonly Program[], place: (at: At) => string): Param[] => {
  const read = new Map<string, Node>();
  for (const node of toposort(programs.flatMap(({ outputs }) => outputs.map((output) => output.node))))
    if (node.op === "param") read.set(node.attrs.name, node);
  return model.weights.flatMap(({ path, at }) => {
    const node = read.get(path);
    return node === undefined ? [] : [{ name: path, type: node.type, doc: place(at) }];
  });
};
