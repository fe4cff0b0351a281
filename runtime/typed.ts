// The types that the bindings of a compiled model are written with. What is of one model stands in its `model.d.mts`; what
// is of all models stands here, so that a function may take any of them. Types only.
import type { Context, Source } from "./context.ts";
import type { Manifest } from "./manifest.ts";
import type { DType, TensorData } from "./tensor.ts";

/** A tensor whose dtype and shape are known; a named size may be any number. */
export interface ShapedTensor<D extends DType, S extends readonly (number | string)[]> {
  readonly dtype: D;
  readonly shape: Sizes<S>;
  readonly data: TensorData[D];
}
/** `readonly ["batch", "text", 48]`: `readonly [number, number, 48]`. */
export type Sizes<S extends readonly (number | string)[]> = {
  readonly [I in keyof S]: S[I] extends number ? S[I] : number;
};

/** What the manifest of one model says, as types. */
export interface ModelTypes {
  /** of each program its `inputs`, `outputs`, `kinds` of rows, and `heads`: the outputs that have a row for each row */
  readonly programs: object;
  /** of each kind of row, its numbers by name */
  readonly rows: object;
  /** of each modality of spans, the inputs of one span */
  readonly spans: object;
  /** the inputs of a document */
  readonly inputs: object;
  /** of each phase, its programs */
  readonly phases: object;
}

/** A member of a type. */
type Of<T, K extends string> = T extends { readonly [P in K]: infer V } ? V : never;
/** That type; where it has no members, an object that has none, for `{}` would take any. */
type Exactly<T> = [keyof T] extends [never] ? Readonly<Record<string, never>> : T;

type Programs<M extends ModelTypes, P> = P extends keyof M["programs"] ? M["programs"][P] : never;
/** The programs of a phase. */
type ProgramsOf<M extends ModelTypes, P> = P extends keyof M["phases"] ? M["phases"][P] : never;

/** Rows of these kinds. */
export type TypedRow<M extends ModelTypes, K> = K extends keyof M["rows"]
  ? {
      readonly kind: K;
      /** which span of its modality in the document; 0 for tokens */
      readonly span: number;
      /** index in its segment, row-major over a grid; 0 for tokens */
      readonly index: number;
      readonly values: Exactly<M["rows"][K]>;
    }
  : never;
/** Rows of the kinds that some program of a phase takes. */
type RowOfPhase<M extends ModelTypes, P> = TypedRow<M, Of<Programs<M, ProgramsOf<M, P>>, "kinds">>;

/** The inputs of spans, in the order of the document. */
type TypedSpans<M extends ModelTypes> = Exactly<{
  readonly [S in keyof M["spans"]]?: readonly Exactly<M["spans"][S]>[];
}>;

/** A whole document. */
export interface TypedDocument<M extends ModelTypes> {
  readonly rows: readonly RowOfPhase<M, "forward">[];
  readonly spans: TypedSpans<M>;
  readonly inputs: Exactly<M["inputs"]>;
}
/** New rows of one document, and the inputs of its new spans. */
export interface TypedPart<M extends ModelTypes, P> {
  readonly rows: readonly RowOfPhase<M, P>[];
  readonly spans?: TypedSpans<M>;
  readonly inputs?: Exactly<M["inputs"]>;
  /** kinds of earlier rows that the new ones do not see */
  readonly unseen?: readonly (keyof M["rows"] & string)[];
}

/** What one call gave; `program` tells which outputs there are. */
export type TypedResult<M extends ModelTypes, P> = OneOf<
  M,
  ProgramsOf<M, P>,
  Of<Programs<M, ProgramsOf<M, P>>, "heads">
>;
type OneOf<M extends ModelTypes, P, H> = P extends keyof M["programs"]
  ? {
      readonly program: P;
      /** without keys and values of new rows, which a context keeps */
      readonly tensors: WithoutCaches<Of<M["programs"][P], "outputs">>;
      /** the rows of an output in document `d`, by place; empty where the program that ran has no such output */
      rows(output: H, d: number): ReadonlyMap<number, Float32Array>;
    }
  : never;

type WithoutCaches<O> = { readonly [N in keyof O as N extends `new.${string}.${"k" | "v"}` ? never : N]: O[N] };

/** A session of one model. */
export interface TypedSession<M extends ModelTypes> {
  readonly manifest: Manifest;
  /** Runs a program on named tensors. @throws Failure "call" */
  run<P extends keyof M["programs"]>(
    program: P,
    inputs: Of<M["programs"][P], "inputs">,
  ): Promise<Of<M["programs"][P], "outputs">>;
  /** Whole documents at once, by the smallest forward program that takes their rows. */
  forward(documents: readonly TypedDocument<M>[]): Promise<TypedResult<M, "forward">>;
  /** A batch of empty documents. */
  start(batch?: number): Context;
  /** Copies of documents of a context, by their indices; left out: of all. */
  fork(context: Context, documents?: readonly number[]): Promise<Context>;
  /** The same of documents of several contexts. */
  gather(documents: readonly Source[]): Promise<Context>;
  /** Runs a phase on new rows of the documents of a context, and keeps what it appends. */
  append<P extends Exclude<keyof M["phases"], "forward">>(
    context: Context,
    phase: P,
    parts: readonly TypedPart<M, NoInfer<P>>[],
  ): Promise<TypedResult<M, P>>;
  close(): Promise<void>;
}

/** One cache: keys and values of the rows of a stream, in so many heads of so many numbers. */
export interface CacheType {
  readonly stream: string;
  readonly kvHeads: number;
  readonly k: number;
  readonly v: number;
}
/** The inputs by which a program reads the caches `N` of `C`. */
export type CacheInputs<C extends { readonly [P in keyof C]: CacheType }, N extends keyof C & string> = {
  readonly [P in N as `${P}.k`]: ShapedTensor<
    "f32",
    readonly ["batch", C[P]["kvHeads"], `past.${C[P]["stream"]}`, C[P]["k"]]
  >;
} & {
  readonly [P in N as `${P}.v`]: ShapedTensor<
    "f32",
    readonly ["batch", C[P]["kvHeads"], `past.${C[P]["stream"]}`, C[P]["v"]]
  >;
};
/** The outputs by which a program gives what is new in the caches `N` of `C`. */
export type CacheOutputs<C extends { readonly [P in keyof C]: CacheType }, N extends keyof C & string> = {
  readonly [P in N as `new.${P}.k`]: ShapedTensor<
    "f32",
    readonly ["batch", C[P]["stream"], C[P]["kvHeads"], C[P]["k"]]
  >;
} & {
  readonly [P in N as `new.${P}.v`]: ShapedTensor<
    "f32",
    readonly ["batch", C[P]["stream"], C[P]["kvHeads"], C[P]["v"]]
  >;
};
