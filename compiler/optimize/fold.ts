// Arithmetic on constants, done in f64 by the ops' own meaning.
import type { Node } from "../ir/node.ts";
import { $, op } from "../ir/pattern.ts";
import { castTo, pointwise } from "../ir/pointwise.ts";
import { type Rule, rule } from "../ir/rewrite.ts";
import type { Pointwise } from "../ir/vocabulary.ts";

const value = (n: Node | undefined): number | undefined => (n?.op === "constant" ? n.attrs.value : undefined);

/** What `simplify` settles by its own rules is left to it. */
const settled = new Set<keyof Pointwise>(["cast", "and", "or", "where"]);
const pointwiseOps = (Object.keys(pointwise) as (keyof Pointwise)[]).filter((name) => !settled.has(name));

export const fold: readonly Rule[] = [
  ...pointwiseOps.map((name) =>
    rule(`${name} of constants`, op(name, undefined, "n"), ({ n }, g) => {
      const operands = n.src.map(value);
      if (operands.includes(undefined)) return undefined;
      const [x = 0, y = 0, z = 0] = operands;
      return g.constant(pointwise[name].evaluate(x, y, z), n.type.dtype);
    }),
  ),
  rule("cast of a constant", op("cast", [$("x")], "n"), ({ x, n }, g) => {
    const from = value(x);
    return from === undefined ? undefined : g.constant(castTo(n.attrs.dtype)(from), n.attrs.dtype);
  }),
];
