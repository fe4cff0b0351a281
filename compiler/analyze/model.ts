// What a program means, after names are resolved and templates instantiated: types only. The oracle interprets this
// directly; `rows/` and `lower/` derive from it what must be computed. All sizes are numbers here.
//
// Three levels. A `Row` is an expression of one row (weights, arguments, the row's own values): it is made of row-wise
// ops, and inside a block also of `attend`, the only place where rows meet. A `Block` is a function on rows. A `Seq` is
// an expression over the document's rows, with a shape for each kind of row it has.
import type { Span } from "../../grammar/ast.ts";

/** A place in a source file. */
export interface At {
  readonly path: string;
  readonly span: Span;
}

// ── Sequences of rows: modalities and kinds ────────────────────────────────────────────────────
export type Modality =
  /** ids 0 .. vocab - 1 are the tower's own, then the added ones in order */
  | {
      readonly kind: "tokens";
      readonly name: string;
      readonly vocab: number;
      readonly added: readonly string[];
      readonly doc: string;
    }
  | { readonly kind: "span"; readonly name: string; readonly segments: readonly string[]; readonly doc: string };

/** A kind of row: `text`, `image.open`, `image.patch`. */
export interface Kind {
  readonly name: string;
  readonly modality: string;
  readonly rows: KindRows;
  /** the shape of a row in `h` where the layers begin: its home width */
  readonly width: number;
}
export type KindRows =
  /** one row a token */
  | { readonly kind: "token" }
  /** one row a span: the token `id` of the modality `of` */
  | { readonly kind: "marker"; readonly of: string; readonly id: number; readonly token: string }
  /** rows * cols rows a span in raster order, each of `width` numbers laid out as `order` says (letters c, p, q) */
  | {
      readonly kind: "grid";
      readonly rows: number;
      readonly cols: number;
      readonly width: number;
      readonly order: string | undefined;
      readonly channels: number | undefined;
    };

/** A value given with each call. */
export interface Input {
  readonly name: string;
  readonly per: "call" | "document" | { readonly span: string } | { readonly row: string };
  /** an index below `below`, or f32 numbers of `shape` (`[]`: one number) */
  readonly type:
    | { readonly kind: "number"; readonly shape: readonly number[] }
    | { readonly kind: "index"; readonly below: number };
  readonly doc: string;
  readonly at: At;
}

// ── Weights ────────────────────────────────────────────────────────────────────────────────────
export interface Weight {
  /** `vision.layers[5].q`; never changes with grouping or use */
  readonly path: string;
  /** `[]`: a scalar; a matrix for `linear` is [out, in] */
  readonly shape: readonly number[];
  readonly init: Init;
  readonly trained: boolean;
  /** other paths of the same weight (`share`) */
  readonly aliases: readonly string[];
  /** where checkpoint maps say that it lies, one a map; none: its own path is its key */
  readonly sources: readonly Source[];
  readonly at: At;
}
export type Init =
  | { readonly kind: "zeros" | "ones" | "identity" | "unset" }
  | { readonly kind: "value"; readonly value: number }
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "copy"; readonly of: Weight };
/** How a weight is made from the keys of the checkpoint of `slot` (the tower whose file it is, such as `language`). */
export interface Source {
  readonly slot: string;
  readonly map: string;
  readonly value: Layout;
}
/** Keys of a checkpoint that its map leaves unread: `*` stands for any text. */
export interface Ignored {
  readonly slot: string;
  readonly map: string;
  readonly pattern: string;
}
export type Layout =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "concat"; readonly axis: number; readonly of: readonly Layout[] }
  | {
      readonly kind: "split";
      readonly axis: number;
      readonly parts: number;
      readonly take: number;
      readonly of: Layout;
    }
  | { readonly kind: "transpose"; readonly of: Layout }
  | { readonly kind: "reshape"; readonly shape: readonly number[]; readonly of: Layout }
  | { readonly kind: "permute"; readonly axes: readonly number[]; readonly of: Layout };

// ── Rows ───────────────────────────────────────────────────────────────────────────────────────
/** Every row-wise op: its attributes. Operands are `src`; shapes are of one row. */
export interface RowOps {
  number: { readonly value: number };
  weight: { readonly weight: Weight };
  input: { readonly input: Input };
  /** of the `embed` of this row's kind: `id` (a marker's id is constant) or `z` */
  argument: { readonly argument: string };
  /** where the row stands in its span: grid row, grid column, index in the segment */
  coordinate: { readonly axis: "row" | "col" | "index" };
  /** of the enclosing block or map */
  parameter: { readonly index: number };
  /** equal shapes, or one operand is a scalar, or one is `[d]` and the other `[heads, d]` */
  add: None;
  sub: None;
  mul: None;
  div: None;
  min: None;
  max: None;
  neg: None;
  exp: None;
  log: None;
  sqrt: None;
  tanh: None;
  sigmoid: None;
  relu: None;
  silu: None;
  /** with erf */
  gelu: None;
  /** the tanh approximation */
  gelu_tanh: None;
  /** over the last axis, mean(x^2) + eps under the root: `x, weight?` */
  rms_norm: { readonly eps: number };
  /** over the last axis, population variance: `x, weight?, bias?` */
  layer_norm: { readonly eps: number };
  softmax: None;
  /** `x [in], w [out, in], bias? [out]` */
  linear: None;
  /** row `index` of a table: `table [n, ...], index` */
  lookup: None;
  /** `index < rows of the tower's table ? own : added[index - n]`: `index, own, added [m, d]`; `own` is evaluated at min(index, n - 1) */
  extend: { readonly below: number };
  /** [heads * d] -> [heads, d] */
  split: { readonly heads: number };
  merge: None;
  /** part `take` of `parts` equal pieces of the last axis */
  chunk: { readonly parts: number; readonly take: number };
  /** along the last axis */
  concat: None;
  /** numbers of one row laid out as `from` (axis letters, sizes by letter) laid out as `to` */
  reorder: { readonly from: string; readonly to: string; readonly sizes: Readonly<Record<string, number>> };
  sum: None;
  mean: None;
  stop_gradient: None;
  /** a number to `dim` features: angles x * scale * period^(-k / divisor), k = 0 .. dim / 2 - 1 */
  sinusoid: {
    readonly dim: number;
    readonly period: number;
    readonly divisor: number;
    readonly scale: number;
    readonly order: "cos sin" | "sin cos";
  };
  /** a coordinate to `[sin | cos]` of coordinate * period^(-k / (dim / 2)); coordinates lie in 0 .. limit - 1 */
  coordinates: { readonly dim: number; readonly period: number; readonly limit: number };
  /** rotary embedding of `[heads, d]` at the row's position; halves (`interleaved` false: dims k, k + d / 2) or pairs (2k, 2k + 1) */
  rotary: { readonly theta: number; readonly scaling: RotaryScaling | undefined; readonly interleaved: boolean };
  /** `q [heads, d], k [kv, d], v [kv, e]` -> [heads, e]; head i reads kv head floor(i / (heads / kv)); score = cap(scale * q k) */
  attend: { readonly scale: number; readonly softcap: number | undefined };
}
export type None = Record<never, never>;
/** The llama3 scaling of rotary frequencies, as `modeling_rope_utils` of Hugging Face has it. */
export interface RotaryScaling {
  readonly factor: number;
  readonly low: number;
  readonly high: number;
  readonly original: number;
}
export type RowOp = keyof RowOps;
export interface RowOf<K extends RowOp> {
  readonly op: K;
  readonly src: readonly Row[];
  readonly attrs: RowOps[K];
  readonly shape: readonly number[];
  /** true: an integer used to look up rows */
  readonly index: boolean;
  /** the name it was bound to, for people; not part of its meaning */
  readonly name: string | undefined;
  /** path of the part whose code it comes from (`vision.layers[5]`, `vision`) */
  readonly path: string;
  readonly at: At;
}
/** One expression tree or graph: equal sub-expressions are the same object. */
export type Row = { readonly [K in RowOp]: RowOf<K> }[RowOp];

/** An instance of a block: a function from rows to rows that may attend. `body` uses `parameter` 0 .. n - 1. */
export interface Block {
  readonly path: string;
  readonly template: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly optional: boolean;
  }[];
  readonly body: Row;
  /** every `attend` in the body, in the order written */
  readonly attends: readonly RowOf<"attend">[];
  readonly at: At;
}

// ── Sequences ──────────────────────────────────────────────────────────────────────────────────
/** What a sequence is made by. `kinds` of the node say which rows it has. */
export interface SeqOps {
  /** the rows as they enter: each kind's `embed` */
  embed: None;
  /**
   * The block on every row of its first argument; its attend sees all rows of that argument that the model's mask and
   * `sees` allow, with the block's own q, k, v. Further arguments are read at the same row; an absent one is undefined.
   */
  call: { readonly block: Block; readonly arguments: readonly (Seq | undefined)[]; readonly sees: Mask | undefined };
  /** `e[kinds]`: the node's kinds of `of` */
  restrict: { readonly of: Seq };
  union: { readonly parts: readonly Seq[] };
  /** each arm's value at its kinds */
  select: { readonly arms: readonly Arm[] };
  /** each arm is a `call` on that arm's kinds only, or any sequence (identity); the calls' attends share one softmax over all calls' keys */
  joint: { readonly arms: readonly Arm[] };
  /** row by row: `body` with its parameters bound to the arguments at that row; no argument: inputs, weights and numbers alone */
  map: { readonly body: Row; readonly arguments: readonly Seq[] };
}
export interface Arm {
  readonly kinds: readonly string[];
  readonly value: Seq;
}
export type SeqOp = keyof SeqOps;
export interface SeqOf<K extends SeqOp> {
  readonly op: K;
  readonly attrs: SeqOps[K];
  /** kind -> shape of its rows, in the model's order of kinds */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** `fuse[3]`; empty outside layers */
  readonly path: string;
  readonly name: string | undefined;
  readonly at: At;
}
export type Seq = { readonly [K in SeqOp]: SeqOf<K> }[SeqOp];

/** A predicate over (query row, key row) of one document, on places: `causal` is place(key) <= place(query). */
export type Mask =
  | { readonly op: "causal" | "all" }
  /** both rows are of these kinds and of the same span (a text row is a span of its own) */
  | { readonly op: "within"; readonly kinds: readonly string[] }
  | { readonly op: "query" | "key"; readonly kinds: readonly string[] }
  | { readonly op: "and" | "or"; readonly left: Mask; readonly right: Mask }
  | { readonly op: "not"; readonly of: Mask };

// ── The model ──────────────────────────────────────────────────────────────────────────────────
export interface Tower {
  /** the slot or path: `language`, `vision` */
  readonly path: string;
  readonly template: string;
  readonly layers: readonly Block[];
  readonly at: At;
}
/** One step of the layers: the sequence after it. */
export interface Step {
  /** `fuse[3]` */
  readonly path: string;
  readonly value: Seq;
  readonly at: At;
}
export interface Embed {
  readonly arguments: readonly { readonly name: string; readonly type: "index" | "numbers" }[];
  readonly row: Row;
}
export type Process =
  | {
      readonly kind: "flow";
      readonly clean: number;
      readonly noise: number;
      readonly predicts: "velocity" | "x" | "noise";
    }
  | {
      readonly kind: "ddpm";
      readonly steps: number;
      readonly schedule: "linear" | "cosine";
      readonly predicts: "noise" | "v" | "x";
    };
export interface Noise {
  readonly modality: string;
  readonly process: Process;
  /** the input that says how noisy a span is, and its value for a clean one */
  readonly given: { readonly input: Input; readonly value: number } | undefined;
  readonly drawn:
    | {
        readonly input: Input;
        readonly distribution: { readonly name: "logit_normal" | "uniform"; readonly arguments: readonly number[] };
      }
    | undefined;
  /**
   * What later rows see of a finished drawing: its rows read again clean; its rows as they were at the last step, with that
   * step's inputs; nothing of them.
   */
  readonly after: "given" | "last" | "never";
  readonly at: At;
}
/** `next_token`: rows of token kinds give logits of the row that follows; `denoise`: rows give the process's prediction. */
export interface Head {
  readonly modality: string;
  readonly kind: "next_token" | "denoise";
  /** one entry a kind that has an output; every shape is [vocab + added] or [patch width] */
  readonly value: Seq;
  readonly at: At;
}
/** A term of what training makes small. */
export interface Loss {
  /** the modality whose head it is of, or its own */
  readonly name: string;
  readonly factor: number;
  /** one number for each row of its kinds, of which the mean is taken; undefined: that of the head of `name` */
  readonly value: Seq | undefined;
  readonly at: At;
}
/**
 * What guidance pushes away from: the prediction without the tokens of `modality` before a span of `before`, in a document
 * that has none or by rows that see none; or with another value of an input.
 */
export interface Guide {
  readonly name: string;
  readonly at: At;
  readonly how:
    | { readonly kind: "without" | "hide"; readonly modality: string; readonly before: string }
    | { readonly kind: "replace"; readonly input: Input; readonly value: number };
}
/** `image?` of `session = text image?` */
export interface SessionTerm {
  readonly modality: string;
  readonly repeat: "" | "?" | "*" | "+";
}
export interface Model {
  readonly name: string;
  readonly doc: string;
  readonly modalities: readonly Modality[];
  readonly kinds: readonly Kind[];
  readonly inputs: readonly Input[];
  /** in the order declared; each owner once */
  readonly weights: readonly Weight[];
  readonly ignored: readonly Ignored[];
  readonly towers: readonly Tower[];
  readonly embeds: ReadonlyMap<string, Embed>;
  /** the steps of the layers in order; the first one's `h` is an `embed` node */
  readonly steps: readonly Step[];
  /** the sequence after the last step */
  readonly h: Seq;
  readonly mask: Mask;
  /** what a document may be made of, in order; absent: any modality after any */
  readonly session?: readonly SessionTerm[] | undefined;
  /** positions run 0, 1, ... over a document's rows; at most `limit` of them */
  readonly position: { readonly rule: "running"; readonly limit: number };
  readonly noise: readonly Noise[];
  readonly guides: readonly Guide[];
  readonly heads: readonly Head[];
  /** in the order written */
  readonly losses: readonly Loss[];
  readonly at: At;
}

// ── A document ─────────────────────────────────────────────────────────────────────────────────
/** The rows of one document in order, with what their `embed` and the model's inputs ask for. */
export interface Document {
  readonly rows: readonly DocumentRow[];
  /** per modality of kind span: the inputs of its spans, in order of appearance */
  readonly spans: Readonly<Record<string, readonly Values[]>>;
  /** inputs per document */
  readonly inputs: Values;
  /** position of the first row; positions run on from here, places always count from 0 */
  readonly start?: number | undefined;
}
export interface DocumentRow {
  readonly kind: string;
  /** which span of its modality in this document; 0 for rows of token modalities */
  readonly span: number;
  /** index in its segment: row-major over a grid */
  readonly index: number;
  /** arguments of `embed` (none for markers) and inputs per row */
  readonly values: Values;
  /** it is of a drawing that only its own rows see (`after: never`) */
  readonly draft?: true | undefined;
  /** kinds whose rows before it it does not see, whatever masks say: `guide x = hide(...)` */
  readonly unseen?: readonly string[] | undefined;
}
/** f32 or integer values as given to every target */
export type Values = Readonly<Record<string, number | Float32Array>>;
