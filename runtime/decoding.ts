// Tokens that are drawn one behind the other: what is asked for, and what came of it. Several may be drawn before any of
// them is looked at; the rows of those that turn out to be of no use are taken back.
import type { Sampling, Span } from "./generate/sampling.ts";

/** How one document draws. */
export interface Drawer {
  readonly seed: number;
  /** the tokens that it has drawn: their number is the counter of the next draw, and the penalty is for them */
  readonly ids: readonly number[];
  /** the tokens that it may draw */
  readonly allowed: readonly Span[];
}
export interface Decoding {
  readonly sampling: Omit<Sampling, "seed">;
  /** how many tokens each document draws at most */
  readonly most: number;
  /** of each document of the batch; undefined: it takes no part, and has no row in the call */
  readonly drawers: readonly (Drawer | undefined)[];
}
/**
 * The tokens that each document has drawn: equally many, at least one, and none where it takes no part. Behind the row that
 * was given stand those of all but the last one.
 */
export type Decoded = readonly (readonly number[])[];
