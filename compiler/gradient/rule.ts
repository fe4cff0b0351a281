// What a rule of differentiation is: for each operand of an op, how its adjoint is made from that of the result. The
// adjoint of a node is the derivative of the loss by it, and has its shape.
import type { Node, NodeOf } from "../ir/node.ts";
import type { Op } from "../ir/vocabulary.ts";
import type { Arithmetic } from "./arithmetic.ts";

/** What a rule may read, and the arithmetic that it writes with. */
export interface At<K extends Op> extends Arithmetic {
  readonly n: NodeOf<K> & Node;
  /** the adjoint of `n` */
  readonly d: Node;
  /** the first three operands of `n`; a rule reads only those that its op has */
  readonly x: Node;
  readonly y: Node;
  readonly z: Node;
}
export type Adjoint<K extends Op> = (at: At<K>, operand: number) => Node;
/**
 * One entry an operand; the last stands for all that follow. "none": nothing passes to it. "expand": the composite is
 * differentiated as its expansion where this operand's adjoint is asked for.
 */
export type Rule<K extends Op, Word extends string = "none"> = readonly (Adjoint<K> | Word)[];
