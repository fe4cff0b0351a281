// A document of a random specification written phase by phase by ONNX Runtime: tokens one after the other, spans read, or
// drawn and ended as their noise says.
import type { Document, DocumentRow, Model, Noise } from "../../compiler/analyze/model.ts";
import type { PhaseProgram } from "../../compiler/ir/module.ts";
import { atomsOf } from "../../compiler/rows/atom.ts";
import { isGrid } from "../../compiler/rows/limit.ts";
import { streamsOf } from "../../compiler/rows/stream.ts";
import { unpack } from "../../runtime/document.ts";
import { contextOf, entryOf, type Hosted } from "../entry.ts";
import type { Compiled, Result } from "./run.ts";

/** Rows that are appended at once. */
export interface Piece {
  readonly rows: readonly DocumentRow[];
  /** they are of a grid, and what the mask joins to it */
  readonly isGrid: boolean;
}
/** The rows of a document by their atoms; undefined where the rows of one stand apart, or all are one. */
export const piecesOf = (model: Model, { rows }: Document): Piece[] | undefined => {
  const atoms = atomsOf(model, streamsOf(model));
  const pieces = new Map<string, { rows: DocumentRow[]; isGrid: boolean; end: number }>();
  for (const [place, row] of rows.entries()) {
    const atom = atoms.find(({ streams }) => streams.some(({ kinds }) => kinds.some(({ name }) => name === row.kind)))!;
    if (atom.reach === "document") return undefined;
    const grid = isGrid(atom);
    const key =
      atom.reach === "row" && !grid ? `${place}` : `${atoms.indexOf(atom)} ${row.kind.split(".")[0]} ${row.span}`;
    const piece = pieces.get(key) ?? { rows: [], isGrid: grid, end: place };
    if (piece.end !== place) return undefined;
    piece.rows.push(row);
    pieces.set(key, { ...piece, end: place + 1 });
  }
  return [...pieces.values()];
};

/** What heads gave of rows that were decoded, and of the last step of drawings. */
export const phased = async (
  compiled: Compiled,
  document: Document,
  pieces: readonly Piece[],
  draws: (piece: Piece) => boolean,
  after: Noise["after"],
): Promise<Result> => {
  const writing = new Writing(compiled, document);
  for (const piece of pieces) {
    if (draws(piece)) {
      await writing.call("denoise", { ...piece, rows: piece.rows.map(halved) });
      await writing.call(({ given: "read", last: "last", never: "draft" } as const)[after], piece);
    } else if (piece.isGrid) await writing.call("read", piece);
    else await writing.call(writing.has("decode", piece) ? "decode" : "prefill", piece);
  }
  return writing.found;
};

class Writing {
  readonly found: ReadonlyMap<string, Map<number, Float32Array>>;
  readonly #compiled: Compiled;
  readonly #document: Document;
  readonly #context: Hosted;
  /** spans whose inputs the context has */
  readonly #told = new Set<string>();

  constructor(compiled: Compiled, document: Document) {
    this.#compiled = compiled;
    this.#document = document;
    this.#context = contextOf(compiled.model, compiled.module.programs, 1);
    this.found = new Map(compiled.model.heads.map(({ modality }) => [modality, new Map<number, Float32Array>()]));
  }

  has(kind: PhaseProgram["kind"], { rows }: Piece): boolean {
    return this.#find(kind, rows) !== undefined;
  }
  #find(kind: PhaseProgram["kind"], rows: Piece["rows"]): PhaseProgram | undefined {
    const takes = ({ streams }: PhaseProgram): boolean =>
      rows.every((row) => streams.some(({ kinds }) => kinds.includes(row.kind)));
    return this.#compiled.module.programs
      .filter((program) => program.kind === kind && takes(program))
      .toSorted((a, b) => a.streams.length - b.streams.length)[0];
  }

  async call(kind: PhaseProgram["kind"], { rows, isGrid: grid }: Piece): Promise<void> {
    const program = this.#find(kind, rows)!;
    const entry = entryOf(this.#compiled.model, program);
    const [modality, span] = [rows[0]!.kind.split(".")[0]!, rows[0]!.span];
    const own = this.#document.spans[modality]?.[span];
    const reads = program.inputs.some(
      ({ type: { shape } }) => typeof shape[1] === "object" && shape[1].key === modality,
    );
    // The inputs of a span come with its grid, or with the first of its rows that are made with them.
    const tells = own !== undefined && (grid || reads) && !this.#told.has(`${modality} ${span}`);
    const part = { rows, inputs: this.#document.inputs, spans: tells ? { [modality]: [own] } : {} };
    const documents = this.#context.documents(entry, [part]);
    const inputs = await this.#context.inputs(entry, documents);
    const outputs = program.outputs.length === 0 ? {} : await this.#compiled.call(program, inputs);
    await this.#context.append(entry, documents, outputs);
    if (kind === "denoise") return;
    if (tells) this.#told.add(`${modality} ${span}`);
    for (const [name, tensor] of Object.entries(outputs)) {
      const stream = program.streams.find((each) => each.name === name.slice(0, name.lastIndexOf(".")));
      if (stream === undefined || name.startsWith("new.")) continue;
      const { place } = documents[0]!;
      for (const [at, numbers] of unpack(documents, stream.kinds, tensor)[0]!)
        for (const head of this.#compiled.model.heads)
          if (
            name.endsWith(".logits") === (head.kind === "next_token") &&
            head.value.shapes.has(rows[at - place!]?.kind ?? "")
          )
            this.found.get(head.modality)!.set(at, numbers);
    }
  }
}

/** Another row of the same kind. */
const halved = (row: DocumentRow): DocumentRow => ({
  ...row,
  values: Object.fromEntries(
    Object.entries(row.values).map(([name, value]) => [
      name,
      typeof value === "number" ? value : value.map((x) => x / 2),
    ]),
  ),
});
