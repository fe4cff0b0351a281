// How far a long work is: written over on a terminal, a line now and then elsewhere, nothing for short works; and colours,
// which are asked for by a terminal alone.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { inside } from "./inside.ts";
import { tiny } from "./specs.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-progress-"));
  writeFileSync(join(folder, "tiny.graft"), tiny);
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** Runs with a clock that goes on by so much at every look, on a terminal or not. */
const run = async (args: readonly string[], step: number, terminal: boolean, env: Record<string, string> = {}) => {
  for (const [name, value] of Object.entries({ NO_COLOR: "", FORCE_COLOR: "", TERM: "xterm", ...env }))
    vi.stubEnv(name, value);
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => (now += step));
  const before = process.stderr.isTTY;
  process.stderr.isTTY = terminal;
  try {
    return await inside(args, { cwd: folder });
  } finally {
    process.stderr.isTTY = before;
  }
};
const compile = ["compile", "tiny.graft", "--target", "onnx", "--seed", "1", "--out", "out"];

describe("weights that are written", () => {
  test("on a terminal: one line, written over and then taken away", async () => {
    const { status, stdout, stderr } = await run(compile, 400, true);
    expect(status).toBe(0);
    const [before, ...shown] = stderr.split("\r\u001b[K");
    expect([before, shown.pop()]).toEqual(["", ""]);
    expect(shown.length).toBeGreaterThan(0);
    for (const text of shown) expect(text).toMatch(/^weights: 0\.0 of 0\.0 GB, \d+ %$/);
    expect(stdout).not.toContain("\u001b");
  });
  test("elsewhere: plain lines", async () => {
    const { status, stderr } = await run(compile, 3000, false);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^(weights: 0\.0 of 0\.0 GB, \d+ %\n)+$/);
  });
  test.each([true, false])("are not spoken of where they take no time (terminal: %s)", async (terminal) => {
    expect((await run(compile, 1, terminal)).stderr).toBe("");
  });
  test("a terminal that cannot write over gets plain lines", async () => {
    expect((await run(compile, 3000, true, { TERM: "dumb" })).stderr).toMatch(/^(weights: [\d. ofGB,%]*\n)+$/);
  });
});

test("verify names the model that it is at", async () => {
  const { stdout, stderr } = await run(["verify", "tiny.graft"], 1, true);
  expect(stderr).toBe("\r\u001b[Kverifying Tiny4\r\u001b[K");
  expect(stdout).toMatch(/^Tiny4: passed/);
});

test.each<[boolean, Record<string, string>, boolean]>([
  [true, {}, true],
  [true, { NO_COLOR: "1" }, false],
  [true, { TERM: "dumb" }, false],
  [false, {}, false],
])("terminal %s, %j: colours %s", async (terminal, env, coloured) => {
  writeFileSync(join(folder, "broken.graft"), tiny.replace("causal", "causa"));
  const { stderr } = await run(["check", "broken.graft"], 1, terminal, env);
  expect(stderr.includes("\u001b[31m")).toBe(coloured);
});
