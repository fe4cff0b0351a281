// A folder that appears whole or not at all. A folder that is in the way is replaced only if everything in it was written
// by an earlier compilation, as its manifest says: nothing of a user's is ever removed.
import { randomBytes } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { Failure, reasonOf } from "../runtime/failure.ts";
import { type Manifest, parseManifest } from "../runtime/manifest.ts";
import { UsageError } from "./command.ts";
import { temporarily } from "./interrupt.ts";

export const MANIFEST = "manifest.json";
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
};

const readManifest = (folder: string): Manifest | undefined => {
  try {
    return parseManifest(readFileSync(join(folder, MANIFEST), "utf8"), MANIFEST);
  } catch {
    return undefined;
  }
};
/** A file of weights without a hash was not written here: where weights were missing, a user has put it there since. */
const writtenFiles = ({ programs, weights }: Manifest): ReadonlySet<string> =>
  new Set([
    MANIFEST,
    ...TOKENIZER_FILES,
    ...programs.map(({ file }) => file),
    ...weights.filter(({ sha256 }) => sha256 !== null).map(({ file }) => file),
  ]);
