// Every op of the tensor IR: its name and its attributes, grouped by kind. The kind decides what must be known about
// an op. Adding a line here makes tsc list every table that must learn it; following those errors is the procedure.
import type { Dim } from "./dim.ts";

export type DType = "f32" | "f16" | "bf16" | "i32" | "bool";
export interface Type {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}
export type None = Record<never, never>;

/** A table of numbers made on the host in f64 and rounded once, because devices compute angles badly. */
export type Table =
  | {
      readonly kind: "rotary";
      /** positions 0 .. rows - 1 */
      readonly rows: number;
      /** head width; the table has dim / 2 columns */
      readonly dim: number;
      readonly theta: number;
      readonly scaling?: RotaryScaling | undefined;
      readonly part: "cos" | "sin";
    }
  /** `[sin | cos]` of coordinate x times period^(-k / (dim / 2)), k = 0 .. dim / 2 - 1; dim columns */
  | { readonly kind: "coordinate"; readonly rows: number; readonly dim: number; readonly period: number };

/** The llama3 frequency scaling (Hugging Face `modeling_rope_utils`). */
export interface RotaryScaling {
  readonly factor: number;
  readonly low: number;
  readonly high: number;
  readonly original: number;
}

export interface Leaf {
  input: { name: string; type: Type };
  /** A weight, named by its path. */
  param: { name: string; type: Type };
  constant: { value: number; dtype: DType };
  table: { table: Table };
  /** i32 0 .. size - 1 */
  iota: { size: Dim };
}
/** A function of values; operands broadcast as in NumPy (aligned at the last axis). */
export interface Pointwise {
  add: None;
  sub: None;
  mul: None;
  div: None;
  max: None;
  min: None;
  pow: None;
  neg: None;
  exp: None;
  log: None;
  sqrt: None;
  tanh: None;
  sigmoid: None;
  erf: None;
  less: None;
  equal: None;
  and: None;
  or: None;
  not: None;
  where: None;
  cast: { dtype: DType };
}
/** A function of coordinates: no data moves. `split` cuts one axis into `sizes`, `merge` joins `axis` and `axis + 1`. */
export interface View {
  transpose: { perm: readonly number[] };
  broadcast: { shape: readonly Dim[] };
  split: { axis: number; sizes: readonly Dim[] };
  merge: { axis: number };
  slice: { axis: number; start: Dim; size: Dim };
}
/** Reduces one axis to size 1. */
export interface Reduce {
  sum: { axis: number };
  amax: { axis: number };
}
export interface Kernel {
  /** `[..., m, k] x [..., k, n]`, leading axes equal or broadcast */
  matmul: None;
  /** rows of a table `[n, ...]` at an i32 index of any shape */
  gather: None;
  concat: { axis: number };
  /**
   * Features of a real number: `[...] -> [..., dim]`; half = dim / 2 angles `x * scale * period^(-k / divisor)`,
   * k = 0 .. half - 1, as `[cos | sin]` or `[sin | cos]`.
   */
  sinusoid: { dim: number; period: number; divisor: number; scale: number; order: "cos sin" | "sin cos" };
}
/** Has no meaning of its own: it is its expansion. A target keeps it whole or takes the expansion. */
export interface Composite {
  /** `x [..., in], w [out, in], bias? [out] -> [..., out]` */
  linear: None;
  softmax: { axis: number };
  /** over the last axis: `x, weight?` */
  rmsNorm: { eps: number };
  /** over the last axis: `x, weight?, bias?` (a bias only with a weight) */
  layerNorm: { eps: number };
  silu: None;
  gelu: None;
  geluTanh: None;
  /** `x [batch, rows, heads * d], cos [positions, d / 2], sin, position i32 [batch, rows]` */
  rotary: { heads: number; interleaved: boolean };
  /**
   * `q [batch, Q, heads * d]`, then for each stream of keys `k [batch, K, kvHeads * d], v [batch, K, kvHeads * e],
   * mask bool [batch or 1, 1, Q, K]`, `-> [batch, Q, heads * e]`: one softmax over all streams. Query head i reads key
   * head floor(i / (heads / kvHeads)). Scores are `softcap * tanh(scale * q k / softcap)` where there is a softcap. A
   * query that sees no key gives 0; `covered` says that every query is known to see one.
   */
  attention: { heads: number; kvHeads: number; scale: number; softcap?: number | undefined; covered: boolean };
  /**
   * `values [...index, ...rest], index i32 [...index] -> [rows, ...rest]`: row r is the sum of the values whose index is
   * r, 0 where there are none. Gathering the rows of a table, the other way round; the index lies in 0 .. rows - 1.
   */
  scatter: { rows: Dim };
  /** Its operand, which no gradient passes. */
  stopGradient: None;
  /** The first of two operands, told apart from it: a target that keeps the op computes what reads it after the second. */
  barrier: None;
}
export interface Attrs extends Leaf, Pointwise, View, Reduce, Kernel, Composite {}
export type Op = keyof Attrs;
