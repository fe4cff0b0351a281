// Where a row stands, and what the document gives it: its kind, place, position, `embed` arguments and inputs.
import type { Document, DocumentRow, Input, Kind, Model, RowOf, Values } from "../analyze/model.ts";

/** A row of the document. */
export interface Place {
  readonly row: DocumentRow;
  readonly kind: Kind;
  /** its order in the document, from 0: what masks compare */
  readonly place: number;
  /** what rotary embeddings read: runs on from the document's start */
  readonly position: number;
  /** rows with equal `span` are of one span; a text row is a span of its own */
  readonly span: string;
}

/** The rows in order. Throws, in the user's words, for a row that the model has no kind for or no position. */
export function places(model: Model, document: Document): readonly Place[] {
  const kinds = new Map(model.kinds.map((kind) => [kind.name, kind]));
  const start = document.start ?? 0;
  const end = start + document.rows.length;
  if (end > model.position.limit)
    throw new Error(
      `the document ends at position ${end - 1}, but ${model.name} has ${model.position.limit} positions`,
    );
  return document.rows.map((row, place) => {
    const kind = kinds.get(row.kind);
    if (kind === undefined)
      throw new Error(
        `row ${place} is of kind "${row.kind}", but ${model.name} has only ${[...kinds.keys()].join(", ")}`,
      );
    const own = kind.rows.kind === "token" ? `row ${place}` : `span ${row.span}`;
    return { row, kind, place, position: start + place, span: `${kind.modality} ${own}` };
  });
}

/** Grid row, grid column or index in the segment. */
export function coordinate({ row, kind }: Place, axis: "row" | "col" | "index"): number {
  if (axis === "index") return row.index;
  if (kind.rows.kind !== "grid") throw new Error(`internal: a row of ${kind.name} has no ${axis}`);
  return axis === "row" ? Math.floor(row.index / kind.rows.cols) : row.index % kind.rows.cols;
}

/** The argument of the `embed` of this row's kind. A marker's only argument is its id, which the model fixes. */
export function argument({ row, kind, place }: Place, node: RowOf<"argument">): Float64Array {
  if (kind.rows.kind === "marker") return Float64Array.of(kind.rows.id);
  return given(row.values, node.attrs.argument, node.shape, node.index, `row ${place} (${kind.name})`);
}

/** The value that the call gives an input, as this row sees it. */
export function inputAt({ row, kind, place }: Place, { name, per, type }: Input, document: Document): Float64Array {
  const shape = type.kind === "number" ? type.shape : [];
  const index = type.kind === "index";
  if (per === "call" || per === "document") return given(document.inputs, name, shape, index, "the document");
  if ("row" in per) return given(row.values, name, shape, index, `row ${place} (${kind.name})`);
  if (kind.modality !== per.span)
    throw new Error(`internal: a row of ${kind.name} reads ${name}, an input per ${per.span}`);
  return given(document.spans[per.span]?.[row.span] ?? {}, name, shape, index, `${per.span} ${row.span}`);
}

/** Numbers are what every target gets: rounded to f32, but for indices, which are whole. */
function given(values: Values, name: string, shape: readonly number[], index: boolean, where: string): Float64Array {
  const value = values[name];
  if (value === undefined) throw new Error(`${where} gives no "${name}"`);
  const size = shape.reduce((product, dim) => product * dim, 1);
  const result =
    typeof value === "number" ? Float64Array.of(index ? value : Math.fround(value)) : Float64Array.from(value);
  if (result.length !== size)
    throw new Error(`${where} gives "${name}" ${result.length} numbers, but it takes ${size}`);
  return result;
}
