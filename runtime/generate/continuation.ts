// One document as it is written: rows that wait to be appended, and what comes next. It knows nothing of calls; who makes
// them asks what is wanted, and says what came of it.
import type { DocumentRow, Values } from "../document.ts";
import { Failure } from "../failure.ts";
import type { Manifest, Noise, Segment } from "../manifest.ts";
import { BEGIN, type Course, follow } from "../order.ts";
import { textRows, tokensIn } from "./rows.ts";

/** Rows of a prompt that one call takes at most: between calls generation may be stopped. */
export const MOST_ROWS = 256;

/** A document as far as it is written. */
export interface Written {
  readonly rows: readonly DocumentRow[];
  /** inputs of the spans of each modality, in order */
  readonly spans: Readonly<Record<string, readonly Values[]>>;
  /** those of its rows that later ones do not see: of drawings */
  readonly drafts: ReadonlySet<DocumentRow>;
}
/** Rows that are there and not appended. */
export interface Pending {
  readonly phase: "prefill" | "read" | "draft";
  readonly rows: readonly DocumentRow[];
}
/** What a document wants of the next call of a phase. */
export type Wanted =
  | Pending
  | { readonly phase: "decode"; readonly rows: readonly [DocumentRow] }
  | { readonly phase: "denoise" };

/** A finished image as its document has it from now on. */
export interface Finished {
  readonly inputs: Values;
  readonly grid: readonly DocumentRow[];
  readonly after: NonNullable<Noise["after"]>;
}

export class Continuation implements Written {
  readonly #manifest: Manifest;
  /** all rows so far, appended or not */
  readonly rows: DocumentRow[];
  readonly spans: Record<string, Values[]>;
  readonly drafts: Set<DocumentRow>;
  #course: Course;
  /** rows that are appended */
  #done = 0;
  /** an image is opened, and not drawn yet */
  #draws = false;

  constructor(manifest: Manifest, { rows, spans, drafts }: Written) {
    this.#manifest = manifest;
    this.rows = [...rows];
    this.drafts = new Set(drafts);
    this.spans = Object.fromEntries(Object.entries(spans).map(([name, values]) => [name, [...values]]));
    this.#course = follow(manifest, BEGIN, rows);
  }

  /** Whether such a row may come next. */
  admits(row: DocumentRow): boolean {
    try {
      follow(this.#manifest, this.#course, [row]);
      return true;
    } catch (thrown) {
      if (thrown instanceof Failure) return false;
      throw thrown;
    }
  }
  /** Whether a token may come next that, whichever it is, leaves what may come behind it as it is now. */
  get isSettled(): boolean {
    const token = textRows(tokensIn(this.#manifest).name, [0]);
    if (!this.admits(token[0]!)) return false;
    const { terms } = follow(this.#manifest, this.#course, token);
    return terms.join() === this.#course.terms.join();
  }
  add(rows: readonly DocumentRow[]): void {
    this.#course = follow(this.#manifest, this.#course, rows);
    this.rows.push(...rows);
  }
  /** What stands before the grid of an image is there; then it is drawn. */
  openImage(before: readonly DocumentRow[]): void {
    this.add(before);
    this.#draws = true;
  }
  /** An image is drawn. Its rows wait to be read or to be passed over, or the last step has appended them. */
  closeImage(modality: string, { inputs, grid, after }: Finished, markers: readonly DocumentRow[]): void {
    (this.spans[modality] ??= []).push(inputs);
    this.add([...grid, ...markers]);
    this.#draws = false;
    if (after === "last") this.appended(grid.length);
    if (after === "never") for (const row of grid) this.drafts.add(row);
  }

  /** @throws Failure "call" where a token is to follow what says nothing of tokens */
  wanted(): Wanted {
    const pending = this.#draws ? this.pending() : this.behind();
    if (pending !== undefined) return pending;
    if (this.#draws) return { phase: "denoise" };
    const [last] = this.rows.slice(this.#done);
    if (last !== undefined) return { phase: "decode", rows: [last] };
    throw new Failure("call", "there is nothing that a token could follow", "end the prompt with text");
  }
  /** The next rows to append of those before a last one that a token follows. */
  behind(): Pending | undefined {
    const last = this.rows.at(-1);
    return this.#pending(last === undefined || gridOf(this.#manifest, last.kind) !== undefined ? 0 : 1);
  }
  /** The next rows to append of all. */
  pending(): Pending | undefined {
    return this.#pending(0);
  }
  #pending(held: number): Pending | undefined {
    const waiting = this.rows.slice(this.#done, this.rows.length - held);
    const [first] = waiting;
    if (first === undefined) return undefined;
    const grid = gridOf(this.#manifest, first.kind);
    if (grid !== undefined) {
      const phase = this.drafts.has(first) ? "draft" : "read";
      return { phase, rows: waiting.slice(0, grid.rows * grid.cols) };
    }
    const end = waiting.findIndex(({ kind }) => gridOf(this.#manifest, kind) !== undefined);
    return { phase: "prefill", rows: waiting.slice(0, Math.min(MOST_ROWS, end < 0 ? waiting.length : end)) };
  }
  appended(count: number): void {
    this.#done += count;
  }
  /** The inputs of the spans whose rows are appended with these. */
  spansOf(rows: readonly DocumentRow[]): Readonly<Record<string, readonly Values[]>> {
    const found: Record<string, Values[]> = {};
    const seen = new Set<string>();
    for (const row of rows) {
      if (gridOf(this.#manifest, row.kind) === undefined) continue;
      const modality = row.kind.split(".", 1)[0]!;
      if (seen.has(`${modality} ${row.span}`)) continue;
      seen.add(`${modality} ${row.span}`);
      (found[modality] ??= []).push(this.spans[modality]![row.span]!);
    }
    return found;
  }
}

/** The grid that rows of a kind are of. */
export const gridOf = (manifest: Manifest, kind: string): Extract<Segment, { is: "grid" }> | undefined => {
  for (const modality of manifest.modalities) {
    if (modality.is !== "span") continue;
    const found = modality.segments.find((segment) => segment.kind === kind);
    if (found?.is === "grid") return found;
  }
  return undefined;
};
