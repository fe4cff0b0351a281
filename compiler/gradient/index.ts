// Reverse-mode differentiation: a graph that gives a loss becomes one that also gives the loss's derivatives. Only what
// lies between what is asked for and the loss has an adjoint, so nothing is made for a frozen weight.
import { expand } from "../ir/composite.ts";
import { sameShape } from "../ir/dim.ts";
import type { Builder, Node, NodeOf, Origin } from "../ir/node.ts";
import { toposort } from "../ir/node.ts";
import { showType } from "../ir/print.ts";
import { isFloat } from "../ir/pointwise.ts";
import type { Composite, Op } from "../ir/vocabulary.ts";
import { type Arithmetic, arithmetic } from "./arithmetic.ts";
import type { Adjoint, At } from "./rule.ts";
import { ruleOf } from "./rules.ts";
import { zeros } from "./shape.ts";

export interface Differentiated {
  /** those that were given, in order, over the nodes that the gradients read too */
  readonly outputs: readonly Node[];
  /** of each node asked for, in order: the derivative of the loss by it, of its type */
  readonly gradients: readonly Node[];
}

/**
 * Differentiates the first of `outputs`, the loss, a number, by each node of `by`. What a composite has no rule for is
 * written as its expansion, so the outputs are rewritten with the loss: whoever emits these and the gradients computes
 * nothing twice. All nodes are of `g`, which may be the graph of `outputs` or a fresh one.
 */
export const differentiate = (g: Builder, outputs: readonly Node[], by: readonly Node[]): Differentiated => {
  const [loss] = outputs;
  if (loss === undefined || loss.type.shape.length > 0 || !isFloat(loss.type.dtype))
    throw new Error(`a loss is one number, not ${loss === undefined ? "nothing" : showType(loss.type)}`);
  for (const n of by) if (!isFloat(n.type.dtype)) throw new Error(`no derivative by ${n.op} of ${n.type.dtype}`);
  const roots = expanded(g, [...outputs, ...by], outputs.length);
  const asked = roots.slice(outputs.length);
  const adjoints = adjointsOf(g, roots[0]!, asked);
  return {
    outputs: roots.slice(0, outputs.length),
    gradients: asked.map((n) => adjoints.get(n) ?? zeros(g, n.type)),
  };
};

/** The gradients alone. They share the nodes of `loss` where all composites on the way have rules of their own. */
export const gradients = (g: Builder, loss: Node, of: readonly Node[]): readonly Node[] =>
  differentiate(g, [loss], of).gradients;

/** The nodes that a change of `by` passes on its way to the loss, the loss first, with the operands it passes through. */
const pathOf = (loss: Node, by: readonly Node[]): ReadonlyMap<Node, readonly number[]> => {
  const order = toposort([loss]);
  const depends = new Set(by);
  const passes = new Map<Node, readonly number[]>();
  for (const n of order) {
    if (!isFloat(n.type.dtype)) continue;
    const operands = [...n.src.keys()].filter((i) => depends.has(n.src[i]!) && ruleOf(n, i) !== "none");
    passes.set(n, operands);
    if (operands.length > 0) depends.add(n);
  }
  const path = new Map<Node, readonly number[]>();
  const reached = new Set(depends.has(loss) ? [loss] : []);
  for (const n of order.toReversed()) {
    if (!reached.has(n)) continue;
    path.set(n, passes.get(n)!);
    for (const i of passes.get(n)!) reached.add(n.src[i]!);
  }
  return path;
};

/** `roots`, the loss first and what is asked for after `outputs` of them, without composites that have no rule. */
const expanded = (g: Builder, roots: readonly Node[], outputs: number): readonly Node[] => {
  const path = pathOf(roots[0]!, roots.slice(outputs));
  const lacks = (n: Node): n is NodeOf<keyof Composite> & Node =>
    path.get(n)?.some((operand) => ruleOf(n, operand) === "expand") ?? false;
  const made = new Map<Node, Node>();
  let isDone = true;
  for (const n of toposort(roots)) {
    const src = n.src.map((s) => made.get(s)!);
    const make = (): Node => (lacks(n) ? expand(g, n.op, src, n.attrs) : g.copy(n, src));
    made.set(n, g.under(n.origin, make));
    isDone &&= !lacks(n);
  }
  const next = roots.map((n) => made.get(n)!);
  // An expansion may hold another such composite.
  return isDone ? next : expanded(g, next, outputs);
};

const adjointsOf = (g: Builder, loss: Node, by: readonly Node[]): ReadonlyMap<Node, Node> => {
  const write = arithmetic(g);
  const path = pathOf(loss, by);
  const adjoints = new Map<Node, Node>();
  const add = (n: Node, share: Node): void => {
    if (share.type.dtype !== n.type.dtype || !sameShape(share.type.shape, n.type.shape))
      throw new Error(`an adjoint of ${n.op} ${showType(n.type)} is ${showType(share.type)}`);
    const sum = adjoints.get(n);
    adjoints.set(n, sum === undefined ? share : write.add(sum, share));
  };
  if (path.has(loss)) add(loss, g.constant(1, loss.type.dtype));
  for (const [n, operands] of path)
    g.under(n.origin && backward(n.origin), () => {
      const at = atOf(write, n, adjoints.get(n)!);
      for (const operand of operands) add(n.src[operand]!, (ruleOf(n, operand) as Adjoint<Op>)(at, operand));
    });
  return adjoints;
};
const atOf = (write: Arithmetic, n: Node, d: Node): At<Op> => {
  const [x, y, z] = n.src as readonly [Node, Node, Node];
  return { ...write, n, d, x, y, z };
};
const backward = ({ path, at }: Origin): Origin => ({ path: `gradient/${path}`, at });
