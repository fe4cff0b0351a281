// Documents and the tensors of a call: the rows of each kind side by side, one line a document, with their place,
// position and span. A place of -1 marks a row that is not there, so documents of unlike length share a call.
import { Failure } from "./failure.ts";
import { checkIndex, checkNumbers } from "./numbers.ts";
import type { CacheEntry, Port } from "./manifest.ts";
import type { Tensor } from "./tensor.ts";

/** Numbers of a row, a span or a document, by name. */
export type Values = Readonly<Record<string, number | Float32Array>>;
export interface DocumentRow {
  readonly kind: string;
  /** which span of its modality in this document; 0 for tokens */
  readonly span: number;
  /** index in its segment, row-major over a grid */
  readonly index: number;
  /** arguments of `embed` and inputs per row */
  readonly values: Values;
}
export interface Document {
  readonly rows: readonly DocumentRow[];
  /** inputs of the spans of each modality, in order */
  readonly spans: Readonly<Record<string, readonly Values[]>>;
  readonly inputs: Values;
  /** position of the row at place 0; 0 where absent */
  readonly start?: number | undefined;
  /** place of the first of `rows`, where earlier rows are cached; 0 where absent */
  readonly place?: number | undefined;
  /** earlier rows that are given again, because what is drawn changes them */
  readonly again?: readonly Slot[] | undefined;
  /** kinds of earlier rows that none of these sees */
  readonly unseen?: readonly string[] | undefined;
}
/** What a call needs to know of a program, as its manifest has it. */
export interface Callable {
  readonly name: string;
  readonly streams: readonly { readonly name: string; readonly kinds: readonly string[] }[];
  readonly inputs: readonly Port[];
  readonly kinds: Layout;
}
/** The same of a program that reads keys and values of earlier rows, or gives those of new ones. */
export interface Appending extends Callable {
  readonly appends: boolean;
  /** no later row sees the rows that it appends */
  readonly hides: boolean;
  /** kinds of past rows that it must be given again */
  readonly again: readonly string[];
  readonly reads: readonly CacheEntry[];
  readonly writes: readonly CacheEntry[];
}
/** What is known of kinds of rows: how many a grid has and its columns, for `row` and `col`; the token that a marker is. */
export type Layout = Readonly<
  Record<
    string,
    { readonly count?: number | undefined; readonly cols?: number | undefined; readonly id?: number | undefined }
  >
>;

/** A row and its place in the document. */
export interface Slot {
  readonly row: DocumentRow;
  readonly place: number;
  /** no later row sees it */
  readonly hidden?: boolean | undefined;
}
/** The rows of a stream in one document, in order. */
export const slotsOf = (document: Document, kinds: readonly string[]): Slot[] => [
  ...(document.again ?? []).filter(({ row }) => kinds.includes(row.kind)),
  ...document.rows.flatMap((row, i) => (kinds.includes(row.kind) ? [{ row, place: (document.place ?? 0) + i }] : [])),
];

/**
 * The inputs of one call on `documents`, those of caches aside. @throws Failure "call" when a document has rows that the
 * program does not take, or a value is missing or of another size.
 */
export const pack = (program: Callable, documents: readonly Document[]): Record<string, Tensor> => {
  const sizes = new Map<string, number>([["batch", documents.length]]);
  const taken = program.streams.flatMap((stream) => stream.kinds);
  for (const [d, document] of documents.entries()) {
    const foreign = document.rows.find((row) => !taken.includes(row.kind));
    if (foreign) throw new Failure("call", `${program.name} takes no rows of ${foreign.kind}`);
    checkRows(program, document, d);
    checkSpans(program, document);
    for (const [modality, spans] of Object.entries(document.spans))
      sizes.set(modality, Math.max(sizes.get(modality) ?? 1, spans.length));
  }
  for (const { name, kinds } of program.streams)
    sizes.set(name, Math.max(1, ...documents.map((d) => slotsOf(d, kinds).length)));
  const given = program.inputs.filter(({ shape }) =>
    shape.every((dim) => typeof dim === "number" || !dim.startsWith("past.")),
  );
  return Object.fromEntries(given.map((port) => [port.name, inputOf(program, port, documents, sizes)]));
};

/** Every row says which one of its span it is. */
const checkRows = ({ name, kinds }: Callable, document: Document, d: number): void => {
  document.rows.forEach(({ kind, span, index, values }, i) => {
    const where = `of the row at place ${(document.place ?? 0) + i} of document ${d}`;
    if (typeof values !== "object" || values === null)
      throw new Failure("call", `${name}: the values ${where} are missing`, "give `values: {}` where a row has none");
    checkIndex(`${name}: the span ${where}`, span, undefined);
    checkIndex(`${name}: the index ${where}`, index, kinds[kind]?.count);
  });
};

/** Every row of a span whose inputs are read has them. */
const checkSpans = ({ name, streams, inputs }: Callable, document: Document): void => {
  const own = new Set(streams.map((stream) => stream.name));
  const read = inputs.flatMap(({ shape: [batch, extent] }) =>
    batch === "batch" && typeof extent === "string" && !own.has(extent) && !extent.startsWith("past.") ? [extent] : [],
  );
  for (const modality of new Set(read)) {
    const count = document.spans[modality]?.length ?? 0;
    const row = document.rows.find(({ kind, span }) => kind.startsWith(`${modality}.`) && span >= count);
    if (row)
      throw new Failure(
        "call",
        `${name}: a row of ${row.kind} is of span ${row.span}, and inputs of ${count} spans of ${modality} were given`,
        `give \`spans: { ${modality}: [...] }\` with the call that computes the span's rows`,
      );
  }
};

const inputOf = (
  program: Callable,
  port: Port,
  documents: readonly Document[],
  sizes: ReadonlyMap<string, number>,
): Tensor => {
  const shape = port.shape.map((dim) => (typeof dim === "number" ? dim : (sizes.get(dim) ?? 1)));
  const length = shape.reduce((n, dim) => n * dim, 1);
  const data = port.dtype === "i32" ? new Int32Array(length) : new Float32Array(length);
  const tensor = { dtype: port.dtype, shape, data } as Tensor;
  const [batch, extent] = port.shape;
  const stream = program.streams.find(({ name }) => extent === name);
  const isOfStream = stream !== undefined && port.name.startsWith(`${stream.name}.`);
  const name = isOfStream ? port.name.slice(stream.name.length + 1) : port.name;
  const width = shape
    .slice(batch === "batch" ? (typeof extent === "string" ? 2 : 1) : 0)
    .reduce((n, dim) => n * dim, 1);
  if (isOfStream && name === "order") data.fill(-1);
  const set = (at: number, value: Value | undefined, where: string): void =>
    put(port, data, at * width, width, value, where);
  documents.forEach((document, d) => {
    const own = `of document ${d}`;
    if (batch !== "batch") return d === 0 ? set(0, document.inputs[name], "of the call") : undefined;
    if (typeof extent !== "string") return set(d, document.inputs[name], own);
    const line = d * shape[1]!;
    if (stream)
      return slotsOf(document, stream.kinds).forEach((slot, i) =>
        set(
          line + i,
          isOfStream ? rowValue(program.kinds, name, slot, document) : slot.row.values[name],
          `of the row at place ${slot.place} ${own}`,
        ),
      );
    return (document.spans[extent] ?? []).forEach((span, i) => set(line + i, span[name], `of ${extent} ${i} ${own}`));
  });
  return tensor;
};
type Value = number | Float32Array;
const rowValue = (
  kinds: Layout,
  name: string,
  { row, place }: Slot,
  document: Document,
): number | Float32Array | undefined => {
  const { cols = 1, id } = kinds[row.kind] ?? {};
  switch (name) {
    case "order":
      return place;
    case "position":
      return (document.start ?? 0) + place;
    case "span":
      return row.span;
    case "row":
      return Math.floor(row.index / cols);
    case "col":
      return row.index % cols;
    case "index":
      return row.index;
    default:
      return row.values[name] ?? id;
  }
};
const put = (
  { name, dtype, below }: Port,
  data: Float32Array | Int32Array,
  at: number,
  width: number,
  value: Value | undefined,
  where: string,
): void => {
  if (value === undefined) throw new Failure("call", `the input ${name} ${where} is missing`);
  const numbers = typeof value === "number" ? [value] : value;
  checkNumbers(`the input ${name} ${where}`, numbers, width, dtype, below);
  data.set(numbers, at);
};

/** The rows of one output `[batch, rows, width]` of a stream: for each document, by their place. */
export const unpack = (
  documents: readonly Document[],
  kinds: readonly string[],
  tensor: Tensor,
): ReadonlyMap<number, Float32Array>[] => {
  const [, rows, ...rest] = tensor.shape as [number, number, ...number[]];
  const width = rest.reduce((n, dim) => n * dim, 1);
  return documents.map((document, d) => {
    const found = new Map<number, Float32Array>();
    slotsOf(document, kinds).forEach(({ place }, i) => {
      const from = (d * rows + i) * width;
      found.set(place, (tensor.data as Float32Array).subarray(from, from + width));
    });
    return found;
  });
};
