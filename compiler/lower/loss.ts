// What documents cost, as programs: each head held to what its rows should have said, and the losses that have a name. How
// much a row counts is an input, 0 where it should say nothing, so that what is a mean is the caller's choice: weights of one
// document, of a batch or of several calls sum up to 1.
import type { Head, Model, Seq } from "../analyze/model.ts";
import { sym } from "../ir/dim.ts";
import { Graph } from "../ir/graph.ts";
import type { LossModule, LossProgram, Output, Port } from "../ir/module.ts";
import type { Builder, Node } from "../ir/node.ts";
import { HIDDEN } from "../ir/attention.ts";
import { demandOf, hasRows } from "../rows/demand.ts";
import { streamsOf, type Stream } from "../rows/stream.ts";
import { orderedWholesOf, type Whole } from "../rows/whole.ts";
import { BATCH, inputNode, portsOf } from "./entry.ts";
import { inputsRead, type Options, paramsOf, resultOf } from "./index.ts";
import { Sequences } from "./sequence.ts";

/** The losses of `model`, in a graph of their own. Shapes whose last rows make no difference are left out. */
export const lowerLosses = (model: Model, { place = ({ path }) => path }: Options = {}): LossModule => {
  const g = new Graph();
  const wholes = orderedWholesOf(model, streamsOf(model));
  const programs: LossProgram[] = [];
  for (const whole of wholes) {
    const { terms, layers, heads } = termsOf(g, model, whole, place);
    if (terms.length === 0) continue;
    const total = terms
      .map(({ node, factor }) => (factor === 1 ? node : g.op("mul", [node, g.constant(factor)])))
      .reduce((a, b) => g.op("add", [a, b]));
    if (programs.some(({ outputs }) => outputs[0]!.node === total)) continue;
    const outputs: Output[] = [
      { name: "loss", node: total, doc: "the sum of all terms, each with its factor" },
      ...terms.map(({ name, node }) => ({ name: `loss.${name}`, node, doc: "without its factor" })),
    ];
    programs.push({
      name: `loss(${whole.name})`,
      shape: whole.name,
      doc: `What documents of ${whole.name} cost.`,
      streams: whole.streams.map(({ name, kinds }) => ({ name, kinds: kinds.map((kind) => kind.name) })),
      last: whole.last?.name,
      inputs: inputsOf(
        model,
        whole,
        terms.flatMap(({ ports }) => ports),
        outputs,
      ),
      outputs,
      layers,
      heads,
    });
  }
  return { name: model.name, doc: model.doc, params: paramsOf(model, programs, place), programs };
};

const inputsOf = (model: Model, { streams }: Whole, targets: readonly Port[], outputs: readonly Output[]): Port[] => {
  const read = inputsRead(outputs, streams);
  const inputs = [...portsOf(model, streams, [], []), ...targets].filter((port) => read.delete(port.name));
  if (read.size > 0) throw new Error(`inputs without a port: ${[...read].join(", ")}`);
  return inputs;
};

interface Term {
  readonly name: string;
  readonly factor: number;
  /** `[]` */
  readonly node: Node;
  readonly ports: readonly Port[];
}
/** Of those losses that have rows in such documents. */
const termsOf = (
  g: Graph,
  model: Model,
  whole: Whole,
  place: NonNullable<Options["place"]>,
): { readonly terms: readonly Term[] } & Pick<LossProgram, "layers" | "heads"> => {
  const { streams, among } = whole;
  const losses = model.losses.map((loss) => ({ ...loss, seq: loss.value ?? headOf(model, loss.name).value }));
  const values = losses.flatMap(({ seq }) =>
    streams.filter((stream) => hasRows(seq, stream)).map((stream) => ({ seq, stream })),
  );
  const demand = demandOf(model, { fresh: streams, past: [], precedes: () => false, among }, { values, keys: [] });
  const sequences = new Sequences({ g, model, demand, fresh: streams, again: [], caches: [], among, place });
  sequences.lowerAll();
  const terms = losses.flatMap(({ name, factor, value, seq, at }): Term[] => {
    const own = streams.filter((stream) => hasRows(seq, stream));
    if (own.length === 0) return [];
    const made = own.map((stream) =>
      g.under({ path: `loss/${name}`, at: place(at) }, () => {
        const rows = sequences.batched(seq, stream);
        return value === undefined
          ? ofHead(g, model, name, stream, rows)
          : weighed(g, portOf(stream, `loss.${name}`, "weight"), rows);
      }),
    );
    const node = made.map((each) => each.node).reduce((a, b) => g.op("add", [a, b]));
    return [{ name, factor, node, ports: made.flatMap(({ ports }) => ports) }];
  });
  const left = (seq: Seq): Node[] =>
    [...(demand.streams.get(seq) ?? [])].map((stream) => sequences.value(seq, stream).node);
  const heads = losses.flatMap(({ name, value, seq, at }) =>
    streams
      .filter((stream) => hasRows(seq, stream))
      .map((stream): Output => ({
        name: `${stream.name}.${name}`,
        node: sequences.batched(seq, stream),
        doc: place(value === undefined ? headOf(model, name).at : at),
      })),
  );
  const entered = demand.order.filter((seq) => seq.op === "embed").flatMap(left);
  return { terms, heads, layers: [entered, ...model.steps.map(({ value }) => left(value))] };
};
const headOf = ({ heads }: Model, name: string): Head => heads.find(({ modality }) => modality === name)!;

interface Made {
  readonly node: Node;
  readonly ports: readonly Port[];
}
/** Rows `[batch, rows, numbers]` of a head against what they should be. */
const ofHead = (g: Builder, model: Model, name: string, stream: Stream, rows: Node): Made => {
  const head = headOf(model, name);
  const what = resultOf(model, head);
  const tokens = model.modalities.find((modality) => modality.name === name);
  const weight = portOf(stream, what, "weight");
  if (head.kind === "denoise") {
    const target = portOf(stream, what, "target", rows.type.shape[2] as number);
    const difference = g.op("sub", [rows, inputNode(g, target)]);
    const squares = g.op("mul", [difference, difference]);
    const mean = g.op("div", [g.op("sum", [squares], { axis: 2 }), g.constant(rows.type.shape[2] as number)]);
    const { node } = weighed(g, weight, mean);
    return { node, ports: [target, weight] };
  }
  const added = tokens?.kind === "tokens" && tokens.added.length > 0;
  const below = portOf(stream, what, "below");
  const target = { ...portOf(stream, what, "target"), below: rows.type.shape[2] as number };
  const asked = added ? counted(g, rows, inputNode(g, below)) : rows;
  const { node } = weighed(g, weight, surprise(g, asked, inputNode(g, target)));
  return { node, ports: [target, ...(added ? [below] : []), weight] };
};

/** The logits of ids that are counted, the others as if they were not there. */
const counted = (g: Builder, logits: Node, below: Node): Node =>
  g.op("where", [g.op("less", [ids(g, logits), upright(g, below)]), logits, g.constant(HIDDEN)]);
/** Minus the logarithm of the probability that softmax gives to an id: `[batch, rows, ids]`, `[batch, rows]` to `[batch, rows, 1]`. */
const surprise = (g: Builder, logits: Node, target: Node): Node => {
  // Of what is taken off before exp nothing depends.
  const most = g.op("stopGradient", [g.op("amax", [logits], { axis: 2 })]);
  const sum = g.op("sum", [g.op("exp", [g.op("sub", [logits, most])])], { axis: 2 });
  const chosen = g.op("where", [g.op("equal", [ids(g, logits), upright(g, target)]), logits, g.constant(0)]);
  return g.op("sub", [g.op("add", [most, g.op("log", [sum])]), g.op("sum", [chosen], { axis: 2 })]);
};
const ids = (g: Builder, logits: Node): Node => g.op("iota", [], { size: logits.type.shape[2]! });
/** `[batch, rows]` to `[batch, rows, 1]` */
const upright = (g: Builder, x: Node): Node => g.op("split", [x], { axis: 1, sizes: [x.type.shape[1]!, 1] });

/** The sum over all rows, `[batch, rows]` or `[batch, rows, 1]`, each times its weight. */
const weighed = (g: Builder, weight: Port, rows: Node): Made => {
  const flat = rows.type.shape.length === 3 ? g.op("merge", [rows], { axis: 1 }) : rows;
  const product = g.op("merge", [g.op("mul", [flat, inputNode(g, weight)])], { axis: 0 });
  return { node: g.op("gather", [g.op("sum", [product], { axis: 0 }), g.constant(0, "i32")]), ports: [weight] };
};

const docs = {
  target: "what each row should have said",
  weight: "how much each row counts; 0 where it should say nothing, and where there is no row",
  below: "how many ids each row is held to; those from there on are as if they were not there",
} as const;
/** `text.logits.weight`, `image.patch.velocity.target` */
const portOf = ({ name }: Stream, what: string, of: keyof typeof docs, width?: number): Port => {
  const shape = [BATCH, sym(name), ...(width === undefined ? [] : [width])];
  const dtype = of === "weight" || width !== undefined ? "f32" : "i32";
  return { name: `${name}.${what}.${of}`, type: { dtype, shape }, doc: `of each ${name} row: ${docs[of]}` };
};
