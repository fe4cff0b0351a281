// Legality by type: a target must know every primitive and may know composites; what it does not keep is expanded.
import { composite, expand } from "../ir/composite.ts";
import { type Builder, type Node, toposort } from "../ir/node.ts";
import { inTable } from "../ir/ops.ts";
import { op } from "../ir/pattern.ts";
import { type Rule, rewrite, rule } from "../ir/rewrite.ts";
import { simplify } from "../optimize/simplify.ts";
import type { Composite, Kernel, Leaf, Pointwise, Reduce, View } from "../ir/vocabulary.ts";

type Primitive = keyof (Leaf & Pointwise & View & Reduce & Kernel);
/** One emitter an op: tsc refuses a target that forgets a primitive. */
export type Emitters<Emit extends Record<Primitive | keyof Composite, unknown>> = {
  readonly [K in Primitive]: Emit[K];
} & {
  readonly [K in keyof Composite]?: Emit[K];
};

/** Expands, into `g`, every composite that `keeps` refuses, and lets views cancel that meet then. */
export const legalize = (g: Builder, roots: readonly Node[], keeps: (n: Node) => boolean): readonly Node[] => {
  const legal = toposort(roots).every((n) => !inTable(composite, n.op) || keeps(n));
  return legal ? roots : rewrite(g, rewrite(g, roots, expansions(keeps)), simplify);
};

const expansions = (keeps: (n: Node) => boolean): Rule[] =>
  (Object.keys(composite) as (keyof Composite)[]).map((name) =>
    rule(`expand ${name}`, op(name, undefined, "n"), ({ n }, g) =>
      keeps(n as Node) ? undefined : expand(g, n.op, n.src, n.attrs),
    ),
  );
