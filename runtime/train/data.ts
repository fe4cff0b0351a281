// A folder of samples: `samples.jsonl`, one sample a line; pictures beside it; and tensors in `samples.safetensors`. It is
// read as the work of a stranger: names are those of files in the folder itself, and every line is checked when it is opened.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { imagesIn, layoutOf } from "../generate/rows.ts";
import { decodeText, type Json, type JsonObject, parseJson } from "../json.ts";
import type { Manifest } from "../manifest.ts";
import { readImage } from "../media/image.ts";
import type { Picture } from "../media/patches.ts";
import { quote } from "../quote.ts";
import {
  array,
  boolean,
  type Check,
  integer,
  number,
  numberOr,
  object,
  optional,
  path as plainName,
  record,
  type Report,
  text,
  textOr,
} from "../schema.ts";
import { checkOwnFile, type FileSource, openFile, readWhole } from "../weights/file.ts";
import { readF32, readSafetensors, type Safetensors } from "../weights/safetensors.ts";
import type { Sample, SamplePart, Samples } from "./sample.ts";

const LINES = "samples.jsonl";
const TENSORS = "samples.safetensors";
const MAX_BYTES = 2 ** 30;
const MAX_PARTS = 10_000;
/** Decoded pictures that are kept, in numbers. */
const MAX_KEPT = 2 ** 24;

const inputs = optional(record(numberOr(number, textOr(text(1024), array(number, 2 ** 20)))));
const common = { learn: optional(boolean), inputs };
const forms = {
  text: object({ text: text(2 ** 24), ...common }),
  ids: object({ ids: array(integer(0, 2 ** 31 - 1), 2 ** 20), ...common }),
  image: object({ image: plainName, drawn: optional(boolean), ...common }),
  grid: object({ grid: text(1024), drawn: optional(boolean), ...common }),
} as const;
/** A part as it is written: what it names is in the folder. */
type Written = { readonly [K in keyof typeof forms]: (typeof forms)[K] extends Check<infer T> ? T : never };
type WrittenPart = string | Written[keyof Written];

const isObject = (json: Json | undefined): json is JsonObject => json instanceof Map;
const part = (json: Json, report: Report, where: string): WrittenPart => {
  if (typeof json === "string") return json;
  const key = isObject(json)
    ? (Object.keys(forms) as (keyof typeof forms)[]).find((each) => json.has(each))
    : undefined;
  return key === undefined
    ? report(where, "a text, or an object with `text`, `ids`, `image` or `grid`")
    : forms[key](json, report, where);
};

interface WrittenSample {
  readonly parts: readonly WrittenPart[];
  readonly inputs: Written["text"]["inputs"];
}
const sampleOf = (json: Json, report: Report): WrittenSample => {
  const parts: Json | undefined = isObject(json) ? json.get("parts") : json;
  if (!Array.isArray(parts) || parts.length === 0 || parts.length > MAX_PARTS)
    return report("", `a list of 1 to ${MAX_PARTS} parts, or an object with \`parts\``);
  const unknown = isObject(json) ? [...json.keys()].find((key) => key !== "parts" && key !== "inputs") : undefined;
  if (unknown !== undefined) return report(quote(unknown), "absent: it is unknown");
  return {
    parts: (parts as readonly Json[]).map((each, i) => part(each, report, `parts[${i}]`)),
    inputs: isObject(json) ? inputs(json.get("inputs"), report, "inputs") : undefined,
  };
};

export interface Data {
  /** As a model takes them. */
  samplesFor(manifest: Manifest): Samples;
  /** the same for the same samples */
  readonly id: string;
  close(): Promise<void>;
}

/** @throws Failure "file" with the line that is wrong */
export const openData = async (folder: string): Promise<Data> => {
  const path = join(folder, LINES);
  await checkOwnFile(path, "the samples", `a folder of samples holds ${LINES}, one sample a line`);
  const bytes = await readWhole(path, MAX_BYTES);
  const lines = linesOf(bytes);
  if (lines.length === 0) throw new Failure("file", `${path}: holds no samples`, "write one a line");
  const tensors = await tensorsIn(folder);
  try {
    for (const { from, to, line } of lines)
      await checkLine(bytes.subarray(from, to), `${path}: line ${line}`, folder, tensors);
    const hash = createHash("sha256").update(bytes);
    if (tensors !== undefined) hash.update(`${tensors.source.size}`);
    return {
      samplesFor: (manifest) => {
        const reader = new Reader(folder, manifest, tensors);
        return {
          length: lines.length,
          at: (index) => {
            const { from, to, line } = lines[index]!;
            return reader.read(bytes.subarray(from, to), `${path}: line ${line}`);
          },
        };
      },
      id: hash.digest("hex"),
      close: async () => tensors?.source.close(),
    };
  } catch (thrown) {
    await tensors?.source.close();
    throw thrown;
  }
};

interface Line {
  readonly from: number;
  readonly to: number;
  /** from 1 */
  readonly line: number;
}
/** Those that hold something. */
const linesOf = (bytes: Uint8Array): Line[] => {
  const found: Line[] = [];
  for (let from = 0, line = 1; from < bytes.length; line++) {
    const end = bytes.indexOf(0x0a, from);
    const to = end < 0 ? bytes.length : end;
    if (bytes.subarray(from, to).some((byte) => byte !== 0x20 && byte !== 0x0d && byte !== 0x09))
      found.push({ from, to, line });
    from = to + 1;
  }
  return found;
};

/** undefined: the folder has none */
type Tensors = Safetensors<FileSource> | undefined;
const tensorsIn = async (folder: string): Promise<Tensors> => {
  const path = join(folder, TENSORS);
  if (!existsSync(path)) return undefined;
  await checkOwnFile(path);
  const source = await openFile(path);
  return readSafetensors(source).catch(async (thrown: unknown) => {
    await source.close();
    throw thrown;
  });
};

/** Lines as samples. */
class Reader {
  readonly #folder: string;
  readonly #manifest: Manifest;
  readonly #tensors: Tensors;
  readonly #pictures = new Map<string, Picture>();
  #kept = 0;

  constructor(folder: string, manifest: Manifest, tensors: Tensors) {
    this.#folder = folder;
    this.#manifest = manifest;
    this.#tensors = tensors;
  }

  async read(bytes: Uint8Array, name: string): Promise<Sample> {
    const { parts, inputs: own } = written(bytes, name);
    const read: SamplePart[] = [];
    for (const each of parts) read.push(await this.#part(each, name));
    return { parts: read, inputs: await this.#inputs(own, name) };
  }

  async #part(given: WrittenPart, name: string): Promise<SamplePart> {
    if (typeof given === "string") return given;
    const { inputs: own, ...rest } = given;
    const numbers = { inputs: await this.#inputs(own, name) };
    if ("image" in rest) return { ...rest, ...numbers, image: await this.#picture(rest.image) };
    if ("grid" in rest) return { ...rest, ...numbers, grid: await this.#numbers(rest.grid, name) };
    return { ...rest, ...numbers };
  }
  async #picture(file: string): Promise<Picture> {
    const known = this.#pictures.get(file);
    if (known !== undefined) return known;
    const picture = await readImage(join(this.#folder, file), layoutOf(imagesIn(this.#manifest).grid).size);
    this.#kept += picture.data.length;
    if (this.#kept <= MAX_KEPT) this.#pictures.set(file, picture);
    return picture;
  }
  async #inputs(given: WrittenSample["inputs"], name: string): Promise<Record<string, number | Float32Array>> {
    const found: Record<string, number | Float32Array> = {};
    for (const [input, value] of Object.entries(given ?? {}))
      found[input] =
        typeof value === "number"
          ? value
          : typeof value === "string"
            ? await this.#numbers(value, name)
            : Float32Array.from(value);
    return found;
  }
  async #numbers(key: string, name: string): Promise<Float32Array> {
    const tensor = tensorIn(this.#tensors, key, name);
    return readF32(tensor.file, tensor);
  }
}

const tensorIn = (tensors: Tensors, key: string, name: string) => {
  const tensor = tensors?.tensors.get(key);
  if (tensor !== undefined) return tensor;
  const why = tensors === undefined ? `needs a ${TENSORS}` : `${TENSORS} has not`;
  throw new Failure("file", `${name}: names the tensor ${quote(key)}, which ${why}`);
};

/** That a line is sound, and what it names is there. Nothing is decoded. */
const checkLine = async (bytes: Uint8Array, name: string, folder: string, tensors: Tensors): Promise<void> => {
  const { parts, inputs: own } = written(bytes, name);
  const named = [own, ...parts.map((each) => (typeof each === "string" ? undefined : each.inputs))];
  const keys = named.flatMap((each) => Object.values(each ?? {}).filter((value) => typeof value === "string"));
  for (const each of parts) {
    if (typeof each === "string") continue;
    if ("image" in each) await checkOwnFile(join(folder, each.image), `the picture of ${name}`);
    if ("grid" in each) keys.push(each.grid);
  }
  for (const key of keys) tensorIn(tensors, key, name);
};

const written = (bytes: Uint8Array, name: string): WrittenSample =>
  sampleOf(parseJson(decodeText(bytes, name), name), (where, what) => {
    throw new Failure("file", `${name}: is no sample: ${where === "" ? "it" : where} must be ${what}`);
  });
