// Floating point operations, two a multiply-add, as polynomials over the numbers of rows: of a program as it is lowered,
// and of the same work as it is written. Attention counts the pairs that its mask lets meet, which a document decides:
// `pairs.text.past.text` is how many pairs of a text row and a past text row meet in one call, over all documents.
import type { Model, Row, Seq } from "../analyze/model.ts";
import { add, type Dim, mul, product, sym } from "../ir/dim.ts";
import { keyStreams } from "../ir/attention.ts";
import { type Node, toposort } from "../ir/node.ts";
import { hasRows } from "../rows/demand.ts";
import { casesOf, visible } from "../rows/mask.ts";
import type { Phase } from "../rows/phase.ts";
import type { Stream } from "../rows/stream.ts";
import { embedOf, meetingOf, rowsOf, sorted } from "../rows/walk.ts";

/** Of all that `roots` are made of. */
export const computed = (roots: readonly Node[]): Dim => sum(toposort(roots).map(flopsOf));

const flopsOf = (n: Node): Dim => {
  switch (n.op) {
    case "linear":
      return mul(2, mul(product(n.src[0]!.type.shape), n.src[1]!.type.shape[0]!));
    case "matmul":
      return mul(2, mul(product(n.type.shape), n.src[0]!.type.shape.at(-1)!));
    case "attention": {
      const { heads } = n.attrs;
      const q = n.src[0]!.type.shape;
      const widths = (q[2] as number) / heads + (n.type.shape[2] as number) / heads;
      return sum(
        keyStreams(n.src).map(({ k }) => mul(2 * heads * widths, pairs(rowsName(q[1]!), rowsName(k.type.shape[1]!)))),
      );
    }
    default:
      return 0;
  }
};
const sum = (dims: readonly Dim[]): Dim => dims.reduce(add, 0);
const pairs = (query: string, key: string): Dim => sym(`pairs.${query}.${key}`);
const rowsName = (dim: Dim): string => (typeof dim === "number" ? `n${dim}` : dim.key);

/** Every block, adapter and embed on every row that is given, and every pair that masks let meet; heads apart. */
export const written = (model: Model, phase: Phase): { readonly layers: Dim; readonly heads: Dim } => {
  const fresh = [...phase.appends, ...phase.again];
  const past = phase.past.filter((stream) => !phase.again.includes(stream));
  const layers = sorted([model.h, ...model.steps.map((step) => step.value)]);
  const own = new Set<Seq>(layers);
  const heads = sorted(phase.heads.map((head) => head.value)).filter((seq) => !own.has(seq));
  const count = (seq: Seq): Dim =>
    sum(fresh.filter((stream) => hasRows(seq, stream)).map((stream) => ofRow(model, seq, stream, fresh, past)));
  return { layers: sum(layers.map(count)), heads: sum(heads.map(count)) };
};
const rows = (stream: Stream): Dim => mul(sym("batch"), sym(stream.name));
const ofRow = (model: Model, seq: Seq, stream: Stream, fresh: readonly Stream[], past: readonly Stream[]): Dim => {
  switch (seq.op) {
    case "embed":
      return mul(rows(stream), ofBody(embedOf(model, stream.kinds[0]!).row));
    case "map":
      return mul(rows(stream), ofBody(seq.attrs.body));
    case "call":
    case "joint": {
      const meetings = meetingOf(model, seq);
      const meeting = meetings.find(({ kinds }) => stream.kinds.some((kind) => kinds.includes(kind.name)));
      if (!meeting) return 0;
      const { block } = meeting.call.attrs;
      const met = block.attends.map(({ src: [q], shape }) => {
        const each = 2 * shape[0]! * (q!.shape[1]! + shape[1]!);
        const keys = meetings.flatMap(({ kinds }) =>
          [
            ...fresh.map((key) => ({ key, name: key.name })),
            ...past.map((key) => ({ key, name: `past.${key.name}` })),
          ].filter(({ key }) => key.kinds.some((kind) => kinds.includes(kind.name))),
        );
        return sum(
          keys
            .filter(({ key }) => visible(casesOf(meeting.mask, stream.kinds[0]!, key.kinds[0]!)))
            .map(({ name }) => mul(each, pairs(stream.name, name))),
        );
      });
      return add(mul(rows(stream), ofBody(block.body)), sum(met));
    }
    case "restrict":
    case "union":
    case "select":
      return 0;
    default:
      throw new Error(`no such sequence: ${String(seq satisfies never)}`);
  }
};
const ofBody = (body: Row): number =>
  [...rowsOf(body)].reduce(
    (n, row) => n + (row.op === "linear" ? 2 * row.src[0]!.shape.reduce((a, b) => a * b, 1) * row.shape.at(-1)! : 0),
    0,
  );
