// What a killed compilation leaves beside or in its folder: one half filled (`part`), one moved away (`old`). Their names say
// which process made them, so the next one can tell what is nobody's any more. Only what is surely ours is ever removed.
import { createHash, randomBytes } from "node:crypto";
import { existsSync, lstatSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { leftoversOf, type What } from "../runtime/leftover.ts";

/** Process numbers mean something on one machine only, and come again. */
const HOST = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
const DAY_MS = 86_400_000;

/** A name beside `path` for this process. */
export const besideOf = (path: string, what: What): string =>
  join(dirname(path), `.${basename(path)}.${HOST}-${process.pid}.${randomBytes(6).toString("hex")}.${what}`);

/** Those of processes that are gone, newest first. */
export const goneOf = (path: string, what: What): string[] => {
  const folder = dirname(path);
  if (!existsSync(folder)) return [];
  return leftoversOf(basename(path), readdirSync(folder))
    .filter((each) => each.what === what)
    .map((each) => ({ ...each, path: join(folder, each.file) }))
    .filter((each) => isGone(each))
    .sort((a, b) => changed(b.path) - changed(a.path))
    .map((each) => each.path);
};
const isGone = ({
  host,
  pid,
  path,
}: {
  readonly host: string;
  readonly pid: number;
  readonly path: string;
}): boolean => {
  if (!lstatSync(path).isDirectory()) return false;
  return (host === HOST && !isAlive(pid)) || Date.now() - changed(path) > DAY_MS;
};
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return !(thrown instanceof Error && "code" in thrown && thrown.code === "ESRCH");
  }
};
/** When anything in a folder was last changed. */
const changed = (path: string): number =>
  Math.max(...[path, ...readdirSync(path).map((name) => join(path, name))].map((each) => lstatSync(each).mtimeMs));

/** Where no folder is, the one that a killed process moved away comes back. Gives the name that it had meanwhile. */
export const putBack = (path: string, isWhole: (folder: string) => boolean): string | undefined => {
  if (existsSync(path)) return undefined;
  const old = goneOf(path, "old").find(isWhole);
  if (old !== undefined) renameSync(old, path);
  return old;
};

/** Removes a folder of ours such that, killed meanwhile, it can still be told what the rest is: `last` goes last. */
export const removeFolder = (path: string, last: string): void => {
  for (const name of readdirSync(path)) if (name !== last) rmSync(join(path, name), { recursive: true, force: true });
  rmSync(join(path, last), { force: true });
  rmdirSync(path);
};

/** What we write, and what `writeWhole` writes it into. */
const OURS = [
  /^(?:manifest|before|tokenizer|tokenizer_config)\.json$/,
  /^weights(?:\.[0-9a-f]{8})?\.safetensors$/,
  /\.(?:onnx|bin)$/,
  /^\..*\.[0-9a-f]{12}\.part$/,
];
/** Whether nothing is lost with a folder that was being filled: its files are ours, or have another name somewhere. */
export const isExpendable = (path: string): boolean =>
  readdirSync(path).every((name) => {
    const stat = statSync(join(path, name), { throwIfNoEntry: false });
    return stat?.isFile() === true && (OURS.some((ours) => ours.test(name)) || stat.nlink > 1);
  });
