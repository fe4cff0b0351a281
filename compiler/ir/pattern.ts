// Patterns over nodes, with typed captures: what a rule is given is what its pattern names.
import type { Node, NodeOf } from "./node.ts";
import { inTable } from "./ops.ts";
import { pointwise } from "./pointwise.ts";
import type { Op } from "./vocabulary.ts";

export type Captures = Record<string, Node>;
export interface Pattern<C = unknown> {
  /** undefined: any op */
  readonly root: Op | undefined;
  match(n: Node, so: Captures): Captures | undefined;
  /** only for the type */
  readonly captures?: C;
}
type Merge<P extends readonly Pattern[]> = P extends readonly [Pattern<infer A>, ...infer R extends readonly Pattern[]]
  ? A & Merge<R>
  : unknown;

/** Matches anything; the same name twice must be the same node. */
export const $ = <N extends string>(name: N): Pattern<{ [K in N]: Node }> => ({
  root: undefined,
  match: (n, so) => (so[name] === undefined ? { ...so, [name]: n } : so[name] === n ? so : undefined),
});

/** A scalar constant of this value. */
export const constant = (value: number): Pattern => ({
  root: "constant",
  match: (n, so) => (n.op === "constant" && n.attrs.value === value ? so : undefined),
});

/** `name` applied to `src`, in any order where the op commutes; `src` undefined takes any sources. */
export const op = <K extends Op, const P extends readonly Pattern[], N extends string = never>(
  name: K,
  src: P | undefined,
  as?: N,
): Pattern<Merge<P> & { [X in N]: NodeOf<K> }> => ({
  root: name,
  match: (n, so) => {
    if (n.op !== name || (src !== undefined && n.src.length !== src.length)) return undefined;
    const from = as === undefined ? so : { ...so, [as]: n };
    if (src === undefined) return from;
    const commutes = inTable(pointwise, name) && pointwise[name].commutative === true;
    for (const order of commutes ? [n.src, n.src.toReversed()] : [n.src]) {
      const got = src.reduce<Captures | undefined>((so, p, i) => so && p.match(order[i]!, so), from);
      if (got) return got;
    }
    return undefined;
  },
});
