// Whether a file is sound safetensors, decided once more: `JSON.parse`, a count of keys, and the rules of the format one
// after another. Shares nothing with the reader, and is to agree with it on every file.

const WIDTHS = [
  [1, "BOOL U8 I8 F8_E4M3 F8_E5M2 F8_E8M0"],
  [2, "U16 I16 F16 BF16"],
  [4, "U32 I32 F32"],
  [8, "U64 I64 F64 C64"],
] as const;
const sizeOf = new Map(WIDTHS.flatMap(([size, names]) => names.split(" ").map((name) => [name, size] as const)));
export const dtypes = [...sizeOf.keys()];

export interface Sound {
  readonly metadata: readonly (readonly [string, string])[];
  readonly tensors: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly offset: number;
    readonly length: number;
  }[];
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/gsu;

/** Whether no object has a key twice, and all numbers are sizes. The text is JSON. */
const hasPlainTokens = (text: string): boolean => {
  const open: (Set<string> | undefined)[] = [];
  const tokens = text.match(TOKEN) ?? [];
  for (const [i, token] of tokens.entries()) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(undefined);
    else if (token === "}" || token === "]") open.pop();
    else if (token.startsWith('"') && tokens[i + 1] === ":") {
      const key = JSON.parse(token) as string;
      if (open.at(-1)!.has(key)) return false;
      open.at(-1)!.add(key);
    } else if (/^[-\d]/.test(token) && !(/^(?:0|[1-9]\d{0,15})$/.test(token) && Number.isSafeInteger(Number(token))))
      return false;
  }
  return true;
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const areNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => typeof item === "number");

/** What the file holds, or undefined where it is not sound. */
export const soundness = (bytes: Uint8Array): Sound | undefined => {
  if (bytes.length < 10 || bytes[8] !== "{".charCodeAt(0)) return undefined;
  const claimed = Buffer.from(bytes.buffer, bytes.byteOffset, 8).readBigUInt64LE();
  if (claimed > BigInt(bytes.length - 8)) return undefined;
  const start = 8 + Number(claimed);
  let json: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, start));
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(json) || !hasPlainTokens(text)) return undefined;
  const tensors: Sound["tensors"][number][] = [];
  let metadata: Sound["metadata"] = [];
  for (const [name, entry] of Object.entries(json)) {
    if (!isRecord(entry)) return undefined;
    if (name === "__metadata__") {
      if (!Object.values(entry).every((value) => typeof value === "string")) return undefined;
      metadata = Object.entries(entry) as [string, string][];
      continue;
    }
    const { dtype, shape, data_offsets: offsets, ...more } = entry;
    if (Object.keys(more).length > 0 || typeof dtype !== "string" || !dtypes.includes(dtype)) return undefined;
    if (!areNumbers(shape) || !areNumbers(offsets) || shape.length > 8 || offsets.length !== 2) return undefined;
    const [begin, end] = offsets as [number, number];
    const size = shape.reduce((all, each) => all * BigInt(each), BigInt(sizeOf.get(dtype)!));
    if (BigInt(end) - BigInt(begin) !== size || start + end > bytes.length) return undefined;
    tensors.push({ name, dtype, shape, offset: start + begin, length: end - begin });
  }
  // Every byte is of one tensor: in order, each begins where the one before ends.
  const ends = [...tensors].sort((a, b) => a.offset - b.offset || a.length - b.length);
  let at = start;
  for (const { offset, length } of ends) {
    if (offset !== at) return undefined;
    at += length;
  }
  return at === bytes.length ? { metadata, tensors } : undefined;
};
