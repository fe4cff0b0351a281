// Every exit status of the table in docs/commands.md, from a process that ends with it.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { graftwerk, root, start } from "./built.ts";
import { tiny } from "./specs.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-exits-"));
  writeFileSync(join(folder, "tiny.graft"), tiny);
  writeFileSync(join(folder, "broken.graft"), tiny.replace("causal", "causa"));
  writeFileSync(join(folder, "loose.graft"), tiny.replaceAll("\n\n", "\n\n\n"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A module that breaks something before the command begins. */
const fault = (text: string): string => `--import=data:text/javascript,${encodeURIComponent(text)}`;
const bug = fault("Array.prototype.flatMap = () => { throw new Error('a broken thing'); };");
/** The evaluator is in JavaScript, the graphs are not: so they differ. */
const wrong = fault("const { exp } = Math; Math.exp = (x) => exp(1.5 * x);");

type Case = readonly [status: number, args: readonly string[], schema: string, node: readonly string[]];
const cases: readonly Case[] = [
  [0, ["check", "tiny.graft"], "check", []],
  [1, ["check", "broken.graft"], "check", []],
  [1, ["expand", "broken.graft"], "diagnostics", []],
  [1, ["format", "loose.graft", "--check"], "format", []],
  [2, ["check"], "error", []],
  [3, ["check", "none.graft"], "error", []],
  [4, ["verify", "tiny.graft"], "verify", [wrong]],
  [70, ["expand", "tiny.graft"], "error", [bug]],
];
test.each(cases)("%d: %j writes %s", (status, args, schema, node) => {
  const ran = graftwerk([...args, "--json"], { cwd: folder, node });
  expect(ran.status, ran.stderr).toBe(status);
  expect(JSON.parse(ran.stdout)).toMatchObject({ schema: `graftwerk/${schema}@1` });
});

test.skipIf(process.platform === "win32")("130: interrupted, and nothing half written is left", async () => {
  // Half a gigabyte of weights, which take a while to draw.
  writeFileSync(join(folder, "large.graft"), tiny.replace("D: 4, vocab: 256", "D: 1024, vocab: 60_000"));
  const paths = ["large.graft", "out"].map((name) => join(folder, name)) as [string, string];
  const child = start(["compile", paths[0], "--target", "onnx", "--seed", "1", "--out", paths[1]]);
  const ended = new Promise((done) => child.on("exit", done));
  const half = (): readonly string[] => readdirSync(folder).filter((name) => name.endsWith(".part"));
  for (let waited = 0; half().length === 0 && waited < 30_000; waited += 20)
    await new Promise((go) => setTimeout(go, 20));
  expect(half()).toHaveLength(1);
  child.kill("SIGINT");
  expect(await ended).toBe(130);
  expect(readdirSync(folder).filter((name) => /out|part|old/.test(name))).toEqual([]);
});

test("the table and the help name these and no others", () => {
  const table = readFileSync(join(root, "docs", "commands.md"), "utf8");
  const rows = [...table.matchAll(/^\| (\d+) \|/gm)].map(([, status]) => Number(status));
  expect(rows).toEqual([...new Set([...cases.map(([status]) => status), 130])]);
  const help = /exit status: ([^]*)/.exec(graftwerk(["--help"]).stdout)![1]!;
  expect([...help.matchAll(/\d+/g)].map(([status]) => Number(status))).toEqual(rows);
});
