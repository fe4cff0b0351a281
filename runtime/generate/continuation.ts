// One document as it is written: rows that wait to be appended, and what comes next. It knows nothing of calls; who makes
// them asks what is wanted, and says what came of it.
import type { DocumentRow, Values } from "../document.ts";
import { Failure } from "../failure.ts";
import type { Manifest, Noise, Segment } from "../manifest.ts";
import { BEGIN, type Course, follow } from "../order.ts";
import type { PromptRows } from "./prompt.ts";

/** Rows of a prompt that one call takes at most: between calls generation may be stopped. */
export const MOST_ROWS = 256;

/** What a document wants of the next call of a phase. */
export type Wanted =
  | { readonly phase: "prefill" | "read" | "draft"; readonly rows: readonly DocumentRow[] }
  | { readonly phase: "decode"; readonly rows: readonly [DocumentRow] }
  | { readonly phase: "denoise" | "last" };

/** A finished image as its document has it from now on. */
export interface Drawn {
  readonly inputs: Values;
  readonly grid: readonly DocumentRow[];
  readonly after: NonNullable<Noise["after"]>;
}

export class Continuation {
  readonly #manifest: Manifest;
  /** all rows so far, appended or not */
  readonly rows: DocumentRow[];
  readonly spans: Record<string, Values[]>;
  /** rows of drawings that later rows do not see */
  readonly drafts: Set<DocumentRow>;
  #course: Course;
  /** rows that are appended */
  #done = 0;
  /** an image is opened, and not drawn yet */
  #draws = false;
  #ended = false;

  constructor(
    manifest: Manifest,
    { rows, spans }: Pick<PromptRows, "rows" | "spans">,
    drafts: ReadonlySet<DocumentRow> = new Set(),
  ) {
    this.#manifest = manifest;
    this.rows = [...rows];
    this.drafts = new Set(drafts);
    this.spans = Object.fromEntries(Object.entries(spans).map(([name, values]) => [name, [...values]]));
    this.#course = follow(manifest, BEGIN, rows);
  }

  get ended(): boolean {
    return this.#ended;
  }
  end(): void {
    this.#ended = true;
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
  closeImage(modality: string, { inputs, grid, after }: Drawn, markers: readonly DocumentRow[]): void {
    (this.spans[modality] ??= []).push(inputs);
    this.add([...grid, ...markers]);
    this.#draws = false;
    if (after === "last") this.appended(grid.length);
    if (after === "never") for (const row of grid) this.drafts.add(row);
  }

  /** @throws Failure "call" where a token is to follow what says nothing of tokens */
  wanted(): Wanted | undefined {
    if (this.#ended) return undefined;
    const waiting = this.rows.slice(this.#done);
    const [first] = waiting;
    if (first === undefined) {
      if (this.#draws) return { phase: "denoise" };
      throw new Failure("call", "there is nothing that a token could follow", "end the prompt with text");
    }
    const grid = this.#gridOf(first);
    if (grid !== undefined) {
      const phase = this.drafts.has(first) ? "draft" : "read";
      return { phase, rows: waiting.slice(0, grid.rows * grid.cols) };
    }
    const end = waiting.findIndex((row) => this.#gridOf(row) !== undefined);
    const run = end < 0 ? waiting : waiting.slice(0, end);
    const isLast = end < 0 && !this.#draws;
    if (isLast && run.length === 1) return { phase: "decode", rows: [first] };
    return { phase: "prefill", rows: run.slice(0, Math.min(MOST_ROWS, isLast ? run.length - 1 : run.length)) };
  }
  appended(count: number): void {
    this.#done += count;
  }
  /** The inputs of the spans whose rows are appended with these. */
  spansOf(rows: readonly DocumentRow[]): Readonly<Record<string, readonly Values[]>> {
    const found: Record<string, Values[]> = {};
    const seen = new Set<string>();
    for (const row of rows) {
      if (this.#gridOf(row) === undefined) continue;
      const modality = row.kind.split(".", 1)[0]!;
      if (seen.has(`${modality} ${row.span}`)) continue;
      seen.add(`${modality} ${row.span}`);
      (found[modality] ??= []).push(this.spans[modality]![row.span]!);
    }
    return found;
  }
  #gridOf({ kind }: DocumentRow): Extract<Segment, { is: "grid" }> | undefined {
    for (const modality of this.#manifest.modalities) {
      if (modality.is !== "span") continue;
      const found = modality.segments.find((segment) => segment.kind === kind);
      if (found?.is === "grid") return found;
    }
    return undefined;
  }
}
