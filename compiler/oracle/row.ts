// What each row-wise op means: a table over all of them. Every value is the numbers of one row, row-major.
import type { Input, Row, RowOf, RowOp, Weight } from "../analyze/model.ts";
import { softmax } from "./attention.ts";
import { matvec, wide } from "./dense.ts";
import type { Numbers } from "./dense.ts";
import { argument, coordinate } from "./place.ts";
import type { Place } from "./place.ts";
import { rotate } from "./rotary.ts";
import { gelu, geluTanh, sigmoid, silu } from "./scalar.ts";

/** One row and what its expression may read. */
export interface Scope {
  readonly place: Place;
  /** the value of another node at this row, computed once */
  value(node: Row): Numbers;
  parameter(index: number): Numbers;
  weight(weight: Weight): Numbers;
  input(input: Input): Numbers;
  /** what this row takes from the rows it sees */
  attended(node: RowOf<"attend">): Numbers;
}

type Meaning<K extends RowOp> = (node: RowOf<K>, scope: Scope) => Numbers;

/** The value of `node` at the row of `scope`. */
export function meaningOf(node: Row, scope: Scope): Numbers {
  return (meanings[node.op] as Meaning<RowOp>)(node, scope);
}

const meanings: { readonly [K in RowOp]: Meaning<K> } = {
  number: (node) => Float64Array.of(node.attrs.value),
  weight: (node, scope) => scope.weight(node.attrs.weight),
  input: (node, scope) => scope.input(node.attrs.input),
  argument: (node, scope) => argument(scope.place, node),
  coordinate: (node, scope) => Float64Array.of(coordinate(scope.place, node.attrs.axis)),
  parameter: (node, scope) => scope.parameter(node.attrs.index),
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  min: binary(Math.min),
  max: binary(Math.max),
  neg: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  tanh: unary(Math.tanh),
  sigmoid: unary(sigmoid),
  relu: unary((x) => Math.max(x, 0)),
  silu: unary(silu),
  gelu: unary(gelu),
  gelu_tanh: unary(geluTanh),
  rms_norm: normal((x, eps) => ({ mean: 0, deviation: Math.sqrt(meanSquare(x, 0) + eps) })),
  layer_norm: normal((x, eps) => {
    const mean = total(x) / x.length;
    return { mean, deviation: Math.sqrt(meanSquare(x, mean) + eps) };
  }),
  softmax: (node, scope) => pieces(source(node, scope, 0), last(node), softmax),
  linear: (node, scope) => {
    const w = source(node, scope, 1);
    const bias = node.src.length > 2 ? source(node, scope, 2) : undefined;
    return pieces(source(node, scope, 0), w.length / last(node), (piece) => matvec(w, piece, last(node), bias));
  },
  lookup: (node, scope) => tableRow(source(node, scope, 0), source(node, scope, 1)[0]!, size(node.shape), node.path),
  /** only the side asked for is evaluated: `own` has no row for an added index */
  extend: (node, scope) => {
    const index = source(node, scope, 0)[0]!;
    const { below } = node.attrs;
    if (index < below) return source(node, scope, 1);
    return tableRow(source(node, scope, 2), index - below, size(node.shape), node.path);
  },
  split: same,
  merge: same,
  stop_gradient: same,
  chunk: (node, scope) => {
    const width = last(node);
    const { parts, take } = node.attrs;
    return pieces(source(node, scope, 0), width * parts, (piece) => piece.subarray(take * width, (take + 1) * width));
  },
  concat: (node, scope) => {
    const parts = node.src.map((from) => ({ values: scope.value(from), width: last(from) }));
    const result = new Float64Array(size(node.shape));
    for (let at = 0, piece = 0; at < result.length; piece++) {
      for (const { values, width } of parts) {
        result.set(values.subarray(piece * width, (piece + 1) * width), at);
        at += width;
      }
    }
    return result;
  },
  reorder,
  sum: (node, scope) => reduced(node, scope, total),
  mean: (node, scope) => reduced(node, scope, (piece) => total(piece) / piece.length),
  sinusoid: (node, scope) => {
    const { dim, period, divisor, scale, order } = node.attrs;
    const x = source(node, scope, 0)[0]! * scale;
    return features(dim, (k) => x * period ** (-k / divisor), order);
  },
  coordinates: (node, scope) => {
    const { dim, period } = node.attrs;
    const x = source(node, scope, 0)[0]!;
    return features(dim, (k) => x * period ** (-k / (dim / 2)), "sin cos");
  },
  rotary: (node, scope) => rotate(source(node, scope, 0), last(node), scope.place.position, node.attrs),
  attend: (node, scope) => scope.attended(node),
};

// ── Helpers ────────────────────────────────────────────────────────────────────────────────────
function source(node: Row, scope: Scope, index: number): Numbers {
  const from = node.src[index];
  if (from === undefined) throw new Error(`internal: ${node.op} of ${node.path} has no operand ${index}`);
  return scope.value(from);
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Length of the last axis. */
function last(node: Row): number {
  return node.shape.at(-1) ?? 1;
}

function total(x: Numbers): number {
  let sum = 0;
  for (const value of x) sum += value;
  return sum;
}

function meanSquare(x: Numbers, mean: number): number {
  let sum = 0;
  for (const value of x) sum += (value - mean) ** 2;
  return sum / x.length;
}

function same(node: Row, scope: Scope): Numbers {
  return source(node, scope, 0);
}

function unary(f: (x: number) => number) {
  return (node: Row, scope: Scope): Numbers => {
    const x = source(node, scope, 0);
    const y = new Float64Array(x.length);
    for (let i = 0; i < y.length; i++) y[i] = f(x[i]!);
    return y;
  };
}

/** Repeating the shorter operand is right for all three cases: equal shapes, a scalar, and [d] with [heads, d]. */
function binary(f: (a: number, b: number) => number) {
  return (node: Row, scope: Scope): Numbers => {
    const a = source(node, scope, 0);
    const b = source(node, scope, 1);
    const y = new Float64Array(Math.max(a.length, b.length));
    for (let i = 0; i < y.length; i++) y[i] = f(a[i % a.length]!, b[i % b.length]!);
    return y;
  };
}

/** `f` on every piece of `width` consecutive numbers, results side by side. */
function pieces(x: Numbers, width: number, f: (piece: Float64Array) => Float64Array): Float64Array {
  const all = wide(x);
  const results = Array.from({ length: all.length / width }, (_, n) => f(all.subarray(n * width, (n + 1) * width)));
  const result = new Float64Array(results.length * (results[0]?.length ?? 0));
  results.forEach((piece, n) => result.set(piece, n * piece.length));
  return result;
}

/** (x - mean) / deviation over the last axis, then times weight and plus bias where there are any. */
function normal(of: (piece: Float64Array, eps: number) => { mean: number; deviation: number }) {
  return (node: RowOf<"rms_norm" | "layer_norm">, scope: Scope): Numbers => {
    const weight = node.src.length > 1 ? source(node, scope, 1) : undefined;
    const bias = node.src.length > 2 ? source(node, scope, 2) : undefined;
    return pieces(source(node, scope, 0), last(node), (piece) => {
      const { mean, deviation } = of(piece, node.attrs.eps);
      return piece.map((x, i) => ((x - mean) / deviation) * (weight?.[i] ?? 1) + (bias?.[i] ?? 0));
    });
  };
}

function tableRow(table: Numbers, index: number, width: number, path: string): Float64Array {
  const rows = table.length / width;
  if (!Number.isInteger(index) || index < 0 || index >= rows) {
    throw new Error(`${path} looks up row ${index} of a table with rows 0 .. ${rows - 1}`);
  }
  return Float64Array.from(table.subarray(index * width, (index + 1) * width));
}

function reduced(node: Row, scope: Scope, f: (piece: Float64Array) => number): Float64Array {
  const x = source(node, scope, 0);
  return pieces(x, x.length / size(node.shape), (piece) => Float64Array.of(f(piece)));
}

/** `dim` features of `dim / 2` angles. */
function features(dim: number, angle: (k: number) => number, order: "cos sin" | "sin cos"): Float64Array {
  const angles = Array.from({ length: dim / 2 }, (_, k) => angle(k));
  const cos = angles.map(Math.cos);
  const sin = angles.map(Math.sin);
  return Float64Array.from(order === "cos sin" ? [...cos, ...sin] : [...sin, ...cos]);
}

/** Reads the axes of `from` in the order of `to`. */
function reorder(node: RowOf<"reorder">, scope: Scope): Float64Array {
  const x = source(node, scope, 0);
  const { sizes } = node.attrs;
  const letters = (order: string): readonly string[] => [...order].filter((letter) => letter !== " ");
  const strides = new Map<string, number>();
  let stride = 1;
  for (const letter of letters(node.attrs.from).toReversed()) {
    strides.set(letter, stride);
    stride *= sizes[letter]!;
  }
  let offsets = [0];
  for (const letter of letters(node.attrs.to)) {
    offsets = offsets.flatMap((offset) =>
      Array.from({ length: sizes[letter]! }, (_, i) => offset + i * strides.get(letter)!),
    );
  }
  return Float64Array.from(offsets, (offset) => x[offset]!);
}
