// What lowering gives and a target takes: the programs of one model over one set of weights.
import type { Node } from "./node.ts";
import type { Type } from "./vocabulary.ts";

export interface Port {
  readonly name: string;
  readonly type: Type;
  /** one line for people: what a number of it is */
  readonly doc: string;
  /** an index: whole, from 0 to `below` - 1 */
  readonly below?: number | undefined;
}
export interface Output {
  readonly name: string;
  readonly node: Node;
  readonly doc: string;
}
export interface Program {
  /** `forward(text, image)` */
  readonly name: string;
  readonly doc: string;
  /** in the order of the call interface (DESIGN section 4) */
  readonly inputs: readonly Port[];
  readonly outputs: readonly Output[];
}
/** Rows that a program computes: one `order`, `position` and so on for all kinds of a stream. */
export interface StreamPort {
  readonly name: string;
  readonly kinds: readonly string[];
}
/** Keys and values that are kept between calls: ports `<name>.k`, `<name>.v` in, `new.<name>.k`, `new.<name>.v` out. */
export interface CachePort {
  readonly name: string;
  readonly stream: string;
  readonly kvHeads: number;
  /** of a key head and a value head */
  readonly widths: { readonly k: number; readonly v: number };
}
/** A program of one phase of a session. */
export interface PhaseProgram extends Program {
  readonly kind: "forward" | "prefill" | "decode" | "read" | "denoise" | "last" | "draft";
  readonly streams: readonly StreamPort[];
  /** streams whose rows see later rows of their span: all of a span are given in one call */
  readonly whole: readonly string[];
  /** streams of past rows that must be given again */
  readonly again: readonly string[];
  readonly reads: readonly CachePort[];
  readonly writes: readonly CachePort[];
}
/** A weight: its path, its shape, its place in the specification. Its values are no part of a module. */
export interface Param {
  readonly name: string;
  readonly type: Type;
  readonly doc: string;
}
export interface Module {
  readonly name: string;
  readonly doc: string;
  readonly params: readonly Param[];
  readonly programs: readonly Program[];
}
/** The programs of a model: one a phase. */
export interface ModelModule extends Module {
  readonly programs: readonly PhaseProgram[];
}

// ── Training ───────────────────────────────────────────────────────────────────────────────────
/** Tells what documents of one shape cost: `loss`, `[]`, and each of its terms by itself, `loss.<name>`. */
export interface LossProgram extends Program {
  /** `text, image`; `text then image` where the rows of one image are the last */
  readonly shape: string;
  readonly streams: readonly StreamPort[];
  /** the stream with whose rows, of one span, its documents end; what stands behind them in the span is left out */
  readonly last: string | undefined;
  /** what each step of the layers leaves of all streams, and first what enters them */
  readonly layers: readonly (readonly Node[])[];
  /** what each loss is made of: the rows of a head, or the numbers of a loss of its own */
  readonly heads: readonly Output[];
}
export interface LossModule extends Module {
  readonly programs: readonly LossProgram[];
}
/**
 * `loss`: what documents cost; `gradient`: what of that each trained weight decides; `trace`: what layers leave and heads
 * give on the way to the loss; `update`: a step of training.
 */
export interface TrainingProgram extends Program {
  readonly kind: "loss" | "gradient" | "trace" | "update";
  /** `text, image`; undefined for the step, which is given no documents */
  readonly shape: string | undefined;
  readonly streams: readonly StreamPort[];
  readonly last: string | undefined;
}
export interface TrainingModule extends Module {
  /** the frozen weights, which programs read as they lie */
  readonly params: readonly Param[];
  /** the weights that some loss depends on, in the order declared: inputs and outputs of the programs */
  readonly trained: readonly Param[];
  readonly programs: readonly TrainingProgram[];
}
