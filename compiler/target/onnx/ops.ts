// How each primitive of the IR is said in ONNX, and how each composite that ONNX has too.
import { add, same } from "../../ir/dim.ts";
import type { Node, NodeOf } from "../../ir/node.ts";
import { sinusoidFrequencies, tableShape, tableValues } from "../../ir/table.ts";
import type { DType, Op, Pointwise, Reduce } from "../../ir/vocabulary.ts";
import type { Emitters } from "../legalize.ts";
import { composites } from "./composites.ts";
import type { Emit } from "./context.ts";
import type { Profile } from "./profile.ts";
import { elementType } from "./proto.ts";
import type { Shapes } from "./shape.ts";
import type { Sheet, Value } from "./sheet.ts";

const named =
  (op: string): Emit<keyof Pointwise> =>
  ({ sheet }, n, src) =>
    sheet.node(op, src, n.type);

const pointwise: { [K in keyof Pointwise]: Emit<K> } = {
  add: named("Add"),
  sub: named("Sub"),
  mul: named("Mul"),
  div: named("Div"),
  max: named("Max"),
  min: named("Min"),
  pow: named("Pow"),
  neg: named("Neg"),
  exp: named("Exp"),
  log: named("Log"),
  sqrt: named("Sqrt"),
  tanh: named("Tanh"),
  sigmoid: named("Sigmoid"),
  erf: named("Erf"),
  less: named("Less"),
  equal: named("Equal"),
  and: named("And"),
  or: named("Or"),
  not: named("Not"),
  where: ({ sheet }, n, src) => (n.type.dtype === "bool" ? choice(sheet, n, src) : sheet.node("Where", src, n.type)),
  cast: ({ sheet }, n, src) => sheet.node("Cast", src, n.type, { to: elementType[n.attrs.dtype] }),
};

/** ONNX Runtime has no Where of bools. */
const choice = (sheet: Sheet, n: NodeOf<"where">, [condition, yes, no]: readonly Value[]): Value => {
  const inverse = sheet.node("Not", [condition], condition!.type);
  return sheet.node(
    "Or",
    [sheet.node("And", [condition, yes], n.type), sheet.node("And", [inverse, no], n.type)],
    n.type,
  );
};

const reduced =
  (op: string): Emit<keyof Reduce> =>
  ({ sheet }, n, [x]) =>
    sheet.node(op, [x, sheet.constant("i64", [1], [n.attrs.axis])], n.type, { keepdims: 1 });

/** To the end of an axis, however long. */
const END = Number.MAX_SAFE_INTEGER;

export const emitters: Emitters<{ [K in Op]: Emit<K> }> = {
  ...pointwise,
  ...composites,

  input: ({ inputs }, n) => {
    const value = inputs.get(n.attrs.name);
    if (value === undefined) throw new Error(`the program has no input ${n.attrs.name}`);
    return value;
  },
  param: ({ sheet, params, weight }, n) => {
    const param = params.get(n.attrs.name);
    if (param === undefined) throw new Error(`the module has no weight ${n.attrs.name}`);
    const stored = weight(param);
    return stored.type.dtype === n.type.dtype
      ? stored
      : sheet.node("Cast", [stored], n.type, { to: elementType[n.type.dtype] });
  },
  constant: ({ sheet }, n) => sheet.constant(n.attrs.dtype, [], [n.attrs.value]),
  table: ({ sheet }, n) => {
    const { table } = n.attrs;
    return sheet.constant("f32", tableShape(table), tableValues(table), tableName(table));
  },
  iota: ({ sheet, shapes, profile }, n) => {
    const { size } = n.attrs;
    if (typeof size === "number") return sheet.constant("i32", [size], [...Array(size).keys()]);
    return profile.range ? ranged(sheet, shapes, n) : counted(sheet, shapes, n);
  },

  transpose: ({ sheet }, n, src) => sheet.node("Transpose", src, n.type, { perm: n.attrs.perm }),
  broadcast: ({ sheet, shapes }, n, [x]) => {
    const lead = n.type.shape.length - x!.type.shape.length;
    // Expand broadcasts both ways, so an axis that is as long as it should be needs no length.
    const grown = n.type.shape.map((d, i) => (i >= lead && same(d, x!.type.shape[i - lead]!) ? 1 : d));
    return sheet.node("Expand", [x, shapes.vector(grown)], n.type);
  },
  split: ({ shapes }, n, [x]) => shapes.reshape(x!, n.type.shape),
  merge: ({ shapes }, n, [x]) => shapes.reshape(x!, n.type.shape),
  slice: ({ sheet, shapes }, n, [x]) => {
    const { axis, start, size } = n.attrs;
    const end = add(start, size);
    const axes = sheet.constant("i64", [1], [axis]);
    const last = shapes.vector([same(end, x!.type.shape[axis]!) ? END : end]);
    return sheet.node("Slice", [x, shapes.vector([start]), last, axes], n.type);
  },

  sum: reduced("ReduceSum"),
  amax: reduced("ReduceMax"),

  matmul: ({ sheet }, n, src) => sheet.node("MatMul", src, n.type),
  gather: ({ sheet }, n, src) => sheet.node("Gather", src, n.type, { axis: 0 }),
  concat: ({ sheet }, n, src) => sheet.node("Concat", src, n.type, { axis: n.attrs.axis }),
  sinusoid: ({ sheet }, n, [x]) => waves(sheet, n, x!),
};

const tableName = (table: NodeOf<"table">["attrs"]["table"]): string => {
  const { kind, scaling, ...plain } = { scaling: undefined, ...table };
  const said = Object.entries({ ...plain, ...scaling }).map(([key, v]) => `${key} ${v}`);
  return `${kind} table: ${said.join(", ")}`;
};

/** Counts up to a free dimension. */
const ranged = (sheet: Sheet, shapes: Shapes, n: NodeOf<"iota">): Value => {
  const scalar = (value: number): Value => sheet.constant("i32", [], [value]);
  const end = sheet.node("Squeeze", [shapes.vector([n.attrs.size])], { dtype: "i64", shape: [] });
  const limit = sheet.node("Cast", [end], { dtype: "i32", shape: [] }, { to: elementType.i32 });
  return sheet.node("Range", [scalar(0), limit, scalar(1)], n.type);
};
const counted = (sheet: Sheet, shapes: Shapes, n: NodeOf<"iota">): Value => {
  const ones = sheet.node("Expand", [sheet.constant("i32", [1], [1]), shapes.vector([n.attrs.size])], n.type);
  return sheet.node("CumSum", [ones, sheet.constant("i64", [], [0])], n.type, { exclusive: 1 });
};

/** In double throughout: in float the product alone would lose more than half of the digits of a large angle. */
const waves = (sheet: Sheet, n: NodeOf<"sinusoid">, x: Value): Value => {
  const { shape } = n.type;
  const last = shape.length - 1;
  const frequency = sinusoidFrequencies(n.attrs);
  const cast = (v: Value, dtype: DType | "f64"): Value =>
    sheet.node("Cast", [v], { dtype, shape: v.type.shape }, { to: elementType[dtype] });
  const column = sheet.node("Unsqueeze", [x, sheet.constant("i64", [1], [last])], {
    dtype: "f32",
    shape: shape.with(last, 1),
  });
  const half = { dtype: "f64", shape: shape.with(last, frequency.length) } as const;
  const angle = sheet.node("Mul", [cast(column, "f64"), sheet.constant("f64", [frequency.length], frequency)], half);
  const order = n.attrs.order === "sin cos" ? ["Sin", "Cos"] : ["Cos", "Sin"];
  const parts = order.map((op) => sheet.node(op, [angle], half));
  return cast(sheet.node("Concat", parts, { dtype: "f64", shape }, { axis: last }), "f32");
};

/** The emitter of a node's op: the one place where the two are taken together on trust. */
export const emitterOf = (n: Node): Emit<Op> => {
  const emit = emitters[n.op] as Emit<Op> | undefined;
  if (emit === undefined) throw new Error(`${n.op} reached the ONNX target whole`);
  return emit;
};
/** Whether ONNX has this op and the profile takes it. */
export const keeps =
  (profile: Profile) =>
  (n: Node): boolean =>
    emitters[n.op] !== undefined && !profile.expands(n);
