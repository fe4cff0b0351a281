// The package as npm makes it: packed, installed into an empty folder without a network, and used there as a stranger
// would, with neither of the optional packages; then the map of its exports, as Node and TypeScript read it.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const windows = process.platform === "win32";
let folder: string;
let packed: readonly string[];
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

/** npm and npx with a cache and settings of their own, and no network. */
const npm = (program: "npm" | "npx", cwd: string, ...args: readonly string[]) => {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|NO_COLOR|FORCE_COLOR)/i.test(name));
  const env = {
    ...Object.fromEntries(kept),
    npm_config_cache: join(folder, "cache"),
    npm_config_userconfig: join(folder, "none"),
    npm_config_offline: "true",
    npm_config_update_notifier: "false",
  };
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: "utf8", shell: windows });
  return { status, stdout, stderr };
};
const must = (ran: ReturnType<typeof npm>): string => {
  if (ran.status !== 0) throw new Error(`ended with ${String(ran.status)}: ${ran.stdout}${ran.stderr}`);
  return ran.stdout;
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-pack-"));
  const source = join(folder, "source");
  mkdirSync(source);
  // Packed from a copy: a `dist` that is being used or was never built is left alone.
  for (const name of ["package.json", "README.md", "LICENSE"]) cpSync(join(root, name), join(source, name));
  const build = [join(root, "scripts", "build.mjs"), "--out", join(source, "dist")];
  const built = spawnSync(process.execPath, build, { encoding: "utf8" });
  if (built.status !== 0) throw new Error(`${built.stdout}${built.stderr}`);
  const [made] = JSON.parse(must(npm("npm", source, "pack", "--json", "--pack-destination", folder))) as {
    filename: string;
    files: { path: string }[];
  }[];
  packed = made!.files.map(({ path }) => path);
  home = join(folder, "home");
  mkdirSync(home);
  writeFileSync(join(home, "package.json"), '{ "name": "home", "private": true }\n');
  must(npm("npm", home, "install", "--no-audit", "--no-fund", join(folder, made!.filename)));
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
    const lock = readFileSync(join(home, "package-lock.json"), "utf8");
    expect(lock).not.toContain("hasInstallScript");
  });

  test("is what is named, and no source, test or note", () => {
    const strange = packed.filter((path) => !/^(dist\/|LICENSE$|README\.md$|package\.json$)/.test(path));
    expect(strange).toEqual([]);
    expect(packed.filter((path) => /\.(map|graft)$|(?<!\.d)\.ts$|test/.test(path))).toEqual([]);
    for (const needed of ["LICENSE", "README.md", "dist/THIRD-PARTY.txt", "dist/cli/graftwerk.js"])
      expect(packed).toContain(needed);
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

describe("the map of exports", () => {
  test("leads to files that are packed, types first, default last", () => {
    const { exports, bin, type } = manifestOf(installed());
    expect(type).toBe("module");
    for (const target of Object.values(exports)) {
      const paths = typeof target === "string" ? [target] : Object.values(target);
      for (const path of paths) {
        expect(path.startsWith("./")).toBe(true);
        expect(packed).toContain(path.slice(2));
      }
      if (typeof target === "string") continue;
      expect(Object.keys(target)).toEqual(["types", "default"]);
      expect(target["types"]).toBe(target["default"]!.replace(/\.js$/, ".d.ts"));
    }
    for (const path of Object.values(bin)) expect(packed).toContain(path.replace("./", ""));
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

  test.each([
    ["nodenext", ts.ModuleKind.NodeNext, ts.ModuleResolutionKind.NodeNext],
    ["bundler", ts.ModuleKind.ESNext, ts.ModuleResolutionKind.Bundler],
  ])("gives TypeScript its types (%s)", (name, module, moduleResolution) => {
    const file = join(home, `use-${name}.mts`);
    writeFileSync(
      file,
      [
        'import { parse } from "graftwerk/grammar";',
        'import { check } from "graftwerk/compiler";',
        'import { type Manifest, openSession } from "graftwerk/runtime";',
        'const models: readonly string[] = check("a.graft", () => undefined).models;',
        "export const used: readonly unknown[] = [parse, openSession, models];",
        "export const schema = (manifest: Manifest): string => manifest.schema;",
        "// @ts-expect-error: a type that is lost would be any, and this no mistake",
        "check(3);",
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
