// A folder that appears whole or not at all. A folder that is in the way is replaced only if everything in it was written
// by an earlier compilation, as its manifest says: nothing of a user's is ever removed.
import { randomBytes } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { Failure, reasonOf } from "../runtime/failure.ts";
import { type Manifest, parseManifest, type WeightFile } from "../runtime/manifest.ts";
import { UsageError } from "./command.ts";
import { temporarily } from "./interrupt.ts";
import { hasSameBytes, isSameFile } from "./same.ts";

export const MANIFEST = "manifest.json";
/** The weights that we write. */
export const WEIGHTS = "weights.safetensors";
/** What may be copied into a compiled folder from beside a checkpoint. */
export const TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json"] as const;

/** Calls `fill` with a fresh folder beside `path`, then puts it there. @throws Failure "file", UsageError */
export const replaceFolder = async <T>(path: string, fill: (folder: string) => Promise<T>): Promise<T> => {
  const whole = existsSync(path) ? realpathSync(path) : resolve(path);
  if (!relative(whole, process.cwd()).startsWith(".."))
    throw new UsageError(`--out ${path}: is the current folder or around it`, "name a folder of its own");
  checkReplaceable(whole, path);
  const beside = (what: string): string =>
    join(dirname(whole), `.${basename(whole)}.${randomBytes(6).toString("hex")}.${what}`);
  const fresh = beside("part");
  return temporarily(fresh, async () => {
    onDisk(path, () => mkdirSync(fresh, { recursive: true }));
    const result = await fill(fresh);
    const old = beside("old");
    onDisk(path, () => {
      checkReplaceable(whole, path);
      const there = existsSync(whole);
      if (there) renameSync(whole, old);
      try {
        renameSync(fresh, whole);
      } catch (thrown) {
        if (there) renameSync(old, whole);
        throw thrown;
      }
      rmSync(old, { recursive: true, force: true });
    });
    return result;
  });
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
  if (!existsSync(whole)) return;
  if (!lstatSync(whole).isDirectory()) throw new Failure("file", `${path}: is a file, not a folder`, "name a folder");
  const found = onDisk(path, () => readdirSync(whole));
  if (found.length === 0) return;
  const manifest = readManifest(whole);
  if (manifest === undefined)
    throw new Failure("file", `${path}: is not empty, and was not made by graftwerk compile`, HELP);
  const foreign = found.filter((name) => !writtenFiles(manifest).has(name));
  if (foreign.length > 0)
    throw new Failure("file", `${path}: holds ${foreign.join(", ")}, which graftwerk compile did not write`, HELP);
  const last = manifest.weights.find(({ file, how }) => how === "linked" && lstatSync(join(whole, file)).nlink === 1);
  if (last === undefined) return;
  throw new Failure(
    "file",
    `${path}: holds the last name of ${last.file}: the checkpoint that it was linked to is gone`,
    "move that file away to keep it, or remove this folder",
  );
};

/**
 * Calls `fill` with a fresh folder inside of `path`, which holds a user's files, then moves its files there. The manifest
 * comes last, in one step; then the files of the manifest before are removed. @throws Failure "file" where a name is taken
 */
export const addToFolder = async (path: string, fill: (folder: string) => Promise<Manifest>): Promise<Manifest> => {
  const whole = realpathSync(path);
  const before = existsSync(join(whole, MANIFEST)) ? readManifest(whole) : EMPTY;
  if (before === undefined)
    throw new Failure(
      "file",
      `${path}: holds a ${MANIFEST} that graftwerk compile did not write`,
      "name another folder",
    );
  const fresh = join(whole, `.graftwerk.${randomBytes(6).toString("hex")}.part`);
  return temporarily(fresh, async () => {
    onDisk(path, () => mkdirSync(fresh));
    const manifest = await fill(fresh);
    onDisk(path, () => {
      const names = readdirSync(fresh).filter((name) => name !== MANIFEST);
      const there = names.filter((name) => existsSync(join(whole, name)));
      const other = there.find((name) => !isSame(join(fresh, name), join(whole, name)));
      if (other !== undefined)
        throw new Failure("file", `${path}: holds another ${other}`, "move it away, or name another folder");
      for (const name of names) if (!there.includes(name)) renameSync(join(fresh, name), join(whole, name));
      renameSync(join(fresh, MANIFEST), join(whole, MANIFEST));
      const { programs, weights, bindings = [] } = manifest;
      const used = new Set([...programs, ...weights, ...bindings].map(({ file }) => file));
      const removable = before.weights.filter((file) => isRemovable(whole, file));
      const old = [...before.programs, ...removable, ...(before.bindings ?? [])];
      for (const { file } of old) if (!used.has(file)) rmSync(join(whole, file), { force: true });
    });
    return manifest;
  });
};
const EMPTY: Pick<Manifest, "programs" | "weights" | "bindings"> = { programs: [], weights: [] };

/** A link is removed only while the checkpoint has another name. */
const isRemovable = (folder: string, { file, how, sha256 }: WeightFile): boolean => {
  if (how !== "linked") return isOurs({ how, sha256 });
  return (lstatSync(join(folder, file), { throwIfNoEntry: false })?.nlink ?? 0) > 1;
};

const isSame = (a: string, b: string): boolean => isSameFile(a, b) || hasSameBytes(a, b);

const readManifest = (folder: string): Manifest | undefined => {
  try {
    return parseManifest(readFileSync(join(folder, MANIFEST), "utf8"), MANIFEST);
  } catch {
    return undefined;
  }
};
/** Where weights were missing, their file was not written: a user has put it there since. */
const isOurs = ({ how, sha256 }: Pick<WeightFile, "how" | "sha256">): boolean =>
  how === "linked" || (how !== "beside" && sha256 !== null);

const writtenFiles = ({ programs, weights, bindings = [] }: Manifest): ReadonlySet<string> =>
  new Set([
    MANIFEST,
    ...TOKENIZER_FILES,
    ...[...programs, ...bindings].map(({ file }) => file),
    ...weights.filter(isOurs).map(({ file }) => file),
  ]);
