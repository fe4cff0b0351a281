// Files of Node as sources, and writing that leaves either the old file or the whole new one.
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure, reasonOf } from "../failure.ts";
import { checkRange, type Source } from "./source.ts";

export interface FileSource extends Source {
  readonly path: string;
  close(): Promise<void>;
}

/** One read of the operating system is below 2 GiB. */
const CHUNK = 2 ** 30;

const allocate = (name: string, length: number): Uint8Array => {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new Failure("file", `${name}: ${length} bytes do not fit into memory`, undefined, cause);
  }
};

const explain = (path: string, cause: unknown): Failure => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOENT") return new Failure("file", `${path}: there is no such file`, undefined, cause);
  return new Failure("file", `${path}: cannot be opened: ${reasonOf(cause)}`, undefined, cause);
};

const notPlain = (path: string): Failure => new Failure("file", `${path}: is not a file`);

/** Opening a pipe that nobody writes to would wait for ever. Windows has no such flag, and no such pipes in folders. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Opens a file for reading at any place. Links are followed (a hub cache is links). @throws Failure "file" */
export const openFile = async (path: string): Promise<FileSource> => {
  const refuse = (cause: unknown): never => {
    throw explain(path, cause);
  };
  // Some devices do things when they are opened, so this is asked before, and again of what was opened.
  if (!(await stat(path).catch(refuse)).isFile()) throw notPlain(path);
  const handle = await open(path, READ).catch(refuse);
  const opened = await handle.stat();
  if (!opened.isFile()) {
    await handle.close();
    throw notPlain(path);
  }
  const source: FileSource = {
    name: path,
    path,
    size: opened.size,
    close: () => handle.close(),
    read: async (offset, length) => {
      checkRange(source, offset, length);
      const bytes = allocate(path, length);
      for (let done = 0; done < length;) {
        const { bytesRead } = await handle.read(bytes, done, Math.min(CHUNK, length - done), offset + done);
        if (bytesRead === 0) throw new Failure("file", `${path}: became shorter while it was read`);
        done += bytesRead;
      }
      return bytes;
    },
  };
  return source;
};

/**
 * That a file lies in its folder itself, which a link does not; gives its size. Nothing is opened. Where it is missing,
 * `what` says what it is to the user. @throws Failure "file"
 */
export const checkOwnFile = async (path: string, what?: string, help?: string): Promise<number> => {
  const found = await lstat(path).catch((cause: unknown) => {
    if (what === undefined) throw explain(path, cause);
    throw new Failure("file", `${path}: ${what} cannot be found: ${reasonOf(cause)}`, help, cause);
  });
  if (found.isFile()) return found.size;
  throw new Failure("file", `${path}: is not a file itself, but a link or a folder, or no file at all`, help);
};

/** The whole of a small file. `limit` in bytes bounds what a wrong path can cost. @throws Failure "file" */
export const readWhole = async (path: string, limit: number): Promise<Uint8Array> => {
  const file = await openFile(path);
  try {
    if (file.size > limit) throw new Failure("file", `${path}: has ${file.size} bytes; at most ${limit} are read`);
    return await file.read(0, file.size);
  } finally {
    await file.close();
  }
};

/** Writes pieces to a file beside it, flushes, and renames: nobody ever sees half of it. @throws Failure "file" */
export const writeWhole = async (
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> => {
  const part = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.part`);
  const handle = await open(part, "wx").catch((cause: unknown) => {
    throw new Failure("file", `${path}: cannot be written: ${reasonOf(cause)}`, undefined, cause);
  });
  try {
    try {
      for await (const piece of pieces) await handle.writeFile(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, path);
  } catch (cause) {
    await rm(part, { force: true });
    throw new Failure("file", `${path}: cannot be written: ${reasonOf(cause)}`, undefined, cause);
  }
};
