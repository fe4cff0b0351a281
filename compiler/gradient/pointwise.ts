// The rules of the pointwise ops. Each writes the adjoint at the result's shape; what an operand was broadcast along is
// summed afterwards, for all of them at once. What is not differentiable has the value of a central difference.
import type { Node } from "../ir/node.ts";
import type { Pointwise } from "../ir/vocabulary.ts";
import { type Adjoint, type At, type Rule } from "./rule.ts";
import { unbroadcast } from "./shape.ts";

type Rules = { readonly [K in keyof Pointwise]: Rule<K> };

/** To the operand that is greater; to equal operands half each. */
const greater = ({ d, where, equal, less, mul }: At<"max" | "min">, own: Node, other: Node): Node =>
  where(equal(own, other), mul(d, 0.5), where(less(other, own), d, 0));
const lesser = ({ d, where, equal, less, mul }: At<"max" | "min">, own: Node, other: Node): Node =>
  where(equal(own, other), mul(d, 0.5), where(less(own, other), d, 0));

const atResult: Rules = {
  add: [({ d }) => d],
  sub: [({ d }) => d, ({ d, neg }) => neg(d)],
  mul: [({ d, y, mul }) => mul(d, y), ({ d, x, mul }) => mul(d, x)],
  div: [({ d, y, div }) => div(d, y), ({ d, n, y, neg, mul, div }) => neg(mul(d, div(n, y)))],
  max: [(at) => greater(at, at.x, at.y), (at) => greater(at, at.y, at.x)],
  min: [(at) => lesser(at, at.x, at.y), (at) => lesser(at, at.y, at.x)],
  pow: [
    // `x^0` is constant, also at 0, where `0 x^-1` has no value.
    ({ d, x, y, where, equal, mul, pow, sub }) => where(equal(y, 0), 0, mul(d, mul(y, pow(x, sub(y, 1))))),
    // Of a base that is not positive, only some exponents have a power.
    ({ d, n, x, where, less, mul, log }) => {
      const positive = less(0, x);
      return where(positive, mul(d, mul(n, log(where(positive, x, 1)))), 0);
    },
  ],
  neg: [({ d, neg }) => neg(d)],
  exp: [({ d, n, mul }) => mul(d, n)],
  log: [({ d, x, div }) => div(d, x)],
  sqrt: [({ d, n, mul, div }) => mul(d, div(0.5, n))],
  tanh: [({ d, n, mul, sub }) => mul(d, sub(1, mul(n, n)))],
  sigmoid: [({ d, n, mul, sub }) => mul(d, mul(n, sub(1, n)))],
  erf: [({ d, x, mul, exp, neg }) => mul(d, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))],
  less: ["none"],
  equal: ["none"],
  and: ["none"],
  or: ["none"],
  not: ["none"],
  where: ["none", ({ d, x, where }) => where(x, d, 0), ({ d, x, where }) => where(x, 0, d)],
  cast: [({ g, d, x }) => g.op("cast", [d], { dtype: x.type.dtype })],
};

const summed =
  <K extends keyof Pointwise>(adjoint: Adjoint<K>): Adjoint<K> =>
  (at, operand) =>
    unbroadcast(at.g, adjoint(at, operand), at.n.src[operand]!.type.shape);
export const pointwise = Object.fromEntries(
  Object.entries(atResult).map(([op, rule]) => [
    op,
    (rule as Rule<keyof Pointwise>).map((entry) => (entry === "none" ? entry : summed(entry))),
  ]),
) as unknown as Rules;
