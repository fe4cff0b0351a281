// The one maker of nodes. Structurally equal nodes are one object, so common subexpressions and dead code need no pass.
import { type Poly, sameShape } from "./dim.ts";
import type { Builder, Node, NodeOf, Origin, Rest } from "./node.ts";
import { typeOf } from "./ops.ts";
import type { Attrs, DType, Op, Type } from "./vocabulary.ts";

export class Graph implements Builder {
  readonly #interned = new Map<string, Node>();
  #origin: Origin | undefined;

  op<K extends Op>(op: K, src: readonly Node[], ...[attrs]: Rest<K>): NodeOf<K> {
    const given = (attrs ?? none) as Attrs[K];
    return this.#intern(op, src, given, () => typeOf(op, src, given));
  }

  copy(n: Node, src: readonly Node[]): Node {
    const alike = src.every(({ type }, i) => type === n.src[i]!.type || sameType(type, n.src[i]!.type));
    return this.#intern(n.op, src, n.attrs, () => (alike ? n.type : typeOf(n.op, src, n.attrs))) as Node;
  }

  #intern<K extends Op>(op: K, src: readonly Node[], attrs: Attrs[K], typed: () => Type): NodeOf<K> {
    let key: string = op;
    for (const { id } of src) key += ` ${id}`;
    key += textOf(attrs);
    const found = this.#interned.get(key);
    if (found !== undefined) return found as NodeOf<K>;
    const node: NodeOf<K> = { id: this.#interned.size, op, src, attrs, type: typed(), origin: this.#origin };
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

const sameType = (a: Type, b: Type): boolean => a.dtype === b.dtype && sameShape(a.shape, b.shape);
const none = {};
/** Attributes never change, and rewriting hands the same ones on: each is written as text once. */
const texts = new WeakMap<object, string>();
export const textOf = (attrs: object): string => {
  const known = texts.get(attrs);
  if (known !== undefined) return known;
  const text = written(attrs);
  texts.set(attrs, text);
  return text;
};
/** Not as JSON, which has no NaN, no infinities and no -0, and takes three times as long. */
const written = (value: unknown): string => {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value !== "object" || value === null)
    return typeof value === "string" ? JSON.stringify(value) : String(value);
  if (Array.isArray(value)) return `[${value.map(written).join()}]`;
  if ("terms" in value) return `(${(value as Poly).key})`;
  let text = "";
  for (const key in value) text += `${key}:${written((value as Record<string, unknown>)[key])},`;
  return `{${text}}`;
};
