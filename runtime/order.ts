// What may follow what in a document: the segments of a span in their order, and modalities as the model's `session` says.
// Caches hold what documents of this order need, and nothing more: a row that comes elsewhere would be computed wrongly.
import type { DocumentRow } from "./document.ts";
import { Failure } from "./failure.ts";
import type { Manifest, Modality, SessionTerm } from "./manifest.ts";

export type Layout = Pick<Manifest, "model" | "modalities" | "session">;

/** How far a document has come. */
export interface Course {
  /** the terms of the session that its last row may belong to; -1: it has no rows yet */
  readonly terms: readonly number[];
  readonly last: DocumentRow | undefined;
  /** the last row of each modality of spans */
  readonly spans: ReadonlyMap<string, DocumentRow>;
}
export const BEGIN: Course = { terms: [-1], last: undefined, spans: new Map() };

/** The course behind further rows. @throws Failure "call" where they cannot stand there */
export const follow = (layout: Layout, course: Course, rows: readonly DocumentRow[]): Course => {
  let { terms, last } = course;
  const spans = new Map(course.spans);
  for (const row of rows) {
    const modality = modalityOf(layout, row);
    const before = spans.get(modality.name);
    if (last === undefined || last !== before || last.span !== row.span)
      terms = stepped(layout, terms, modality.name, last);
    if (modality.is === "span") {
      const follows = before === undefined || row.span > before.span;
      if (!follows && (row.span < before.span || rank(modality, row) <= rank(modality, before)))
        throw outOfOrder(row, before);
      spans.set(modality.name, row);
    }
    last = row;
  }
  return { terms, last, spans };
};

const modalityOf = ({ modalities, model }: Layout, { kind }: DocumentRow): Modality => {
  const found = modalities.find((each) =>
    each.is === "tokens" ? each.name === kind : each.segments.some((segment) => segment.kind === kind),
  );
  if (found === undefined) throw new Failure("call", `${model} has no rows of ${kind}`);
  return found;
};
type Span = Extract<Modality, { is: "span" }>;
/** Where a row stands in its span. */
const rank = ({ segments }: Span, { kind, index }: DocumentRow): number => {
  let first = 0;
  for (const segment of segments) {
    if (segment.kind === kind) return first + index;
    first += segment.is === "grid" ? segment.rows * segment.cols : 1;
  }
  return first;
};
const outOfOrder = (row: DocumentRow, last: DocumentRow): Failure =>
  new Failure(
    "call",
    `row ${row.index} of ${row.kind} of span ${row.span} cannot follow row ${last.index} of ${last.kind} of span ${last.span}`,
    "give the rows of a span in the order of its segments, and each span of a document a number of its own: 0, 1, ...",
  );

/** The terms after one more token or span. */
const stepped = (
  { model, session, modalities }: Layout,
  terms: readonly number[],
  modality: string,
  last: DocumentRow | undefined,
): readonly number[] => {
  if (session === null) return terms;
  const runs = modalities.some((each) => each.is === "tokens" && each.name === modality);
  const next = new Set<number>();
  for (const from of terms) {
    const own = session[from];
    if (own?.modality === modality && (runs || repeats(own))) next.add(from);
    for (let to = from + 1; to < session.length; to++) {
      const term = session[to]!;
      if (term.modality === modality) next.add(to);
      if (term.repeat !== "?" && term.repeat !== "*") break;
    }
  }
  if (next.size > 0) return [...next];
  const said = session.map((term) => `${term.modality}${term.repeat}`).join(" ");
  const where =
    last === undefined ? `a document cannot begin with ${modality}` : `${modality} cannot follow ${last.kind} here`;
  throw new Failure(
    "call",
    `${where}: ${model} says \`session = ${said}\``,
    "caches hold what such documents need: change `session` in the model, and compile it again",
  );
};
const repeats = ({ repeat }: SessionTerm): boolean => repeat === "*" || repeat === "+";
