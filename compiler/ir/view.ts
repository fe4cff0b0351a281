// The views: each is a shape and a function from the coordinates of its result to those of its source. No data moves.
import { add, type Dim, mul, product, same, show, showShape } from "./dim.ts";
import type { View } from "./vocabulary.ts";

/** Arithmetic on coordinates: numbers when a view is evaluated, expressions when code is written. */
export interface Index<I> {
  readonly zero: I;
  add(i: I, offset: Dim): I;
  /** `i * size + k` */
  join(i: I, size: Dim, k: I): I;
  quotient(i: I, size: Dim): I;
  remainder(i: I, size: Dim): I;
}
interface Row<A> {
  shape(source: readonly Dim[], attrs: A): readonly Dim[];
  coords<I>(out: readonly I[], index: Index<I>, source: readonly Dim[], attrs: A): I[];
}

export const view: { [K in keyof View]: Row<View[K]> } = {
  transpose: {
    shape: (s, { perm }) => {
      if (perm.length !== s.length || s.some((_, axis) => !perm.includes(axis)))
        throw new Error(`transpose of ${showShape(s)} by [${perm.join(", ")}], which does not name each axis once`);
      return perm.map((p) => s[p]!);
    },
    coords: (out, _index, s, { perm }) => s.map((_, axis) => out[perm.indexOf(axis)]!),
  },
  broadcast: {
    shape: (s, { shape }) => {
      const lead = shape.length - s.length;
      if (lead < 0 || s.some((d, i) => !same(d, 1) && !same(d, shape[lead + i]!)))
        throw new Error(`${showShape(s)} does not broadcast to ${showShape(shape)}`);
      return shape;
    },
    coords: (out, { zero }, s) => s.map((d, i) => (same(d, 1) ? zero : out[out.length - s.length + i]!)),
  },
  split: {
    shape: (s, { axis, sizes }) => {
      checkAxis("split", s, axis);
      if (!same(product(sizes), s[axis]!))
        throw new Error(
          `split of ${showShape(s)} at axis ${axis} into ${showShape(sizes)}: the product must be ${show(s[axis]!)}`,
        );
      return s.toSpliced(axis, 1, ...sizes);
    },
    coords: (out, index, _s, { axis, sizes }) => {
      const parts = out.slice(axis, axis + sizes.length);
      const joined = parts.reduce((i, k, n) => index.join(i, sizes[n]!, k));
      return out.toSpliced(axis, sizes.length, joined);
    },
  },
  merge: {
    shape: (s, { axis }) => {
      checkAxis("merge", s, axis + 1);
      return s.toSpliced(axis, 2, mul(s[axis]!, s[axis + 1]!));
    },
    coords: (out, index, s, { axis }) => {
      const size = s[axis + 1]!;
      return out.toSpliced(axis, 1, index.quotient(out[axis]!, size), index.remainder(out[axis]!, size));
    },
  },
  slice: {
    shape: (s, { axis, start, size }) => {
      checkAxis("slice", s, axis);
      const end = add(start, size);
      const whole = s[axis]!;
      if (
        (typeof start === "number" && start < 0) ||
        (typeof end === "number" && typeof whole === "number" && end > whole)
      )
        throw new Error(`slice of ${showShape(s)} at axis ${axis} from ${show(start)} to ${show(end)} leaves it`);
      return s.with(axis, size);
    },
    coords: (out, index, _s, { axis, start }) => out.with(axis, index.add(out[axis]!, start)),
  },
};

export const checkAxis = (what: string, shape: readonly Dim[], axis: number): void => {
  if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length)
    throw new Error(`${what}: ${showShape(shape)} has no axis ${axis}`);
};

/** The one place where an op's name and its attributes are taken together on trust. */
export const viewShape = (op: keyof View, source: readonly Dim[], attrs: View[keyof View]): readonly Dim[] =>
  (view[op] as Row<View[keyof View]>).shape(source, attrs);
export const viewCoords = <I>(
  op: keyof View,
  attrs: View[keyof View],
  source: readonly Dim[],
  index: Index<I>,
  out: readonly I[],
): I[] => (view[op] as Row<View[keyof View]>).coords(out, index, source, attrs);
