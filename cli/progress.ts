// How far a long work is, as a line now and then: at most one in five seconds, so short works say nothing.
import type { Io } from "./command.ts";

const EVERY_MS = 5000;
const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);

/** A function to be called with what is done and what there is to do, in bytes. */
export const progressOf = (io: Io, what: string): ((done: number, all: number) => void) => {
  let last = performance.now();
  return (done, all) => {
    const now = performance.now();
    if (now - last < EVERY_MS) return;
    last = now;
    io.note(`${what}: ${gigabytes(done)} of ${gigabytes(all)} GB`);
  };
};
