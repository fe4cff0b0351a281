// Attention of one query row and head to an invocation: keys of every stream in turn, one running softmax. Masks are rules
// on the places of rows; nothing of the size of queries times keys is stored.
import { keyStreams } from "../../../ir/attention.ts";
import type { NodeOf } from "../../../ir/node.ts";
import { Code } from "../code.ts";
import type { Values } from "../emission.ts";
import { axisAt, join, loopAt, number } from "../indexing.ts";
import { type Attention, endAttention, quads, sizesOf, Softmax } from "./softmax.ts";

/** Heads of whole vec4s; others take the expansion. */
export const canAttend = (node: NodeOf<"attention">): boolean => {
  const { d, e } = sizesOf(node);
  return [d, e].every((width) => width % 4 === 0 && width <= 256);
};

export const attentionKernel = (values: Values, attention: Attention): Code => {
  const { node } = attention;
  const { batch, rows, heads } = sizesOf(node);
  const workgroup = [Math.min(heads, 4), 16, 1] as const;
  const code = new Code({ template: "attention", grid: [heads, rows, batch], tile: workgroup, workgroup });
  code.line(`let h = ${code.unit(0)};`);
  code.line(`let i = ${code.unit(1)};`);
  code.line(`let b = ${code.unit(2)};`);
  code.block(`if (h < ${code.end(0)} && i < ${code.end(1)} && b < ${code.end(2)})`, () => {
    const [head, query, document] = [axisAt("h", heads, 0), axisAt("i", rows, 1), axisAt("b", batch, 2)];
    const softmax = new Softmax(code, values, node, { document, query, head });
    for (const stream of keyStreams(node.src)) {
      const keys = stream.k.type.shape[1]!;
      const j = code.fresh("j");
      code.block(`for (var ${j} = 0u; ${j} < ${code.size(keys)}; ${j}++)`, () => softmax.read(stream, loopAt(j, keys)));
    }
    const row = join(document, rows, query);
    endAttention(code, values, attention, {
      head,
      row,
      total: "total",
      sums: quads(sizesOf(node).e).map((quad) => ({ quad: number(quad), sum: `o${quad}` })),
    });
  });
  return code;
};
