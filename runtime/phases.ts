// What a compiled model that is open can do: run its programs, whole documents, or phases on contexts.
import type { Context, Part, Source } from "./context.ts";
import type { Decoded, Decoding } from "./decoding.ts";
import type { Document } from "./document.ts";
import { Failure } from "./failure.ts";
import type { Manifest, ProgramEntry } from "./manifest.ts";
import type { Tensors } from "./tensor.ts";

export type Phase = ProgramEntry["phase"];

/**
 * What one call gave: every output as a tensor, and its rows by document and place. Of a call on a context the new keys and
 * values are not among them: the context keeps those.
 */
export interface Result {
  readonly program: string;
  readonly tensors: Tensors;
  /** the rows of an output such as `text.logits` in document `d`, by place; empty where the program has no such output */
  rows(output: string, d: number): ReadonlyMap<number, Float32Array>;
}
/** A whole document: of its spans and of itself only the inputs that the model has. */
export type Whole = Pick<Document, "rows" | "start"> & Partial<Pick<Document, "spans" | "inputs">>;
/** A compiled model whose programs run: what generation builds on. */
export interface Phases {
  readonly manifest: Manifest;
  /** Runs a program on named tensors. @throws Failure "call" */
  run(program: string, inputs: Tensors): Promise<Tensors>;
  /** Whole documents at once, of any order, by the smallest forward program that takes their rows. */
  forward(documents: readonly Whole[]): Promise<Result>;
  /** A batch of empty documents. */
  start(batch?: number): Context;
  /**
   * A batch of documents as those of a context are now, each as often as its index is listed, in that order; left out: each
   * once. Neither context sees what is appended to the other later. @throws Failure "call", "device" where there is no room
   */
  fork(context: Context, documents?: readonly number[]): Promise<Context>;
  /** The same of documents of several contexts. */
  gather(documents: readonly Source[]): Promise<Context>;
  /**
   * Runs a phase on new rows of the documents of a context, and keeps what it appends. @throws Failure "call" where the
   * model's session forbids the rows behind those that are there
   */
  append(context: Context, phase: Exclude<Phase, "forward">, parts: readonly Part[]): Promise<Result>;
  /**
   * Draws tokens: appends the row that each document which draws has in its part, draws a token behind it, appends that, and
   * so on. How many it draws is the session's to say, from 1 to as many as are asked for; the last one is not appended.
   * @throws Failure "call" as `append`, or where nothing can be drawn
   */
  decode(context: Context, parts: readonly Part[], decoding: Decoding): Promise<Decoded>;
}

/** The program of a phase that takes rows of these kinds, and of no more streams than it must. */
export const programFor = (
  manifest: Manifest,
  phase: Phase,
  rows: readonly { readonly kind: string }[],
): ProgramEntry => {
  const kinds = [...new Set(rows.map((row) => row.kind))];
  const takes = (program: ProgramEntry): boolean =>
    kinds.every((kind) => program.streams.some((stream) => stream.kinds.includes(kind)));
  const [best] = manifest.programs
    .filter((program) => program.phase === phase && takes(program))
    .sort((a, b) => a.streams.length - b.streams.length);
  if (best && kinds.length > 0) return best;
  const has = manifest.programs.filter((program) => program.phase === phase).map((program) => program.name);
  throw new Failure(
    "call",
    `${manifest.model} has no ${phase} for rows of ${kinds.join(", ") || "nothing"}`,
    has.length
      ? `it has ${has.join(", ")}`
      : `it has no ${phase} at all; \`graftwerk inspect\` lists its programs, and what its mask forbids`,
  );
};
