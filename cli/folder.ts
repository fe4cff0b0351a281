// A folder that appears whole or not at all. A folder that is in the way is replaced only if everything in it was written
// by an earlier compilation, as its manifest says: nothing of a user's is ever removed.
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join, relative, resolve } from "node:path";
import { Failure, reasonOf } from "../runtime/failure.ts";
import type { GraphFile, Manifest, WeightFile } from "../runtime/manifest.ts";
import { parseManifest } from "../runtime/parseManifest.ts";
import { UsageError } from "./command.ts";
import { temporarily } from "./interrupt.ts";
import { besideOf, goneOf, isExpendable, putBack, removeFolder } from "./leftover.ts";
import { hashOf, hasSameBytes, isSameFile } from "./same.ts";
import { TOKENIZER_FILES } from "../runtime/text/files.ts";

export const MANIFEST = "manifest.json";
/** The weights that we write. */
export const WEIGHTS = "weights.safetensors";

/** Called at the points where a kill leaves something behind; for tests. */
export type Watch = (moment: "filled" | "moved away" | "moved in" | "added" | "replaced") => void;
const nobody: Watch = () => undefined;

/** Calls `fill` with a fresh folder beside `path`, then puts it there. @throws Failure "file", UsageError */
export const replaceFolder = async <T>(
  path: string,
  fill: (folder: string) => Promise<T>,
  watch: Watch = nobody,
): Promise<T> => {
  const whole = existsSync(path) ? realpathSync(path) : resolve(path);
  if (!relative(whole, process.cwd()).startsWith(".."))
    throw new UsageError(`--out ${path}: is the current folder or around it`, "name a folder of its own");
  onDisk(path, () => recover(whole));
  checkReplaceable(whole, path);
  const fresh = besideOf(whole, "part");
  return temporarily(fresh, async () => {
    onDisk(path, () => mkdirSync(fresh, { recursive: true }));
    const result = await fill(fresh);
    watch("filled");
    const old = besideOf(whole, "old");
    onDisk(path, () => {
      checkReplaceable(whole, path);
      const there = existsSync(whole);
      if (there) renameSync(whole, old);
      watch("moved away");
      try {
        renameSync(fresh, whole);
      } catch (thrown) {
        if (there) renameSync(old, whole);
        throw thrown;
      }
      watch("moved in");
      if (there) removeFolder(old, MANIFEST);
    });
    return result;
  });
};

/** Puts back what a killed compilation moved away from `path`, and says so; undefined: there was nothing to do. */
export const restoreFolder = (path: string): string | undefined => {
  const old = onDisk(path, () => putBack(resolve(path), (folder) => readManifest(folder) !== undefined));
  return old && `${path}: a compilation was killed while it replaced this folder; what it held is put back`;
};

/** What killed compilations left of a folder and beside it. */
const recover = (whole: string): void => {
  putBack(whole, (folder) => readManifest(folder) !== undefined);
  for (const part of goneOf(whole, "part")) if (isExpendable(part)) rmSync(part, { recursive: true, force: true });
  for (const old of goneOf(whole, "old"))
    if (existsSync(whole) && objection(old, old) === undefined) removeFolder(old, MANIFEST);
};

const onDisk = <T>(path: string, work: () => T): T => {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure("file", `${path}: cannot be written: ${reasonOf(cause)}`, undefined, cause);
  }
};

const HELP = "name another folder, or remove this one";

const checkReplaceable = (whole: string, path: string): void => {
  const failure = onDisk(path, () => objection(whole, path));
  if (failure !== undefined) throw failure;
};
/** Why a folder must not be replaced or removed; none where everything in it is ours. */
const objection = (whole: string, path: string): Failure | undefined => {
  if (!existsSync(whole)) return undefined;
  if (!lstatSync(whole).isDirectory()) return new Failure("file", `${path}: is a file, not a folder`, "name a folder");
  const found = readdirSync(whole);
  if (found.length === 0) return undefined;
  const manifest = readManifest(whole);
  if (manifest === undefined)
    return new Failure("file", `${path}: is not empty, and was not made by graftwerk compile`, HELP);
  const written = writtenFiles(manifest);
  const foreign = found.filter((name) => !written.has(name) || lstatSync(join(whole, name)).isDirectory());
  if (foreign.length > 0)
    return new Failure("file", `${path}: holds ${foreign.join(", ")}, which graftwerk compile did not write`, HELP);
  const isLast = ({ file, how }: WeightFile): boolean => how === "linked" && linksOf(join(whole, file)) === 1;
  const last = manifest.weights.find(isLast);
  return (
    last &&
    new Failure(
      "file",
      `${path}: holds the last name of ${last.file}: the checkpoint that it was linked to is gone`,
      "move that file away to keep it, or remove this folder",
    )
  );
};

/**
 * Calls `fill` with a fresh folder inside of `path`, which holds a user's files, then moves its files there. The manifest
 * comes last, in one step; then the files of the manifest before are removed. @throws Failure "file" where a name is taken
 */
export const addToFolder = async (
  path: string,
  fill: (folder: string) => Promise<Manifest>,
  watch: Watch = nobody,
): Promise<Manifest> => {
  const whole = realpathSync(path);
  const before = existsSync(join(whole, MANIFEST)) ? readManifest(whole) : EMPTY;
  if (before === undefined)
    throw new Failure(
      "file",
      `${path}: holds a ${MANIFEST} that graftwerk compile did not write`,
      "name another folder",
    );
  const inside = join(whole, "graftwerk");
  onDisk(path, () => goneOf(inside, "part").forEach((part) => undo(whole, part)));
  const fresh = besideOf(inside, "part");
  return temporarily(fresh, async () => {
    onDisk(path, () => mkdirSync(fresh));
    const manifest = await fill(fresh);
    watch("filled");
    onDisk(path, () => {
      const names = readdirSync(fresh).filter((name) => name !== MANIFEST);
      const there = names.filter((name) => existsSync(join(whole, name)));
      const other = there.find((name) => !isSame(join(fresh, name), join(whole, name)));
      if (other !== undefined)
        throw new Failure("file", `${path}: holds another ${other}`, "move it away, or name another folder");
      if (before !== EMPTY) copyFileSync(join(whole, MANIFEST), join(fresh, BEFORE));
      for (const name of names) if (!there.includes(name)) renameSync(join(fresh, name), join(whole, name));
      watch("added");
      renameSync(join(fresh, MANIFEST), join(whole, MANIFEST));
      watch("replaced");
      const used = new Set([...ownFiles(manifest), ...manifest.weights].map(({ file }) => file));
      const old = [...ownFiles(before), ...before.weights.filter((file) => isRemovable(whole, file))];
      for (const { file } of old) if (!used.has(file)) rmSync(join(whole, file), { force: true });
    });
    return manifest;
  });
};
/** The manifest that is being replaced, kept until the files that it names are gone. */
const BEFORE = "before.json";

/**
 * Removes what a killed compilation put beside a user's files: those of its manifest that was not put in force, or of the one
 * before, with the very bytes that we wrote.
 */
const undo = (whole: string, part: string): void => {
  const inForce = existsSync(join(whole, MANIFEST)) ? readManifest(whole) : EMPTY;
  if (inForce === undefined || !isExpendable(part)) return;
  const used = new Set([...ownFiles(inForce), ...inForce.weights].map(({ file }) => file));
  for (const name of [MANIFEST, BEFORE]) {
    const manifest = readManifest(part, name) ?? EMPTY;
    const written = manifest.weights.filter(({ how }) => how === "written" || how === "copied");
    for (const { file, sha256 } of [...ownFiles(manifest), ...written])
      if (!used.has(file) && sha256 !== null && hashOf(join(whole, file)) === sha256) rmSync(join(whole, file));
  }
  rmSync(part, { recursive: true, force: true });
};

type Files = Pick<Manifest, "programs" | "weights" | "training" | "bindings">;
/** What we make ourselves, beside weights. */
const ownFiles = ({ programs, training, bindings = [] }: Files): GraphFile[] => [
  ...programs.flatMap(({ graph }) => graph ?? []),
  ...(training?.programs ?? []).map(({ graph }) => graph),
  ...bindings,
];
const EMPTY: Files = { programs: [], weights: [] };

const linksOf = (path: string): number => lstatSync(path, { throwIfNoEntry: false })?.nlink ?? 0;

/** A link is removed only while the checkpoint has another name. */
const isRemovable = (folder: string, { file, how, sha256 }: WeightFile): boolean => {
  if (how !== "linked") return isOurs({ how, sha256 });
  return linksOf(join(folder, file)) > 1;
};

const isSame = (a: string, b: string): boolean => isSameFile(a, b) || hasSameBytes(a, b);

/** In bytes. */
const LONGEST_MANIFEST = 16 * 2 ** 20;

const readManifest = (folder: string, name = MANIFEST): Manifest | undefined => {
  const path = join(folder, name);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found?.isFile() || found.size > LONGEST_MANIFEST) return undefined;
  try {
    return parseManifest(readFileSync(path, "utf8"), name);
  } catch {
    return undefined;
  }
};
/** Where weights were missing, their file was not written: a user has put it there since. */
const isOurs = ({ how, sha256 }: Pick<WeightFile, "how" | "sha256">): boolean =>
  how === "linked" || (how !== "beside" && sha256 !== null);

const writtenFiles = (manifest: Manifest): ReadonlySet<string> =>
  new Set([
    MANIFEST,
    ...TOKENIZER_FILES,
    ...ownFiles(manifest).map(({ file }) => file),
    ...manifest.weights.filter(isOurs).map(({ file }) => file),
  ]);
