// The type of every node, by the kind of its op. Nothing here knows a target. Operands that do not fit throw with their
// shapes: by then analysis has spoken to the user, so such an error is a bug of whoever builds the graph.
import { add, type Dim, same, sameShape, showShape } from "./dim.ts";
import { composite, compositeType } from "./composite.ts";
import type { Node } from "./node.ts";
import { broadcastShape, isFloat, pointwise, pointwiseType } from "./pointwise.ts";
import { tableShape } from "./table.ts";
import { checkAxis, view, viewShape } from "./view.ts";
import type { Attrs, Kernel, Leaf, Op, Pointwise, Reduce, Type, View } from "./vocabulary.ts";

export const inTable = <T extends object>(table: T, op: PropertyKey): op is keyof T => Object.hasOwn(table, op);

/** A reduction is a start value and the pointwise op that combines. */
export const reduce: Record<keyof Reduce, { readonly start: number; readonly combine: keyof Pointwise }> = {
  sum: { start: 0, combine: "add" },
  amax: { start: -Infinity, combine: "max" },
};

export const leaf: { [K in keyof Leaf]: (attrs: Leaf[K]) => Type } = {
  input: ({ type }) => type,
  param: ({ type }) => type,
  constant: ({ dtype }) => ({ dtype, shape: [] }),
  table: ({ table }) => ({ dtype: "f32", shape: tableShape(table) }),
  iota: ({ size }) => ({ dtype: "i32", shape: [size] }),
};

export const kernel: { [K in keyof Kernel]: (src: readonly Type[], attrs: Kernel[K]) => Type } = {
  matmul: ([a, b]) => {
    const [x, y] = [a!.shape, b!.shape];
    if (x.length < 2 || y.length < 2 || !same(x.at(-1)!, y.at(-2)!) || a!.dtype !== b!.dtype || !isFloat(a!.dtype))
      throw new Error(`matmul of ${a!.dtype}${showShape(x)} and ${b!.dtype}${showShape(y)}`);
    const lead = broadcastShape("matmul", x.slice(0, -2), y.slice(0, -2));
    return { dtype: a!.dtype, shape: [...lead, x.at(-2)!, y.at(-1)!] };
  },
  gather: ([table, index]) => {
    if (table!.shape.length === 0 || index!.dtype !== "i32")
      throw new Error(`gather of ${showShape(table!.shape)} at ${index!.dtype}${showShape(index!.shape)}`);
    return { dtype: table!.dtype, shape: [...index!.shape, ...table!.shape.slice(1)] };
  },
  concat: (src, { axis }) => {
    const first = src[0];
    if (first === undefined) throw new Error("concat of nothing");
    checkAxis("concat", first.shape, axis);
    const rest = (t: Type): readonly Dim[] => t.shape.toSpliced(axis, 1);
    for (const t of src)
      if (t.dtype !== first.dtype || !sameShape(rest(t), rest(first)))
        throw new Error(`concat at axis ${axis} of ${src.map((s) => s.dtype + showShape(s.shape)).join(" and ")}`);
    return { dtype: first.dtype, shape: first.shape.with(axis, src.map((t) => t.shape[axis]!).reduce(add)) };
  },
  sinusoid: ([x], { dim }) => {
    if (x!.dtype !== "f32" || dim % 2 !== 0) throw new Error(`sinusoid of ${x!.dtype} with ${dim} columns`);
    return { dtype: "f32", shape: [...x!.shape, dim] };
  },
};
const operands: Record<keyof Kernel, number> = { matmul: 2, gather: 2, concat: Infinity, sinusoid: 1 };

/** The type of `op` applied to `src`; throws where they do not fit. */
export const typeOf = (op: Op, src: readonly Node[], attrs: Attrs[Op]): Type => {
  const types = src.map((s) => s.type);
  if (inTable(leaf, op)) return (leaf[op] as (a: Attrs[Op]) => Type)(attrs);
  if (inTable(pointwise, op))
    return pointwiseType(op, types, op === "cast" ? (attrs as Pointwise["cast"]).dtype : undefined);
  if (inTable(composite, op)) return compositeType(op, types, attrs as never);
  if (inTable(kernel, op)) {
    if (operands[op] !== Infinity && types.length !== operands[op])
      throw new Error(`${op} of ${types.length} operands`);
    return (kernel[op] as (s: readonly Type[], a: Attrs[Op]) => Type)(types, attrs);
  }
  const [only, ...more] = types;
  if (only === undefined || more.length > 0) throw new Error(`${op} of ${types.length} operands`);
  if (inTable(view, op)) return { ...only, shape: viewShape(op, only.shape, attrs as View[keyof View]) };
  return reduceType(op, only, (attrs as Reduce["sum"]).axis);
};

const reduceType = (op: keyof Reduce, { dtype, shape }: Type, axis: number): Type => {
  checkAxis(op, shape, axis);
  if (dtype === "bool") throw new Error(`${op} does not take bool${showShape(shape)}`);
  return { dtype, shape: shape.with(axis, 1) };
};
