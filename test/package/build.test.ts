// The published files: built once into a folder that has no node_modules in reach, and used there.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;
let built: { status: number | null; text: string };
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-build-"));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, "scripts", "build.mjs"), "--out", join(folder, "dist")],
    { encoding: "utf8" },
  );
  built = { status, text: `${stdout}${stderr}` };
  cpSync(join(root, "package.json"), join(folder, "package.json"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const node = (...args: readonly string[]) => spawnSync(process.execPath, [...args], { cwd: folder, encoding: "utf8" });
/** Imports of a file, and what it imports in turn, that are not files of the build. */
const packagesFrom = (path: string, resolve: (specifier: string) => string, seen = new Set<string>()): string[] => {
  if (seen.has(path)) return [];
  seen.add(path);
  return ts
    .preProcessFile(readFileSync(path, "utf8"))
    .importedFiles.flatMap(({ fileName }) =>
      fileName.startsWith(".") ? packagesFrom(join(dirname(path), resolve(fileName)), resolve, seen) : [fileName],
    );
};

test("builds without a word of warning", () => {
  expect(built.status, built.text).toBe(0);
  expect(built.text).not.toMatch(/warn/i);
});

test("every export and the command exist", () => {
  const { exports, bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    exports: Record<string, string | Record<string, string>>;
    bin: Record<string, string>;
  };
  const files = Object.values(exports).flatMap((target) =>
    typeof target === "string" ? [target] : Object.values(target),
  );
  const made = [...files, ...Object.values(bin)].filter((file) => file.startsWith("./dist/"));
  for (const file of made) expect(statSync(join(folder, file)).size).toBeGreaterThan(0);
  const cli = join(folder, "dist", "cli", "graftwerk.js");
  expect(readFileSync(cli, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  if (process.platform !== "win32") expect(statSync(cli).mode & 0o111).toBe(0o111);
});

test("code imports nothing but Node and the optional packages", () => {
  for (const entry of ["grammar/index", "compiler/index", "runtime/index", "cli/graftwerk", "cli/bindings"]) {
    const packages = packagesFrom(join(folder, "dist", `${entry}.js`), (name) => name);
    const foreign = packages.filter(
      (name) => !name.startsWith("node:") && !["onnxruntime-node", "sharp", "webgpu"].includes(name),
    );
    // protobufjs and typescript ask for these by require, within guards.
    expect(
      foreign.filter((name) => !["fs", "path", "os", "crypto", "inspector", "perf_hooks"].includes(name)),
      entry,
    ).toEqual([]);
  }
});

test("type declarations name no package that a user may lack", () => {
  for (const entry of ["grammar/index", "compiler/index", "runtime/index"]) {
    const packages = packagesFrom(join(folder, "dist", `${entry}.d.ts`), (name) => name.replace(/\.ts$/, ".d.ts"));
    expect(packages, entry).toEqual([]);
  }
});

test("what is bundled brings its licence", () => {
  const text = readFileSync(join(folder, "dist", "THIRD-PARTY.txt"), "utf8");
  for (const name of [
    "chevrotain 11.2.0 (Apache-2.0)",
    "onnx-proto 8.0.1 (MIT)",
    "protobufjs 8.8.1 (BSD-3-Clause)",
    "typescript 6.0.3 (Apache-2.0)",
  ])
    expect(text).toContain(name);
});

test("the libraries load with nothing installed", () => {
  const script =
    'const names = await Promise.all(["grammar", "compiler", "runtime"].map((name) => import(`graftwerk/${name}`))); console.log(names.every((module) => Object.keys(module).length > 0));';
  const { stdout, stderr } = node("--input-type=module", "-e", script);
  expect([stdout, stderr]).toEqual(["true\n", ""]);
});

test("the command checks and compiles with nothing installed", () => {
  const cli = join("dist", "cli", "graftwerk.js");
  const spec = join(root, "examples", "llama", "llama.graft");
  expect(node(cli, "check", spec).status).toBe(0);
  const { status, stderr } = node(cli, "compile", spec, "--target", "onnx", "--bindings", "--out", "out");
  expect(status, stderr.slice(-2000)).toBe(0);
  expect(readdirSync(join(folder, "out"), { recursive: true }).some((file) => String(file).endsWith(".onnx"))).toBe(
    true,
  );
});
