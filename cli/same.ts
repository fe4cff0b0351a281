// Whether two names mean one file, or files with the same bytes. A link by path is nobody's file.
import { createHash } from "node:crypto";
import { closeSync, lstatSync, openSync, readSync } from "node:fs";

const statOf = (path: string) => lstatSync(path, { bigint: true, throwIfNoEntry: false });

/** Whether both are names of one file. */
export const isSameFile = (first: string, second: string): boolean => {
  const [a, b] = [statOf(first), statOf(second)];
  return a?.isFile() === true && a.ino === b?.ino && a.dev === b.dev;
};

const CHUNK = 2 ** 20;

/** Whether both are files and hold the same bytes; they may be larger than memory. */
export const hasSameBytes = (first: string, second: string): boolean => {
  const stats = [first, second].map(statOf);
  if (!stats.every((stat) => stat?.isFile() === true) || stats[0]!.size !== stats[1]!.size) return false;
  const files = [openSync(first, "r"), openSync(second, "r")];
  try {
    const buffers = files.map(() => Buffer.alloc(CHUNK));
    const next = (): Buffer[] => buffers.map((buffer, i) => buffer.subarray(0, readSync(files[i]!, buffer)));
    for (;;) {
      const [a, b] = next() as [Buffer, Buffer];
      if (!a.equals(b)) return false;
      if (a.length === 0) return true;
    }
  } finally {
    files.forEach(closeSync);
  }
};

/** sha256 of a file, which may be larger than memory; undefined: there is none. */
export const hashOf = (path: string): string | undefined => {
  if (statOf(path)?.isFile() !== true) return undefined;
  const file = openSync(path, "r");
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.alloc(CHUNK);
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer))
      hash.update(buffer.subarray(0, read));
    return hash.digest("hex");
  } finally {
    closeSync(file);
  }
};
