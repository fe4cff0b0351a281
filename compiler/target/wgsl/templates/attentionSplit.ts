// Attention of few queries: a workgroup has one query and head, and its invocations share the keys. They take as many at a
// time as workgroup memory has room for, and read each key and each value side by side, a vec4 to an invocation. Of many keys
// a workgroup has a part of each stream, and keeps what that comes to.
import { keyStreams } from "../../../ir/attention.ts";
import { mul } from "../../../ir/dim.ts";
import type { NodeOf } from "../../../ir/node.ts";
import { Code } from "../code.ts";
import { unflat, type Values } from "../emission.ts";
import { type At, axisAt, join, loopAt } from "../indexing.ts";
import type { Lying } from "../storage.ts";
import { PARTS } from "./attentionMerge.ts";
import { type Attention, endAttention, LOWEST, Reading, sizesOf } from "./softmax.ts";

const INVOCATIONS = 128;
/** Numbers of products of queries and keys, by vec4s: with all else a workgroup then has less than 16 KiB. */
const ROOM = 2304;

/** How invocations share out vec4s of rows: each has one of `quads`, of every `apart`th row. */
const sharing = (size: number) => ({ quads: size / 4, apart: Math.floor(INVOCATIONS / (size / 4)) });

/** Of all keys, or of a part, which is then kept in `parts`. */
export const attentionSplit = (values: Values, attention: Attention, parts?: Lying): Code => {
  const { node } = attention;
  const { batch, rows, heads, d, e } = sizesOf(node);
  const grid = parts === undefined ? ([heads, rows, batch] as const) : ([heads, mul(batch, rows), PARTS] as const);
  const template = parts === undefined ? "attention.split" : "attention.part";
  const code = new Code({ template, grid, tile: [1, 1, 1], workgroup: [INVOCATIONS, 1, 1] });
  code.line(`let h = ${code.first(0)} + group.x;`);
  const head = axisAt("h", heads, 0);
  const [document, query] = placeOf(code, node, parts !== undefined);
  const reading = new Reading(code, values, node, { document, query, head });
  const [ofKeys, ofValues] = [sharing(d), sharing(e)];
  code.line(`let kc = local.x % ${ofKeys.quads}u;`);
  code.line(`let kr = local.x / ${ofKeys.quads}u;`);
  code.line(`let vc = local.x % ${ofValues.quads}u;`);
  code.line(`let vr = local.x / ${ofValues.quads}u;`);
  const [keyQuad, valueQuad] = [loopAt("kc", ofKeys.quads), loopAt("vc", ofValues.quads)];
  const q = reading.query(keyQuad);
  code.line("var o = vec4<f32>(0.0);");
  code.line(`var best = ${LOWEST};`);
  code.line("var total = 0.0;");
  // One more than there are, so that neighbours who add them up read from other banks.
  const width = ofKeys.quads + 1;
  const tile = Math.min(INVOCATIONS, 2 ** Math.floor(Math.log2(ROOM / width)));
  code.shared("dots", "f32", tile * width);
  code.shared("weights", "f32", tile);
  for (const stream of keyStreams(node.src)) {
    const keys = stream.k.type.shape[1]!;
    const [t, n] = [code.fresh("t"), code.fresh("n")];
    const mine = `local.x < ${n}`;
    const keyAt = (place: string) => loopAt(code.named(`${t} + ${place}`, "j"), keys);
    const each = ({ apart }: typeof ofKeys, row: string, body: () => void): void =>
      code.block(`if (${row} < ${apart}u)`, () =>
        code.block(`for (var y = ${row}; y < ${n}; y += ${apart}u)`, () => body()),
      );
    const [first, end] = parts === undefined ? ["0u", code.size(keys)] : partOf(code, code.size(keys));
    code.block(`for (var ${t} = ${first}; ${t} < ${end}; ${t} += ${tile}u)`, () => {
      code.line(`let ${n} = min(${end} - ${t}, ${tile}u);`);
      code.line("workgroupBarrier();");
      code.block(`if (${mine})`, () =>
        code.line(`weights[local.x] = select(0.0, 1.0, ${reading.sees(stream, keyAt("local.x"))});`),
      );
      code.line("workgroupBarrier();");
      each(ofKeys, "kr", () =>
        code.block("if (weights[y] != 0.0)", () =>
          code.line(`dots[y * ${width}u + kc] = dot(${q}, ${reading.key(stream, keyAt("y"), keyQuad)});`),
        ),
      );
      code.line("workgroupBarrier();");
      code.line("var seen = false;");
      code.line(`if (${mine}) { seen = weights[local.x] != 0.0; }`);
      code.line(`var score = ${LOWEST};`);
      code.block("if (seen)", () => {
        code.line("var dotted = 0.0;");
        const at = `dots[local.x * ${width}u + c]`;
        code.line(`for (var c = 0u; c < ${ofKeys.quads}u; c++) { dotted += ${at}; }`);
        code.line(`score = ${reading.score("dotted")};`);
      });
      code.line(`let top = max(best, ${code.combined("max", "vec4<f32>(score)")}.x);`);
      code.line("if (seen) { weights[local.x] = exp(score - top); }");
      code.line("let kept = exp(best - top);");
      code.line("best = top;");
      code.line("total *= kept;");
      code.line("o *= kept;");
      code.line("workgroupBarrier();");
      each(ofValues, "vr", () => {
        code.line("let weight = weights[y];");
        code.block("if (weight != 0.0)", () => {
          code.line("total += weight;");
          code.line(`o += weight * ${reading.value(stream, keyAt("y"), valueQuad)};`);
        });
      });
    });
  }
  // Those who share a row have added up the same weights.
  const single = `vc == 0u && vr < ${ofValues.apart}u`;
  code.line(`total = ${code.combined("sum", `vec4<f32>(select(0.0, total, ${single}))`)}.x;`);
  code.line("parts[local.x] = o;");
  code.line("workgroupBarrier();");
  code.block(`if (local.x < ${ofValues.quads}u)`, () => {
    const [first, end] = [`local.x + ${ofValues.quads}u`, `${ofValues.quads * ofValues.apart}u`];
    code.line(`for (var y = ${first}; y < ${end}; y += ${ofValues.quads}u) { o += parts[y]; }`);
    const row = join(document, rows, query);
    if (parts !== undefined) return keep(code, parts, join(join(row, heads, head), PARTS, axisAt("z", PARTS, 2)));
    endAttention(code, values, attention, { head, row, total: "total", sums: [{ quad: valueQuad, sum: "o" }] });
  });
  return code;
};

/** The document and the query of a workgroup. */
const placeOf = (code: Code, node: NodeOf<"attention">, parted: boolean): readonly [At, At] => {
  const { batch, rows } = sizesOf(node);
  if (parted) {
    code.line(`let r = ${code.first(1)} + group.y;`);
    code.line(`let z = ${code.first(2)} + group.z;`);
    return unflat(axisAt("r", mul(batch, rows), 1), [batch, rows]) as [At, At];
  }
  code.line(`let i = ${code.first(1)} + group.y;`);
  code.line(`let b = ${code.first(2)} + group.z;`);
  return [axisAt("b", batch, 2), axisAt("i", rows, 1)];
};
/** The first key of a workgroup's part, and the end. */
const partOf = (code: Code, keys: string): readonly [string, string] => {
  const per = code.named(`(${keys} + ${PARTS - 1}u) / ${PARTS}u`, "n");
  const first = code.named(`z * ${per}`, "n");
  return [first, code.named(`min(${keys}, ${first} + ${per})`, "n")];
};
const keep = (code: Code, parts: Lying, kept: At): void => {
  code.line(`${code.place(parts, kept, "vc + 1u", true)} = o;`);
  code.line(`if (vc == 0u) { ${code.place(parts, kept, "0u", true)} = vec4<f32>(best, total, 0.0, 0.0); }`);
};
