// A document that is written as far as it is, with its keys and values: what goes on behind it computes new rows alone. It
// never changes, so any number of documents may go on from it.
import type { Context } from "../context.ts";
import type { DocumentRow, Values } from "../document.ts";
import { Failure } from "../failure.ts";
import type { Written } from "./continuation.ts";

export class Past implements Written {
  /** all rows, of which those that `context` has are computed; at most a last token is not */
  readonly rows: readonly DocumentRow[];
  /** inputs of the spans of each modality, in order */
  readonly spans: Readonly<Record<string, readonly Values[]>>;
  /** those of its rows that later ones do not see: of drawings */
  readonly drafts: ReadonlySet<DocumentRow>;
  /** of this document alone; nobody else appends to it */
  readonly context: Context;

  constructor(context: Context, { rows, spans, drafts }: Written) {
    this.context = context;
    this.rows = [...rows];
    this.drafts = new Set(drafts);
    this.spans = Object.fromEntries(Object.entries(spans).map(([name, values]) => [name, [...values]]));
  }

  /** Bytes held for keys and values. */
  get bytes(): number {
    return this.context.bytes;
  }
  /** Frees them; nothing goes on from it any more. */
  close(): void {
    this.context.close();
  }
}

/** What each of so many documents goes on from. @throws Failure "call" */
export const pastsOf = (past: Past | readonly Past[] | undefined, count: number): readonly (Past | undefined)[] => {
  const pasts = past === undefined || past instanceof Past ? Array<Past | undefined>(count).fill(past) : past;
  if (!Array.isArray(pasts) || !pasts.every((each) => each === undefined || each instanceof Past))
    throw new Failure("call", "`past` is none", "give what an `end` event has with `keep`, or `session.past(prompt)`");
  if (pasts.length === count) return pasts;
  throw new Failure("call", `${pasts.length} pasts were given, and there are ${count} documents`);
};
