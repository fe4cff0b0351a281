// What is learnt from: a document as a list of parts. Given by a caller or read from a folder.
import type { Values } from "../document.ts";
import { Failure } from "../failure.ts";
import type { Picture } from "../media/patches.ts";

interface Common {
  /** false: nothing in it is a target; true if left out */
  readonly learn?: boolean | undefined;
  /** what else the model asks for: of its spans, or of its rows, row after row */
  readonly inputs?: Values | undefined;
}
interface Shown extends Common {
  /**
   * Whether the image is drawn, so that its rows are made noisy and learnt; one that is given is read clean. How noisy it
   * is and with what is drawn by chance where it is not said.
   */
  readonly drawn?: boolean | { readonly t: number; readonly noise: Float32Array } | undefined;
}
export type SamplePart =
  | string
  | ({ readonly text: string } & Common)
  | ({ readonly ids: readonly number[] } & Common)
  /** RGB in -1 .. 1, of the size of the model's grid */
  | ({ readonly image: Picture } & Shown)
  /** the numbers of all rows of the image's grid, row after row: a latent, or patches */
  | ({ readonly grid: Float32Array } & Shown);

/** A document. */
export interface Sample {
  readonly parts: readonly SamplePart[];
  /** what the model asks of the document */
  readonly inputs?: Values | undefined;
}

/** Samples that can be had in any order, which training shuffles. */
export interface Samples {
  readonly length: number;
  at(index: number): Sample | Promise<Sample>;
}
/** Or in the order in which they come, for as long as they do; begun again where training is resumed. */
export type SampleSource = readonly Sample[] | Samples | AsyncIterable<Sample> | Iterable<Sample>;

/** Callers of JavaScript have no types. @throws Failure "call" */
export const checkSample = (sample: Sample, name: string): void => {
  if (typeof sample === "object" && sample !== null && Array.isArray(sample.parts)) return;
  throw new Failure(
    "call",
    `${name} has no list of parts`,
    '{ parts: ["a photo of a cat: ", { image, drawn: true }] }',
  );
};
