// The documents of a step as calls: documents of one shape together, by the program of the fewest rows that takes them, and
// documents of like length together, so that little is padded.
import { type Callable, type Document, pack, slotsOf } from "../document.ts";
import { Failure } from "../failure.ts";
import { layoutOf } from "../layout.ts";
import type { Manifest, Port, StreamEntry, Training, TrainingEntry } from "../manifest.ts";
import type { Tensors } from "../tensor.ts";
import type { Lesson } from "./learn.ts";

/** The documents of one call. */
export interface Micro {
  readonly shape: string;
  readonly documents: readonly Document[];
  /** rows that are there, and rows that are computed */
  readonly rows: number;
  readonly room: number;
}

/** What one shape of documents is made of. */
export interface Shape {
  readonly name: string;
  readonly streams: readonly StreamEntry[];
  readonly last: string | null;
}
export const shapesOf = ({ programs }: Training): Shape[] =>
  programs.flatMap(({ kind, shape, streams, last }) =>
    kind === "loss" && shape !== null ? [{ name: shape, streams, last }] : [],
  );

/**
 * The shape of the fewest rows that takes a document, and the document as it takes it: what stands behind the rows of its
 * last span is left out. @throws Failure "call" where there is none
 */
export const shaped = (shapes: readonly Shape[], document: Document): { shape: Shape; document: Document } => {
  const kinds = new Set(document.rows.map(({ kind }) => kind));
  const takes = ({ streams }: Shape): boolean =>
    [...kinds].every((kind) => streams.some((stream) => stream.kinds.includes(kind)));
  const [shape] = shapes
    .filter((each) => takes(each) && (each.last === null || lastRow(each, document) !== undefined))
    .sort((a, b) => a.streams.length - b.streams.length || Number(a.last === null) - Number(b.last === null));
  if (shape === undefined)
    throw new Failure("call", `nothing is learnt from documents of ${[...kinds].join(", ")}`, "leave such samples out");
  const end = shape.last === null ? undefined : lastRow(shape, document);
  return { shape, document: end === undefined ? document : { ...document, rows: document.rows.slice(0, end + 1) } };
};

/** The last row of a document's only span of such rows, where nothing but markers of that span stands behind it. */
const lastRow = ({ streams, last }: Shape, { rows }: Document): number | undefined => {
  const kinds = streams.find(({ name }) => name === last)!.kinds;
  const at = rows.findLastIndex(({ kind }) => kinds.includes(kind));
  if (at < 0) return undefined;
  const { kind, span } = rows[at]!;
  const modality = kind.slice(0, kind.indexOf("."));
  const isOnly = rows.every((row) => !kinds.includes(row.kind) || row.span === span);
  const isEnd = rows.slice(at + 1).every((row) => row.kind.startsWith(`${modality}.`) && row.span === span);
  return isOnly && isEnd ? at : undefined;
};

/** The calls of a step, each of at most `most` documents, always in the same order. */
export const microBatches = (shapes: readonly Shape[], lessons: readonly Lesson[], most: number): Micro[] => {
  const fitted = lessons.map(({ document }) => shaped(shapes, document));
  return shapes.flatMap((shape) => {
    const own = fitted.filter((each) => each.shape === shape).map(({ document }) => document);
    const sorted = own.toSorted((a, b) => a.rows.length - b.rows.length);
    return Array.from({ length: Math.ceil(own.length / most) }, (_, i) =>
      microOf(shape, sorted.slice(i * most, (i + 1) * most)),
    );
  });
};
const microOf = ({ name, streams }: Shape, documents: readonly Document[]): Micro => {
  const longest = ({ kinds }: StreamEntry): number =>
    Math.max(1, ...documents.map((document) => slotsOf(document, kinds).length));
  return {
    shape: name,
    documents,
    rows: documents.reduce((sum, { rows }) => sum + rows.length, 0),
    room: documents.length * streams.reduce((sum, stream) => sum + longest(stream), 0),
  };
};

const STATE = /^(?:weight|gradient)\//;
const isState = ({ name }: Port): boolean => STATE.test(name);

/** Packs documents for the programs of a shape. Every weight of a row is multiplied by what its loss is scaled by. */
export const packer = (manifest: Manifest): ((program: TrainingEntry, micro: Micro, scale: Scale) => Tensors) => {
  const kinds = layoutOf(manifest);
  const callables = new Map<TrainingEntry, Callable>();
  return (program, { documents }, scale) => {
    const { name, streams, inputs } = program;
    const callable = callables.get(program) ?? {
      name,
      streams,
      kinds,
      inputs: inputs.filter((port) => !isState(port)),
    };
    callables.set(program, callable);
    const tensors = pack(callable, documents);
    for (const [port, { data }] of Object.entries(tensors)) {
      const by = scale.find(({ what }) => streams.some((stream) => port === `${stream.name}.${what}.weight`));
      if (by !== undefined) for (let i = 0; i < data.length; i++) (data as Float32Array)[i]! *= by.factor;
    }
    return tensors;
  };
};
/** By what rows are called in the names of inputs. */
export type Scale = readonly { readonly what: string; readonly factor: number }[];
