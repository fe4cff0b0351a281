// The one maker of nodes. Structurally equal nodes are one object, so common subexpressions and dead code need no pass.
import type { Builder, Node, NodeOf, Origin, Rest } from "./node.ts";
import { typeOf } from "./ops.ts";
import type { Attrs, DType, Op } from "./vocabulary.ts";

export class Graph implements Builder {
  readonly #interned = new Map<string, Node>();
  #origin: Origin | undefined;

  op<K extends Op>(op: K, src: readonly Node[], ...[attrs]: Rest<K>): NodeOf<K> {
    const given = (attrs ?? none) as Attrs[K];
    const key = `${op}(${src.map((s) => s.id).join()})${textOf(given)}`;
    const found = this.#interned.get(key);
    if (found !== undefined) return found as NodeOf<K>;
    const type = typeOf(op, src, given);
    const node: NodeOf<K> = { id: this.#interned.size, op, src, attrs: given, type, origin: this.#origin };
    this.#interned.set(key, node as Node);
    return node;
  }

  constant(value: number, dtype: DType = "f32"): NodeOf<"constant"> {
    return this.op("constant", [], { value, dtype });
  }

  under<R>(origin: Origin | undefined, make: () => R): R {
    const outer = this.#origin;
    this.#origin = origin;
    try {
      return make();
    } finally {
      this.#origin = outer;
    }
  }
}

const none = {};
/** Attributes never change, and rewriting hands the same ones on: each is written as text once. */
const texts = new WeakMap<object, string>();
const textOf = (attrs: object): string => {
  const known = texts.get(attrs);
  if (known !== undefined) return known;
  const text = JSON.stringify(attrs, plain);
  texts.set(attrs, text);
  return text;
};
/** JSON writes NaN and the infinities as null and -0 as 0, which would intern unequal constants together. */
const plain = (_key: string, value: unknown): unknown => {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return typeof value === "object" && value !== null && "terms" in value ? (value as { key?: unknown }).key : value;
};
