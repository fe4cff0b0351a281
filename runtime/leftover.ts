// Names of folders that a compilation makes beside the one that it writes. Killed while it exchanges the two, it leaves the
// one that was there under such a name.
import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

/** `part`: being filled; `old`: moved away, to be removed. */
export type What = "part" | "old";
export interface Leftover {
  readonly file: string;
  readonly what: What;
  /** of the machine that made it */
  readonly host: string;
  readonly pid: number;
}

/** Those among the names beside a folder called `name` that are its own: `.out.1f0c29ab-4711.0123456789ab.old`. */
export const leftoversOf = (name: string, names: readonly string[]): Leftover[] =>
  names.flatMap((file): Leftover[] => {
    if (!file.startsWith(`.${name}.`)) return [];
    const [, host, pid, what] =
      /^([0-9a-f]{8})-(\d+)\.[0-9a-f]{12}\.(part|old)$/.exec(file.slice(name.length + 2)) ?? [];
    return host === undefined ? [] : [{ file, what: what as What, host, pid: Number(pid) }];
  });

/** Where the folder lies that a killed compilation moved away from `path`, if one does. */
export const movedAway = async (path: string): Promise<string | undefined> => {
  const whole = resolve(path);
  const names = await readdir(dirname(whole)).catch((): string[] => []);
  const found = leftoversOf(basename(whole), names).find(({ what }) => what === "old");
  return found && join(dirname(path), found.file);
};
