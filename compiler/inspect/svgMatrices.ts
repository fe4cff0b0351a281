// The matrices of one call, in the order in which rows pass them, each with the streams that it is applied to: what row
// demand asks of a block, seen from its inside. A test holds it to the lowered graph.
import type { Model, Row, SeqOf } from "../analyze/model.ts";
import { casesOf, visible } from "../rows/mask.ts";
import type { Phase } from "../rows/phase.ts";
import type { Stream } from "../rows/stream.ts";
import { meetingOf, rowsOf } from "../rows/walk.ts";

export interface Matrix {
  readonly names: readonly string[];
  /** numbers of streams; undefined: not applied to rows of the sequence but once a span, document or call */
  readonly streams: readonly number[] | undefined;
}
export interface Matrices {
  /** before the attention and after it */
  readonly before: readonly Matrix[];
  readonly after: readonly Matrix[];
  readonly attends: boolean;
  /** streams that it must be given, and those of them that it gives */
  readonly reads: readonly number[];
  readonly gives: readonly number[];
}

type Role = "query" | "key" | "after";

export const matricesOf = (
  model: Model,
  owner: SeqOf<"call"> | SeqOf<"joint">,
  call: SeqOf<"call">,
  phase: Phase,
  streams: readonly Stream[],
): Matrices => {
  const meetings = meetingOf(model, owner);
  const wanted = [...(phase.demand.streams.get(owner) ?? [])];
  const has = (kinds: readonly string[], stream: Stream): boolean =>
    stream.kinds.some(({ name }) => kinds.includes(name));
  const { kinds } = meetings.find((meeting) => meeting.call === call)!;
  const queries = wanted.filter((stream) => has(kinds, stream));
  const keys = phase.appends.filter(
    (key) =>
      has(kinds, key) &&
      meetings.some((asking) =>
        wanted.some(
          (query) => has(asking.kinds, query) && visible(casesOf(asking.mask, query.kinds[0]!, key.kinds[0]!)),
        ),
      ),
  );
  const { body, attends } = call.attrs.block;
  const numbers = (some: readonly Stream[]): number[] =>
    streams.flatMap((stream, i) => (some.includes(stream) ? [i] : []));
  const found = linearsOf(body).map(({ row, roles }) => {
    const on = [...(roles.has("key") ? keys : []), ...(roles.has("query") || roles.has("after") ? queries : [])];
    const path = weightOf(row);
    const name = path.slice(path.lastIndexOf(".") + 1);
    return { name, roles, streams: ofRows(row) ? numbers(on) : undefined, out: closes(row) };
  });
  const lines = (some: typeof found): Matrix[] => {
    const byStreams = new Map<string, { names: string[]; streams: readonly number[] | undefined }>();
    for (const { name, streams: on, roles, out } of some) {
      const key = `${on ? [...roles].sort().join() : "once"}/${String(out)}`;
      const line = byStreams.get(key) ?? { names: [], streams: on };
      if (!line.names.includes(name)) line.names.push(name);
      byStreams.set(key, line);
    }
    return [...byStreams.values()];
  };
  const early = (each: (typeof found)[number]): boolean => each.streams === undefined || !each.roles.has("after");
  return {
    before: lines(found.filter(early)).sort(
      (a, b) => Number(a.streams !== undefined) - Number(b.streams !== undefined),
    ),
    after: lines(found.filter((each) => !early(each))),
    attends: attends.length > 0,
    reads: numbers(attends.length > 0 ? [...keys, ...queries] : queries),
    gives: numbers(queries),
  };
};

/** Every product with a matrix, in order of evaluation, and for what its rows are used. */
const linearsOf = (body: Row): { readonly row: Row; readonly roles: ReadonlySet<Role> }[] => {
  const roles = new Map<Row, Set<Role>>();
  const mark = (row: Row, role: Role): void => {
    const known = roles.get(row) ?? new Set();
    if (known.has(role)) return;
    roles.set(row, known.add(role));
    row.src.forEach((each, i) => mark(each, row.op !== "attend" ? role : i === 0 && role !== "key" ? "query" : "key"));
  };
  mark(body, "after");
  const order: Row[] = [];
  const seen = new Set<Row>();
  const visit = (row: Row): void => {
    if (seen.has(row)) return;
    seen.add(row);
    row.src.forEach(visit);
    order.push(row);
  };
  visit(body);
  return order
    .filter((row) => row.op === "linear" && row.src[1]!.op === "weight")
    .map((row) => ({ row, roles: roles.get(row)! }));
};
const weightOf = (linear: Row): string => {
  const weight = linear.src[1]!;
  if (weight.op !== "weight") throw new Error("a product without a weight");
  return weight.attrs.weight.path;
};
/** Made of the rows that the block is called with, not of its conditions alone. */
const ofRows = (linear: Row): boolean =>
  [...rowsOf(linear)].some((row) => row.op === "parameter" && row.attrs.index === 0);
/** The first product behind an attention: the one that closes it. */
const closes = (linear: Row): boolean => {
  const reaches = (row: Row): boolean =>
    row.op === "attend" || (row.op !== "linear" && row.op !== "add" && row.src.some(reaches));
  return reaches(linear.src[0]!);
};
