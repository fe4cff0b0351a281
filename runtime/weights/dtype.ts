// The element types of a safetensors file: their size, the typed array that views them, and their reading as f32.
// Views are little endian, as the format is and as every platform of Node and of the browsers is.

/** Spelled as in the format. */
export type StoredDType = keyof typeof itemSize;

/** Bytes of one element. */
export const itemSize = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
  C64: 8,
} as const;

export const isStoredDType = (text: string): text is StoredDType => Object.hasOwn(itemSize, text);

/** Bits of an IEEE half as a number; exact. */
const halfToNumber = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
};

/** The bytes as elements of the given typed array: a view where the offset allows, else a copy. */
export const viewAs = <T>(
  bytes: Uint8Array,
  make: { new (buffer: ArrayBufferLike, offset: number, length: number): T; readonly BYTES_PER_ELEMENT: number },
): T => {
  const size = make.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new make(aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
};

const widen = (bits: Uint16Array, toNumber: (bits: number) => number): Float32Array =>
  Float32Array.from(bits, toNumber);

const halves = (bits: Uint16Array): Float32Array => {
  const table = halfTable();
  const result = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = table[bits[i]!]!;
  return result;
};

let cachedHalves: Float32Array | undefined;
/** All 65,536 halves: made once, four times faster than the arithmetic. */
const halfTable = (): Float32Array =>
  (cachedHalves ??= widen(
    Uint16Array.from({ length: 0x10000 }, (_, bits) => bits),
    halfToNumber,
  ));

const brains = (bits: Uint16Array): Float32Array => {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return new Float32Array(words.buffer);
};

/** How a type is read as f32 [n]; the types without an entry have no meaning as one f32. f32 itself is a view. */
const decoders: { readonly [D in StoredDType]?: (bytes: Uint8Array) => Float32Array } = {
  F32: (bytes) => viewAs(bytes, Float32Array),
  F64: (bytes) => Float32Array.from(viewAs(bytes, Float64Array)),
  F16: (bytes) => halves(viewAs(bytes, Uint16Array)),
  BF16: (bytes) => brains(viewAs(bytes, Uint16Array)),
};

/** The elements as f32, or undefined where the type is no float of 16 bits or more. f64 is rounded. */
export const decodeF32 = (dtype: StoredDType, bytes: Uint8Array): Float32Array | undefined => decoders[dtype]?.(bytes);
