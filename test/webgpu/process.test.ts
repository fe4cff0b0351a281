// The adapter in a process of its own: that it ends cleanly however it is left, and what is said where something is missing.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../cli/built.ts";

let inside: string;
let outside: string;
beforeAll(async () => {
  const cache = join(root, "node_modules", ".cache", "graftwerk");
  mkdirSync(cache, { recursive: true });
  inside = mkdtempSync(join(cache, "adapter-"));
  outside = mkdtempSync(join(tmpdir(), "graftwerk-adapter-"));
  const input = join(root, "runtime", "webgpu", "adapter.ts");
  const bundle = await rolldown({ input, platform: "node", external: ["webgpu"] });
  for (const dir of [inside, outside]) await bundle.write({ dir, entryFileNames: "adapter.mjs" });
  await bundle.close();
});
afterAll(() => {
  for (const folder of [inside, outside]) rmSync(folder, { recursive: true });
});

/** Runs a module that may use `openAdapter` in a folder; with variables that replace those of the tests. */
const run = (folder: string, module: string, env: Readonly<Record<string, string>> = {}) => {
  writeFileSync(join(folder, "run.mjs"), `import { openAdapter } from "./adapter.mjs";\n${module}`);
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ["--expose-gc", join(folder, "run.mjs")], {
    encoding: "utf8",
    timeout: 60_000,
    env: { ...process.env, ...env },
  });
  return { status, signal, stdout, stderr };
};
const CLEAN = { status: 0, signal: null, stdout: "", stderr: "" };

const OPEN = "const opened = await openAdapter();";
/** Keeps the GPU busy: a pipeline in the making and a copy on its way. */
const BUSY = `${OPEN}
  const { device } = opened;
  const buffer = device.createBuffer({ size: 1 << 20, usage: 0x9 });
  const code = "@group(0) @binding(0) var<storage, read_write> x: array<f32>; @compute @workgroup_size(64) fn main() { x[0] = 1.0; }";
  device.createComputePipelineAsync({ layout: "auto", compute: { module: device.createShaderModule({ code }) } }).catch(() => {});
  buffer.mapAsync(1).catch(() => {});`;
const COLLECT = "for (let i = 0; i < 5; i++) { gc(); await new Promise((go) => setTimeout(go, 20)); }";

describe("a process ends cleanly", () => {
  test.each([
    ["after close", `${OPEN} opened.close(); await opened.lost;`],
    ["with the device open", `${OPEN} globalThis.kept = opened;`],
    ["with work on its way", BUSY],
    ["with work on its way and the device closed", `${BUSY} opened.close();`],
    ["told to exit with work on its way", `${BUSY} process.exit(0);`],
    ["when what was opened is collected", `{ ${OPEN} } await (async () => { ${BUSY} })(); ${COLLECT}`],
    [
      "after several devices with unlike toggles",
      `for (const enable of [[], ["disable_workgroup_init"]]) for (let i = 0; i < 3; i++) await openAdapter({ toggles: { enable } }); ${COLLECT}`,
    ],
  ])("%s", (_, module) => expect(run(inside, module)).toEqual(CLEAN));
});

describe("what is missing is said", () => {
  const SAY = "await openAdapter().catch((failure) => console.log(failure.name, failure.kind, failure.message));";

  test("the package, with the command that installs it", () => {
    const { status, stdout } = run(outside, SAY);
    expect([status, stdout]).toEqual([
      0,
      "Failure package the package webgpu is needed for running on a GPU and is not installed\n  help: npm install --ignore-scripts webgpu\n",
    ]);
  });

  test.runIf(process.platform === "linux")("an adapter, with what to do", () => {
    const { status, stdout } = run(inside, SAY, {
      VK_ICD_FILENAMES: join(outside, "none.json"),
      VK_DRIVER_FILES: join(outside, "none.json"),
    });
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^Failure device no GPU was found that WebGPU can use\n {2}help: install a driver of your GPU/,
    );
  });
});
