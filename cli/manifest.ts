// What a manifest says of a model, from the model: how a document's rows are laid out, which conditions it takes, how
// noise becomes an image; and of each program, what it takes and gives.
import type { Kind, Model, Process as ModelProcess } from "../compiler/analyze/model.ts";
import type { Notes } from "../compiler/bindings/facts.ts";
import { type Dim, show } from "../compiler/ir/dim.ts";
import type { PhaseProgram, Port as ModulePort } from "../compiler/ir/module.ts";
import type { DType } from "../compiler/ir/vocabulary.ts";
import type {
  CacheEntry,
  Condition,
  Guide,
  Modality,
  Noise,
  Port,
  Process,
  ProgramEntry,
  Segment,
  SessionTerm,
} from "../runtime/manifest.ts";

export const modalitiesOf = (model: Model): Modality[] =>
  model.modalities.map((modality) => {
    const { name } = modality;
    if (modality.kind === "tokens") return { is: "tokens", name, vocab: modality.vocab, added: modality.added };
    const kinds = model.kinds.filter((kind) => kind.modality === name);
    return { is: "span", name, segments: kinds.map(segmentOf) };
  });

const segmentOf = ({ name, rows }: Kind): Segment => {
  switch (rows.kind) {
    case "marker":
      return { is: "marker", kind: name, token: rows.token, id: rows.id, text: rows.of };
    case "grid": {
      const { rows: height, cols, width, order, channels } = rows;
      return { is: "grid", kind: name, rows: height, cols, width, order: order ?? null, channels: channels ?? null };
    }
    case "token":
      throw new Error(`${name} is a token in a span`);
    default:
      return rows satisfies never;
  }
};

export const sessionOf = ({ session }: Model): readonly SessionTerm[] | null =>
  session?.map(({ modality, repeat }) => ({ modality, repeat })) ?? null;

/** What its specification says of a model, which a manifest has no place for. */
export const notesOf = ({ doc, modalities }: Model): Notes => ({
  model: doc,
  modalities: Object.fromEntries(modalities.map((modality) => [modality.name, modality.doc])),
});

export const conditionsOf = (model: Model): Condition[] =>
  model.inputs.map(({ name, per }) => {
    const given = model.noise.find((noise) => noise.given?.input.name === name)?.given;
    const extent = typeof per === "string" ? per : "span" in per ? per.span : per.row;
    return { name, per: extent, clean: given?.value ?? null };
  });

export const noiseOf = (model: Model): Noise[] =>
  model.noise.map(({ modality, process, drawn, after }) => ({
    modality,
    input: drawn?.input.name ?? null,
    process: processOf(process),
    after,
  }));
const processOf = (process: ModelProcess): Process => {
  const { kind, ...rest } = process;
  return { is: kind, ...rest } as Process;
};

/** undefined: the model has none */
export const guidesOf = ({ guides }: Model): readonly Guide[] | undefined =>
  guides.length === 0
    ? undefined
    : guides.map(({ name, how }) =>
        how.kind === "replace"
          ? { is: "replace", name, input: how.input.name, value: how.value }
          : { is: how.kind, name, modality: how.modality, before: how.before },
      );

/** `decode.text`, `loss.text+image`, `loss.text.then.image`: the names of a program's files begin so. */
export const stemOf = ({ name }: { readonly name: string }): string =>
  name.replace("(", ".").replace(")", "").replaceAll(", ", "+").replaceAll(" ", ".");

export const entryOf = (program: PhaseProgram, graph: ProgramEntry["graph"]): ProgramEntry => ({
  name: program.name,
  phase: program.kind,
  streams: program.streams,
  whole: program.whole,
  again: program.again,
  reads: program.reads.map(({ name }) => name),
  writes: program.writes.map(({ name }) => name),
  graph,
  inputs: program.inputs.map(portOf),
  outputs: program.outputs.map(({ name, node, doc }) => portOf({ name, type: node.type, doc })),
});
/** Every cache that some program reads or writes, once. */
export const cachesOf = (programs: readonly PhaseProgram[]): CacheEntry[] => [
  ...new Map(
    programs.flatMap(({ reads, writes }) => [...reads, ...writes]).map((cache) => [cache.name, cache]),
  ).values(),
];
export const portOf = ({ name, type, doc, below }: ModulePort): Port => ({
  name,
  dtype: dtypeOf(type.dtype),
  shape: type.shape.map((dim: Dim) => (typeof dim === "number" ? dim : show(dim))),
  below: below ?? null,
  doc,
});
const dtypeOf = (dtype: DType): Port["dtype"] => {
  if (dtype === "bf16") throw new Error("no program takes or gives bf16");
  return dtype;
};
