// Writes safetensors. Deterministic: the same tensors give the same bytes whatever their order, because they are laid
// out by element size (largest first, so that each is aligned to it) and then by name.
import { Failure } from "../failure.ts";
import { itemSize, type StoredDType } from "./dtype.ts";

export interface WrittenTensor {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** The elements as bytes, little endian; any typed array serves. */
  readonly data: ArrayBufferView;
}

/** The data begins at a multiple of this, which suits every element type and vector unit. */
const ALIGNMENT = 64;

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const checkTensor = (tensor: WrittenTensor): void => {
  const bytes = tensor.shape.reduce((product, size) => product * size, itemSize[tensor.dtype]);
  if (bytes === tensor.data.byteLength) return;
  throw new Failure(
    "call",
    `tensor ${JSON.stringify(tensor.name)} is ${tensor.dtype} [${tensor.shape.join(", ")}], ${bytes} bytes, ` +
      `but ${tensor.data.byteLength} bytes of data were given`,
  );
};

const headerOf = (tensors: readonly WrittenTensor[], metadata: ReadonlyMap<string, string>): Uint8Array => {
  const members: string[] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].sort(([a], [b]) => byText(a, b));
    members.push(
      `"__metadata__":{${pairs.map((pair) => pair.map((text) => JSON.stringify(text)).join(":")).join(",")}}`,
    );
  }
  let begin = 0;
  for (const { name, dtype, shape, data } of tensors) {
    const end = begin + data.byteLength;
    members.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${begin},${end}]}`,
    );
    begin = end;
  }
  const text = new TextEncoder().encode(`{${members.join(",")}}`);
  const padded = new Uint8Array(Math.ceil((text.length + 8) / ALIGNMENT) * ALIGNMENT - 8).fill(0x20);
  padded.set(text);
  return padded;
};

/**
 * A file's bytes in order, as pieces: 8 bytes of length, the header, each tensor's data as a view.
 * @throws Failure "call" when a name stands twice or data and shape disagree.
 */
export const safetensorsPieces = (
  tensors: Iterable<WrittenTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): readonly Uint8Array[] => {
  const laid = [...tensors].sort((a, b) => itemSize[b.dtype] - itemSize[a.dtype] || byText(a.name, b.name));
  const names = new Set<string>(["__metadata__"]);
  for (const tensor of laid) {
    if (names.has(tensor.name)) throw new Failure("call", `tensor ${JSON.stringify(tensor.name)} is written twice`);
    names.add(tensor.name);
    checkTensor(tensor);
  }
  const header = headerOf(laid, metadata);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return [length, header, ...laid.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
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
