// Precedence of operators: from a flat chain of operands and operators to a tree. The grammar has one rule for a whole
// chain, not one a level: so parsing costs the same for `x` as for any operator, and nests less deep.

import type { IToken } from "chevrotain";
import type { Expr, Infix } from "../ast.ts";

/** An operand, or an operator before (`prefix`) or between (infix) operands. */
export type Link = Expr | { readonly kind: "operator"; readonly prefix: boolean; readonly token: IToken };

/** How tightly each operator binds its operands; loosest first. */
export const strength: Record<Infix | "sees", number> = {
  sees: 1,
  or: 2,
  and: 3,
  is: 5,
  before: 5,
  "..": 6,
  "|": 7,
  "+": 8,
  "-": 8,
  "*": 9,
  "/": 9,
};
export const prefixStrength = { not: 4, "-": 10 };

/** The tree of a chain; infix operators lean left. The chain begins with a prefix or operand and ends with an operand. */
export const treeOf = (chain: readonly Link[]): Expr => {
  let next = 0;
  const climb = (least: number): Expr => {
    let left = operand();
    for (;;) {
      const link = chain[next];
      if (link?.kind !== "operator" || link.prefix) return left;
      const op = link.token.image as Infix | "sees";
      if (strength[op] < least) return left;
      next++;
      const right = climb(strength[op] + 1);
      const span = { from: left.span.from, to: right.span.to };
      left = op === "sees" ? { kind: "sees", call: left, mask: right, span } : { kind: "infix", op, left, right, span };
    }
  };
  const operand = (): Expr => {
    const link = chain[next++]!;
    if (link.kind !== "operator") return link;
    const op = link.token.image as "not" | "-";
    const value = climb(prefixStrength[op]);
    return { kind: "prefix", op, operand: value, span: { from: link.token.startOffset, to: value.span.to } };
  };
  return climb(0);
};
