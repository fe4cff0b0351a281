// The composites that ONNX has too, each as one node and what ONNX asks for beside it.
import { HIDDEN, keyStreams, type KeyStream } from "../../ir/attention.ts";
import { add, type Dim, product } from "../../ir/dim.ts";
import type { NodeOf } from "../../ir/node.ts";
import type { Composite } from "../../ir/vocabulary.ts";
import type { Context, Emit } from "./context.ts";
import { elementType } from "./proto.ts";
import type { Value } from "./sheet.ts";

/** The scale of a norm that has none. */
const ones = ({ sheet }: Context, n: NodeOf<"rmsNorm" | "layerNorm">): Value => {
  const width = n.type.shape.at(-1) as number;
  return sheet.constant("f32", [width], Array<number>(width).fill(1));
};

export const composites: { [K in keyof Composite]?: Emit<K> } = {
  linear: (to, n, [x, w, bias]) => {
    const { sheet } = to;
    if (n.type.shape.length === 2) return sheet.node("Gemm", [x, w, ...(bias ? [bias] : [])], n.type, { transB: 1 });
    const [, weight] = n.src;
    const flipped = sheet.once(`transposed ${weight!.id}`, () =>
      sheet.node("Transpose", [w], { dtype: w!.type.dtype, shape: w!.type.shape.toReversed() }, { perm: [1, 0] }),
    );
    const y = sheet.node("MatMul", [x, flipped], n.type);
    return bias === undefined ? y : sheet.node("Add", [y, bias], n.type);
  },
  softmax: ({ sheet }, n, src) => sheet.node("Softmax", src, n.type, { axis: n.attrs.axis }),
  rmsNorm: (to, n, [x, w]) =>
    to.sheet.node("RMSNormalization", [x, w ?? ones(to, n)], n.type, { axis: -1, epsilon: { float: n.attrs.eps } }),
  layerNorm: (to, n, [x, w, bias]) =>
    to.sheet.node("LayerNormalization", [x, w ?? ones(to, n), ...(bias ? [bias] : [])], n.type, {
      axis: -1,
      epsilon: { float: n.attrs.eps },
    }),
  gelu: ({ sheet }, n, src) => sheet.node("Gelu", src, n.type),
  geluTanh: ({ sheet }, n, src) => sheet.node("Gelu", src, n.type, { approximate: "tanh" }),
  rotary: ({ sheet }, n, [x, cos, sin, position]) => {
    const { heads, interleaved } = n.attrs;
    const index = sheet.once(`position ${n.src[3]!.id}`, () => {
      const type = { dtype: "i64", shape: position!.type.shape } as const;
      return sheet.under(n.src[3]!.origin ?? n.origin, () =>
        sheet.node("Cast", [position], type, { to: elementType.i64 }),
      );
    });
    const attributes = { num_heads: heads, interleaved: Number(interleaved) };
    return sheet.node("RotaryEmbedding", [x, cos, sin, index], n.type, attributes);
  },
  attention: (to, n, src) => {
    const { heads, kvHeads, scale, softcap, covered } = n.attrs;
    const { k, v, mask } = together(to, n, src);
    const allowed = additive(to, n, mask);
    const y = to.sheet.node("Attention", [src[0], k, v, allowed], n.type, {
      q_num_heads: heads,
      kv_num_heads: kvHeads,
      scale: { float: scale },
      ...(softcap === undefined ? {} : { softcap: { float: softcap } }),
    });
    return covered ? y : to.sheet.node("Mul", [y, sees(to, n, allowed)], n.type);
  },
  // ScatterND would do without the wide index, but ONNX Runtime adds its rows on several threads at once and loses some
  // where an index repeats (measured: up to a quarter of 65,536 rows); ScatterElements goes through them in order.
  scatter: ({ sheet, shapes }, n, [values, index]) => {
    const { rows } = n.attrs;
    const { dtype } = n.type;
    const count = product(index!.type.shape);
    const width = product(n.type.shape.slice(1));
    const spread = (x: Value, shape: readonly Dim[]): Value =>
      sheet.node("Expand", [x, shapes.vector(shape)], { dtype: x.type.dtype, shape });
    const nothing = spread(sheet.constant(dtype, [1, 1], [0]), [rows, width]);
    const at = spread(shapes.reshape(index!, [count, 1]), [count, width]);
    const flat = shapes.reshape(values!, [count, width]);
    const summed = sheet.node(
      "ScatterElements",
      [nothing, at, flat],
      { dtype, shape: [rows, width] },
      { axis: 0, reduction: "add" },
    );
    return shapes.reshape(summed, n.type.shape);
  },
  // ONNX has no order but that of what reads what; a choice between equals by a number of the other operand is one.
  barrier: ({ sheet, shapes }, n, [x, signal]) => {
    const { dtype } = signal!.type;
    const flat = shapes.reshape(signal!, [product(signal!.type.shape)]);
    const number = sheet.node("Gather", [flat, sheet.constant("i64", [], [0])], { dtype, shape: [] }, { axis: 0 });
    const either = sheet.node("IsNaN", [number], { dtype: "bool", shape: [] });
    return sheet.node("Where", [either, x, x], n.type);
  },
};

/** Keys, values and masks of all streams one after the other, as ONNX's Attention takes them. */
const together = ({ sheet }: Context, n: NodeOf<"attention">, src: readonly Value[]): KeyStream<Value> => {
  const streams = keyStreams(src);
  const nodes = keyStreams(n.src);
  if (streams.length === 1) return streams[0]!;
  const join = (values: readonly Value[], axis: number): Value => {
    const shape = values[0]!.type.shape.with(axis, values.map((value) => value.type.shape[axis]!).reduce(add));
    return sheet.node("Concat", values, { dtype: values[0]!.type.dtype, shape }, { axis });
  };
  const mask = sheet.once(`masks ${nodes.map((each) => each.mask.id).join()}`, () =>
    sheet.under(nodes[0]!.mask.origin ?? n.origin, () =>
      join(
        streams.map((stream) => stream.mask),
        3,
      ),
    ),
  );
  return {
    k: join(
      streams.map((stream) => stream.k),
      1,
    ),
    v: join(
      streams.map((stream) => stream.v),
      1,
    ),
    mask,
  };
};

/** The masks of an attention, by which what is made of them is remembered. */
const masksOf = (n: NodeOf<"attention">): string =>
  keyStreams(n.src)
    .map(({ mask }) => mask.id)
    .join();
/** A mask as numbers to add, 0 and -1e30: faster than bools, and one for all layers. */
const additive = ({ sheet }: Context, n: NodeOf<"attention">, mask: Value): Value =>
  sheet.once(`additive ${masksOf(n)}`, () =>
    sheet.under(n.src[3]!.origin ?? n.origin, () => {
      const values = [sheet.constant("f32", [], [0]), sheet.constant("f32", [], [HIDDEN])];
      return sheet.node("Where", [mask, ...values], { dtype: "f32", shape: mask.type.shape });
    }),
  );
/** 1 for a query that sees a key, 0 for one that sees none: `[batch or 1, Q, 1]`. */
const sees = ({ sheet }: Context, n: NodeOf<"attention">, allowed: Value): Value =>
  sheet.once(`sees ${masksOf(n)}`, () =>
    sheet.under(n.src[3]!.origin ?? n.origin, () => {
      const [batch, one, rows] = allowed.type.shape;
      const best = sheet.node(
        "ReduceMax",
        [allowed, sheet.constant("i64", [1], [3])],
        { dtype: "f32", shape: [batch!, one!, rows!, 1] },
        { keepdims: 1 },
      );
      const perRow = { dtype: "f32", shape: [batch!, rows!, 1] } as const;
      return sheet.node("Exp", [sheet.node("Squeeze", [best, sheet.constant("i64", [1], [1])], perRow)], perRow);
    }),
  );
