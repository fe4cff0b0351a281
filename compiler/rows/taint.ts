// Taint: the keys and values of past rows that a denoising step changes. An input that says how noisy a drawn span is
// taints all that is made of it. Where it belongs to the span, that is only rows of the span itself: those of its atom are
// not past while it is drawn, but a marker that came before may be.
import type { Input, Kind, Mask, Model, Row, Seq } from "../analyze/model.ts";
import { hasRows, type Kept } from "./demand.ts";
import type { Stream } from "./stream.ts";
import { embedOf, meetingOf, rowsOf, sorted } from "./walk.ts";
import { casesOf } from "./mask.ts";

/** Inputs that change from step to step of a drawing, by the modality whose spans they belong to; "": all rows may have them. */
const changing = (model: Model): ReadonlyMap<string, ReadonlySet<Input>> => {
  const found = new Map<string, Set<Input>>();
  for (const input of model.noise.flatMap(({ drawn, given }) => [drawn?.input, given?.input])) {
    if (input === undefined || (typeof input.per === "object" && "row" in input.per)) continue;
    const modality = typeof input.per === "string" ? "" : input.per.span;
    found.set(modality, (found.get(modality) ?? new Set()).add(input));
  }
  return found;
};

/** Whether the past keys and values change while a span is drawn whose atom are the rows of `drawn`. */
export type Tainted = (kept: Kept, drawn: readonly Stream[]) => boolean;

export const taintOf = (model: Model, streams: readonly Stream[]): Tainted => {
  const found = [...changing(model)].map(([modality, inputs]) => ({
    modality,
    inputs,
    at: spread(model, streams, inputs, modality),
  }));
  return ({ call, stream }, drawn) =>
    found.some(({ modality, inputs, at }) => {
      if (modality !== "" && (drawn.includes(stream) || !drawn.some((s) => has(s, modality)) || !has(stream, modality)))
        return false;
      return (
        readsAny(call.attrs.block.body, inputs) ||
        call.attrs.arguments.some((argument) => argument !== undefined && at(argument, stream))
      );
    });
};
/** The kinds of a stream that may stand before the end of a grid while it is drawn: of a span, those up to its last grid. */
const kindsIn = (model: Model, modality: string): ((stream: Stream) => readonly Kind[]) => {
  if (modality === "") return (stream) => stream.kinds;
  const segments = model.kinds.filter((kind) => kind.modality === modality);
  const before = segments.slice(0, segments.findLastIndex((kind) => kind.rows.kind === "grid") + 1);
  return (stream) => stream.kinds.filter((kind) => before.includes(kind));
};
/** Whether a row of one kind may see one of another: of a modality, of the same span, whose segments stand in order. */
const meets = (model: Model, modality: string, mask: Mask, query: Kind, key: Kind): boolean => {
  const { same, other } = casesOf(mask, query, key);
  if (modality === "") return same.before || same.after || other.before;
  const [q, k] = [model.kinds.indexOf(query), model.kinds.indexOf(key)];
  return (k <= q && same.before) || (k >= q && same.after);
};
const has = (stream: Stream, modality: string): boolean => stream.kinds.some((kind) => kind.modality === modality);
const readsAny = (row: Row, inputs: ReadonlySet<Input>): boolean =>
  [...rowsOf(row)].some((r) => r.op === "input" && inputs.has(r.attrs.input));

/** What is made of the inputs: at all rows, or, of a `modality`, at those of the one span. */
const spread = (
  model: Model,
  all: readonly Stream[],
  inputs: ReadonlySet<Input>,
  modality: string,
): ((seq: Seq, stream: Stream) => boolean) => {
  const kindsOf = kindsIn(model, modality);
  const streams = all.filter((stream) => kindsOf(stream).length > 0);
  const reads = (row: Row): boolean => readsAny(row, inputs);
  const known = new Map<Seq, Set<Stream>>();
  const at = (seq: Seq, stream: Stream): boolean => hasRows(seq, stream) && known.get(seq)!.has(stream);
  const armAt = (seq: Extract<Seq, { op: "select" | "joint" }>, stream: Stream): Seq =>
    seq.attrs.arms.find((arm) => arm.kinds.includes(stream.kinds[0]!.name))!.value;
  const isTainted = (seq: Seq, stream: Stream): boolean => {
    switch (seq.op) {
      case "embed":
        return reads(embedOf(model, stream.kinds[0]!).row);
      case "restrict":
        return at(seq.attrs.of, stream);
      case "union":
        return seq.attrs.parts.some((part) => at(part, stream));
      case "map":
        return reads(seq.attrs.body) || seq.attrs.arguments.some((argument) => at(argument, stream));
      case "select":
        return at(armAt(seq, stream), stream);
      case "joint":
      case "call": {
        const meetings = meetingOf(model, seq);
        const own = meetings.find(({ kinds }) => kinds.includes(stream.kinds[0]!.name));
        if (!own) return seq.op === "joint" && at(armAt(seq, stream), stream);
        return meetings.some(({ call, kinds }) =>
          streams.some((key) => {
            const sees = kindsOf(stream).some((q) => kindsOf(key).some((k) => meets(model, modality, own.mask, q, k)));
            const met = key.kinds.some((kind) => kinds.includes(kind.name)) && (key === stream || sees);
            return (
              met &&
              (reads(call.attrs.block.body) ||
                call.attrs.arguments.some((argument) => argument !== undefined && at(argument, key)))
            );
          }),
        );
      }
      default:
        throw new Error(`no such sequence: ${String(seq satisfies never)}`);
    }
  };
  for (const seq of sorted([model.h, ...model.heads.map((head) => head.value)])) {
    known.set(seq, new Set());
    for (const stream of streams) if (hasRows(seq, stream) && isTainted(seq, stream)) known.get(seq)!.add(stream);
  }
  return at;
};
