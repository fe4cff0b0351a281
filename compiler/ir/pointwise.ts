// The pointwise ops: what each computes of one element of every operand, and what it accepts. Operands broadcast.
import { type Dim, same, showShape } from "./dim.ts";
import type { DType, Pointwise, Type } from "./vocabulary.ts";

export interface PointwiseRow {
  /** in f64; a bool is 0 or 1 */
  readonly evaluate: (x: number, y: number, z: number) => number;
  readonly operands: 1 | 2 | 3;
  readonly takes: "number" | "float" | "bool" | "any";
  readonly gives?: "bool";
  readonly commutative?: true;
}

export const pointwise: Record<keyof Pointwise, PointwiseRow> = {
  add: { evaluate: (x, y) => x + y, operands: 2, takes: "number", commutative: true },
  sub: { evaluate: (x, y) => x - y, operands: 2, takes: "number" },
  mul: { evaluate: (x, y) => x * y, operands: 2, takes: "number", commutative: true },
  div: { evaluate: (x, y) => x / y, operands: 2, takes: "float" },
  max: { evaluate: (x, y) => Math.max(x, y), operands: 2, takes: "number", commutative: true },
  min: { evaluate: (x, y) => Math.min(x, y), operands: 2, takes: "number", commutative: true },
  pow: { evaluate: (x, y) => x ** y, operands: 2, takes: "float" },
  neg: { evaluate: (x) => -x, operands: 1, takes: "number" },
  exp: { evaluate: (x) => Math.exp(x), operands: 1, takes: "float" },
  log: { evaluate: (x) => Math.log(x), operands: 1, takes: "float" },
  sqrt: { evaluate: (x) => Math.sqrt(x), operands: 1, takes: "float" },
  tanh: { evaluate: (x) => Math.tanh(x), operands: 1, takes: "float" },
  sigmoid: { evaluate: (x) => 1 / (1 + Math.exp(-x)), operands: 1, takes: "float" },
  erf: { evaluate: (x) => erf(x), operands: 1, takes: "float" },
  less: { evaluate: (x, y) => Number(x < y), operands: 2, takes: "number", gives: "bool" },
  equal: { evaluate: (x, y) => Number(x === y), operands: 2, takes: "any", gives: "bool", commutative: true },
  and: { evaluate: (x, y) => x * y, operands: 2, takes: "bool", commutative: true },
  or: { evaluate: (x, y) => Math.max(x, y), operands: 2, takes: "bool", commutative: true },
  not: { evaluate: (x) => 1 - x, operands: 1, takes: "bool" },
  /** condition, value where it holds, value where not */
  where: { evaluate: (x, y, z) => (x !== 0 ? y : z), operands: 3, takes: "any" },
  /** to an integer it drops the fraction, to a bool it asks for "not zero"; see `castTo` */
  cast: { evaluate: (x) => x, operands: 1, takes: "any" },
};

/** What a cast makes of a value. Between float types nothing is rounded: evaluation is in f64. */
export const castTo = (dtype: DType): ((x: number) => number) =>
  dtype === "i32" ? Math.trunc : dtype === "bool" ? (x) => Number(x !== 0) : (x) => x;

export const isFloat = (dtype: DType): boolean => dtype === "f32" || dtype === "f16" || dtype === "bf16";

/** The type of `op` on operands of these types. */
export const pointwiseType = (op: keyof Pointwise, operands: readonly Type[], to: DType | undefined): Type => {
  const row = pointwise[op];
  if (operands.length !== row.operands) throw new Error(`${op} takes ${row.operands} operands, not ${operands.length}`);
  const values = op === "where" ? operands.slice(1) : operands;
  const dtype = values[0]!.dtype;
  if (op === "where" && operands[0]!.dtype !== "bool")
    throw new Error(`where asks for a bool, not ${operands[0]!.dtype}`);
  if (values.some((t) => t.dtype !== dtype))
    throw new Error(
      `${op} of ${operands.map((t) => t.dtype + showShape(t.shape)).join(" and ")}: element types differ`,
    );
  if (!accepts[row.takes](dtype)) throw new Error(`${op} does not take ${dtype}`);
  const shape = operands.map((t) => t.shape).reduce((a, b) => broadcastShape(op, a, b));
  return { dtype: to ?? row.gives ?? dtype, shape };
};
const accepts: Record<PointwiseRow["takes"], (dtype: DType) => boolean> = {
  number: (dtype) => dtype !== "bool",
  float: isFloat,
  bool: (dtype) => dtype === "bool",
  any: () => true,
};

/** NumPy's rule: aligned at the last axis, equal or 1. */
export const broadcastShape = (what: string, a: readonly Dim[], b: readonly Dim[]): readonly Dim[] => {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const d = a[i - rank + a.length] ?? 1;
    const e = b[i - rank + b.length] ?? 1;
    if (same(d, e) || same(e, 1)) return d;
    if (same(d, 1)) return e;
    throw new Error(`${what}: shapes ${showShape(a)} and ${showShape(b)} differ at axis ${i - rank} from the end`);
  });
};

/** Its power series with only positive terms, exact to f64 where erf is not yet 1. */
const erf = (x: number): number => {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
};
