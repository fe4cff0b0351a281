// The package as npm makes it: packed, installed into an empty folder without a network, and used there as a stranger
// would, with neither of the optional packages; then the map of its exports, as Node and TypeScript read it.
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installInto, must, npm, packed, root } from "./packed.ts";

let folder: string;
let files: readonly string[];
let home: string;

interface Manifest {
  readonly name: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly type: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
}
const manifestOf = (path: string): Manifest => JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as Manifest;
const installed = (): string => join(home, "node_modules", "graftwerk");

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-pack-"));
  home = join(folder, "home");
  ({ files } = packed());
  installInto(home);
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe("what is installed", () => {
  test("is the package alone: no dependency, and no script that runs", () => {
    const tree = readdirSync(join(home, "node_modules")).filter((name) => !name.startsWith("."));
    expect(tree).toEqual(["graftwerk"]);
    const { dependencies = {}, scripts = {}, peerDependenciesMeta } = manifestOf(installed());
    expect(Object.keys(dependencies).length).toBeLessThanOrEqual(5);
    const hooks = ["preinstall", "install", "postinstall", "prepare", "preprepare", "postprepare", "prepublish"];
    expect(hooks.filter((hook) => hook in scripts)).toEqual([]);
    expect(existsSync(join(installed(), "binding.gyp"))).toBe(false);
    expect(Object.values(peerDependenciesMeta).every(({ optional }) => optional)).toBe(true);
    expect(Object.keys(peerDependenciesMeta)).toEqual(Object.keys(manifestOf(installed()).peerDependencies));
    const lock = JSON.parse(readFileSync(join(home, "package-lock.json"), "utf8")) as {
      packages: Readonly<Record<string, { readonly hasInstallScript?: boolean; readonly optional?: boolean }>>;
    };
    expect(Object.keys(lock.packages)).toEqual(["", "node_modules/graftwerk"]);
    expect(Object.values(lock.packages).filter(({ hasInstallScript }) => hasInstallScript)).toEqual([]);
  });

  test("is what is named, and no source, test or note", () => {
    const strange = files.filter(
      (path) => !/^(dist\/|schemas\/[a-z]+@\d+\.json$|LICENSE$|README\.md$|package\.json$)/.test(path),
    );
    expect(strange).toEqual([]);
    expect(files.filter((path) => /\.(map|graft)$|(?<!\.d)\.ts$|test/.test(path))).toEqual([]);
    for (const needed of ["LICENSE", "README.md", "dist/THIRD-PARTY.txt", "dist/cli/graftwerk.js"])
      expect(files).toContain(needed);
  });
});

describe("the command", () => {
  const example = join(root, "examples", "llama", "llama.graft");
  const graftwerk = (...args: readonly string[]) => npm("npx", home, "--no-install", "graftwerk", ...args);

  test("checks and compiles an example", () => {
    cpSync(example, join(home, "llama.graft"));
    const checked = graftwerk("check", "llama.graft");
    expect([checked.status, checked.stderr]).toEqual([0, ""]);
    const compiled = graftwerk("compile", "llama.graft", "--target", "onnx", "--seed", "1", "--out", "out");
    expect([compiled.status, compiled.stderr]).toEqual([0, ""]);
    expect(readdirSync(join(home, "out"))).toContain("forward.text.onnx");
  });

  test("names what is missing with the exact command", () => {
    cpSync(example, join(home, "llama.graft"));
    must(graftwerk("compile", "llama.graft", "--target", "onnx", "--seed", "1", "--out", "ran"));
    const ran = graftwerk("generate", "ran", "--prompt", "x");
    expect(ran.status).toBe(3);
    expect(ran.stderr).toMatch(/onnxruntime-node is needed for running ONNX graphs and is not installed/);
    expect(ran.stderr).toContain("help: npm install --ignore-scripts onnxruntime-node\n");
    const doctor = graftwerk("doctor");
    expect(doctor.status).toBe(3);
    expect(doctor.stderr).toContain("npm install --ignore-scripts sharp@^");
  });
});

describe("with the optional packages", () => {
  const graftwerk = (...args: readonly string[]) => npm("npx", home, "--no-install", "graftwerk", ...args);
  /** Puts a package of the repository, and what it needs, where npm would put it. */
  const link = (name: string): void =>
    symlinkSync(join(root, "node_modules", name), join(home, "node_modules", name), "junction");

  test("an example is compiled and run, as far as what is there goes", () => {
    cpSync(join(root, "examples"), join(home, "examples"), { recursive: true });
    const spec = join("examples", "xfusion", "xfusion.graft");
    must(graftwerk("compile", spec, "--model", "DualTower", "--target", "onnx", "--seed", "1", "--out", "dual"));
    link("onnxruntime-node");
    const text = graftwerk("generate", "dual", "--prompt", "x", "--max-tokens", "4");
    expect(text.status).toBe(0);
    expect(text.stdout).not.toBe("");
    expect(text.stderr).toMatch(/^on ONNX Runtime, CPU: [^]*text: 4 tokens in /);
    const draw = ["generate", "dual", "--prompt", "x", "--image", join("examples", "photo.jpg"), "--out", "drawn.png"];
    const missing = graftwerk(...draw);
    expect(missing.status).toBe(3);
    expect(missing.stderr).toMatch(/sharp is needed for .+ and is not installed/);
    expect(missing.stderr).toContain("help: npm install --ignore-scripts sharp\n");
    link("sharp");
    const drawn = graftwerk(...draw);
    expect(drawn.status).toBe(0);
    expect(drawn.stderr).toMatch(/^drawn\.png: 32 x 32\non ONNX Runtime, CPU: /);
    expect(readFileSync(join(home, "drawn.png")).subarray(1, 4).toString()).toBe("PNG");
  });
});

describe("the map of exports", () => {
  test("leads to files that are packed, types first, default last", () => {
    const { exports, bin, type } = manifestOf(installed());
    expect(type).toBe("module");
    for (const target of Object.values(exports)) {
      const paths = typeof target === "string" ? [target] : Object.values(target);
      for (const path of paths) {
        expect(path.startsWith("./")).toBe(true);
        const [before, after] = path.slice(2).split("*") as [string, string?];
        const isThere = (file: string): boolean =>
          after === undefined ? file === before : file.startsWith(before) && file.endsWith(after);
        expect(files.some(isThere), path).toBe(true);
      }
      if (typeof target === "string") continue;
      expect(Object.keys(target)).toEqual(["types", "default"]);
      expect(target["types"]).toBe(target["default"]!.replace(/\.js$/, ".d.ts"));
    }
    for (const path of Object.values(bin)) expect(files).toContain(path.replace("./", ""));
    expect(readFileSync(join(installed(), bin["graftwerk"]!), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  test("shows Node what it names, and nothing behind it", () => {
    const script = `
      for (const name of ["grammar", "compiler", "runtime"]) {
        const found = Object.keys(await import("graftwerk/" + name));
        if (found.length === 0 || found.includes("default")) throw new Error(name);
      }
      const hidden = ["graftwerk", "graftwerk/dist/cli/graftwerk.js", "graftwerk/chunks"];
      console.log((await Promise.all(hidden.map((name) => import(name).catch((error) => error.code)))).join());
    `;
    const ran = spawnSync(process.execPath, ["--input-type=module", "-e", script], { cwd: home, encoding: "utf8" });
    expect(ran.stderr).toBe("");
    expect(ran.stdout.trim().split(",")).toEqual(Array.from({ length: 3 }, () => "ERR_PACKAGE_PATH_NOT_EXPORTED"));
  });

  test("is open to require, too", () => {
    const script = 'console.log(typeof require("graftwerk/compiler").check, typeof require("graftwerk/grammar").parse)';
    const ran = spawnSync(process.execPath, ["-e", script], { cwd: home, encoding: "utf8" });
    expect([ran.status, ran.stdout], ran.stderr).toEqual([0, "function function\n"]);
  });

  test.each([
    ["nodenext", ts.ModuleKind.NodeNext, ts.ModuleResolutionKind.NodeNext],
    ["bundler", ts.ModuleKind.ESNext, ts.ModuleResolutionKind.Bundler],
  ])("gives TypeScript its types, and those of bindings (%s)", (name, module, moduleResolution) => {
    cpSync(join(root, "examples", "llama", "llama.graft"), join(home, "llama.graft"));
    const compile = ["compile", "llama.graft", "--target", "onnx", "--bindings", "--out", "bound"];
    must(npm("npx", home, "--no-install", "graftwerk", ...compile));
    const file = join(home, `use-${name}.mts`);
    writeFileSync(
      file,
      [
        'import { parse } from "graftwerk/grammar";',
        'import { check } from "graftwerk/compiler";',
        'import { type Manifest, openSession } from "graftwerk/runtime";',
        'import { type Model, open } from "./bound/model.mjs";',
        'const models: readonly string[] = check("a.graft", () => undefined).models;',
        "export const used: readonly unknown[] = [parse, openSession, models];",
        "export const schema = (manifest: Manifest): string => manifest.schema;",
        "// @ts-expect-error: a type that is lost would be any, and this no mistake",
        "check(3);",
        "export const model: Model = await open({ threads: 1 });",
        'const rows = [{ kind: "text", span: 0, index: 0, values: { id: 1 } }] as const;',
        "const { tensors } = await model.forward([{ rows, spans: {}, inputs: {} }]);",
        'export const vocabulary: 256 = tensors["text.logits"].shape[2];',
        "// @ts-expect-error: there is no such output",
        'tensors["text.logit"];',
      ].join("\n"),
    );
    // Without the types of Node, which a user need not have.
    const program = ts.createProgram([file], {
      module,
      moduleResolution,
      target: ts.ScriptTarget.ES2023,
      strict: true,
      noEmit: true,
      types: [],
    });
    const wrong = ts.getPreEmitDiagnostics(program);
    expect(
      wrong.map(
        ({ messageText, file: at }) => `${at?.fileName ?? ""}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
      ),
    ).toEqual([]);
  });
});
