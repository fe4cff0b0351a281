// `check` and `format`, which touch nothing but a specification.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { inside } from "./inside.ts";
import { tiny } from "./specs.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-cli-"));
});
afterEach(() => rmSync(folder, { recursive: true }));
const run = (args: readonly string[], input?: string) =>
  inside(args, { cwd: folder, ...(input !== undefined && { input }) });
const untidy = tiny.replaceAll("\n  ", "\n\n      ");

describe("check", () => {
  test("a sound file", async () => {
    writeFileSync(join(folder, "a.graft"), tiny);
    expect(await run(["check", "a.graft"])).toEqual({
      status: 0,
      stdout: "a.graft: 1 model, no mistakes\n",
      stderr: "",
    });
    expect(JSON.parse((await run(["check", "a.graft", "--json"])).stdout)).toEqual({
      schema: "graftwerk/check@1",
      file: "a.graft",
      ok: true,
      models: ["Tiny4"],
      diagnostics: [],
      more: 0,
    });
  });
  test("files import each other by their place, from any folder", async () => {
    writeFileSync(join(folder, "a.graft"), 'import { Tiny4 } from "./parts"\n\nmodel M = Tiny4()\n');
    writeFileSync(join(folder, "parts.graft"), tiny);
    const { status, stderr } = await inside(["check", join(folder, "a.graft")]);
    expect([status, stderr]).toEqual([0, ""]);
  });
  test("several mistakes are all told, and counted", async () => {
    const { status, stderr } = await run(["check", "-"], `${tiny.replace("causal", "causa")}\nmodel B = Tiny5\n`);
    expect(status).toBe(1);
    expect(stderr.match(/^error\[/gm)).toHaveLength(2);
    expect(stderr).toMatch(/<stdin>: 2 mistakes\n$/);
  });
});

describe("format", () => {
  test("writes the canonical text into the file, once", async () => {
    writeFileSync(join(folder, "a.graft"), untidy);
    expect(await run(["format", "a.graft"])).toEqual({ status: 0, stdout: "a.graft: written\n", stderr: "" });
    const text = readFileSync(join(folder, "a.graft"), "utf8");
    expect(text).not.toBe(untidy);
    expect((await run(["format", "a.graft"])).stdout).toBe("a.graft: unchanged\n");
    expect(await run(["format", "a.graft", "--check"])).toMatchObject({ status: 0 });
    expect(readdirSync(folder)).toEqual(["a.graft"]);
  });
  test("--check changes nothing", async () => {
    writeFileSync(join(folder, "a.graft"), untidy);
    const { status, stdout, stderr } = await run(["format", "a.graft", "--check"]);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("is not in canonical form");
    expect(readFileSync(join(folder, "a.graft"), "utf8")).toBe(untidy);
  });
  test("`-` prints", async () => {
    expect(await run(["format", "-"], tiny)).toEqual({ status: 0, stdout: tiny, stderr: "" });
    const json = JSON.parse((await run(["format", "-", "--json"], untidy)).stdout) as Readonly<Record<string, unknown>>;
    expect(json).toMatchObject({ schema: "graftwerk/format@1", changed: true, written: false });
  });
  test("a file with a mistake of meaning is formatted all the same", async () => {
    writeFileSync(join(folder, "a.graft"), untidy.replace("causal", "causa"));
    expect((await run(["format", "a.graft"])).status).toBe(0);
  });
});
