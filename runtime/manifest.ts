// The manifest that lies beside compiled graphs: which programs there are, what they take and give, and how a document's
// rows are laid out. The runtime owns this format and reads it as the input of a stranger; the compiler conforms to it.
export const MANIFEST_SCHEMA = "graftwerk/manifest@2";

/** One input or output of a program. */
export interface Port {
  /** As in the graph: `text.id`, `image.patch.order`, `t`. */
  readonly name: string;
  readonly dtype: "f32" | "f16" | "i32" | "bool";
  /** A number, or the name of a size that the call chooses; equal names are equal sizes. */
  readonly shape: readonly (number | string)[];
  /** Its numbers are indices: whole, from 0 to `below` - 1; null: they are not. */
  readonly below: number | null;
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

export interface GraphFile {
  readonly file: string;
  readonly sha256: string;
}
/** One phase. A call with rows of other kinds needs another program. */
export interface ProgramEntry {
  /** Unique: `forward(text, image)`. */
  readonly name: string;
  readonly phase: "forward" | "prefill" | "decode" | "read" | "denoise" | "last" | "draft";
  readonly streams: readonly StreamEntry[];
  /** Streams whose rows see later rows of their span: all of a span are given in one call. */
  readonly whole: readonly string[];
  /** Streams whose past rows must be given again. */
  readonly again: readonly string[];
  /** Caches by name. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Beside the manifest; null: it gives nothing, so there is nothing to run. */
  readonly graph: GraphFile | null;
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

/** `image?` of `session = text image? text`: one or more tokens, or one span; none or several where it is repeated. */
export interface SessionTerm {
  readonly modality: string;
  readonly repeat: "" | "?" | "*" | "+";
}

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
  /**
   * What later rows see of a finished drawing: its clean rows, which are read; its rows at the last step; nothing. Absent in
   * manifests of older versions: `given`.
   */
  readonly after?: "given" | "last" | "never" | undefined;
}

/**
 * What guidance pushes an image away from: the same image in a document without the tokens of a modality before it, by rows
 * that do not see those tokens, or with another value of an input.
 */
export type Guide =
  | { readonly is: "without"; readonly name: string; readonly modality: string; readonly before: string }
  | { readonly is: "hide"; readonly name: string; readonly modality: string; readonly before: string }
  | { readonly is: "replace"; readonly name: string; readonly input: string; readonly value: number };

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

/** What a term of the loss is of: the head of a modality, or numbers of its own. */
export interface LossEntry {
  /** The modality of its head, or its own. */
  readonly name: string;
  /** What it counts in the sum of all. */
  readonly factor: number;
  /** null: it is of no head, and each of its rows is a number */
  readonly head: "next_token" | "denoise" | null;
  /** Kinds of the rows that it has. */
  readonly kinds: readonly string[];
}
/** From what the noise of drawn spans is drawn: a number of its noise input. */
export interface Drawn {
  readonly modality: string;
  /** Mean and standard deviation of the logit; or the two ends. */
  readonly distribution: "logit_normal" | "uniform";
  readonly arguments: readonly number[];
}
/** A weight that training changes, and where it begins. */
export interface TrainedWeight {
  /** Unique: `vision.layers[2].q`. */
  readonly path: string;
  readonly shape: readonly number[];
  /** One of `weights`, and the bytes in it. */
  readonly file: string;
  readonly offset: number;
  readonly dtype: "f32" | "f16" | "bf16";
  /** Its place in the specification. */
  readonly at: string;
}
/**
 * A program of training. Besides rows, their targets and their weights it takes and gives states of trained weights:
 * `gradient/PATH` in, `new.gradient/PATH` out.
 */
export interface TrainingEntry {
  /** Unique: `gradient(text then image)`. */
  readonly name: string;
  readonly kind: "loss" | "gradient" | "trace" | "update";
  /** Of the documents: those of an equal shape have a loss, a gradient and a trace; null: the update takes none. */
  readonly shape: string | null;
  readonly streams: readonly StreamEntry[];
  /** The stream of the one span with which all documents end; rows of the span behind them are left out. */
  readonly last: string | null;
  readonly graph: GraphFile;
  readonly inputs: readonly Port[];
  readonly outputs: readonly { readonly name: string; readonly doc: string }[];
}
/** What trains a model. */
export interface Training {
  readonly recompute: "none" | "layers";
  readonly losses: readonly LossEntry[];
  readonly drawn: readonly Drawn[];
  readonly weights: readonly TrainedWeight[];
  readonly programs: readonly TrainingEntry[];
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
  readonly target: "onnx" | "webgpu";
  /** null: kernels have none */
  readonly profile: "ort-cpu" | "ort-webgpu" | "portable" | null;
  readonly programs: readonly ProgramEntry[];
  readonly caches: readonly CacheEntry[];
  readonly modalities: readonly Modality[];
  /** What a document is made of, in order: caches hold what such a one needs. null: anything may follow anything. */
  readonly session: readonly SessionTerm[] | null;
  readonly conditions: readonly Condition[];
  readonly noise: readonly Noise[];
  /** absent where the model has none: then guidance is without text */
  readonly guides?: readonly Guide[] | undefined;
  readonly weights: readonly WeightFile[];
  /** Weights whose values were not known when this was compiled; then their file, though listed, was not written. */
  readonly missing: readonly string[];
  /** absent where it was not compiled for training */
  readonly training?: Training | undefined;
  /** Made from the rest of this manifest; absent where nobody asked for them. */
  readonly bindings?: readonly BindingsFile[] | undefined;
}
