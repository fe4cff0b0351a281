// What kernels of attention have in common: of one query and head a running softmax over the keys that it is given, one
// after the other. Its numbers are the variables `best`, `total` and `o0`, `o1`, ... of the kernel.
import type { KeyStream } from "../../../ir/attention.ts";
import type { Dim } from "../../../ir/dim.ts";
import type { Node, NodeOf } from "../../../ir/node.ts";
import type { Code, Lanes } from "../code.ts";
import { decimal } from "../decimal.ts";
import { rendererOf, store, type Values } from "../emission.ts";
import { type At, join, lane, number, quotient, sameAt } from "../indexing.ts";
import type { Group } from "../partition.ts";

export type Attention = Extract<Group, { is: "attention" }>;

export const sizesOf = ({ src, attrs: { heads, kvHeads }, type }: NodeOf<"attention">) => {
  const [batch, rows, width] = src[0]!.type.shape as readonly [Dim, Dim, number];
  return { batch, rows, heads, kvHeads, d: width / heads, e: (type.shape[2] as number) / heads };
};
export const quads = (size: number): number[] => Array.from({ length: size / 4 }, (_, q) => q);
const column = (head: At, size: number, quad: number): At => join(head, size, join(number(quad), 4, lane));
const float = (x: number): string => `${decimal(x)}f`;

/** Which query, of which document and head. */
export interface Place {
  readonly document: At;
  readonly query: At;
  readonly head: At;
}

export class Softmax {
  readonly #code: Code;
  readonly #node: NodeOf<"attention">;
  readonly #place: Place;
  readonly #before: ReturnType<typeof rendererOf>;
  readonly #kvHead: At;
  readonly #q: readonly string[];

  /** Reads the query, and begins with no key. */
  constructor(code: Code, values: Values, node: NodeOf<"attention">, place: Place) {
    const { heads, kvHeads, d, e } = sizesOf(node);
    this.#code = code;
    this.#node = node;
    this.#place = place;
    this.#before = rendererOf(code, values);
    this.#kvHead = heads === kvHeads ? place.head : quotient(place.head, heads / kvHeads);
    this.#q = quads(d).map((quad) => {
      const at = [place.document, place.query, column(place.head, d, quad)];
      return code.named(`${this.#before.render(node.src[0]!, at, 4)} * ${float(node.attrs.scale)}`, "q");
    });
    for (const quad of quads(e)) code.line(`var o${quad} = vec4<f32>(0.0);`);
    code.line("var best = -3.4028234663852886e38f;");
    code.line("var total = 0.0;");
  }

  /** Takes a key, if the query sees it. */
  take({ k, v, mask }: KeyStream<Node>, key: At): void {
    const code = this.#code;
    const { d, e } = sizesOf(this.#node);
    const { document, query } = this.#place;
    const of = mask.type.shape[0] === 1 ? number(0) : document;
    const at = (from: Node, size: number, quad: number): string =>
      this.#before.render(from, [document, key, column(this.#kvHead, size, quad)], 4);
    code.block(`if (${this.#before.render(mask, [of, number(0), query, key], 1)})`, () => {
      const dots = quads(d).map((quad) => `dot(${this.#q[quad]}, ${at(k, d, quad)})`);
      const score = this.#capped(code.named(dots.join(" + "), "s"));
      const top = code.named(`max(best, ${score})`, "n");
      const kept = code.named(`exp(best - ${top})`, "n");
      const weight = code.named(`exp(${score} - ${top})`, "n");
      code.line(`best = ${top};`);
      code.line(`total = total * ${kept} + ${weight};`);
      for (const quad of quads(e)) code.line(`o${quad} = o${quad} * ${kept} + ${weight} * ${at(v, e, quad)};`);
    });
  }
  #capped(score: string): string {
    const { softcap } = this.#node.attrs;
    if (softcap === undefined) return score;
    return this.#code.named(
      `${this.#code.call("tanh4", `vec4<f32>(${score} / ${float(softcap)})`)}.x * ${float(softcap)}`,
      "s",
    );
  }
}

/** Stores what follows an attention, of the sums over values of all keys and the sum of their weights. */
export const endAttention = (
  code: Code,
  values: Values,
  { node, tip }: Attention,
  { head, row }: { readonly head: At; readonly row: At },
  sums: { readonly total: string; readonly of: (quad: number) => string },
): void => {
  const { e } = sizesOf(node);
  // A query that sees no key gives 0.
  code.line(`let share = select(0.0, 1.0 / ${sums.total}, ${sums.total} > 0.0);`);
  for (const quad of quads(e)) {
    const at = column(head, e, quad);
    const result = code.named(`${sums.of(quad)} * share`, "y");
    const held = (n: Node, asked: readonly At[], lanes: Lanes): string | undefined => {
      if (n !== node) return undefined;
      if (lanes !== 4 || !sameAt(asked[2]!, at)) throw new Error("an attention is read at another place");
      return result;
    };
    store(code, rendererOf(code, values, { tip, held }), values.lying(tip)!, tip, row, quotient(at, 4));
  }
};
