// Imports one of our TypeScript modules into a script. It is bundled first, because the oldest Node that we support does
// not read types; packages stay where they are.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { rolldown } from "rolldown";
import { root } from "./install.mjs";

export const load = async (source) => {
  const cache = join(root, "node_modules", ".cache", "graftwerk");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "load-"));
  try {
    const build = await rolldown({ cwd: root, input: join(root, source), platform: "node", external: /^[^./]/ });
    await build.write({ dir: folder, format: "esm", entryFileNames: "[name].mjs" });
    await build.close();
    const name = source.slice(source.lastIndexOf("/") + 1).replace(/\.ts$/, ".mjs");
    return await import(pathToFileURL(join(folder, name)).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
