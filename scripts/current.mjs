// Generated files: written, or with `--check` only compared with what would be written.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./install.mjs";

/** `texts` by path from the root; `folder`, if given, holds nothing else. Ends with 1 where a check fails. */
export const bring = (texts, command, folder) => {
  const check = process.argv.includes("--check");
  const textOf = (path) =>
    existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8").replaceAll("\r\n", "\n") : undefined;
  const stale = Object.entries(texts).filter(([path, text]) => textOf(path) !== text);
  const there = folder !== undefined && existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : [];
  const strange = there.map((name) => `${folder}/${name}`).filter((path) => !Object.hasOwn(texts, path));
  if (check) {
    for (const [path] of stale) console.error(`${path} is not what its sources say: run \`${command}\`.`);
    for (const path of strange) console.error(`${path} is made from nothing: run \`${command}\`.`);
    process.exitCode = stale.length + strange.length > 0 ? 1 : 0;
    return;
  }
  for (const [path, text] of stale) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    console.log(`${path}: written`);
  }
  for (const path of strange) rmSync(join(root, path));
};
