// Keys and values of the rows that a batch of documents has. Whoever runs the programs keeps them: in arrays of the
// process, or on a device. Which rows there are, a context knows.
import type { Decoded, Decoding } from "./decoding.ts";
import type { Appending } from "./document.ts";
import type { Tensors } from "./tensor.ts";

/** Keys and values, as ports name them: `NAME.k`, `NAME.v`. */
export const KV = ["k", "v"] as const;
/** The outputs by which a program gives keys and values of its new rows. */
export const newOf = (writes: readonly { readonly name: string }[]): readonly string[] =>
  writes.flatMap(({ name }) => KV.map((what) => `new.${name}.${what}`));

/** In the words of a failure: what there is no room for. */
export const keysText = (where: string, batch: number): string =>
  `${where}: keys and values of ${batch} document${batch === 1 ? "" : "s"}`;

/** Where the new rows of a stream go: behind those that are there. */
export interface Behind {
  /** slots in use, of each document */
  readonly used: readonly number[];
  /** rows that come with the call, of each document */
  readonly added: readonly number[];
}
/** A document whose keys and values are in some caches. */
export interface Held {
  readonly caches: Caches;
  readonly document: number;
}
/** A call, and where its new rows go. */
export interface Step {
  readonly inputs: Tensors;
  readonly behind: ReadonlyMap<string, Behind>;
}
export interface Caches {
  /** for keys and values, wherever they are */
  readonly bytes: number;
  /** What was kept is there no more: its device was lost. */
  readonly isLost: boolean;
  /**
   * Gives each of these streams so many slots a document, for a program, and keeps what is there. All or nothing.
   * @throws Failure "call", "device" where there is no room
   */
  grow(rooms: ReadonlyMap<string, number>, program: string): Promise<void>;
  /**
   * Copies documents of other caches of the same session, one for each of its own, which has none yet, and gives each of
   * these streams so many slots a document. All or nothing. @throws Failure "call", "device" where there is no room
   */
  gather(documents: readonly Held[], rooms: ReadonlyMap<string, number>): Promise<void>;
  /**
   * Runs a program on inputs, with what it reads of earlier rows, and keeps what it gives for the rows of the streams in
   * `behind`. Gives every other output.
   */
  call(program: Appending, inputs: Tensors, behind: ReadonlyMap<string, Behind>): Promise<Tensors>;
  /**
   * Draws a token behind the row of `stream` that each document has in a call, which is that of the next call; there are
   * as many calls as tokens at most, of the same sizes. Undefined, with nothing done, where tokens are drawn from what a
   * call gives, one at a time; absent where that is always so.
   */
  decode?(program: Appending, stream: string, steps: readonly Step[], decoding: Decoding): Promise<Decoded | undefined>;
  /** Frees what is kept; it may grow anew. */
  clear(): void;
  /** Frees what is kept, for good. */
  close(): void;
}
