// Ops as functions, numbers as constants of the other operand's type: so that a rule reads as its formula.
import type { Builder, Node } from "../ir/node.ts";
import type { Pointwise } from "../ir/vocabulary.ts";

type Operand = Node | number;
type Binary = (x: Operand, y: Operand) => Node;
type Unary = (x: Node) => Node;

export interface Arithmetic {
  readonly g: Builder;
  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
  readonly div: Binary;
  readonly pow: Binary;
  readonly less: Binary;
  readonly equal: Binary;
  readonly neg: Unary;
  readonly exp: Unary;
  readonly log: Unary;
  readonly sqrt: Unary;
  readonly tanh: Unary;
  readonly sigmoid: Unary;
  readonly erf: Unary;
  where(condition: Node, yes: Operand, no: Operand): Node;
  matmul(x: Node, y: Node): Node;
  /** with its last two axes swapped */
  swapped(x: Node): Node;
  /** over an axis, which stays with size 1 */
  sum(x: Node, axis: number): Node;
  /** over the last axis, of known width */
  mean(x: Node): Node;
}

export const arithmetic = (g: Builder): Arithmetic => {
  const both = (x: Operand, y: Operand): readonly [Node, Node] => {
    if (typeof x !== "number") return [x, typeof y === "number" ? g.constant(y, x.type.dtype) : y];
    if (typeof y !== "number") return [g.constant(x, y.type.dtype), y];
    return [g.constant(x), g.constant(y)];
  };
  const binary =
    (op: Exclude<keyof Pointwise, "cast">): Binary =>
    (x, y) =>
      g.op(op, both(x, y)) as Node;
  const unary =
    (op: Exclude<keyof Pointwise, "cast">): Unary =>
    (x) =>
      g.op(op, [x]) as Node;
  const sum = (x: Node, axis: number): Node => g.op("sum", [x], { axis });
  return {
    g,
    add: binary("add"),
    sub: binary("sub"),
    mul: binary("mul"),
    div: binary("div"),
    pow: binary("pow"),
    less: binary("less"),
    equal: binary("equal"),
    neg: unary("neg"),
    exp: unary("exp"),
    log: unary("log"),
    sqrt: unary("sqrt"),
    tanh: unary("tanh"),
    sigmoid: unary("sigmoid"),
    erf: unary("erf"),
    where: (condition, yes, no) => g.op("where", [condition, ...both(yes, no)]),
    matmul: (x, y) => g.op("matmul", [x, y]),
    swapped: (x) => {
      const axes = [...x.type.shape.keys()];
      const [row, column] = axes.slice(-2) as [number, number];
      return g.op("transpose", [x], { perm: [...axes.slice(0, -2), column, row] });
    },
    sum,
    mean: (x) => {
      const axis = x.type.shape.length - 1;
      return g.op("div", [sum(x, axis), g.constant(x.type.shape[axis] as number, x.type.dtype)]);
    },
  };
};
