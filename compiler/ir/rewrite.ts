// The one rewriting driver. It copies the graph of `roots` into `g` sources first, and settles each node until no rule
// applies. What a rule makes has the origin of the node it replaces.
import { type Builder, type Node, toposort } from "./node.ts";
import type { Captures, Pattern } from "./pattern.ts";
import type { Op } from "./vocabulary.ts";

/** A rule's name is its algebra. It sees its match only, never users, ids or order; it declines with undefined. */
export interface Rule {
  readonly name: string;
  readonly pattern: Pattern;
  readonly apply: (captures: Captures, g: Builder) => Node | undefined;
}
export const rule = <C>(
  name: string,
  pattern: Pattern<C>,
  apply: (captures: C, g: Builder) => Node | undefined,
): Rule => ({
  name,
  pattern,
  apply: apply as Rule["apply"],
});
/** Told of each rewriting, for traces and for tests of coverage. */
export type Trace = (rule: Rule, before: Node, after: Node) => void;

/** How often one node may be rewritten: far above need, so that two rules that undo each other are found. */
const FUEL = 1000;

/** The rewritten roots, in order, as nodes of `g`; `g` may be the graph of `roots` or a fresh one. */
export const rewrite = (g: Builder, roots: readonly Node[], rules: readonly Rule[], on?: Trace): Node[] => {
  const done = new Map<Node, Node>();
  const byRoot = new Map<Op, readonly Rule[]>();
  const rulesFor = (op: Op): readonly Rule[] => {
    const known = byRoot.get(op);
    if (known !== undefined) return known;
    const found = rules.filter(({ pattern }) => pattern.root === undefined || pattern.root === op);
    byRoot.set(op, found);
    return found;
  };
  const step = (now: Node): Node | undefined => {
    for (const r of rulesFor(now.op)) {
      const captured = r.pattern.match(now, {});
      const next = captured && r.apply(captured, g);
      if (next === undefined || next === now) continue;
      on?.(r, now, next);
      return next;
    }
    return undefined;
  };
  // Sources come first, so this recurses only into what a rule just made.
  const settle = (n: Node, fuel = FUEL): Node => {
    const known = done.get(n);
    if (known !== undefined) return known;
    if (fuel === 0) throw new Error(`rewriting ${n.op} does not end`);
    return g.under(n.origin, () => {
      const now = g.copy(
        n,
        n.src.map((s) => settle(s, fuel)),
      );
      const next = done.get(now) ?? step(now);
      const end = next === undefined || next === now ? now : settle(next, fuel - 1);
      done.set(n, end).set(now, end);
      return end;
    });
  };
  for (const n of toposort(roots)) settle(n);
  return roots.map((n) => settle(n));
};
