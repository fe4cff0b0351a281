// `graftwerk doctor`: what is there, here where all is, and from a folder in which no package is in reach.
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { type Part, suffices } from "../../cli/doctor.ts";
import type { Gpu } from "../../cli/gpu.ts";
import { nodeWanted, packagesWanted, version } from "../../cli/version.ts";
import { command, graftwerk, root } from "./built.ts";

interface Found {
  readonly schema: string;
  readonly ok: boolean;
  readonly graftwerk: string;
  readonly formats: readonly string[];
  readonly parts: readonly Part[];
  readonly gpu: Gpu;
  readonly machine: Readonly<Record<string, unknown>>;
}

test("what it wants is what package.json wants", () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    engines: { node: string };
    peerDependencies: Record<string, string>;
  };
  expect(`>=${nodeWanted}`).toBe(manifest.engines.node);
  const wanted = Object.entries(packagesWanted).map(([name, least]) => [name, `^${least}`]);
  expect(Object.fromEntries(wanted)).toEqual(manifest.peerDependencies);
});

test.each([
  ["1.30.0", "1.30.0", true],
  ["1.31.2", "1.30.0", true],
  ["1.30.0-dev.2", "1.30.0", true],
  ["1.29.9", "1.30.0", false],
  ["2.0.0", "1.30.0", false],
  ["0.35.4", "0.35.5", false],
])("%s for %s: %s", (found, wanted, ok) => expect(suffices(found, wanted)).toBe(ok));

test("all is there where everything is installed", () => {
  const { status, stdout, stderr } = graftwerk(["doctor", "--json"]);
  const found = JSON.parse(stdout) as Found;
  expect([found.schema, found.graftwerk, found.formats[0]]).toEqual([
    "graftwerk/doctor@1",
    version,
    "graftwerk/manifest@2",
  ]);
  expect(found.parts.map(({ name }) => name)).toEqual(["Node", "onnxruntime-node", "sharp", "webgpu"]);
  expect(found.parts.filter(({ ok }) => !ok)).toEqual([]);
  // A machine may have a GPU or not; test/webgpu/doctor.test.ts has one.
  expect([found.ok, status]).toEqual(found.gpu.ok ? [true, 0] : [false, 3]);
  if (!found.gpu.ok) expect(stderr).toMatch(/missing:\n {2}GPU: install a driver of your GPU/);
  expect(found.parts.find(({ name }) => name === "onnxruntime-node")).toMatchObject({ ok: true, repair: null });
  expect(found.parts.find(({ name }) => name === "onnxruntime-node")!.detail).toMatch(/runs on .*cpu/);
  for (const key of ["platform", "arch", "threads", "memoryBytes", "freeMemoryBytes", "temporary"])
    expect(found.machine[key]).toBeTruthy();
});

test("what is missing is named with the command that installs it", () => {
  const folder = mkdtempSync(join(tmpdir(), "graftwerk-doctor-"));
  try {
    cpSync(dirname(dirname(command())), join(folder, "dist"), { recursive: true });
    const run = (...args: readonly string[]) =>
      spawnSync(process.execPath, [join(folder, "dist", "cli", "graftwerk.js"), "doctor", ...args], {
        encoding: "utf8",
      });
    const { status, stdout, stderr } = run();
    expect(status).toBe(3);
    expect(stdout).toMatch(/^Node +\d+\.\d+/m);
    expect(stdout).toMatch(/^sharp +not there; /m);
    expect(stderr).toContain("  onnxruntime-node: npm install --ignore-scripts onnxruntime-node@^1.30.0\n");
    expect(stderr).toContain("  sharp: npm install --ignore-scripts sharp@^0.35.5\n");
    const found = JSON.parse(run("--json").stdout) as Found;
    expect(stderr).toContain("  webgpu: npm install --ignore-scripts webgpu@^0.6.2\n");
    expect(stdout).toMatch(/^GPU +not there; needs webgpu$/m);
    expect([found.ok, found.parts.map((part) => part.version === null)]).toEqual([false, [false, true, true, true]]);
    expect(found.gpu).toEqual({ ok: false, detail: "needs webgpu", repair: null, adapter: null });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("it takes no operand", () => {
  const { status, stderr } = graftwerk(["doctor", "me"]);
  expect([status, stderr]).toEqual([2, "error: doctor takes no operand, and me is more\nhelp: graftwerk doctor\n"]);
});
