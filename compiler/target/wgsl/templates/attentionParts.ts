// Attention for devices that cannot bind all keys at once: a step that takes some keys at a time and keeps the running
// softmax of each query between them, and one that ends it. The numbers are those of the kernel that takes all keys.
import { keyStreams } from "../../../ir/attention.ts";
import { add, type Dim, mul } from "../../../ir/dim.ts";
import type { Node, NodeOf } from "../../../ir/node.ts";
import { Code, FOLLOWING, type Lanes } from "../code.ts";
import { rendererOf, store, unflat, type Values } from "../emission.ts";
import { lane, type At, axisAt, join, number, quotient, sameAt } from "../indexing.ts";
import type { Group } from "../partition.ts";
import type { Lying } from "../storage.ts";

type Attention = Extract<Group, { is: "attention" }>;
const WORKGROUP = [4, 16, 1] as const;
const sizesOf = (node: NodeOf<"attention">) => {
  const [batch, rows, width] = node.src[0]!.type.shape as readonly [Dim, Dim, number];
  const { heads, kvHeads } = node.attrs;
  return { batch, rows, heads, kvHeads, d: width / heads, e: (node.type.shape[2] as number) / heads };
};
/** Of each query and head: the largest score and the sum of weights, and then the weighted sum of values. */
export const runningShape = (node: NodeOf<"attention">): readonly Dim[] => {
  const { batch, rows, heads, e } = sizesOf(node);
  return [batch, rows, heads, 4 + e];
};

const quads = (size: number): number[] => Array.from({ length: size / 4 }, (_, q) => q);
const column = (of: At, size: number, quad: At): At => join(of, size, join(quad, 4, lane));
const float = (x: number): string => `f32(${Math.fround(x)})`;

/** Over the heads, the queries of all documents, and the keys of all streams. */
export const attentionOver = (values: Values, { node }: Attention, running: Lying): Code => {
  const { batch, rows, heads, kvHeads, d, e } = sizesOf(node);
  const { scale, softcap } = node.attrs;
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
    const before = rendererOf(code, values);
    const q = quads(d).map((quad) =>
      code.named(
        `${before.render(node.src[0]!, [document, query, column(head, d, number(quad))], 4)} * ${float(scale)}`,
        "q",
      ),
    );
    const kept = join(row, heads, head);
    const places = [0, ...quads(e).map((quad) => quad + 1)].map((quad) => code.place(running, kept, `${quad}u`, true));
    code.line("var best = -3.4028234663852886e38f;");
    code.line("var total = 0.0;");
    for (const quad of quads(e)) code.line(`var o${quad} = vec4<f32>(0.0);`);
    code.block(`if (${code.first(2)} > 0u)`, () => {
      code.line(`best = ${places[0]}.x;`);
      code.line(`total = ${places[0]}.y;`);
      for (const quad of quads(e)) code.line(`o${quad} = ${places[quad + 1]};`);
    });
    const group = heads / kvHeads;
    const kvHead = group === 1 ? head : quotient(head, group);
    let from: Dim = 0;
    for (const { k, v, mask } of streams) {
      const keys = k.type.shape[1]!;
      const to = add(from, keys);
      const [t, j] = [code.fresh("t"), code.fresh("j")];
      const [first, last] = [code.size(from), code.size(to)];
      const loop = `for (var ${t} = max(${code.first(2)}, ${first}); ${t} < min(${code.end(2)}, ${last}); ${t}++)`;
      const body = (): void => {
        code.line(`let ${j} = ${t} - ${first};`);
        const key = axisAt(j, keys, 2);
        const of = mask.type.shape[0] === 1 ? number(0) : document;
        code.block(`if (${before.render(mask, [of, number(0), query, key], 1)})`, () => {
          const dots = quads(d).map(
            (quad) => `dot(${q[quad]}, ${before.render(k, [document, key, column(kvHead, d, number(quad))], 4)})`,
          );
          const raw = code.named(dots.join(" + "), "s");
          const score =
            softcap === undefined
              ? raw
              : code.named(`${code.call("tanh4", `vec4<f32>(${raw} / ${float(softcap)})`)}.x * ${float(softcap)}`, "s");
          const top = code.named(`max(best, ${score})`, "n");
          const share = code.named(`exp(best - ${top})`, "n");
          const weight = code.named(`exp(${score} - ${top})`, "n");
          code.line(`best = ${top};`);
          code.line(`total = total * ${share} + ${weight};`);
          for (const quad of quads(e))
            code.line(
              `o${quad} = o${quad} * ${share} + ${weight} * ${before.render(v, [document, key, column(kvHead, e, number(quad))], 4)};`,
            );
        });
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
export const attentionEnd = (values: Values, { node, tip }: Attention, running: Lying): Code => {
  const { batch, rows, heads, e } = sizesOf(node);
  const grid = [heads, mul(batch, rows), 1] as const;
  const code = new Code({ template: "attention.end", grid, tile: WORKGROUP, workgroup: WORKGROUP });
  code.line(`let h = ${code.unit(0)};`);
  code.line(`let r = ${code.unit(1)};`);
  code.block(`if (h < ${code.end(0)} && r < ${code.end(1)})`, () => {
    const [head, row] = [axisAt("h", heads, 0), axisAt("r", mul(batch, rows), 1)];
    const kept = join(row, heads, head);
    const numbers = code.named(code.place(running, kept, "0u"));
    // A query that sees no key gives 0.
    code.line(`let share = select(0.0, 1.0 / ${numbers}.y, ${numbers}.y > 0.0);`);
    for (const quad of quads(e)) {
      const at = column(head, e, number(quad));
      const result = code.named(`${code.place(running, kept, `${quad + 1}u`)} * share`, "y");
      const held = (n: Node, asked: readonly At[], lanes: Lanes): string | undefined => {
        if (n !== node) return undefined;
        if (lanes !== 4 || !sameAt(asked[2]!, at)) throw new Error("an attention is read at another place");
        return result;
      };
      store(code, rendererOf(code, values, { tip, held }), values.lying(tip)!, tip, row, quotient(at, 4));
    }
  });
  return code;
};
