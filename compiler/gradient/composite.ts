// The rules of composites: closed forms where they are better than what the expansion gives. What the forward graph
// keeps whole is worked out again from its operands; what several of these rules write is one node.
import type { Node } from "../ir/node.ts";
import type { Composite } from "../ir/vocabulary.ts";
import type { Arithmetic } from "./arithmetic.ts";
import type { At, Rule } from "./rule.ts";
import { rowsOf, unbroadcast } from "./shape.ts";

type CompositeRule<K extends keyof Composite> = Rule<K, "none" | "expand">;

export const composite: { readonly [K in keyof Composite]: CompositeRule<K> } = {
  linear: [
    ({ d, y, matmul }) => matmul(d, y),
    ({ g, d, x, matmul, swapped }) => matmul(swapped(rowsOf(g, d)), rowsOf(g, x)),
    ({ g, d, z }) => unbroadcast(g, d, z.type.shape),
  ],
  softmax: [({ n, d, mul, sub, sum }) => mul(n, sub(d, sum(mul(n, d), n.attrs.axis)))],
  rmsNorm: [
    (at) => {
      const { x, mul, sub, mean } = at;
      const r = inverseRoot(at, x, at.n.attrs.eps);
      const normed = mul(x, r);
      const e = scaled(at);
      return mul(r, sub(e, mul(normed, mean(mul(e, normed)))));
    },
    (at) => unbroadcast(at.g, at.mul(at.d, at.mul(at.x, inverseRoot(at, at.x, at.n.attrs.eps))), at.y.type.shape),
  ],
  layerNorm: [
    (at) => {
      const { mul, sub, mean } = at;
      const { r, normed } = standardized(at);
      const e = scaled(at);
      return mul(r, sub(sub(e, mean(e)), mul(normed, mean(mul(e, normed)))));
    },
    (at) => unbroadcast(at.g, at.mul(at.d, standardized(at).normed), at.y.type.shape),
    ({ g, d, z }) => unbroadcast(g, d, z.type.shape),
  ],
  silu: [
    ({ n, d, x, add, sub, mul, sigmoid }) => {
      const s = sigmoid(x);
      return mul(d, add(s, mul(n, sub(1, s))));
    },
  ],
  // With the normal distribution: x times its probability up to x.
  gelu: [
    ({ d, x, add, mul, erf, exp }) => {
      const probability = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
      const density = mul(exp(mul(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return mul(d, add(probability, mul(x, density)));
    },
  ],
  geluTanh: [
    ({ d, x, add, sub, mul, tanh }) => {
      const slope = Math.sqrt(2 / Math.PI);
      const square = mul(x, x);
      const t = tanh(mul(mul(x, add(mul(square, 0.044715), 1)), slope));
      const inner = mul(add(mul(square, 3 * 0.044715), 1), slope);
      return mul(d, mul(add(add(t, 1), mul(mul(x, sub(1, mul(t, t))), inner)), 0.5));
    },
  ],
  // Turned back: by the same angles, negative.
  rotary: [
    ({ g, n, d, neg }) => {
      const [, cos, sin, position] = n.src as [Node, Node, Node, Node];
      return g.op("rotary", [d, cos, neg(sin), position], n.attrs);
    },
    "expand",
    "expand",
    "none",
  ],
  // Its scores and weights are read again on the way back, so both ways share them.
  attention: ["expand"],
  scatter: [({ g, d, y }) => g.op("gather", [d, y]), "none"],
  stopGradient: ["none"],
  barrier: [({ d }) => d, "none"],
};

/** `1 / sqrt(mean(x²) + eps)` of each row */
const inverseRoot = ({ div, sqrt, add, mul, mean }: Arithmetic, x: Node, eps: number): Node =>
  div(1, sqrt(add(mean(mul(x, x)), eps)));
const standardized = (at: At<"layerNorm">): { readonly r: Node; readonly normed: Node } => {
  const centred = at.sub(at.x, at.mean(at.x));
  const r = inverseRoot(at, centred, at.n.attrs.eps);
  return { r, normed: at.mul(centred, r) };
};
/** The adjoint of what a norm scales. */
const scaled = ({ n, d, y, mul }: At<"rmsNorm"> | At<"layerNorm">): Node => (n.src.length > 1 ? mul(d, y) : d);
