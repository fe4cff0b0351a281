// How far a long work is: on a terminal one line that is written over, elsewhere a line now and then, at most one in five
// seconds. Short works say nothing.
import type { Io } from "./command.ts";

const EVERY_MS = 5000;
/** On a terminal: for how long nothing is said, and how often something is after that. */
const PATIENCE_MS = 500;
const FRAME_MS = 100;
const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);

/** A function to be called with what is done and what there is to do, in bytes. */
export const progressOf = (io: Io, what: string): ((done: number, all: number) => void) => {
  const { over } = io;
  const every = over === undefined ? EVERY_MS : FRAME_MS;
  const say = over ?? io.note;
  let next = performance.now() + (over === undefined ? EVERY_MS : PATIENCE_MS);
  return (done, all) => {
    if (done >= all) return over?.("");
    const now = performance.now();
    if (now < next) return;
    next = now + every;
    say(`${what}: ${gigabytes(done)} of ${gigabytes(all)} GB, ${Math.floor((100 * done) / all)} %`);
  };
};
