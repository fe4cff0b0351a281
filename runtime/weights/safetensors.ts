// Reads a safetensors file: header first, and nothing else until the header is proved sound. Every entry must have a
// known dtype, a shape whose product is its length, and the entries must cover the data without hole or overlap.
// https://github.com/huggingface/safetensors#format
import { Failure } from "../failure.ts";
import { decodeText, JsonReader } from "../json.ts";
import { quote } from "../quote.ts";
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

/** A tensor and what it lies in. */
export interface LyingTensor<S extends Source> extends StoredTensor {
  readonly file: S;
}

export interface Safetensors<S extends Source = Source> {
  readonly source: S;
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, LyingTensor<S>>;
}

/** What is read before anything is known about a file. The largest public header, of 497,000 tensors, has 60 MB. */
export const MAX_HEADER_BYTES = 100_000_000;
/** Twice as many as that one has. With it, the memory that a header takes is bounded (docs/robustness.md). */
export const MAX_TENSORS = 1_000_000;
const MAX_METADATA = 100_000;
const MAX_RANK = 8;

const METADATA = "__metadata__";

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

/** A list of sizes; `isWrong` where there is something else, `isLong` where it has more than `most`. */
const sizes = (json: JsonReader, most: number, isWrong: () => never, isLong: () => never): readonly number[] => {
  if (!json.begins("[")) return isWrong();
  const found: number[] = [];
  json.items(() => {
    const size = json.size() ?? isWrong();
    if (found.length === most) isLong();
    found.push(size);
  });
  // A list that has grown keeps room for more.
  return found.slice();
};

interface Entry {
  dtype: StoredDType | undefined;
  shape: readonly number[] | undefined;
  offsets: readonly number[] | undefined;
}

const readEntry = <S extends Source>(source: S, name: string, json: JsonReader, dataStart: number): LyingTensor<S> => {
  const bad = (what: string): never => wrong(source, `tensor ${quote(name)} ${what}`);
  if (!json.begins("{")) return bad("is not described by an object");
  const entry: Entry = { dtype: undefined, shape: undefined, offsets: undefined };
  const isKnown = (key: string): boolean =>
    key === "data_offsets"
      ? entry.offsets !== undefined
      : (key === "dtype" || key === "shape") && entry[key] !== undefined;
  json.members({ has: isKnown }, (key) => {
    if (key === "dtype") {
      const dtype = json.begins('"') ? json.string() : bad("has a dtype that is no text");
      entry.dtype = isStoredDType(dtype) ? dtype : bad(`has the unknown dtype ${quote(dtype)}`);
    } else if (key === "shape") {
      const isLong = (): never => bad(`has more than ${MAX_RANK} axes`);
      entry.shape = sizes(json, MAX_RANK, () => bad("has a shape that is not a list of sizes"), isLong);
    } else if (key === "data_offsets") {
      const isWrong = (): never => bad("has wrong `data_offsets`");
      entry.offsets = sizes(json, 2, isWrong, isWrong);
    } else bad("must have `dtype`, `shape` and `data_offsets`, and no other field");
  });
  const { dtype, shape, offsets } = entry;
  if (dtype === undefined || shape === undefined || offsets === undefined)
    return bad("must have `dtype`, `shape` and `data_offsets`, and no other field");
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || begin > end) return bad("has wrong `data_offsets`");
  if (end > source.size - dataStart) return bad(`ends at byte ${end} of ${source.size - dataStart} bytes of data`);
  const bytes = shape.reduce((product, size) => product * BigInt(size), BigInt(itemSize[dtype]));
  if (bytes !== BigInt(end - begin)) {
    return bad(`is ${dtype} [${shape.join(", ")}], ${bytes} bytes, but its offsets span ${end - begin}`);
  }
  return { name, dtype, shape, offset: dataStart + begin, length: end - begin, file: source };
};

const checkCover = (source: Source, tensors: readonly StoredTensor[], dataStart: number): void => {
  let covered = dataStart;
  for (const tensor of tensors) {
    if (tensor.offset !== covered) {
      const fault = tensor.offset > covered ? "leaves a hole before" : "overlaps the tensor before";
      wrong(source, `tensor ${quote(tensor.name)} ${fault} its data`);
    }
    covered += tensor.length;
  }
  if (covered !== source.size) wrong(source, `${source.size - covered} bytes at its end belong to no tensor`);
};

const readMetadata = (source: Source, json: JsonReader): ReadonlyMap<string, string> => {
  if (!json.begins("{")) return wrong(source, "`__metadata__` is not an object");
  const metadata = new Map<string, string>();
  json.members(metadata, (key) => {
    if (!json.begins('"')) return wrong(source, `\`__metadata__\` has ${quote(key)} that is no text`);
    if (metadata.size === MAX_METADATA) wrong(source, `\`__metadata__\` has more than ${MAX_METADATA} entries`);
    metadata.set(key, json.string());
  });
  return metadata;
};

/**
 * Reads and checks the header; no tensor's bytes are touched.
 * @throws Failure "file" with the file's name and the tensor that is wrong.
 */
export const readSafetensors = async <S extends Source>(
  source: S,
  options: { readonly maxHeader?: number } = {},
): Promise<Safetensors<S>> => {
  const { text, dataStart } = await headerText(source, options.maxHeader ?? MAX_HEADER_BYTES);
  const json = new JsonReader(text, source.name);
  if (!json.begins("{")) return wrong(source, "its header is not an object");
  const tensors = new Map<string, LyingTensor<S>>();
  let metadata: ReadonlyMap<string, string> | undefined;
  const known = { has: (key: string) => tensors.has(key) || (key === METADATA && metadata !== undefined) };
  json.members(known, (name) => {
    if (name === METADATA) return void (metadata = readMetadata(source, json));
    if (tensors.size === MAX_TENSORS) wrong(source, `it has more than ${MAX_TENSORS} tensors`);
    tensors.set(name, readEntry(source, name, json, dataStart));
  });
  json.end();
  const laid = [...tensors.values()].sort((a, b) => a.offset - b.offset || a.length - b.length);
  checkCover(source, laid, dataStart);
  return { source, metadata: metadata ?? new Map(), tensors };
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
    `${source.name}: tensor ${quote(tensor.name)} is ${tensor.dtype}, which cannot be read as f32`,
    "weights are read from F32, F16, BF16 and F64",
  );
};
