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
const float = (x: number): string => `${decimal(x)}f`;
/** Less than any score. */
export const LOWEST = "-3.4028234663852886e38f";

/** Which query, of which document and head. */
export interface Place {
  readonly document: At;
  readonly query: At;
  readonly head: At;
}
type Stream = KeyStream<Node>;

/** What is read for one query and head, a vec4 at a time. */
export class Reading {
  readonly #code: Code;
  readonly #node: NodeOf<"attention">;
  readonly #place: Place;
  readonly #before: ReturnType<typeof rendererOf>;
  readonly #kvHead: At;

  constructor(code: Code, values: Values, node: NodeOf<"attention">, place: Place) {
    const { heads, kvHeads } = sizesOf(node);
    this.#code = code;
    this.#node = node;
    this.#place = place;
    this.#before = rendererOf(code, values);
    this.#kvHead = heads === kvHeads ? place.head : quotient(place.head, heads / kvHeads);
  }

  /** Of the query, which is scaled. */
  query(quad: At): string {
    const { document, query, head } = this.#place;
    const at = [document, query, column(head, sizesOf(this.#node).d, quad)];
    return this.#code.named(
      `${this.#before.render(this.#node.src[0]!, at, 4)} * ${float(this.#node.attrs.scale)}`,
      "q",
    );
  }
  key({ k }: Stream, key: At, quad: At): string {
    return this.#of(k, key, sizesOf(this.#node).d, quad);
  }
  value({ v }: Stream, key: At, quad: At): string {
    return this.#of(v, key, sizesOf(this.#node).e, quad);
  }
  #of(from: Node, key: At, size: number, quad: At): string {
    return this.#before.render(from, [this.#place.document, key, column(this.#kvHead, size, quad)], 4);
  }
  /** Whether the query sees a key. */
  sees({ mask }: Stream, key: At): string {
    const { document, query } = this.#place;
    const of = mask.type.shape[0] === 1 ? number(0) : document;
    return this.#before.render(mask, [of, number(0), query, key], 1);
  }
  /** Of the product of query and key. */
  score(product: string): string {
    const { softcap } = this.#node.attrs;
    const score = this.#code.named(product, "s");
    if (softcap === undefined) return score;
    const within = this.#code.call("tanh4", `vec4<f32>(${score} / ${float(softcap)})`);
    return this.#code.named(`${within}.x * ${float(softcap)}`, "s");
  }
}
const column = (head: At, size: number, quad: At): At => join(head, size, join(quad, 4, lane));

export class Softmax {
  readonly #code: Code;
  readonly #node: NodeOf<"attention">;
  readonly reading: Reading;
  readonly #q: readonly string[];

  /** Reads the query, and begins with no key. */
  constructor(code: Code, values: Values, node: NodeOf<"attention">, place: Place) {
    const { d, e } = sizesOf(node);
    this.#code = code;
    this.#node = node;
    this.reading = new Reading(code, values, node, place);
    this.#q = quads(d).map((quad) => this.reading.query(number(quad)));
    for (const quad of quads(e)) code.line(`var o${quad} = vec4<f32>(0.0);`);
    code.line(`var best = ${LOWEST};`);
    code.line("var total = 0.0;");
  }

  /** Takes a key of a stream, if the query sees it. */
  read(stream: Stream, key: At): void {
    this.take(this.reading.sees(stream, key), {
      key: (quad) => this.reading.key(stream, key, number(quad)),
      value: (quad) => this.reading.value(stream, key, number(quad)),
    });
  }
  /** Takes a key, of which vec4s are there, if it is seen. */
  take(
    seen: string,
    { key, value }: { readonly key: (quad: number) => string; readonly value: (quad: number) => string },
  ): void {
    const code = this.#code;
    const { d, e } = sizesOf(this.#node);
    code.block(`if (${seen})`, () => {
      const dots = quads(d).map((quad) => `dot(${this.#q[quad]}, ${key(quad)})`);
      const score = this.reading.score(dots.join(" + "));
      const top = code.named(`max(best, ${score})`, "n");
      const kept = code.named(`exp(best - ${top})`, "n");
      const weight = code.named(`exp(${score} - ${top})`, "n");
      code.line(`best = ${top};`);
      code.line(`total = total * ${kept} + ${weight};`);
      for (const quad of quads(e)) code.line(`o${quad} = o${quad} * ${kept} + ${weight} * ${value(quad)};`);
    });
  }
}

/** What all keys of a query and head have come to: the sum of weights, and some vec4s of the weighted sum of values. */
export interface Sums {
  readonly head: At;
  readonly row: At;
  readonly total: string;
  readonly sums: readonly { readonly quad: At; readonly sum: string }[];
}
/** Stores what follows an attention. */
export const endAttention = (
  code: Code,
  values: Values,
  { node, tip }: Attention,
  { head, row, total, sums }: Sums,
): void => {
  const { e } = sizesOf(node);
  // A query that sees no key gives 0.
  code.line(`let share = select(0.0, 1.0 / ${total}, ${total} > 0.0);`);
  for (const { quad, sum } of sums) {
    const at = column(head, e, quad);
    const result = code.named(`${sum} * share`, "y");
    const held = (n: Node, asked: readonly At[], lanes: Lanes): string | undefined => {
      if (n !== node) return undefined;
      if (lanes !== 4 || !sameAt(asked[2]!, at)) throw new Error("an attention is read at another place");
      return result;
    };
    store(code, rendererOf(code, values, { tip, held }), values.lying(tip)!, tip, row, quotient(at, 4));
  }
};
