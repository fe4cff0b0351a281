// What must be undone when a person interrupts: files half written are removed, then the process ends with 130.
import { existsSync, rmSync } from "node:fs";

const unfinished = new Set<string>();

/** Calls `end` on SIGINT and SIGTERM, after removing what is unfinished. */
export const onInterrupt = (end: () => void): void => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      for (const path of unfinished) rmSync(path, { recursive: true, force: true });
      end();
    });
  }
};

/** Runs `work` on a path that is removed at its end and when the process is interrupted. */
export const temporarily = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  unfinished.add(path);
  try {
    return await work();
  } finally {
    // Where the path could not even be made, there is nothing to remove, and removing it would hide the reason.
    if (existsSync(path)) rmSync(path, { recursive: true, force: true });
    unfinished.delete(path);
  }
};
