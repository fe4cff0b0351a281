// ONNX messages by name of what they hold, over onnx-proto's static encoder: element types, tensors, attributes.
// The schema there is older than the opsets written here, but versions and element types are plain integers.
import proto from "onnx-proto";
import { type Dim, show } from "../../ir/dim.ts";
import type { DType } from "../../ir/vocabulary.ts";
import type { Place } from "./place.ts";

/** Element types in a graph: those of the IR, and the two that only ONNX asks for. */
export type Element = DType | "i64" | "f64";
export interface OnnxType {
  readonly dtype: Element;
  readonly shape: readonly Dim[];
}

export const elementType: Record<Element, number> = { f32: 1, i32: 6, i64: 7, bool: 9, f16: 10, f64: 11, bf16: 16 };
export const elementSize: Record<Element, number> = { f32: 4, i32: 4, i64: 8, bool: 1, f16: 2, f64: 8, bf16: 2 };

export type Attribute = number | { readonly float: number } | string | readonly number[];
type AttributeProto = proto.onnx.IAttributeProto;
const kinds = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** A number is an integer unless it is wrapped as a float. */
export const attribute = (name: string, value: Attribute): AttributeProto => {
  if (typeof value === "number") return { name, type: kinds.int, i: value };
  if (typeof value === "string") return { name, type: kinds.string, s: new TextEncoder().encode(value) };
  if ("float" in value) return { name, type: kinds.float, f: value.float };
  return { name, type: kinds.ints, ints: [...value] };
};

/** Free dimensions carry their polynomial as text. */
export const valueInfo = (name: string, type: OnnxType, docString?: string): proto.onnx.IValueInfoProto => ({
  name,
  ...(docString === undefined ? {} : { docString }),
  type: {
    tensorType: {
      elemType: elementType[type.dtype],
      shape: { dim: type.shape.map((d) => (typeof d === "number" ? { dimValue: d } : { dimParam: show(d) })) },
    },
  },
});

/** The little-endian bytes of numbers. */
export const bytesOf = (dtype: Element, values: ArrayLike<number>): Uint8Array => {
  if (dtype === "f32" && values instanceof Float32Array && littleEndian)
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bytes = new Uint8Array(values.length * elementSize[dtype]);
  const view = new DataView(bytes.buffer);
  const write = writers[dtype];
  for (let i = 0; i < values.length; i++) write(view, i * elementSize[dtype], values[i]!);
  return bytes;
};
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const half = (): never => {
  throw new Error("constants are not stored in 16 bits");
};
const writers: Record<Element, (view: DataView, at: number, value: number) => void> = {
  f32: (view, at, value) => view.setFloat32(at, value, true),
  f64: (view, at, value) => view.setFloat64(at, value, true),
  i32: (view, at, value) => view.setInt32(at, value, true),
  i64: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
  bool: (view, at, value) => view.setUint8(at, value),
  f16: half,
  bf16: half,
};

export const embedded = (
  name: string,
  dtype: Element,
  dims: readonly number[],
  rawData: Uint8Array,
): proto.onnx.ITensorProto => ({
  name,
  dataType: elementType[dtype],
  dims: [...dims],
  rawData,
});

export const external = (
  name: string,
  dtype: Element,
  dims: readonly number[],
  place: Place,
): proto.onnx.ITensorProto => ({
  name,
  dataType: elementType[dtype],
  dims: [...dims],
  dataLocation: 1,
  externalData: [
    { key: "location", value: place.location },
    { key: "offset", value: String(place.offset) },
    { key: "length", value: String(place.length) },
  ],
});

export const encodeModel = (model: proto.onnx.IModelProto): Uint8Array =>
  new Uint8Array(proto.onnx.ModelProto.encode(model).finish());
export const decodeModel = (bytes: Uint8Array): proto.onnx.ModelProto => proto.onnx.ModelProto.decode(bytes);
export const decodeTensor = (bytes: Uint8Array): proto.onnx.TensorProto => proto.onnx.TensorProto.decode(bytes);
export type ModelProto = proto.onnx.ModelProto;
export type NodeProto = proto.onnx.INodeProto;
export type TensorProto = proto.onnx.ITensorProto;
export type ValueInfoProto = proto.onnx.IValueInfoProto;
export type AttributeMessage = proto.onnx.IAttributeProto;
