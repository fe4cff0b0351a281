// Typed arrays with a dtype and a shape: what programs take and give.

/** The typed array of each dtype. Halves are held as their bits, booleans as 0 and 1. */
export interface TensorData {
  f32: Float32Array;
  f64: Float64Array;
  f16: Uint16Array;
  i32: Int32Array;
  i64: BigInt64Array;
  u8: Uint8Array;
  bool: Uint8Array;
}
export type DType = keyof TensorData;

/** Row major; `data` has as many elements as the product of `shape`. */
export type Tensor = {
  [D in DType]: { readonly dtype: D; readonly shape: readonly number[]; readonly data: TensorData[D] };
}[DType];

/** By name. */
export type Tensors = Readonly<Record<string, Tensor>>;

export const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
