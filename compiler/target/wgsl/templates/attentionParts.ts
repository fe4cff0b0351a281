// Attention for devices that cannot bind all keys at once: a step that takes some keys at a time and keeps the running
// softmax of each query between them, and one that ends it. The numbers are those of the kernel that takes all keys.
import { keyStreams } from "../../../ir/attention.ts";
import { add, type Dim, mul } from "../../../ir/dim.ts";
import type { NodeOf } from "../../../ir/node.ts";
import { Code, FOLLOWING } from "../code.ts";
import { unflat, type Values } from "../emission.ts";
import { type At, axisAt, join, number } from "../indexing.ts";
import type { Lying } from "../storage.ts";
import { type Attention, endAttention, quads, sizesOf, Softmax } from "./softmax.ts";

const WORKGROUP = [4, 16, 1] as const;
/** Of each query and head: the largest score and the sum of weights, and then the weighted sum of values. */
export const runningShape = (node: NodeOf<"attention">): readonly Dim[] => {
  const { batch, rows, heads, e } = sizesOf(node);
  return [batch, rows, heads, 4 + e];
};

/** Over the heads, the queries of all documents, and the keys of all streams. */
export const attentionOver = (values: Values, { node }: Attention, running: Lying): Code => {
  const { batch, rows, heads, e } = sizesOf(node);
  const streams = keyStreams(node.src);
  const total = streams.map(({ k }) => k.type.shape[1]!).reduce(add, 0);
  const code = new Code({
    template: "attention.over",
    grid: [heads, mul(batch, rows), total],
    tile: [WORKGROUP[0], WORKGROUP[1], FOLLOWING],
    workgroup: WORKGROUP,
  });
  code.line(`let h = ${code.unit(0)};`);
  code.line(`let r = ${code.unit(1)};`);
  code.block(`if (h < ${code.end(0)} && r < ${code.end(1)})`, () => {
    const [head, row] = [axisAt("h", heads, 0), axisAt("r", mul(batch, rows), 1)];
    const [document, query] = unflat(row, [batch, rows]) as [At, At];
    const softmax = new Softmax(code, values, node, { document, query, head });
    const kept = join(row, heads, head);
    const places = [0, ...quads(e).map((quad) => quad + 1)].map((quad) => code.place(running, kept, `${quad}u`, true));
    code.block(`if (${code.first(2)} > 0u)`, () => {
      code.line(`best = ${places[0]}.x;`);
      code.line(`total = ${places[0]}.y;`);
      for (const quad of quads(e)) code.line(`o${quad} = ${places[quad + 1]};`);
    });
    let from: Dim = 0;
    for (const stream of streams) {
      const keys = stream.k.type.shape[1]!;
      const to = add(from, keys);
      const [t, j] = [code.fresh("t"), code.fresh("j")];
      const [first, last] = [code.size(from), code.size(to)];
      const loop = `for (var ${t} = max(${code.first(2)}, ${first}); ${t} < min(${code.end(2)}, ${last}); ${t}++)`;
      const body = (): void => {
        code.line(`let ${j} = ${t} - ${first};`);
        softmax.read(stream, axisAt(j, keys, 2));
      };
      code.part(2, from, to, () => code.block(loop, body));
      from = to;
    }
    code.line(`${places[0]} = vec4<f32>(best, total, 0.0, 0.0);`);
    for (const quad of quads(e)) code.line(`${places[quad + 1]} = o${quad};`);
  });
  return code;
};

/** What follows an attention, of what `attentionOver` has left. */
export const attentionEnd = (values: Values, attention: Attention, running: Lying): Code => {
  const { batch, rows, heads, e } = sizesOf(attention.node);
  const grid = [heads, mul(batch, rows), 1] as const;
  const code = new Code({ template: "attention.end", grid, tile: WORKGROUP, workgroup: WORKGROUP });
  code.line(`let h = ${code.unit(0)};`);
  code.line(`let r = ${code.unit(1)};`);
  code.block(`if (h < ${code.end(0)} && r < ${code.end(1)})`, () => {
    const [head, row] = [axisAt("h", heads, 0), axisAt("r", mul(batch, rows), 1)];
    const kept = join(row, heads, head);
    const numbers = code.named(code.place(running, kept, "0u"));
    const sums = quads(e).map((quad) => ({ quad: number(quad), sum: code.place(running, kept, `${quad + 1}u`) }));
    endAttention(code, values, attention, { head, row, total: `${numbers}.y`, sums });
  });
  return code;
};
