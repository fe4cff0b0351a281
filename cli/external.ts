// The files of checkpoints, brought to where a graph may name them: ONNX Runtime takes plain names of files in the graph's
// own folder and follows no link by path. So a file lies there already, or gets a second name there, or is copied.
import { createHash } from "node:crypto";
import { createReadStream, linkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { count } from "../grammar/count.ts";
import { Failure, reasonOf } from "../runtime/failure.ts";
import type { WeightFile } from "../runtime/manifest.ts";
import { isPlainName } from "../runtime/plainName.ts";
import { type FileSource, writeWhole } from "../runtime/weights/file.ts";
import { WEIGHTS } from "./folder.ts";
import { isSameFile } from "./same.ts";
import type { CheckpointFile } from "./weights.ts";

/** When files are copied: on demand only, where they cannot be linked, or all that do not lie there already. */
export type Copying = "never" | "if needed" | "always";

export interface Bring {
  /** the folder that is being filled */
  readonly folder: string;
  /** the folder that it will be, or whose part it will be, for messages */
  readonly out: string;
  /** names in `out` that are kept; none where it is replaced */
  readonly kept: readonly string[];
  readonly copying: Copying;
  /** whether whole files are hashed that were not written here */
  readonly hash: boolean;
  /** makes a hard link */
  readonly link?: (from: string, to: string) => void;
  readonly progress?: (done: number, all: number) => void;
}

/** What is known of a file without reading its data. */
export interface Described {
  readonly source: FileSource;
  readonly slot: string;
  /** links followed, as in the cache of a hub */
  readonly real: string;
  readonly header: string;
  readonly mtime: number;
}

export interface External {
  readonly files: readonly WeightFile[];
  /** the name of each in the graphs */
  readonly names: ReadonlyMap<FileSource, string>;
}

/** @throws Failure "file" where the file has changed since it was opened */
export const describe = async ({ source, slot, headerSize }: CheckpointFile): Promise<Described> => {
  const real = realpathSync(source.path);
  const { size, mtimeMs } = statSync(real);
  if (size !== source.size) throw new Failure("file", `${source.path}: has changed while it was read`);
  const header = createHash("sha256").update(await source.read(0, headerSize));
  return { source, slot, real, header: header.digest("hex"), mtime: Math.floor(mtimeMs) };
};

/** Brings the files, each once. @throws Failure "file" where one cannot be linked, with what copying would cost */
export const bringFiles = async (files: readonly Described[], bring: Bring): Promise<External> => {
  const names = new Map<FileSource, string>();
  const brought = new Map<string, WeightFile>();
  const taken = new Set([WEIGHTS]);
  for (const file of files) {
    const known = brought.get(file.real);
    const entry = known ?? (await bringOne(file, nameOf(file, bring, taken), bring, files));
    names.set(file.source, entry.file);
    if (known !== undefined) continue;
    taken.add(entry.file);
    brought.set(file.real, entry);
  }
  return { files: [...brought.values()], names };
};

const LONGEST = 150;
const isBeside = ({ real }: Described, { out, kept }: Bring): boolean =>
  kept.includes(basename(real)) && dirname(real) === out && isPlainName(basename(real));

/** The checkpoint's own name where it is free, else one with the slot before it, else with a number. */
const nameOf = (file: Described, bring: Bring, taken: ReadonlySet<string>): string => {
  if (isBeside(file, bring)) return basename(file.real);
  const plain = (text: string): string => text.replace(/[^A-Za-z0-9_.+-]/g, "_");
  // Cut, for with the slot it must still be a name that a file system takes.
  const own = plain(basename(file.source.path))
    .slice(-LONGEST)
    .replace(/(?<!\.safetensors)$/, ".safetensors");
  const isLink = (name: string): boolean => bring.copying !== "always" && isSameFile(join(bring.out, name), file.real);
  const isFree = (name: string): boolean =>
    isPlainName(name) && !taken.has(name) && (!bring.kept.includes(name) || isLink(name));
  const first = [own, `${plain(file.slot).slice(0, LONGEST / 2) || "model"}.${own}`].find(isFree);
  if (first !== undefined) return first;
  let n = 2;
  while (!isFree(`${n}.${own}`)) n++;
  return `${n}.${own}`;
};

const bringOne = async (
  file: Described,
  name: string,
  bring: Bring,
  all: readonly Described[],
): Promise<WeightFile> => {
  const { source, real, header, mtime } = file;
  const { folder, copying, link = linkSync } = bring;
  const entry = { file: name, size: source.size, header };
  const kept = async (how: "beside" | "linked"): Promise<WeightFile> => ({
    ...entry,
    how,
    sha256: bring.hash ? await hashOf(real) : null,
    mtime,
  });
  if (isBeside(file, bring)) return kept("beside");
  if (copying !== "always") {
    try {
      link(real, join(folder, name));
      return await kept("linked");
    } catch (cause) {
      if (cause instanceof Failure) throw cause;
      if (copying === "never") throw cannotLink(file, bring, all, cause);
    }
  }
  return { ...entry, how: "copied", sha256: await copy(file, join(folder, name), bring.progress), mtime: null };
};

const REASONS: Readonly<Record<string, string>> = {
  EXDEV: "they are on different file systems",
  EPERM: "the system does not allow a hard link to it (its owner is somebody else, or its file system has none)",
  EACCES: "the system does not allow a hard link to it",
  EROFS: "the file system is read-only",
  EMLINK: "it has as many links as its file system allows",
};

const cannotLink = (file: Described, bring: Bring, all: readonly Described[], cause: unknown): Failure => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const reason = REASONS[code] === undefined ? reasonOf(cause) : `${REASONS[code]} (${code})`;
  const copied = new Map(all.filter((each) => !isBeside(each, bring)).map((each) => [each.real, each.source.size]));
  const bytes = [...copied.values()].reduce((sum, size) => sum + size, 0);
  return new Failure(
    "file",
    `${file.source.path}: cannot be linked into ${bring.out}: ${reason}`,
    `graphs use weights where they lie, in their own folder: give an --out on their file system, or ` +
      `--out ${dirname(file.real)}, or --copy to copy ${count(bytes)} bytes`,
    cause,
  );
};

const CHUNK = 2 ** 20;
const piecesOf = (path: string): AsyncIterable<Uint8Array> => createReadStream(path, { highWaterMark: CHUNK });

const hashOf = async (path: string): Promise<string> => {
  const hash = createHash("sha256");
  for await (const piece of piecesOf(path)) hash.update(piece);
  return hash.digest("hex");
};

/** Gives the hash of what it copied. */
const copy = async ({ source, real }: Described, to: string, progress: Bring["progress"]): Promise<string> => {
  const hash = createHash("sha256");
  let done = 0;
  const hashed = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of piecesOf(real)) {
      hash.update(piece);
      yield piece;
      done += piece.length;
      progress?.(done, source.size);
    }
  };
  await writeWhole(to, hashed());
  if (done !== source.size) throw new Failure("file", `${source.path}: has changed while it was copied`);
  return hash.digest("hex");
};
