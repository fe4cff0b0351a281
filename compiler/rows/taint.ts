// Taint: the values of past rows that a denoising step changes. An input that says how noisy a drawn span is taints all
// that is made of it; where it belongs to the span, only that span's rows are, and they are not past while it is drawn.
import type { Input, Model, Row, Seq } from "../analyze/model.ts";
import { hasRows } from "./demand.ts";
import type { Stream } from "./stream.ts";
import { embedOf, meetingOf, rowsOf, sorted } from "./walk.ts";
import { casesOf } from "./mask.ts";

/** Inputs that change from step to step of a drawing and reach rows of other spans. */
const changing = (model: Model): ReadonlySet<Input> =>
  new Set(model.noise.flatMap(({ drawn, given }) => [drawn?.input, given?.input]).filter((input) => input !== undefined && (input.per === "call" || input.per === "document")) as Input[]);

export type Tainted = (seq: Seq, stream: Stream) => boolean;

/** Whether the rows of a stream in a sequence change while another span is drawn. */
export const taintOf = (model: Model, streams: readonly Stream[]): Tainted => {
  const inputs = changing(model);
  if (inputs.size === 0) return () => false;
  const reads = (row: Row): boolean => [...rowsOf(row)].some((r) => r.op === "input" && inputs.has(r.attrs.input));
  const known = new Map<Seq, Set<Stream>>();
  const at = (seq: Seq, stream: Stream): boolean => hasRows(seq, stream) && known.get(seq)!.has(stream);
  const armAt = (seq: Extract<Seq, { op: "select" | "joint" }>, stream: Stream): Seq => seq.attrs.arms.find((arm) => arm.kinds.includes(stream.kinds[0]!.name))!.value;
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
            const cases = casesOf(own.mask, stream.kinds[0]!, key.kinds[0]!);
            const met = key === stream || (kinds.includes(key.kinds[0]!.name) && (cases.same.before || cases.other.before));
            return met && (reads(call.attrs.block.body) || call.attrs.arguments.some((argument) => argument !== undefined && at(argument, key)));
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
