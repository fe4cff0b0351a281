// The manifest that lies beside compiled graphs: which programs there are, what they take and give, and how a document's
// rows are laid out. The runtime owns this format and reads it as the input of a stranger; the compiler conforms to it.
import { Failure } from "./failure.ts";
import { parseJson } from "./json.ts";
import {
  array,
  type Check,
  identifier,
  integer,
  nullable,
  number,
  object,
  oneOf,
  optional,
  path,
  sha256,
  string,
  textOr,
  variant,
} from "./schema.ts";

export const MANIFEST_SCHEMA = "graftwerk/manifest@1";

/** One input or output of a program. */
export interface Port {
  /** As in the graph: `text.id`, `image.patch.order`, `t`. */
  readonly name: string;
  readonly dtype: "f32" | "f16" | "i32" | "bool";
  /** A number, or the name of a size that the call chooses; equal names are equal sizes. */
  readonly shape: readonly (number | string)[];
  readonly doc: string;
}

/** Rows that a program computes: one `order`, `position` and so on for all kinds of a stream. */
export interface StreamEntry {
  readonly name: string;
  readonly kinds: readonly string[];
}
/** Keys and values kept between calls: ports `<name>.k`, `<name>.v` in, `new.<name>.k`, `new.<name>.v` out. */
export interface CacheEntry {
  readonly name: string;
  readonly stream: string;
  readonly kvHeads: number;
  /** Of a key head and a value head. */
  readonly widths: { readonly k: number; readonly v: number };
}

/** One graph. A call with rows of other kinds needs another program. */
export interface ProgramEntry {
  /** Unique: `forward(text, image)`. */
  readonly name: string;
  readonly phase: "forward" | "prefill" | "decode" | "read" | "denoise";
  readonly streams: readonly StreamEntry[];
  /** Streams whose rows see later rows of their span: all of a span are given in one call. */
  readonly whole: readonly string[];
  /** Streams whose past rows must be given again. */
  readonly again: readonly string[];
  /** Caches by name. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Beside the manifest. */
  readonly file: string;
  readonly sha256: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** A part of a span: a marker row, or a grid of rows. */
export type Segment =
  | { readonly is: "marker"; readonly kind: string; readonly token: string; readonly id: number; readonly text: string }
  | {
      readonly is: "grid";
      readonly kind: string;
      readonly rows: number;
      readonly cols: number;
      /** Numbers per row. */
      readonly width: number;
      /** How the numbers of a row are laid out, slowest axis first: `p q c`; null where the model does not say. */
      readonly order: string | null;
      /** Of a pixel or of a cell of a latent; the patch is square. */
      readonly channels: number | null;
    };

/** A kind of span: single tokens, or segments in the order of the document. */
export type Modality =
  | {
      readonly is: "tokens";
      readonly name: string;
      /** Ids of the tower's own vocabulary are 0 .. vocab - 1; `added` follow. */
      readonly vocab: number;
      readonly added: readonly string[];
    }
  | { readonly is: "span"; readonly name: string; readonly segments: readonly Segment[] };

/** An input that belongs to a document or to a span of one modality, such as the time `t` of an image. */
export interface Condition {
  readonly name: string;
  readonly per: string;
  /** Its value for a span that is given and not drawn. */
  readonly clean: number | null;
}

/** How a span of noise becomes an image: `clean` and `noise` are the ends of t of a flow; a DDPM has steps. */
export type Process =
  | {
      readonly is: "flow";
      readonly clean: number;
      readonly noise: number;
      readonly predicts: "velocity" | "x" | "noise";
    }
  | {
      readonly is: "ddpm";
      readonly steps: number;
      readonly schedule: "linear" | "cosine";
      readonly predicts: "noise" | "v" | "x";
    };

/** The noise of one modality. */
export interface Noise {
  readonly modality: string;
  /** The condition that says how noisy a drawn span is; null: the model draws none. */
  readonly input: string | null;
  readonly process: Process;
}

/** A file of external data, beside the manifest. */
export interface WeightFile {
  readonly file: string;
  /** In bytes. */
  readonly size: number;
  /**
   * How it came there: written by the compiler, or a checkpoint's own file: another name (hard link) of it, lying there
   * before, or a copy of it.
   */
  readonly how: "written" | "linked" | "beside" | "copied";
  /** Of the whole file; null where nobody asked for the hash of a checkpoint's own, or where nothing was written. */
  readonly sha256: string | null;
  /** sha256 of a checkpoint's bytes before its data (8 bytes of length, and the header); null: we wrote the file. */
  readonly header: string | null;
  /** When a checkpoint's own file was last changed, in milliseconds since 1970; null: it is ours, or our copy. */
  readonly mtime: number | null;
}

/** A module that opens the model, or its types, beside the manifest. */
export interface BindingsFile {
  readonly file: string;
  readonly sha256: string;
}

export interface Manifest {
  readonly schema: typeof MANIFEST_SCHEMA;
  /** Name and version of what wrote it. */
  readonly tool: string;
  readonly model: string;
  readonly target: "onnx";
  readonly profile: "ort-cpu" | "ort-webgpu" | "portable";
  readonly programs: readonly ProgramEntry[];
  readonly caches: readonly CacheEntry[];
  readonly modalities: readonly Modality[];
  readonly conditions: readonly Condition[];
  readonly noise: readonly Noise[];
  readonly weights: readonly WeightFile[];
  /** Weights whose values were not known when this was compiled; then their file, though listed, was not written. */
  readonly missing: readonly string[];
  /** Made from the rest of this manifest; absent where nobody asked for them. */
  readonly bindings?: readonly BindingsFile[] | undefined;
}

const extent = integer(1, 2 ** 31 - 1);
const size = textOr(identifier, extent);

const port: Check<Port> = object({
  name: string,
  dtype: oneOf("f32", "f16", "i32", "bool"),
  shape: array(size, 8),
  doc: string,
});

const program: Check<ProgramEntry> = object({
  name: string,
  phase: oneOf("forward", "prefill", "decode", "read", "denoise"),
  streams: array(object({ name: identifier, kinds: array(identifier, 256) }), 256),
  whole: array(identifier, 256),
  again: array(identifier, 256),
  reads: array(string, 65_536),
  writes: array(string, 65_536),
  file: path,
  sha256,
  inputs: array(port, 65_536),
  outputs: array(port, 65_536),
});

const segment = variant<Segment>({
  marker: object({
    is: oneOf("marker"),
    kind: identifier,
    token: string,
    id: integer(0, 2 ** 31 - 1),
    text: identifier,
  }),
  grid: object({
    is: oneOf("grid"),
    kind: identifier,
    rows: integer(1, 2 ** 16),
    cols: integer(1, 2 ** 16),
    width: extent,
    order: nullable(string),
    channels: nullable(extent),
  }),
});

const modality = variant<Modality>({
  tokens: object({ is: oneOf("tokens"), name: identifier, vocab: extent, added: array(string, 65_536) }),
  span: object({ is: oneOf("span"), name: identifier, segments: array(segment, 256) }),
});

const process = variant<Process>({
  flow: object({ is: oneOf("flow"), clean: number, noise: number, predicts: oneOf("velocity", "x", "noise") }),
  ddpm: object({
    is: oneOf("ddpm"),
    steps: extent,
    schedule: oneOf("linear", "cosine"),
    predicts: oneOf("noise", "v", "x"),
  }),
});

/** The range of a Date. */
const LAST_MS = 8.64e15;
const weightFile: Check<WeightFile> = object({
  file: path,
  size: integer(0, Number.MAX_SAFE_INTEGER),
  how: oneOf("written", "linked", "beside", "copied"),
  sha256: nullable(sha256),
  header: nullable(sha256),
  mtime: nullable(integer(-LAST_MS, LAST_MS)),
});

/** The form alone; what it cannot say is checked where a manifest is read. */
export const manifestForm: Check<Manifest> = object({
  schema: oneOf(MANIFEST_SCHEMA),
  tool: string,
  model: identifier,
  target: oneOf("onnx"),
  profile: oneOf("ort-cpu", "ort-webgpu", "portable"),
  programs: array(program, 4096),
  caches: array(
    object({ name: string, stream: identifier, kvHeads: extent, widths: object({ k: extent, v: extent }) }),
    65_536,
  ),
  modalities: array(modality, 256),
  conditions: array(object({ name: identifier, per: identifier, clean: nullable(number) }), 256),
  noise: array(object({ modality: identifier, input: nullable(identifier), process }), 256),
  weights: array(weightFile, 4096),
  missing: array(string, 1_000_000),
  bindings: optional(array(object({ file: path, sha256 }), 16)),
});

const firstTwice = (names: readonly string[]): string | undefined => names.find((name, i) => names.indexOf(name) !== i);

/** What the form cannot say: names are unique, and programs speak of kinds that exist. */
const checkMeaning = (checked: Manifest, name: string): void => {
  const kinds = checked.modalities.flatMap((each) =>
    each.is === "tokens" ? [each.name] : each.segments.map(({ kind }) => kind),
  );
  const texts = checked.modalities.filter((each) => each.is === "tokens").map((each) => each.name);
  const fail = (what: string): never => {
    throw new Failure("file", `${name}: not a sound manifest: ${what}`);
  };
  const lists = [
    kinds,
    ...[checked.modalities, checked.programs, checked.caches].map((some) => some.map((each) => each.name)),
  ];
  for (const { inputs, outputs } of checked.programs)
    lists.push(
      inputs.map((each) => each.name),
      outputs.map((each) => each.name),
    );
  for (const names of lists) {
    const twice = firstTwice(names);
    if (twice !== undefined) fail(`the name ${JSON.stringify(twice)} stands twice`);
  }
  const caches = new Map(checked.caches.map((cache) => [cache.name, cache]));
  for (const { name: program, streams, reads, writes } of checked.programs) {
    const unknown = streams.flatMap((stream) => stream.kinds).find((kind) => !kinds.includes(kind));
    if (unknown !== undefined)
      fail(`the program ${JSON.stringify(program)} takes the unknown kind ${JSON.stringify(unknown)}`);
    const cache = [...reads, ...writes].find((each) => !caches.has(each));
    if (cache !== undefined)
      fail(`the program ${JSON.stringify(program)} has the unknown cache ${JSON.stringify(cache)}`);
    const stray = writes.find((each) => !streams.some((stream) => stream.name === caches.get(each)!.stream));
    if (stray !== undefined)
      fail(`the program ${JSON.stringify(program)} writes ${JSON.stringify(stray)}, of whose rows it has none`);
  }
  for (const { modality } of checked.noise) {
    if (!checked.modalities.some((each) => each.is === "span" && each.name === modality))
      fail(`there is noise for the unknown span ${JSON.stringify(modality)}`);
  }
  for (const each of checked.modalities.flatMap((other) => (other.is === "span" ? other.segments : []))) {
    if (each.is === "marker" && !texts.includes(each.text))
      fail(`the marker ${JSON.stringify(each.kind)} has the unknown text ${JSON.stringify(each.text)}`);
  }
};

/** Reads a manifest's text; `name` begins every message. @throws Failure "file" with the place that is wrong. */
export const parseManifest = (text: string, name: string): Manifest => {
  const json = parseJson(text, name);
  const version = json instanceof Map ? (json.get("schema") as unknown) : undefined;
  if (typeof version === "string" && version.startsWith("graftwerk/manifest@") && version !== MANIFEST_SCHEMA) {
    throw new Failure(
      "file",
      `${name}: is of the schema ${version}; this version reads ${MANIFEST_SCHEMA}`,
      "compile the model again",
    );
  }
  const checked = manifestForm(json, (where, what) => {
    throw new Failure("file", `${name}: not a sound manifest: ${where || "it"} must be ${what}`);
  });
  checkMeaning(checked, name);
  return checked;
};

/** A manifest as text; the same manifest gives the same bytes. */
export const printManifest = (given: Manifest): string => `${JSON.stringify(given, undefined, 2)}\n`;
