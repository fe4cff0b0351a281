// What a verification finds.
import type { ProgramOptions } from "../../runtime/index.ts";
import type { Figures } from "./figures.ts";
import type { Target } from "./graphs.ts";
import type { Liveliness } from "./lively.ts";

export type Optimize = NonNullable<ProgramOptions["optimize"]>;

/** How a call was made. */
export interface Setting {
  readonly profile: Target;
  /** what ONNX Runtime was let to rewrite */
  readonly optimize: Optimize;
  readonly program: string;
  /** what the documents have rows of */
  readonly modalities: readonly string[];
  readonly case: string;
}
/** One output of one document of one call. */
export interface Check extends Setting, Figures {
  /** which document of the call */
  readonly document: number;
  readonly output: string;
  readonly ok: boolean;
  /** why there are no numbers, or what is wrong beside them */
  readonly error?: string;
}
/** A document in a batch against the same one alone, by the same program. */
export interface Batched extends Omit<Check, "error"> {
  readonly size: number;
}
/** What a step of the layers leaves in rows of one kind. */
export interface Layer extends Figures {
  /** `fuse[3]` */
  readonly step: string;
  readonly kind: string;
  /** towers whose blocks the rows come from in this step */
  readonly towers: readonly string[];
  readonly ok: boolean;
}
export interface Verification {
  readonly model: string;
  readonly verdict: "passed" | "failed" | "skipped";
  readonly parameters: number;
  readonly seed: number;
  /** the limit that NMSE was held to */
  readonly limit: number;
  /** weights that are not lively, in words; then nothing was judged */
  readonly dull: readonly string[];
  readonly liveliness: readonly Liveliness[];
  readonly checks: readonly Check[];
  readonly batches: readonly Batched[];
  /** by a graph that gives every layer, of the first call that failed, or else of an ordinary document */
  readonly layers: readonly Layer[];
  readonly traced: Setting | undefined;
  /** the first layer beyond the limits; `heads`: no layer is, and some output is */
  readonly divergence: Layer | "heads" | undefined;
}
