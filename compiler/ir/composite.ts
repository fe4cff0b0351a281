// The composites: what each accepts, and the graph of other ops that it is. A target keeps one whole or takes that graph.
import { divExact, same, sameShape, showShape } from "./dim.ts";
import { expandAttention, keyStreams } from "./attention.ts";
import type { Builder, Node } from "./node.ts";
import { isFloat } from "./pointwise.ts";
import { expandRotary } from "./rotary.ts";
import { expandScatter } from "./scatter.ts";
import { checkAxis } from "./view.ts";
import type { Composite, Type } from "./vocabulary.ts";

interface Row<A> {
  /** how many operands: least and most */
  readonly operands: readonly [number, number];
  type(src: readonly Type[], attrs: A): Type;
  expand(g: Builder, src: readonly Node[], attrs: A): Node;
}

export const composite: { [K in keyof Composite]: Row<Composite[K]> } = {
  linear: {
    operands: [2, 3],
    type: ([x, w, bias]) => {
      const rank = x!.shape.length;
      if (rank < 2 || w!.shape.length !== 2 || !same(x!.shape[rank - 1]!, w!.shape[1]!))
        return misfit("linear", [x!, w!]);
      if (bias !== undefined && !sameShape(bias.shape, [w!.shape[0]!])) return misfit("linear", [x!, w!, bias]);
      return { dtype: x!.dtype, shape: x!.shape.with(rank - 1, w!.shape[0]!) };
    },
    expand: (g, [x, w, bias]) => {
      const y = g.op("matmul", [x!, g.op("transpose", [w!], { perm: [1, 0] })]);
      return bias === undefined ? y : g.op("add", [y, bias]);
    },
  },
  softmax: {
    operands: [1, 1],
    type: ([x], { axis }) => {
      checkAxis("softmax", x!.shape, axis);
      return x!;
    },
    expand: (g, [x], { axis }) => {
      const e = g.op("exp", [g.op("sub", [x!, g.op("amax", [x!], { axis })])]);
      return g.op("div", [e, g.op("sum", [e], { axis })]);
    },
  },
  rmsNorm: {
    operands: [1, 2],
    type: (src) => normType("rmsNorm", src),
    expand: (g, [x, w], { eps }) => {
      const normed = g.op("div", [x!, g.op("sqrt", [g.op("add", [mean(g, g.op("mul", [x!, x!])), g.constant(eps)])])]);
      return w === undefined ? normed : g.op("mul", [normed, w]);
    },
  },
  layerNorm: {
    operands: [1, 3],
    type: (src) => normType("layerNorm", src),
    expand: (g, [x, w, bias], { eps }) => {
      const centred = g.op("sub", [x!, mean(g, x!)]);
      const variance = mean(g, g.op("mul", [centred, centred]));
      const normed = g.op("div", [centred, g.op("sqrt", [g.op("add", [variance, g.constant(eps)])])]);
      const scaled = w === undefined ? normed : g.op("mul", [normed, w]);
      return bias === undefined ? scaled : g.op("add", [scaled, bias]);
    },
  },
  silu: { operands: [1, 1], type: ([x]) => x!, expand: (g, [x]) => g.op("mul", [x!, g.op("sigmoid", [x!])]) },
  gelu: {
    operands: [1, 1],
    type: ([x]) => x!,
    expand: (g, [x]) => gated(g, x!, g.op("erf", [g.op("mul", [x!, g.constant(Math.SQRT1_2)])])),
  },
  geluTanh: {
    operands: [1, 1],
    type: ([x]) => x!,
    expand: (g, [x]) => {
      const cube = g.op("mul", [g.op("mul", [x!, x!]), x!]);
      const inner = g.op("add", [x!, g.op("mul", [cube, g.constant(0.044715)])]);
      return gated(g, x!, g.op("tanh", [g.op("mul", [inner, g.constant(Math.sqrt(2 / Math.PI))])]));
    },
  },
  rotary: { operands: [4, 4], type: rotaryType, expand: expandRotary },
  attention: { operands: [4, Infinity], type: attentionType, expand: expandAttention },
  scatter: {
    operands: [2, 2],
    type: ([values, index], { rows }) => {
      const rank = index!.shape.length;
      if (index!.dtype !== "i32" || !sameShape(values!.shape.slice(0, rank), index!.shape))
        return misfit("scatter", [values!, index!]);
      return { dtype: values!.dtype, shape: [rows, ...values!.shape.slice(rank)] };
    },
    expand: expandScatter,
  },
  barrier: { operands: [2, 2], type: ([x]) => x!, expand: (_g, [x]) => x! },
  stopGradient: { operands: [1, 1], type: ([x]) => x!, expand: (_g, [x]) => x! },
};

/** `0.5 x (1 + y)` */
const gated = (g: Builder, x: Node, y: Node): Node =>
  g.op("mul", [g.op("mul", [x, g.constant(0.5)]), g.op("add", [y, g.constant(1)])]);
/** over the last axis */
const mean = (g: Builder, x: Node): Node => {
  const axis = x.type.shape.length - 1;
  return g.op("div", [g.op("sum", [x], { axis }), g.constant(x.type.shape[axis] as number)]);
};

function misfit(op: string, types: readonly Type[]): never {
  throw new Error(`${op} of ${types.map((t) => t.dtype + showShape(t.shape)).join(" and ")}`);
}

function normType(op: string, src: readonly Type[]): Type {
  const x = src[0]!;
  const width = x.shape.at(-1);
  if (typeof width !== "number" || src.slice(1).some((t) => !sameShape(t.shape, [width]))) return misfit(op, src);
  return x;
}

function rotaryType(src: readonly Type[], { heads }: Composite["rotary"]): Type {
  const [x, cos, sin, position] = src as [Type, Type, Type, Type];
  const width = x.shape[2];
  const fits =
    x.shape.length === 3 &&
    cos.shape.length === 2 &&
    sameShape(cos.shape, sin.shape) &&
    typeof width === "number" &&
    same(cos.shape[1]!, width / heads / 2) &&
    position.dtype === "i32" &&
    sameShape(position.shape, x.shape.slice(0, 2));
  return fits ? x : misfit(`rotary of ${heads} heads`, src);
}

function attentionType(src: readonly Type[], { heads, kvHeads }: Composite["attention"]): Type {
  const q = src[0]!;
  const title = `attention of ${heads} heads over ${kvHeads}`;
  const streams = (src.length - 1) % 3 === 0 ? keyStreams(src) : [];
  if (streams.length === 0 || q.shape.length !== 3 || heads % kvHeads !== 0) return misfit(title, src);
  const d = width(q, heads);
  const widths = streams.map(({ k, v, mask }) => {
    if (k.shape.length !== 3 || v.shape.length !== 3 || mask.shape.length !== 4 || mask.dtype !== "bool")
      return undefined;
    const fits =
      width(k, kvHeads) === d &&
      sameShape(k.shape.slice(0, 2), v.shape.slice(0, 2)) &&
      same(q.shape[0]!, k.shape[0]!) &&
      (same(mask.shape[0]!, 1) || same(mask.shape[0]!, q.shape[0]!)) &&
      same(mask.shape[0]!, streams[0]!.mask.shape[0]!) &&
      sameShape(mask.shape.slice(1), [1, q.shape[1]!, k.shape[1]!]);
    return fits ? width(v, kvHeads) : undefined;
  });
  const [e] = widths;
  if (d === undefined || e === undefined || widths.some((each) => each !== e)) return misfit(title, src);
  return { dtype: q.dtype, shape: q.shape.with(2, heads * e) };
}
const width = (t: Type, heads: number): number | undefined => divExact(t.shape[2]!, heads) as number | undefined;

/** The type of a composite; throws where its operands do not fit. */
export const compositeType = (op: keyof Composite, src: readonly Type[], attrs: Composite[keyof Composite]): Type => {
  const row = composite[op] as Row<Composite[keyof Composite]>;
  const [least, most] = row.operands;
  if (src.length < least || src.length > most || !isFloat(src[0]!.dtype)) return misfit(op, src);
  return row.type(src, attrs);
};
/** The graph that a composite is, over `src`. */
export const expand = (
  g: Builder,
  op: keyof Composite,
  src: readonly Node[],
  attrs: Composite[keyof Composite],
): Node => (composite[op] as Row<Composite[keyof Composite]>).expand(g, src, attrs);
