// Numbers of reference files, and rounded to 16 bits (to nearest, ties to even) as bytes and as f32 again: what checkpoints
// of other types are made of.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { memorySource, readF32, readSafetensors } from "../../runtime/index.ts";
import { root } from "./built.ts";

export type Stored = "F32" | "F16" | "BF16";

const toEven = (x: number): number => {
  const low = Math.floor(x);
  const rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
};
const HALF_LEAST = -14;
const halfBits = (x: number): number => {
  const size = Math.abs(x);
  const exponent = Math.max(size === 0 ? HALF_LEAST : Math.floor(Math.log2(size)), HALF_LEAST);
  const bits = (exponent - HALF_LEAST) * 1024 + toEven(size / 2 ** (exponent - 10));
  return (x < 0 ? 0x8000 : 0) + bits;
};
const fromHalf = (bits: number): number => {
  const exponent = Math.max((bits >> 10) & 31, 1);
  const fraction = (bits & 1023) + ((bits >> 10) & 31 ? 1024 : 0);
  return (bits & 0x8000 ? -1 : 1) * fraction * 2 ** (exponent - 25);
};

const words = (data: Float32Array): Uint32Array => new Uint32Array(Float32Array.from(data).buffer);
const brainBits = (data: Float32Array): Uint16Array => Uint16Array.from(words(data), (word) => toEven(word / 65_536));
const fromBrain = (bits: Uint16Array): Float32Array =>
  new Float32Array(Uint32Array.from(bits, (each) => each * 65_536).buffer);

/** The bytes of the numbers in a type. */
export const bytesAs = (dtype: Stored, data: Float32Array): Float32Array | Uint16Array => {
  if (dtype === "F32") return data;
  return dtype === "F16" ? Uint16Array.from(data, halfBits) : brainBits(data);
};
/** The numbers that those bytes are. */
export const rounded = (dtype: Stored, data: Float32Array): Float32Array => {
  if (dtype === "F32") return data;
  return dtype === "F16" ? Float32Array.from(Uint16Array.from(data, halfBits), fromHalf) : fromBrain(brainBits(data));
};

/** The tensors of a reference file, as f32. */
export const numbersOf = async (...path: string[]) => {
  const source = memorySource(path.at(-1)!, readFileSync(join(root, "test", "reference", ...path)));
  const { tensors } = await readSafetensors(source);
  const bytes = (name: string) => source.read(tensors.get(name)!.offset, tensors.get(name)!.length);
  const all = [...tensors.values()].map(async (tensor) => {
    const { dtype, name } = tensor;
    const data =
      dtype === "I32" ? new Int32Array(Uint8Array.from(await bytes(name)).buffer) : await readF32(source, tensor);
    return { ...tensor, data };
  });
  return Promise.all(all);
};
