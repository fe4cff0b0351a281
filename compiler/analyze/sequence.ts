// Sequences: row-wise maps, restriction, union, select and joint, with the shape of each kind of row checked.
import type { Context } from "./context.ts";
import type { At, Input, Kind, Row, RowOf, Seq, SeqOf, SeqOp, SeqOps } from "./model.ts";
import { describe, error, type Scope, type Value } from "./value.ts";

export type Shapes = ReadonlyMap<string, readonly number[]>;

export const makeSeq = <K extends SeqOp>(cx: Context, op: K, attrs: SeqOps[K], shapes: Shapes, at: At): SeqOf<K> => ({
  op,
  attrs,
  shapes,
  path: cx.model?.layer ?? "",
  name: undefined,
  at,
});
export const wrap = (seq: Seq): Value => ({ kind: "seq", seq });

// ── Row-wise ops on sequences ──────────────────────────────────────────────────────────────────
/**
 * Applies a function of rows to values: at once where all are rows or numbers; as a map where some are sequences; at one
 * kind inside its `embed`.
 */
export const lift = (
  cx: Context,
  given: readonly Value[],
  at: At,
  scope: Scope,
  what: string,
  build: (rows: readonly Row[]) => Row | readonly Row[] | undefined,
  places: readonly At[] = [],
): Value => {
  if (given.some((v) => v.kind === "error")) return error;
  const embedding = cx.model?.embedding;
  const values = embedding
    ? given.map((v, i) => (v.kind === "seq" ? rowAt(cx, v.seq, embedding, places[i] ?? at) : v))
    : given;
  if (values.some((v) => v.kind === "error")) return error;
  const seqs = values.filter((v) => v.kind === "seq").map((v) => v.seq);
  const rowOf = (v: Value, i: number): Row | undefined => {
    if (v.kind === "row") return v.row;
    if (v.kind === "number") return cx.rows.number({ at, path: scope.part }, v.value);
    if (v.kind === "none") return void cx.fail("absent", places[i] ?? at, [what]);
    return void cx.fail("row-wanted", places[i] ?? at, [what, describe(v)]);
  };
  if (seqs.length === 0) {
    const rows = values.map(rowOf);
    if (rows.some((r) => !r)) return error;
    return asValue(build(rows as Row[]));
  }
  const kinds = commonKinds(cx, seqs, at);
  if (!kinds) return error;
  const known = values.every((v, i) => v.kind !== "row" || isKnownAt(cx, v.row, kinds, places[i] ?? at));
  if (!known) return error;
  return mapByShape(cx, kinds, seqs, at, (shapes) => {
    let next = 0;
    const rows = values.map((v, i) =>
      v.kind === "seq" ? parameter(cx, next, shapes[next++]!, at, scope) : rowOf(v, i),
    );
    return rows.some((r) => !r) ? undefined : build(rows as Row[]);
  });
};
const asValue = (made: Row | readonly Row[] | undefined): Value => {
  if (!made) return error;
  return "op" in made ? { kind: "row", row: made } : { kind: "list", items: made.map((row) => ({ kind: "row", row })) };
};
const parameter = (cx: Context, index: number, shape: readonly number[], at: At, scope: Scope): Row =>
  cx.rows.make({ at, path: scope.part }, "parameter", [], shape, { index });

/** The kinds of the operand that has fewest; every other one must have them too. */
const commonKinds = (cx: Context, seqs: readonly Seq[], at: At): string[] | undefined => {
  const fewest = seqs.reduce((a, b) => (b.shapes.size < a.shapes.size ? b : a));
  const kinds = [...fewest.shapes.keys()];
  if (!kinds.length) return void cx.fail("no-rows", at, []);
  for (const seq of seqs) {
    const missing = kinds.filter((kind) => !seq.shapes.has(kind));
    if (missing.length) return void cx.fail("kinds-differ", at, [missing]);
  }
  return kinds;
};
/** One map for all kinds whose rows have the same shapes; their union where shapes differ. */
const mapByShape = (
  cx: Context,
  kinds: readonly string[],
  seqs: readonly Seq[],
  at: At,
  body: (shapes: readonly (readonly number[])[]) => Row | readonly Row[] | undefined,
): Value => {
  const groups = new Map<string, string[]>();
  for (const kind of kinds) {
    const key = seqs.map((seq) => seq.shapes.get(kind)!.join()).join(";");
    groups.set(key, [...(groups.get(key) ?? []), kind]);
  }
  const parts: (readonly Seq[])[] = [];
  let many = false;
  for (const group of groups.values()) {
    const made = body(seqs.map((seq) => seq.shapes.get(group[0]!)!));
    if (!made) return error;
    const rows = "op" in made ? [made] : made;
    many = !("op" in made);
    const own = seqs.map((seq) => narrowed(cx, seq, new Set(group), at));
    parts.push(
      rows.map((row) =>
        makeSeq(cx, "map", { body: row, arguments: own }, new Map(group.map((kind) => [kind, row.shape])), at),
      ),
    );
  }
  const results = parts[0]!.map((_, i) =>
    joined(
      cx,
      parts.map((p) => p[i]!),
      at,
    ),
  );
  return many ? { kind: "list", items: results.map(wrap) } : wrap(results[0]!);
};
export const ordered = (cx: Context, shapes: Iterable<readonly [string, readonly number[]]>): Shapes => {
  const rank = new Map(cx.model?.kinds.map((kind, i) => [kind.name, i]));
  return new Map([...shapes].sort(([a], [b]) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0)));
};
const joined = (cx: Context, parts: readonly Seq[], at: At): Seq =>
  parts.length === 1
    ? parts[0]!
    : makeSeq(
        cx,
        "union",
        { parts },
        ordered(
          cx,
          parts.flatMap((p) => [...p.shapes]),
        ),
        at,
      );

// ── Restriction and union ──────────────────────────────────────────────────────────────────────
export const narrowed = (cx: Context, seq: Seq, kinds: ReadonlySet<string>, at: At): Seq => {
  const shapes = new Map([...seq.shapes].filter(([kind]) => kinds.has(kind)));
  return shapes.size === seq.shapes.size ? seq : makeSeq(cx, "restrict", { of: seq }, shapes, at);
};
export const restrictTo = (cx: Context, seq: Seq, kinds: ReadonlySet<string>, at: At, kindsAt: At): Value => {
  const missing = [...kinds].filter((kind) => !seq.shapes.has(kind));
  return missing.length
    ? cx.fail("no-such-rows", kindsAt, [missing, [...seq.shapes.keys()]])
    : wrap(narrowed(cx, seq, kinds, at));
};
export const union = (cx: Context, left: Value, right: Value, at: At): Value => {
  const parts: Seq[] = [];
  for (const value of [left, right]) {
    const seq = asSeq(cx, value, at);
    if (!seq) return error;
    parts.push(seq);
  }
  const [a, b] = parts as [Seq, Seq];
  const both = [...a.shapes.keys()].filter((kind) => b.shapes.has(kind));
  return both.length ? cx.fail("union-overlap", at, [both]) : wrap(joined(cx, parts, at));
};

/** A value as a sequence: a row that needs nothing of the rows stands at every kind at which its inputs are known. */
export const asSeq = (cx: Context, value: Value, at: At): Seq | undefined => {
  if (value.kind === "seq") return value.seq;
  if (value.kind === "number") value = { kind: "row", row: cx.rows.number({ at, path: "" }, value.value) };
  if (value.kind !== "row") {
    if (value.kind !== "error") cx.fail("seq-wanted", at, [describe(value)]);
    return undefined;
  }
  if (!cx.model) return void cx.fail("seq-wanted", at, [describe(value)]);
  const { row } = value;
  const known = cx.model.kinds.filter((kind) => !inputUnknownAt(row, kind)).map((kind) => kind.name);
  return makeSeq(cx, "map", { body: row, arguments: [] }, new Map(known.map((kind) => [kind, row.shape])), at);
};
/** A value as a sequence that has rows of all these kinds. */
export const seqWith = (cx: Context, value: Value, kinds: Iterable<string>, at: At): Seq | undefined => {
  const seq = asSeq(cx, value, at);
  const missing = seq && [...kinds].filter((kind) => !seq.shapes.has(kind));
  if (!missing?.length) return seq;
  if (value.kind === "row" && !isKnownAt(cx, value.row, missing, at)) return undefined;
  return void cx.fail("no-such-rows", at, [missing, [...seq!.shapes.keys()]]);
};
/** Whether every input of a row is given at rows of these kinds; says it where one is not. */
export const isKnownAt = (cx: Context, row: Row, kinds: readonly string[], at: At): boolean => {
  const unknown = new Map<Input, string[]>();
  for (const kind of cx.model?.kinds ?? []) {
    const input = kinds.includes(kind.name) ? inputUnknownAt(row, kind) : undefined;
    if (input) unknown.set(input, [...(unknown.get(input) ?? []), kind.name]);
  }
  for (const [input, without] of unknown) {
    const per = typeof input.per === "string" ? input.per : "span" in input.per ? input.per.span : input.per.row;
    cx.fail("input-here", at, [input.name, per, without], { ...input.at, text: `given per ${per}` });
    return false;
  }
  return true;
};
/** An input of a row that has no value at rows of a kind. */
const inputUnknownAt = (row: Row, kind: Kind): Input | undefined => {
  for (const leaf of leaves(row)) {
    if (leaf.op !== "input") continue;
    const { per } = leaf.attrs.input;
    if (typeof per === "string") continue;
    if ("span" in per ? kind.modality !== per.span : kind.name !== per.row) return leaf.attrs.input;
  }
  return undefined;
};
const leaves = function* (row: Row, seen = new Set<Row>()): Generator<Row> {
  if (seen.has(row)) return;
  seen.add(row);
  if (row.src.length === 0) yield row;
  for (const src of row.src) yield* leaves(src, seen);
};

// ── Conditions inside `embed` ──────────────────────────────────────────────────────────────────
/** The row of a sequence at one kind, where the sequence is made of row-wise parts alone. */
export const rowAt = (cx: Context, seq: Seq, kind: string, at: At): Value => {
  if (!seq.shapes.has(kind)) return cx.fail("no-such-rows", at, [[kind], [...seq.shapes.keys()]]);
  switch (seq.op) {
    case "map": {
      const given = seq.attrs.arguments.map((argument) => rowAt(cx, argument, kind, at));
      if (given.some((v) => v.kind === "error")) return error;
      return {
        kind: "row",
        row: substitute(
          cx,
          seq.attrs.body,
          given.map((v) => (v as { row: Row }).row),
        ),
      };
    }
    case "restrict":
      return rowAt(cx, seq.attrs.of, kind, at);
    case "union":
      return rowAt(
        cx,
        seq.attrs.parts.find((part) => part.shapes.has(kind))!,
        kind,
        at,
      );
    case "select":
      return rowAt(cx, seq.attrs.arms.find((arm) => arm.kinds.includes(kind))!.value, kind, at);
    case "embed":
    case "call":
    case "joint":
      return cx.fail("embed-reads-rows", at, []);
    default:
      return seq satisfies never;
  }
};
const substitute = (cx: Context, body: Row, given: readonly Row[]): Row => {
  const done = new Map<Row, Row>();
  const visit = (row: Row): Row => {
    const before = done.get(row);
    if (before) return before;
    const src = row.src.map(visit);
    const same = src.every((s, i) => s === row.src[i]);
    const made = row.op === "parameter" ? given[row.attrs.index]! : same ? row : remake(cx, row, src);
    done.set(row, made);
    return made;
  };
  return visit(body);
};
const remake = <K extends Row["op"]>(cx: Context, row: RowOf<K>, src: readonly Row[]): Row =>
  cx.rows.make({ at: row.at, path: row.path }, row.op, src, row.shape, ...([row.attrs] as never)) as Row;
