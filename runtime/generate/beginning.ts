// Where the documents of a batch begin: behind the pasts that they go on from, and behind rows that several of them have in
// common, which are computed once. Documents share a line of a context as long as their rows are the same.
import type { Context, Part, Source } from "../context.ts";
import type { DocumentRow, Values } from "../document.ts";
import type { Manifest } from "../manifest.ts";
import type { Calls } from "./calls.ts";
import { Continuation, gridOf, type Written } from "./continuation.ts";
import type { Past } from "./past.ts";

export interface Beginning extends Written {
  readonly past: Past | undefined;
}
/** Documents whose first rows are the same, and where these are computed. */
interface Line {
  readonly documents: readonly number[];
  readonly length: number;
  readonly source: Source;
}
/** Fewer rows than these are computed again: a call and a copy of keys and values would cost more. */
const LEAST = 16;

/** A context with a line for each document, and how many rows of each are computed. */
export const begin = async (
  calls: Calls,
  documents: readonly Beginning[],
): Promise<{ readonly context: Context; readonly computed: readonly number[] }> => {
  const empty = calls.session.start();
  const pasts = [...new Set(documents.map(({ past }) => past))];
  let lines = pasts.map((past): Line => ({
    documents: [...documents.keys()].filter((d) => documents[d]!.past === past),
    length: past?.context.length(0) ?? 0,
    source: { context: past?.context ?? empty, document: 0 },
  }));
  let context: Context | undefined;
  try {
    do {
      const next = lines
        .flatMap((line) => parted(calls.manifest, documents, line).map((part) => ({ ...part, from: line.length })))
        .sort((a, b) => a.documents[0]! - b.documents[0]!);
      const gathered = await calls.session.gather(next.map(({ source }) => source));
      context?.close();
      context = gathered;
      const shared = next.map(({ documents: [first], length, from }) => {
        const written = documents[first!]!;
        const line = new Continuation(calls.manifest, { ...written, rows: written.rows.slice(0, length) });
        line.appended(from);
        return line;
      });
      await appendPending(calls, context, shared);
      lines = next.map((line, document) => ({ ...line, source: { context: gathered, document } }));
    } while (lines.some((line) => line.documents.length > 1));
    return { context, computed: lines.map(({ length }) => length) };
  } catch (thrown) {
    context?.close();
    throw thrown;
  } finally {
    empty.close();
  }
};

/** Appends all rows of documents that are there, of all that want a phase by one call. */
export const appendPending = async (
  calls: Calls,
  context: Context,
  documents: readonly Continuation[],
): Promise<void> => {
  for (;;) {
    const pending = documents.map((document) => document.pending());
    const phase = pending.find((each) => each !== undefined)?.phase;
    if (phase === undefined) return;
    const parts = pending.map((each, d): Part => {
      if (each?.phase !== phase) return { rows: [] };
      return { rows: each.rows, spans: documents[d]!.spansOf(each.rows) };
    });
    await calls.make(context, phase, parts);
    for (const [d, { rows }] of parts.entries()) documents[d]!.appended(rows.length);
  }
};

/** The same documents by what they have in common behind what is computed, if it is enough; the others alone. */
const parted = (
  manifest: Manifest,
  documents: readonly Beginning[],
  { documents: all, length, source }: Line,
): Line[] => {
  const found: Line[] = [];
  for (let left = all; left.length > 0;) {
    const [first, ...others] = left as [number, ...number[]];
    const shares = new Map(others.map((d) => [d, sharedRows(manifest, documents[first]!, documents[d]!)]));
    const alike = others.filter((d) => shares.get(d)! >= length + LEAST);
    const shared = alike.length === 0 ? length : Math.min(...alike.map((d) => shares.get(d)!));
    found.push({ documents: [first, ...alike], length: shared, source });
    left = others.filter((d) => !alike.includes(d));
  }
  return found;
};

/** How many first rows two documents have in common: whole grids, and never the last row, behind which a token is drawn. */
const sharedRows = (manifest: Manifest, a: Beginning, b: Beginning): number => {
  const most = Math.min(a.rows.length, b.rows.length) - 1;
  let count = 0;
  while (count < most && isSame(a, b, count)) count++;
  const { kind, span } = a.rows[count]!;
  if (gridOf(manifest, kind) === undefined) return count;
  return a.rows.findIndex((row) => row.kind === kind && row.span === span);
};
const isSame = (a: Beginning, b: Beginning, i: number): boolean => {
  const [one, other] = [a.rows[i]!, b.rows[i]!];
  const isThere = one.kind === other.kind && one.span === other.span && one.index === other.index;
  return isThere && areEqual(one.values, other.values) && areEqual(inputsOf(a, one), inputsOf(b, other));
};
/** The inputs of the span of a row. */
const inputsOf = ({ spans }: Beginning, { kind, span }: DocumentRow): Values =>
  spans[kind.split(".", 1)[0]!]?.[span] ?? {};
const areEqual = (a: Values, b: Values): boolean => {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => isEqual(a[name], b[name]));
};
const isEqual = (a: Values[string] | undefined, b: Values[string] | undefined): boolean => {
  if (typeof a === "object" && typeof b === "object") return a.length === b.length && a.every((x, i) => x === b[i]);
  return a === b;
};
