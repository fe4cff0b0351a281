// What the package asks of npm: a lock file that `npm ci` accepts on every platform, no install scripts, one patched
// protobufjs, and a standard library module that is current.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
const lock = JSON.parse(read("package-lock.json")) as { packages: Readonly<Record<string, Locked>> };
const manifest = JSON.parse(read("package.json")) as Locked & { overrides: Readonly<Record<string, string>> };
const packages = Object.entries(lock.packages);

test("the lock file names every package, of other platforms too", () => {
  // npm leaves out an optional package that its registry lacks, and `npm ci` then refuses the file.
  const known = new Set(
    packages.map(([path]) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)),
  );
  const missing = packages.flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !known.has(name))
      .map((name) => `${path}: ${name}`),
  );
  expect(missing).toEqual([]);
});

test("every package is pinned by its hash and comes from no particular registry", () => {
  const loose = packages.filter(([path, { integrity }]) => path !== "" && !integrity?.startsWith("sha512-"));
  expect(loose.map(([path]) => path)).toEqual([]);
  expect(
    packages.filter(
      ([, { resolved }]) => resolved !== undefined && !resolved.startsWith("https://registry.npmjs.org/"),
    ),
  ).toEqual([]);
});

test("the lock file is that of package.json", () => {
  expect(lock.packages[""]?.devDependencies).toEqual(manifest.devDependencies);
  expect(Object.values(manifest.devDependencies!).filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});

// What they would do is not needed: one fetches CUDA, the other clears a mark that macOS puts on files from browsers.
test("install scripts are off, and only two packages have one", () => {
  expect(read(".npmrc")).toMatch(/^ignore-scripts=true$/m);
  expect(packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path)).toEqual([
    "node_modules/onnxruntime-node",
    "node_modules/webgpu",
  ]);
});

test("there is one protobufjs, the patched one", () => {
  const found = packages.filter(([path]) => path.endsWith("/protobufjs"));
  expect(found.map(([, { version }]) => version)).toEqual([manifest.overrides["protobufjs"]]);
});

test("compiler/std/index.ts is what its .graft files say", () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, "scripts", "std.mjs"), "--check"], {
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([0, ""]);
});
