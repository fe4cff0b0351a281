// Attention of one query row and head to an invocation: keys of every stream in turn, one running softmax. Masks are rules
// on the places of rows; nothing of the size of queries times keys is stored.
import { keyStreams } from "../../../ir/attention.ts";
import type { Node, NodeOf } from "../../../ir/node.ts";
import { Code, type Lanes } from "../code.ts";
import { rendererOf, store, type Values } from "../emission.ts";
import { lane, type At, axisAt, join, loopAt, number, quotient, sameAt } from "../indexing.ts";
import type { Group } from "../partition.ts";

/** Heads of whole vec4s; others take the expansion. */
export const canAttend = ({ src, attrs: { heads, kvHeads } }: NodeOf<"attention">): boolean =>
  [(src[0]!.type.shape[2] as number) / heads, (src[2]!.type.shape[2] as number) / kvHeads].every(
    (d) => d % 4 === 0 && d <= 256,
  );

export const attentionKernel = (values: Values, { node, tip }: Extract<Group, { is: "attention" }>): Code => {
  const { heads, kvHeads, scale, softcap } = node.attrs;
  const [batch, rows, width] = node.src[0]!.type.shape as [Node["type"]["shape"][0], Node["type"]["shape"][0], number];
  const d = width / heads;
  const e = (node.type.shape[2] as number) / heads;
  const workgroup = [Math.min(heads, 4), 16, 1] as const;
  const code = new Code({ template: "attention", grid: [heads, rows, batch], tile: workgroup, workgroup });
  code.line(`let h = ${code.unit(0)};`);
  code.line(`let i = ${code.unit(1)};`);
  code.line(`let b = ${code.unit(2)};`);
  code.block(`if (h < ${code.end(0)} && i < ${code.end(1)} && b < ${code.end(2)})`, () => {
    const [head, row, document] = [axisAt("h", heads, 0), axisAt("i", rows, 1), axisAt("b", batch, 2)];
    const before = rendererOf(code, values);
    const column = (of: At, size: number, quad: At): At => join(of, size, join(quad, 4, lane));
    const quads = (size: number): number[] => Array.from({ length: size / 4 }, (_, q) => q);
    const q = quads(d).map((quad) =>
      code.named(
        `${before.render(node.src[0]!, [document, row, column(head, d, number(quad))], 4)} * ${float(scale)}`,
        "q",
      ),
    );
    for (const quad of quads(e)) code.line(`var o${quad} = vec4<f32>(0.0);`);
    code.line("var best = -3.4028234663852886e38f;");
    code.line("var total = 0.0;");
    const group = heads / kvHeads;
    const kvHead = group === 1 ? head : quotient(head, group);
    for (const { k, v, mask } of keyStreams(node.src)) {
      const keys = k.type.shape[1]!;
      const j = code.fresh("j");
      code.block(`for (var ${j} = 0u; ${j} < ${code.size(keys)}; ${j}++)`, () => {
        const key = loopAt(j, keys);
        const of = mask.type.shape[0] === 1 ? number(0) : document;
        code.block(`if (${before.render(mask, [of, number(0), row, key], 1)})`, () => {
          const dots = quads(d).map(
            (quad) => `dot(${q[quad]}, ${before.render(k, [document, key, column(kvHead, d, number(quad))], 4)})`,
          );
          const raw = code.named(dots.join(" + "), "s");
          const score =
            softcap === undefined
              ? raw
              : code.named(`${code.call("tanh4", `vec4<f32>(${raw} / ${float(softcap)})`)}.x * ${float(softcap)}`, "s");
          const top = code.named(`max(best, ${score})`, "n");
          const kept = code.named(`exp(best - ${top})`, "n");
          const weight = code.named(`exp(${score} - ${top})`, "n");
          code.line(`best = ${top};`);
          code.line(`total = total * ${kept} + ${weight};`);
          for (const quad of quads(e))
            code.line(
              `o${quad} = o${quad} * ${kept} + ${weight} * ${before.render(v, [document, key, column(kvHead, e, number(quad))], 4)};`,
            );
        });
      });
    }
    // A query that sees no key gives 0.
    code.line("let share = select(0.0, 1.0 / total, total > 0.0);");
    for (const quad of quads(e)) {
      const at = column(head, e, number(quad));
      const result = code.named(`o${quad} * share`, "y");
      const held = (n: Node, asked: readonly At[], lanes: Lanes): string | undefined => {
        if (n !== node) return undefined;
        if (lanes !== 4 || !sameAt(asked[2]!, at)) throw new Error("an attention is read at another place");
        return result;
      };
      const renderer = rendererOf(code, values, { tip, held });
      store(code, renderer, values.lying(tip)!, tip, join(document, rows, row), quotient(at, 4));
    }
  });
  return code;
};

const float = (x: number): string => {
  const text = String(Math.fround(x));
  return `${/[.e]/.test(text) ? text : `${text}.0`}f`;
};
