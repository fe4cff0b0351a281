// Reads a safetensors file: header first, and nothing else until the header is proved sound. Every entry must have a
// known dtype, a shape whose product is its length, and the entries must cover the data without hole or overlap.
// https://github.com/huggingface/safetensors#format
import { Failure } from "../failure.ts";
import { decodeText, type Json, type JsonObject, parseJson } from "../json.ts";
import { decodeF32, isStoredDType, itemSize, type StoredDType } from "./dtype.ts";
import type { Source } from "./source.ts";

/** One tensor of a file. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** From the beginning of the file, so that another format may point here. */
  readonly offset: number;
  /** In bytes. */
  readonly length: number;
}

export interface Safetensors {
  readonly source: Source;
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** What is read before anything is known about a file. The largest public header, of 497,000 tensors, has 60 MB. */
export const MAX_HEADER_BYTES = 100_000_000;
const MAX_RANK = 8;
const FIELDS = 3;

const wrong = (source: Source, what: string): never => {
  throw new Failure("file", `${source.name}: not a sound safetensors file: ${what}`);
};

const headerText = async (source: Source, maxHeader: number): Promise<{ text: string; dataStart: number }> => {
  if (source.size < 10) wrong(source, `it has ${source.size} bytes, and the shortest has 10`);
  const first = await source.read(0, 9);
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (first[8] !== 0x7b) wrong(source, "its header does not begin with `{`");
  if (length > BigInt(source.size - 8)) wrong(source, `its header is said to have ${length} bytes, more than the file`);
  if (length > BigInt(maxHeader)) wrong(source, `its header has ${length} bytes; at most ${maxHeader} are read`);
  const dataStart = 8 + Number(length);
  return { text: decodeText(await source.read(8, dataStart - 8), source.name), dataStart };
};

const isObject = (json: Json | undefined): json is JsonObject => json instanceof Map;

const sizes = (json: Json | undefined): readonly number[] | undefined =>
  Array.isArray(json) && json.every((item) => typeof item === "number" && Number.isSafeInteger(item) && item >= 0)
    ? (json as readonly number[])
    : undefined;

const readEntry = (source: Source, name: string, json: Json, dataStart: number): StoredTensor => {
  const bad = (what: string): never => wrong(source, `tensor ${JSON.stringify(name)} ${what}`);
  if (!isObject(json)) return bad("is not described by an object");
  const dtype = json.get("dtype");
  const shape = sizes(json.get("shape"));
  const [begin, end, ...more] = sizes(json.get("data_offsets")) ?? [];
  if (json.size !== FIELDS) return bad("must have `dtype`, `shape` and `data_offsets`, and no other field");
  if (typeof dtype !== "string" || !isStoredDType(dtype)) return bad(`has the unknown dtype ${JSON.stringify(dtype)}`);
  if (shape === undefined) return bad("has a shape that is not a list of sizes");
  if (shape.length > MAX_RANK) return bad(`has ${shape.length} axes; at most ${MAX_RANK} are read`);
  if (begin === undefined || end === undefined || more.length > 0 || begin > end)
    return bad("has wrong `data_offsets`");
  if (end > source.size - dataStart) return bad(`ends at byte ${end} of ${source.size - dataStart} bytes of data`);
  const bytes = shape.reduce((product, size) => product * BigInt(size), BigInt(itemSize[dtype]));
  if (bytes !== BigInt(end - begin)) {
    return bad(`is ${dtype} [${shape.join(", ")}], ${bytes} bytes, but its offsets span ${end - begin}`);
  }
  return { name, dtype, shape, offset: dataStart + begin, length: end - begin };
};

const checkCover = (source: Source, tensors: Iterable<StoredTensor>, dataStart: number): void => {
  let covered = dataStart;
  for (const tensor of [...tensors].sort((a, b) => a.offset - b.offset || a.length - b.length)) {
    if (tensor.offset !== covered) {
      const fault = tensor.offset > covered ? "leaves a hole before" : "overlaps the tensor before";
      wrong(source, `tensor ${JSON.stringify(tensor.name)} ${fault} its data`);
    }
    covered += tensor.length;
  }
  if (covered !== source.size) wrong(source, `${source.size - covered} bytes at its end belong to no tensor`);
};

const readMetadata = (source: Source, json: Json): ReadonlyMap<string, string> => {
  if (!isObject(json)) return wrong(source, "`__metadata__` is not an object");
  const metadata = new Map<string, string>();
  for (const [key, value] of json) {
    if (typeof value !== "string") return wrong(source, `\`__metadata__\` has ${JSON.stringify(key)} that is no text`);
    metadata.set(key, value);
  }
  return metadata;
};

/**
 * Reads and checks the header; no tensor's bytes are touched.
 * @throws Failure "file" with the file's name and the tensor that is wrong.
 */
export const readSafetensors = async (
  source: Source,
  options: { readonly maxHeader?: number } = {},
): Promise<Safetensors> => {
  const { text, dataStart } = await headerText(source, options.maxHeader ?? MAX_HEADER_BYTES);
  const header = parseJson(text, source.name);
  if (!isObject(header)) return wrong(source, "its header is not an object");
  const tensors = new Map<string, StoredTensor>();
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, json] of header) {
    if (name === "__metadata__") metadata = readMetadata(source, json);
    else tensors.set(name, readEntry(source, name, json, dataStart));
  }
  checkCover(source, tensors.values(), dataStart);
  return { source, metadata, tensors };
};

/** A tensor's bytes as they stand in the file; no copy where the source has them in memory. */
export const readBytes = (source: Source, tensor: StoredTensor): Promise<Uint8Array> =>
  source.read(tensor.offset, tensor.length);

/**
 * A tensor's elements as f32, row major; f32 is a view where aligned, f16 and bf16 are widened exactly, f64 is rounded.
 * @throws Failure "file" for other types.
 */
export const readF32 = async (source: Source, tensor: StoredTensor): Promise<Float32Array> => {
  const values = decodeF32(tensor.dtype, await readBytes(source, tensor));
  if (values !== undefined) return values;
  throw new Failure(
    "file",
    `${source.name}: tensor ${JSON.stringify(tensor.name)} is ${tensor.dtype}, which cannot be read as f32`,
    "weights are read from F32, F16, BF16 and F64",
  );
};
