// From the tensors of a checkpoint to a weight: parts joined, cut, turned and reshaped, as a checkpoint map says. Pure
// functions on f32 arrays, row major; shapes come first, so that a file is judged by its header before its data is read.

/** How a weight is made from keys. The compiler's model says the same in the same words. */
export type Layout =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "concat"; readonly axis: number; readonly of: readonly Layout[] }
  | {
      readonly kind: "split";
      readonly axis: number;
      readonly parts: number;
      readonly take: number;
      readonly of: Layout;
    }
  /** the last two axes exchanged */
  | { readonly kind: "transpose"; readonly of: Layout }
  | { readonly kind: "reshape"; readonly shape: readonly number[]; readonly of: Layout }
  /** axis i of the result is axis `axes[i]` of what it is made of */
  | { readonly kind: "permute"; readonly axes: readonly number[]; readonly of: Layout };

type Shape = readonly number[];
interface Grid {
  readonly shape: Shape;
  readonly data: Float32Array;
}

const product = (shape: Shape): number => shape.reduce((n, size) => n * size, 1);
const show = (shape: Shape): string => `[${shape.join(", ")}]`;

/** The keys that a weight is made of, in the order written. */
export const keysOf = (layout: Layout): string[] => {
  if (layout.kind === "key") return [layout.key];
  return layout.kind === "concat" ? layout.of.flatMap(keysOf) : keysOf(layout.of);
};

/** What cannot be done, as text. */
export interface Misfit {
  readonly misfit: string;
}

/** The shape of the result, from those of the keys, or why there is none. */
export const shapeOfLayout = (layout: Layout, shapeOf: (key: string) => Shape): Shape | Misfit => {
  if (layout.kind === "key") return shapeOf(layout.key);
  if (layout.kind === "concat") {
    const shapes: Shape[] = [];
    for (const part of layout.of) {
      const shape = shapeOfLayout(part, shapeOf);
      if ("misfit" in shape) return shape;
      shapes.push(shape);
    }
    return joined(shapes, layout.axis);
  }
  const inner = shapeOfLayout(layout.of, shapeOf);
  return "misfit" in inner ? inner : changed(layout, inner);
};
const joined = (shapes: readonly Shape[], axis: number): Shape | Misfit => {
  const [first] = shapes as [Shape];
  const fits = (shape: Shape): boolean =>
    shape.length === first.length && shape.every((size, i) => i === axis || size === first[i]);
  if (axis >= first.length || !shapes.every(fits))
    return { misfit: `${shapes.map(show).join(" and ")} cannot be joined along axis ${axis}` };
  return first.map((size, i) => (i === axis ? shapes.reduce((n, shape) => n + shape[axis]!, 0) : size));
};
type Change = Exclude<Layout, { readonly kind: "key" | "concat" }>;
const changed = (layout: Change, from: Shape): Shape | Misfit => {
  switch (layout.kind) {
    case "split": {
      const { axis, parts, take } = layout;
      const size = from[axis];
      if (size === undefined || size % parts !== 0 || take >= parts)
        return { misfit: `${show(from)} has no part ${take} of ${parts} along axis ${axis}` };
      return from.map((each, i) => (i === axis ? each / parts : each));
    }
    case "transpose":
      if (from.length < 2) return { misfit: `${show(from)} has no two axes to exchange` };
      return [...from.slice(0, -2), from.at(-1)!, from.at(-2)!];
    case "reshape":
      if (product(from) !== product(layout.shape))
        return { misfit: `${show(from)} cannot be reshaped to ${show(layout.shape)}` };
      return layout.shape;
    case "permute":
      if ([...layout.axes].sort((a, b) => a - b).join() !== from.map((_, i) => i).join())
        return { misfit: `${show(from)} has no axes ${layout.axes.join(", ")}` };
      return layout.axes.map((axis) => from[axis]!);
    default:
      return layout satisfies never;
  }
};

/** The weight's numbers. The shapes were found to fit, by `shapeOfLayout`. */
export const applyLayout = (layout: Layout, read: (key: string) => Grid): Grid => {
  if (layout.kind === "key") return read(layout.key);
  if (layout.kind === "concat")
    return concat(
      layout.of.map((part) => applyLayout(part, read)),
      layout.axis,
    );
  const of = applyLayout(layout.of, read);
  const shape = changed(layout, of.shape);
  if ("misfit" in shape) throw new Error(shape.misfit);
  switch (layout.kind) {
    case "split":
      return cut(of, shape, layout.axis, layout.take);
    case "reshape":
      return { shape, data: of.data };
    case "transpose": {
      const axes = of.shape.map((_, i) => i);
      return permute(of, shape, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
    }
    case "permute":
      return permute(of, shape, layout.axes);
    default:
      return layout satisfies never;
  }
};

/** Along an axis, data are `outer` runs of `size * inner` numbers each. */
const runs = (shape: Shape, axis: number): { outer: number; run: number } => ({
  outer: product(shape.slice(0, axis)),
  run: product(shape.slice(axis)),
});
const concat = (parts: readonly Grid[], axis: number): Grid => {
  const shape = joined(
    parts.map((part) => part.shape),
    axis,
  );
  if ("misfit" in shape) throw new Error(shape.misfit);
  const { outer, run } = runs(shape, axis);
  const data = new Float32Array(product(shape));
  let start = 0;
  for (const part of parts) {
    const own = runs(part.shape, axis).run;
    for (let i = 0; i < outer; i++) data.set(part.data.subarray(i * own, (i + 1) * own), i * run + start);
    start += own;
  }
  return { shape, data };
};
const cut = (of: Grid, shape: Shape, axis: number, take: number): Grid => {
  const { outer, run } = runs(shape, axis);
  const whole = runs(of.shape, axis).run;
  const data = new Float32Array(product(shape));
  for (let i = 0; i < outer; i++)
    data.set(of.data.subarray(i * whole + take * run, i * whole + (take + 1) * run), i * run);
  return { shape, data };
};
const permute = (of: Grid, shape: Shape, axes: readonly number[]): Grid => {
  const strides = of.shape.map((_, i) => product(of.shape.slice(i + 1)));
  const steps = axes.map((axis) => strides[axis]!);
  const data = new Float32Array(product(shape));
  const index = shape.map(() => 0);
  let from = 0;
  for (let i = 0; i < data.length; i++) {
    data[i] = of.data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= steps[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return { shape, data };
};
