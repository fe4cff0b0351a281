// Writes safetensors. Deterministic: the same tensors give the same bytes whatever their order, because they are laid
// out by element size (largest first, so that each is aligned to it) and then by name.
import { Failure } from "../failure.ts";
import { itemSize } from "./dtype.ts";
import type { StoredTensor } from "./safetensors.ts";

type Described = Pick<StoredTensor, "name" | "dtype" | "shape">;

export interface WrittenTensor extends Described {
  /** The elements as bytes, little endian; any typed array serves. */
  readonly data: ArrayBufferView;
}

/** The data begins at a multiple of this, which suits every element type and vector unit. */
const ALIGNMENT = 64;

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const bytesOf = ({ dtype, shape }: Described): number =>
  shape.reduce((product, size) => product * size, itemSize[dtype]);

const checkTensor = (tensor: WrittenTensor): void => {
  const bytes = bytesOf(tensor);
  if (bytes === tensor.data.byteLength) return;
  throw new Failure(
    "call",
    `tensor ${JSON.stringify(tensor.name)} is ${tensor.dtype} [${tensor.shape.join(", ")}], ${bytes} bytes, ` +
      `but ${tensor.data.byteLength} bytes of data were given`,
  );
};

const headerOf = (tensors: readonly Described[], metadata: ReadonlyMap<string, string>): Uint8Array => {
  const members: string[] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].sort(([a], [b]) => byText(a, b));
    members.push(
      `"__metadata__":{${pairs.map((pair) => pair.map((text) => JSON.stringify(text)).join(":")).join(",")}}`,
    );
  }
  let begin = 0;
  for (const tensor of tensors) {
    const { name, dtype, shape } = tensor;
    const end = begin + bytesOf(tensor);
    members.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${begin},${end}]}`,
    );
    begin = end;
  }
  const text = new TextEncoder().encode(`{${members.join(",")}}`);
  const padded = new Uint8Array(Math.ceil((text.length + 8) / ALIGNMENT) * ALIGNMENT).fill(0x20);
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.length - 8), true);
  padded.set(text, 8);
  return padded;
};

const sorted = <T extends Described>(tensors: Iterable<T>): readonly T[] => {
  const laid = [...tensors].sort((a, b) => itemSize[b.dtype] - itemSize[a.dtype] || byText(a.name, b.name));
  const names = new Set<string>(["__metadata__"]);
  for (const { name } of laid) {
    if (names.has(name)) throw new Failure("call", `tensor ${JSON.stringify(name)} is written twice`);
    names.add(name);
  }
  return laid;
};

/** Where everything of a file will lie, before any of its data is at hand. */
export interface SafetensorsLayout {
  /** The first bytes of the file: 8 bytes of length, and the header. */
  readonly header: Uint8Array;
  /** In the order of the file; offsets from its beginning, lengths in bytes. */
  readonly tensors: readonly StoredTensor[];
  /** Of the whole file, in bytes. */
  readonly size: number;
}

/** The layout of the file that `safetensorsPieces` makes of the same tensors. @throws Failure "call" as it does. */
export const safetensorsLayout = (
  tensors: Iterable<Described>,
  metadata: ReadonlyMap<string, string> = new Map(),
): SafetensorsLayout => {
  const laid = sorted(tensors);
  const header = headerOf(laid, metadata);
  let offset = header.length;
  const placed = laid.map((tensor) => {
    const { name, dtype, shape } = tensor;
    const length = bytesOf(tensor);
    offset += length;
    return { name, dtype, shape, offset: offset - length, length };
  });
  return { header, tensors: placed, size: offset };
};

/**
 * A file's bytes in order, as pieces: 8 bytes of length and the header, then each tensor's data as a view.
 * @throws Failure "call" when a name stands twice or data and shape disagree.
 */
export const safetensorsPieces = (
  tensors: Iterable<WrittenTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): readonly Uint8Array[] => {
  const laid = sorted(tensors);
  laid.forEach(checkTensor);
  const views = laid.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return [headerOf(laid, metadata), ...views];
};

/** The whole file in memory; for files that are small. */
export const safetensorsBytes = (
  tensors: Iterable<WrittenTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array => {
  const pieces = safetensorsPieces(tensors, metadata);
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
};
