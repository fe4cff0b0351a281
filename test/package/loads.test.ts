// What `compile` loads: the chunks of the packed command and the modules of Node, so that nothing large or of machine code
// (typescript, ONNX Runtime, sharp) comes to be loaded unseen. Hashes of chunks are left out.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installInto, root } from "./packed.ts";

let folder: string;
let home: string;
let installed: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-loads-"));
  home = join(folder, "home");
  installed = installInto(home);
  cpSync(join(root, "examples", "xfusion", "xfusion.graft"), join(home, "xfusion.graft"));
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** A module that has every other one written to $LOADED: what is imported, and what is required. */
const noting = (): string => {
  const hook = `import { appendFileSync } from "node:fs";
    export const load = (url, context, next) => (appendFileSync(process.env.LOADED, url + "\\n"), next(url, context));`;
  const data = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;
  // Imports of its own would not be seen again.
  return data(`const { appendFileSync } = process.getBuiltinModule("node:fs");
    const Module = process.getBuiltinModule("node:module");
    const load = Module._load;
    Module._load = function (name, ...rest) {
      appendFileSync(process.env.LOADED, (name.startsWith("node:") ? name : "node:" + name) + "\\n");
      return load.call(this, name, ...rest);
    };
    Module.register(${JSON.stringify(data(hook))});`);
};

/** What a compilation loads: files of the package, and the lines of all that is loaded. */
const loadedBy = (...options: readonly string[]): { readonly files: readonly string[]; readonly lines: string[] } => {
  const loaded = join(folder, `loaded${options.join("")}`);
  const words = ["compile", "xfusion.graft", "--model", "DualTower", "--target", "onnx", "--seed", "1", ...options];
  const ran = spawnSync(
    process.execPath,
    [`--import=${noting()}`, join(installed, "dist", "cli", "graftwerk.js"), ...words, "--out", "out"],
    { cwd: home, encoding: "utf8", env: { ...process.env, LOADED: loaded } },
  );
  expect([ran.status, ran.stderr]).toEqual([0, ""]);
  const urls = [...new Set(readFileSync(loaded, "utf8").trim().split("\n"))];
  const files = urls.filter((url) => url.startsWith("file:")).map((url) => fileURLToPath(url));
  const names = files.map((file) => relative(join(installed, "dist"), file).replaceAll("\\", "/"));
  const nodes = urls.filter((url) => url.startsWith("node:"));
  expect([...names, ...nodes]).toHaveLength(urls.length);
  return { files, lines: [...names.map((name) => name.replace(/-[\w-]{8}\.js$/, ".js")), ...nodes].sort() };
};

test("compile loads these modules and no others", async () => {
  const { files, lines } = loadedBy();
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("golden/compile-loads.txt");
  // A name says little of what is bundled behind it: typescript alone is ten times this.
  expect(files.reduce((sum, file) => sum + statSync(file).size, 0)).toBeLessThan(1_200_000);
});

test("typescript is loaded where bindings are wanted, in the thread that prints them", () => {
  const before = loadedBy().lines;
  const more = loadedBy("--bindings").lines.filter((line) => !before.includes(line));
  expect(more.filter((line) => !line.startsWith("node:"))).toEqual(["chunks/printer.js", "cli/bindings.js"]);
  expect(more).toContain("node:worker_threads");
});
