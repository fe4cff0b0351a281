// Lowering: what a model means, as programs over one set of weights: one for each phase of its plan, which has the inputs
// and weights that its outputs reach, and no others.
import type { At, Head, Model } from "../analyze/model.ts";
import type { Dim } from "../ir/dim.ts";
import { Graph } from "../ir/graph.ts";
import type { CachePort, ModelModule, Output, Param, PhaseProgram, Program } from "../ir/module.ts";
import { type Node, toposort } from "../ir/node.ts";
import { anyOrder } from "../rows/precedence.ts";
import { hasRows } from "../rows/demand.ts";
import { planOf, type Cache, type Phase, type Plan } from "../rows/phase.ts";
import type { Stream } from "../rows/stream.ts";
import { inputNode, placePort, portsOf } from "./entry.ts";
import { Sequences } from "./sequence.ts";

export interface Options {
  /** also give what each step of the layers leaves of new rows, as `tap/<step path>/<stream>` `[batch, rows, width]` */
  readonly taps?: boolean;
  /** a place as people read it: `xfusion.graft:12:5` */
  readonly place?: (at: At) => string;
}

/** The programs of `model`. Throws only for what analysis should have refused. */
export const lower = (model: Model, options: Options = {}): ModelModule =>
  lowerPlan(model, planOf(model, options.taps === true ? model.steps : []), options).module;

/** The programs of a plan, and of each what its layers compute: the rows that heads read, and the keys and values that it gives. */
export const lowerPlan = (
  model: Model,
  plan: Plan,
  options: Options = {},
): { readonly module: ModelModule; readonly stems: readonly (readonly Node[])[] } => {
  const g = new Graph();
  const place = options.place ?? (({ path }: At) => path);
  const lowered = plan.phases.map((phase) => programOf(g, model, plan, phase, place));
  const programs = lowered.map(({ program }) => program);
  const module = { name: model.name, doc: model.doc, params: paramsOf(model, programs, place), programs };
  return { module, stems: lowered.map(({ stem }) => stem) };
};

const programOf = (
  g: Graph,
  model: Model,
  plan: Plan,
  phase: Phase,
  place: (at: At) => string,
): { readonly program: PhaseProgram; readonly stem: readonly Node[] } => {
  const fresh = [...new Set([...phase.appends, ...phase.again])];
  const caches = plan.caches.filter((cache) =>
    phase.demand.reads.some(
      (kept) => kept.call === cache.call && kept.attend === cache.attend && kept.stream === cache.stream,
    ),
  );
  const sequences = new Sequences({
    g,
    model,
    demand: phase.demand,
    fresh,
    again: phase.again,
    caches,
    among: anyOrder,
    place,
  });
  sequences.lowerAll();
  const named = (name: string, at: At, doc: string, make: () => Node): Output => ({
    name,
    node: g.under({ path: name, at: place(at) }, make),
    doc,
  });
  const heads = phase.heads.flatMap((head) => {
    const what = resultOf(model, head);
    return phase.appends
      .filter((stream) => hasRows(head.value, stream))
      .map((stream) =>
        named(`${stream.name}.${what}`, head.at, `${what} of each ${stream.name} row; 0 where there is no row`, () =>
          present(g, stream, sequences.batched(head.value, stream)),
        ),
      );
  });
  const taps = phase.taps.flatMap((step) =>
    phase.appends
      .filter((stream) => hasRows(step.value, stream))
      .map((stream) =>
        named(`tap/${step.path}/${stream.name}`, step.at, `each ${stream.name} row after ${step.path}`, () =>
          present(g, stream, sequences.batched(step.value, stream)),
        ),
      ),
  );
  const written = phase.writes.flatMap((cache) => {
    const { k, v } = sequences.kept(cache);
    const doc = (what: string): string =>
      `${what} of each new ${cache.stream.name} row; of no meaning where there is no row`;
    return [
      named(`new.${cache.name}.k`, cache.call.at, doc("keys"), () => k),
      named(`new.${cache.name}.v`, cache.call.at, doc("values"), () => v),
    ];
  });
  const outputs = [...heads, ...taps, ...written];
  const stem = [
    ...phase.appends
      .filter((stream) => phase.demand.streams.get(model.h)?.has(stream))
      .map((stream) => sequences.value(model.h, stream).node),
    ...written.map((output) => output.node),
  ];
  const read = inputsRead(outputs, fresh);
  const inputs = portsOf(model, fresh, phase.past, caches).filter((port) => read.delete(port.name));
  if (read.size > 0) throw new Error(`inputs without a port: ${[...read].join(", ")}`);
  const program: PhaseProgram = {
    name: phase.name,
    kind: phase.kind,
    doc: docs[phase.kind](phase.appends.map((stream) => stream.name).join(", ")),
    streams: fresh.map(({ name, kinds }) => ({ name, kinds: kinds.map((kind) => kind.name) })),
    inputs,
    outputs,
    whole: phase.appends
      .filter((stream) => plan.atoms.some((atom) => atom.reach === "span" && atom.streams.includes(stream)))
      .map(({ name }) => name),
    again: phase.again.map(({ name }) => name),
    reads: caches.map(portOfCache),
    writes: phase.writes.map(portOfCache),
  };
  return { program, stem };
};
/** The inputs that outputs reach, and the places of a stream whose number of rows nothing else tells. */
export const inputsRead = (outputs: readonly Output[], fresh: readonly Stream[]): Set<string> => {
  const read = new Set<string>();
  const sizes = new Set<string>();
  const known = new Set<string>();
  for (const node of toposort(outputs.map((output) => output.node))) {
    if (node.op === "input") read.add(node.attrs.name);
    for (const name of namesIn(node.type.shape)) (node.op === "input" ? known : sizes).add(name);
  }
  for (const stream of fresh)
    if (sizes.has(stream.name) && !known.has(stream.name)) read.add(placePort(stream, "order").name);
  return read;
};
const namesIn = (shape: readonly Dim[]): string[] =>
  shape.flatMap((dim) => (typeof dim === "number" ? [] : dim.terms.flatMap((term) => term.names)));

const docs: Readonly<Record<Phase["kind"], (rows: string) => string>> = {
  forward: (rows) => `Whole documents: rows of ${rows}.`,
  prefill: (rows) => `Appends rows of ${rows}: their keys and values.`,
  decode: (rows) => `Appends rows of ${rows}: their keys and values, and what comes next.`,
  read: (rows) => `Appends clean rows of ${rows}: their keys and values.`,
  denoise: (rows) => `Predicts for noised rows of ${rows}, and appends nothing.`,
  last: (rows) => `Predicts for noised rows of ${rows} at the last step, and appends them: their keys and values.`,
  draft: (rows) => `Appends drawn rows of ${rows} that no later row sees: they take places, and leave nothing.`,
};
const portOfCache = ({ name, stream, call, attend }: Cache): CachePort => {
  const [, k, v] = call.attrs.block.attends[attend]!.src;
  const [kvHeads, width] = k!.shape as [number, number];
  return { name, stream: stream.name, kvHeads, widths: { k: width, v: v!.shape[1]! } };
};

/** The rows that are there; 0 for the others. */
const present = (g: Graph, stream: Stream, node: Node): Node => {
  const absent = g.op("less", [inputNode(g, placePort(stream, "order")), g.constant(0, "i32")]);
  return g.op("where", [g.op("split", [absent], { axis: 1, sizes: [absent.type.shape[1]!, 1] }), g.constant(0), node]);
};

/** What a head gives: logits, or what the modality's process predicts. */
export const resultOf = (model: Model, head: Head): string => {
  if (head.kind === "next_token") return "logits";
  const noise = model.noise.find(({ modality }) => modality === head.modality);
  if (noise === undefined) throw new Error(`${head.modality} is denoised but has no noise`);
  return noise.process.predicts;
};

/** The weights that some program reads, in the order declared. */
export const paramsOf = (model: Model, programs: readonly Program[], place: (at: At) => string): Param[] => {
  const read = new Map<string, Node>();
  for (const node of toposort(programs.flatMap(({ outputs }) => outputs.map((output) => output.node))))
    if (node.op === "param") read.set(node.attrs.name, node);
  return model.weights.flatMap(({ path, at }) => {
    const node = read.get(path);
    return node === undefined ? [] : [{ name: path, type: node.type, doc: place(at) }];
  });
};
