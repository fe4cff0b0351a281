// The cases see what is wrong: with every rule a little off, and with mistakes that are easily made, some case of
// the op fails.
import { expect, test } from "vitest";
import type { Node } from "../../compiler/ir/node.ts";
import type { Op } from "../../compiler/ir/vocabulary.ts";
import type { Adjoint, At, Rule } from "../../compiler/gradient/rule.ts";
import { rules } from "../../compiler/gradient/rules.ts";
import { samples } from "../ir/samples.ts";
import { cases } from "./cases.ts";
import { errors, gradientsOf, ofSample } from "./subject.ts";

type Entry = Adjoint<Op> | "none" | "expand";
const table = rules as unknown as Record<Op, Rule<Op, "none" | "expand">>;

/** Whether some case of `op` fails where the rule of one operand is another. */
const isSeen = (op: Op, operand: number, entry: Entry): boolean => {
  const rule = table[op];
  table[op] = rule.with(operand, entry);
  try {
    return [...cases[op], ...samples[op]].some((sample) =>
      sample.dims.some((dims, i) => {
        const subject = ofSample(sample, dims, i + 1);
        try {
          return errors(subject, gradientsOf(subject), i + 1).some(({ error }) => !(error <= 1e-6));
        } catch (error) {
          // An adjoint of another shape than its node's is refused before anything is computed.
          if (String(error).includes("an adjoint of")) return true;
          throw error;
        }
      }),
    );
  } finally {
    table[op] = rule;
  }
};

const entries = (Object.keys(table) as Op[]).flatMap((op) =>
  table[op].flatMap((entry, operand) => (typeof entry === "string" ? [] : [{ op, operand, entry }])),
);

test("there are rules to get wrong", () => expect(entries.length).toBeGreaterThan(45));
test.each(entries)("$op, operand $operand, is seen a thousandth off", ({ op, operand, entry }) =>
  expect(isSeen(op, operand, (at, i) => at.mul(entry(at, i), 1.001))).toBe(true),
);

const withAttrs = (at: At<Op>, attrs: object): At<Op> => ({ ...at, n: { ...at.n, attrs } as At<Op>["n"] });
/** The rules as they are. */
const right = { ...table };
const own = (op: Op, operand = 0): Adjoint<Op> => right[op][Math.min(operand, right[op].length - 1)] as Adjoint<Op>;
const half = (x: Node): number => (x.type.shape.at(-1) as number) / 2;

const mistakes: readonly (readonly [string, Op, number, Adjoint<Op>])[] = [
  ["the sign of what is subtracted", "sub", 1, (at) => own("add", 1)(at, 1)],
  ["the sign of a divisor", "div", 1, (at) => at.neg(own("div", 1)(at, 1))],
  ["nothing at a tie", "max", 0, (at) => at.where(at.less(at.y, at.x), own("max")(at, 0), 0)],
  ["all at a tie", "min", 1, (at) => at.where(at.less(at.x, at.y), 0, own("add", 1)(at, 1))],
  ["the exponent as it was", "pow", 0, (at) => at.mul(at.d, at.mul(at.y, at.n))],
  ["a power of 0 at 0", "pow", 0, (at) => at.mul(at.d, at.mul(at.y, at.pow(at.x, at.sub(at.y, 1))))],
  ["what is broadcast, not summed", "mul", 0, (at) => at.mul(at.d, at.y)],
  ["branches the wrong way round", "where", 1, (at) => own("where", 2)(at, 2)],
  ["a permutation, not its inverse", "transpose", 0, (at) => at.g.op("transpose", [at.d], at.n.attrs as never)],
  [
    "a part at the other end",
    "slice",
    0,
    (at) => {
      const { axis, size } = at.n.attrs as { axis: number; size: number };
      const rest = (at.x.type.shape[axis] as number) - size;
      return own("slice")(withAttrs(at, { ...at.n.attrs, start: rest }), 0);
    },
  ],
  [
    "all to each that is greatest",
    "amax",
    0,
    (at) => at.where(at.equal(at.x, at.n), at.g.op("broadcast", [at.d], { shape: at.x.type.shape }), 0),
  ],
  ["parts not at their places", "concat", 0, (at) => own("concat")(at, 0)],
  [
    "frequencies without signs",
    "sinusoid",
    0,
    (at) => {
      const d = at.d;
      const [first, second] = [0, 1].map((side) =>
        at.g.op("slice", [d], { axis: d.type.shape.length - 1, start: side * half(d), size: half(d) }),
      );
      const turned = at.g.op("concat", [at.neg(first!), second!], { axis: d.type.shape.length - 1 });
      return own("sinusoid")({ ...at, d: turned }, 0);
    },
  ],
  ["softmax without what all share", "softmax", 0, (at) => at.mul(at.n, at.d)],
  ["rmsNorm without eps", "rmsNorm", 0, (at) => own("rmsNorm")(withAttrs(at, { eps: 0 }), 0)],
  ["layerNorm without eps", "layerNorm", 0, (at) => own("layerNorm")(withAttrs(at, { eps: 0 }), 0)],
  ["layerNorm without its mean", "layerNorm", 0, (at) => own("rmsNorm")(at, 0)],
  ["turned on, not back", "rotary", 0, (at) => at.g.op("rotary", at.n.src.with(0, at.d), at.n.attrs as never)],
  ["nothing to what repeats", "gather", 0, (at) => at.div(own("gather")(at, 0), 2)],
];
test.each(mistakes)("%s", (_title, op, operand, entry) => expect(isSeen(op, operand, entry)).toBe(true));
