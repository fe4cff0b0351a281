// Where bytes come from: a file, a range of a URL, a buffer. Readers of formats know only this, so that they work on
// all of them and can never read more than they ask for.
import { Failure } from "../failure.ts";

export interface Source {
  /** How messages call it. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`; the array may be a view of something larger, and is not to be written to. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** @throws Failure when the range is not within the source. */
export const checkRange = (source: Source, offset: number, length: number): void => {
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (whole && offset >= 0 && length >= 0 && offset + length <= source.size) return;
  throw new Failure("file", `${source.name}: bytes ${offset} to ${offset + length} asked of a file of ${source.size}`);
};

/** Bytes that are in memory already; reads are views. */
export const memorySource = (name: string, bytes: Uint8Array): Source => {
  const source: Source = {
    name,
    size: bytes.byteLength,
    read: async (offset, length) => {
      checkRange(source, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
  return source;
};
