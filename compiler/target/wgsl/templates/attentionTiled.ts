// Attention of many queries: a workgroup has some queries of one head, one to an invocation, and brings keys and values to
// its memory, some at a time. What none of its queries sees it does not bring.
import { keyStreams } from "../../../ir/attention.ts";
import { Code } from "../code.ts";
import type { Values } from "../emission.ts";
import { axisAt, join, loopAt, number } from "../indexing.ts";
import { type Attention, endAttention, quads, sizesOf, Softmax } from "./softmax.ts";

const INVOCATIONS = 64;
/** Vec4s of keys and values in workgroup memory: 12 KiB. */
const ROOM = 768;
/** Of each query a bit for each key. */
const MOST = 32;

export const attentionTiled = (values: Values, attention: Attention): Code => {
  const { node } = attention;
  const { batch, rows, heads, d, e } = sizesOf(node);
  const code = new Code({
    template: "attention.tiled",
    grid: [heads, rows, batch],
    tile: [1, INVOCATIONS, 1],
    workgroup: [INVOCATIONS, 1, 1],
  });
  code.line(`let h = ${code.first(0)} + group.x;`);
  code.line(`let r = ${code.first(1)} + group.y * ${INVOCATIONS}u + local.x;`);
  // Queries beyond the last are the last: what comes of them is not stored.
  code.line(`let i = min(r, ${code.end(1)} - 1u);`);
  code.line(`let b = ${code.first(2)} + group.z;`);
  const [head, query, document] = [axisAt("h", heads, 0), axisAt("i", rows, 1), axisAt("b", batch, 2)];
  const softmax = new Softmax(code, values, node, { document, query, head });
  const { reading } = softmax;
  const [ofKeys, ofValues] = [d / 4, e / 4];
  const tile = Math.min(MOST, 2 ** Math.floor(Math.log2(ROOM / (ofKeys + ofValues))));
  code.shared("near", "vec4<f32>", tile * ofKeys);
  code.shared("worth", "vec4<f32>", tile * ofValues);
  code.shared("wanted", "u32", 1);
  for (const stream of keyStreams(node.src)) {
    const keys = stream.k.type.shape[1]!;
    const [t, n] = [code.fresh("t"), code.fresh("n")];
    const keyAt = (place: string) => loopAt(code.named(`${t} + ${place}`, "j"), keys);
    const bring = (size: number, write: (key: string, quad: string) => void): void =>
      code.block(`for (var y = local.x; y < ${n} * ${size}u; y += ${INVOCATIONS}u)`, () =>
        write(`y / ${size}u`, code.named(`y % ${size}u`, "c")),
      );
    code.block(`for (var ${t} = 0u; ${t} < ${code.size(keys)}; ${t} += ${tile}u)`, () => {
      code.line(`let ${n} = min(${code.size(keys)} - ${t}, ${tile}u);`);
      code.line("var seen = 0u;");
      code.block(`for (var y = 0u; y < ${n}; y++)`, () =>
        code.line(`seen |= select(0u, 1u << y, ${reading.sees(stream, keyAt("y"))});`),
      );
      code.line(`let any = ${code.combined("max", "vec4<f32>(select(0.0, 1.0, seen != 0u))")}.x;`);
      code.line("if (local.x == 0u) { wanted[0] = u32(any); }");
      code.block("if (workgroupUniformLoad(&wanted[0]) != 0u)", () => {
        bring(ofKeys, (key, quad) => code.line(`near[y] = ${reading.key(stream, keyAt(key), loopAt(quad, ofKeys))};`));
        bring(ofValues, (key, quad) =>
          code.line(`worth[y] = ${reading.value(stream, keyAt(key), loopAt(quad, ofValues))};`),
        );
        code.line("workgroupBarrier();");
        code.block(`for (var y = 0u; y < ${n}; y++)`, () =>
          softmax.take("((seen >> y) & 1u) != 0u", {
            key: (quad) => `near[y * ${ofKeys}u + ${quad}u]`,
            value: (quad) => `worth[y * ${ofValues}u + ${quad}u]`,
          }),
        );
      });
    });
  }
  code.block(`if (r < ${code.end(1)})`, () =>
    endAttention(code, values, attention, {
      head,
      row: join(document, rows, query),
      total: "total",
      sums: quads(e).map((quad) => ({ quad: number(quad), sum: `o${quad}` })),
    }),
  );
  return code;
};
