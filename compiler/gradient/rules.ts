// The rule of every op: a total table, in which tsc names the op that is missing.
import type { Node } from "../ir/node.ts";
import type { Composite, Leaf, Op } from "../ir/vocabulary.ts";
import { composite } from "./composite.ts";
import { kernel } from "./kernel.ts";
import { pointwise } from "./pointwise.ts";
import type { Adjoint, Rule } from "./rule.ts";
import { reduce, view } from "./view.ts";

/** Leaves have no operands. */
const leaf: { readonly [K in keyof Leaf]: Rule<K> } = { input: [], param: [], constant: [], table: [], iota: [] };

type Rules = {
  readonly [K in Op]: Rule<K, K extends keyof Composite ? "none" | "expand" : "none">;
};
export const rules: Rules = { ...leaf, ...pointwise, ...view, ...reduce, ...kernel, ...composite };

/** How the adjoint of this operand is made: the one place where an op and its rule are taken together on trust. */
export const ruleOf = (n: Node, operand: number): Adjoint<Op> | "none" | "expand" => {
  const rule = rules[n.op] as unknown as Rule<Op, "none" | "expand">;
  return rule[Math.min(operand, rule.length - 1)]!;
};
