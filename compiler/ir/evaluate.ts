// Runs a graph on plain arrays in f64, element by element: the judge of rewrites and of what targets emit. Slow on
// purpose, for nothing in it is clever. A composite is evaluated through its expansion.
import { at, type Binding, type Dim } from "./dim.ts";
import { expand } from "./composite.ts";
import { Graph } from "./graph.ts";
import { type Node, type NodeOf, toposort } from "./node.ts";
import { inTable, reduce } from "./ops.ts";
import { castTo, pointwise } from "./pointwise.ts";
import { sinusoidFrequencies, tableValues } from "./table.ts";
import type { Composite, Pointwise, Reduce, View } from "./vocabulary.ts";
import { type Index, view, viewCoords } from "./view.ts";

/** Row-major; a bool is 0 or 1. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}
export interface Given {
  readonly inputs: Readonly<Record<string, Values>>;
  readonly params: Readonly<Record<string, Values>>;
  readonly dims: Binding;
}

/** The values of `roots`, in order. Throws where an input is missing or has another shape than its type says. */
export const evaluate = (roots: readonly Node[], given: Given): Values[] => {
  const known = new Map<Node, Values>();
  for (const n of toposort(roots)) {
    const src = n.src.map((s) => known.get(s)!);
    known.set(n, valueOf(n, src, given));
  }
  return roots.map((n) => known.get(n)!);
};

const valueOf = (n: Node, src: readonly Values[], given: Given): Values => {
  const shape = n.type.shape.map((d) => at(d, given.dims));
  if (inTable(pointwise, n.op)) return elementwise(n as NodeOf<keyof Pointwise>, src, shape);
  if (inTable(reduce, n.op)) return reduced(n as NodeOf<keyof Reduce>, src[0]!, shape);
  if (inTable(view, n.op)) return viewed(n as NodeOf<keyof View>, src[0]!, shape, given.dims);
  switch (n.op) {
    case "input":
      return supplied("input", n.attrs.name, given.inputs[n.attrs.name], shape);
    case "param":
      return supplied("param", n.attrs.name, given.params[n.attrs.name], shape);
    case "constant":
      return { shape, data: Float64Array.of(n.attrs.value) };
    case "table":
      return { shape, data: Float64Array.from(tableValues(n.attrs.table)) };
    case "iota":
      return fill(shape, ([i]) => i!);
    case "matmul":
      return product(src[0]!, src[1]!, shape);
    case "gather":
      return gathered(src[0]!, src[1]!, shape);
    case "concat":
      return joined(src, n.attrs.axis, shape);
    case "sinusoid":
      return waves(src[0]!, n.attrs, shape);
    default:
      return expanded(n as NodeOf<keyof Composite>, src, given.dims);
  }
};

const supplied = (kind: string, name: string, values: Values | undefined, shape: readonly number[]): Values => {
  if (values === undefined) throw new Error(`${kind} ${name} has no values`);
  if (values.shape.join() !== shape.join())
    throw new Error(`${kind} ${name} is [${values.shape.join()}], not [${shape.join()}]`);
  return values;
};

const elementwise = (n: NodeOf<keyof Pointwise>, src: readonly Values[], shape: readonly number[]): Values => {
  const convert = n.op === "cast" ? castTo(n.type.dtype) : undefined;
  const { evaluate: f } = pointwise[n.op];
  const read = src.map((s) => aligned(s, shape.length));
  if (convert) return fill(shape, (at) => convert(read[0]!(at)));
  return fill(shape, (at) => f(read[0]!(at), read[1]?.(at) ?? 0, read[2]?.(at) ?? 0));
};

const reduced = (n: NodeOf<keyof Reduce>, x: Values, shape: readonly number[]): Values => {
  const { axis } = n.attrs;
  const { start, combine } = reduce[n.op];
  const read = aligned(x, shape.length);
  return fill(shape, (at) => {
    let value = start;
    for (let i = 0; i < x.shape[axis]!; i++) value = pointwise[combine].evaluate(value, read(at.with(axis, i)), 0);
    return value;
  });
};

const viewed = (n: NodeOf<keyof View>, x: Values, shape: readonly number[], dims: Binding): Values => {
  const index: Index<number> = {
    zero: 0,
    add: (i, offset) => i + at(offset, dims),
    join: (i, size, k) => i * at(size, dims) + k,
    quotient: (i, size) => Math.floor(i / at(size, dims)),
    remainder: (i, size) => i % at(size, dims),
  };
  const source: readonly Dim[] = n.src[0]!.type.shape;
  const read = aligned(x, x.shape.length);
  return fill(shape, (out) => read(viewCoords(n.op, n.attrs, source, index, out)));
};

const product = (a: Values, b: Values, shape: readonly number[]): Values => {
  const [m, n] = shape.slice(-2) as [number, number];
  const inner = a.shape.at(-1)!;
  const data = new Float64Array(size(shape));
  const matrices = (x: Values): ((at: readonly number[]) => number) => offsets(x.shape.slice(0, -2), shape.length - 2);
  const [from, by] = [matrices(a), matrices(b)];
  each(shape.slice(0, -2), (at, batch) => {
    const [x, y, z] = [from(at) * m * inner, by(at) * inner * n, batch * m * n];
    for (let i = 0; i < m; i++)
      for (let k = 0; k < inner; k++) {
        const factor = a.data[x + i * inner + k]!;
        for (let j = 0; j < n; j++) data[z + i * n + j]! += factor * b.data[y + k * n + j]!;
      }
  });
  return { shape, data };
};

const gathered = (table: Values, index: Values, shape: readonly number[]): Values => {
  const width = table.shape.slice(1).reduce((p, d) => p * d, 1);
  const data = new Float64Array(size(shape));
  for (const [i, row] of index.data.entries()) {
    if (row < 0 || row >= table.shape[0]!) throw new Error(`gather at ${row} of ${table.shape[0]} rows`);
    data.set(table.data.subarray(row * width, (row + 1) * width), i * width);
  }
  return { shape, data };
};

const joined = (src: readonly Values[], axis: number, shape: readonly number[]): Values => {
  const read = src.map((s) => aligned(s, shape.length));
  return fill(shape, (at) => {
    let i = at[axis]!;
    let from = 0;
    while (i >= src[from]!.shape[axis]!) i -= src[from++]!.shape[axis]!;
    return read[from]!(at.with(axis, i));
  });
};

const waves = (x: Values, attrs: NodeOf<"sinusoid">["attrs"], shape: readonly number[]): Values => {
  const frequency = sinusoidFrequencies(attrs);
  const half = frequency.length;
  const sineFirst = attrs.order === "sin cos";
  const data = new Float64Array(size(shape));
  for (const [row, value] of x.data.entries())
    for (let c = 0; c < attrs.dim; c++) {
      const angle = value * frequency[c % half]!;
      data[row * attrs.dim + c] = c < half === sineFirst ? Math.sin(angle) : Math.cos(angle);
    }
  return { shape, data };
};
const expanded = (n: NodeOf<keyof Composite>, src: readonly Values[], dims: Binding): Values => {
  const g = new Graph();
  const inputs = n.src.map((s, i) => g.op("input", [], { name: String(i), type: s.type }) as Node);
  const body = expand(g, n.op, inputs, n.attrs);
  return evaluate([body], { inputs: Object.fromEntries(src.map((v, i) => [String(i), v])), params: {}, dims })[0]!;
};

const size = (shape: readonly number[]): number => shape.reduce((p, d) => p * d, 1);

/** Calls `f` at every coordinate, in order, with its number. `f` must not keep the array it is given. */
const each = (shape: readonly number[], f: (at: readonly number[], i: number) => void): void => {
  const count = size(shape);
  const at = shape.map(() => 0);
  for (let i = 0; i < count; i++) {
    f(at, i);
    for (let axis = shape.length - 1; axis >= 0 && ++at[axis]! === shape[axis]; axis--) at[axis] = 0;
  }
};
const fill = (shape: readonly number[], f: (at: readonly number[]) => number): Values => {
  const data = new Float64Array(size(shape));
  each(shape, (at, i) => (data[i] = f(at)));
  return { shape, data };
};
/** The row-major offset in `shape` of coordinates of rank `rank`, broadcasting axes of size 1. */
const offsets = (shape: readonly number[], rank: number): ((at: readonly number[]) => number) => {
  const lead = rank - shape.length;
  const strides = shape.map((d, i) => (d === 1 ? 0 : size(shape.slice(i + 1))));
  return (at) => {
    let offset = 0;
    for (let i = 0; i < strides.length; i++) offset += at[lead + i]! * strides[i]!;
    return offset;
  };
};
/** Reads `x` at coordinates of rank `rank`, broadcasting axes of size 1. */
const aligned = (x: Values, rank: number): ((at: readonly number[]) => number) => {
  const offset = offsets(x.shape, rank);
  return (at) => x.data[offset(at)]!;
};
