// Attention of few queries to many keys: a workgroup has a part of the keys of one query and head, so that more of a device
// has work; what the parts have come to is put together by another step.
import { keyStreams } from "../../../ir/attention.ts";
import { add, type Dim, mul } from "../../../ir/dim.ts";
import type { NodeOf } from "../../../ir/node.ts";
import { Code } from "../code.ts";
import type { Values } from "../emission.ts";
import { axisAt, join, number } from "../indexing.ts";
import type { Lying } from "../storage.ts";
import { type Attention, endAttention, LOWEST, sizesOf } from "./softmax.ts";

/** Of the keys of each stream. */
export const PARTS = 8;
/** From so many keys on another step costs less than it saves: a guess, which no hardware has confirmed. */
const MANY = 1024;

export const manyKeys = ({ node }: Attention): { readonly of: Dim; readonly least: number } => ({
  of: keyStreams(node.src)
    .map(({ k }) => k.type.shape[1]!)
    .reduce(add, 0),
  least: MANY,
});
/** Of each query, head and part: the largest score and the sum of weights, and then the weighted sum of values. */
export const partsShape = (node: NodeOf<"attention">): readonly Dim[] => {
  const { batch, rows, heads, e } = sizesOf(node);
  return [batch, rows, heads, PARTS, 4 + e];
};

/** Over the heads, the queries of all documents, and the vec4s of a head. */
export const attentionMerge = (values: Values, attention: Attention, parts: Lying): Code => {
  const { batch, rows, heads, e } = sizesOf(attention.node);
  const size = e / 4;
  const grid = [heads, mul(batch, rows), size] as const;
  const code = new Code({ template: "attention.merge", grid, tile: [1, 1, size], workgroup: [size, 1, 1] });
  code.line(`let h = ${code.first(0)} + group.x;`);
  code.line(`let r = ${code.first(1)} + group.y;`);
  code.line(`let c = ${code.first(2)} + local.x;`);
  code.block(`if (c < ${code.end(2)})`, () => {
    const [head, row, quad] = [axisAt("h", heads, 0), axisAt("r", mul(batch, rows), 1), axisAt("c", size, 2)];
    const all = Array.from({ length: PARTS }, (_, z) => join(join(row, heads, head), PARTS, number(z)));
    const numbers = all.map((kept) => code.named(code.place(parts, kept, "0u")));
    code.line(`let top = ${numbers.reduce((top, part) => `max(${top}, ${part}.x)`, LOWEST)};`);
    code.line("var total = 0.0;");
    code.line("var o = vec4<f32>(0.0);");
    for (const [z, part] of numbers.entries()) {
      const kept = code.named(`exp(${part}.x - top)`, "n");
      code.line(`total += ${part}.y * ${kept};`);
      code.line(`o += ${code.place(parts, all[z]!, "c + 1u")} * ${kept};`);
    }
    endAttention(code, values, attention, { head, row, total: "total", sums: [{ quad, sum: "o" }] });
  });
  return code;
};
