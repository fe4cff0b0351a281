// What scripts and people rely on in every command: exit status, streams, JSON, colours, help, and words for mistakes.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commands } from "../../cli/commands.ts";
import { version } from "../../cli/version.ts";
import { graftwerk, root } from "./built.ts";
import { inside } from "./inside.ts";
import { tiny } from "./specs.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-cli-"));
  writeFileSync(join(folder, "tiny.graft"), tiny);
});
afterAll(() => rmSync(folder, { recursive: true }));
const run = (args: readonly string[], input?: string | Uint8Array, env?: Readonly<Record<string, string>>) =>
  graftwerk(args, { cwd: folder, ...(input !== undefined && { input }), ...(env && { env }) });
const broken = tiny.replace("causal", "causa");

describe("help", () => {
  test("names every command, and each one its options", () => {
    const { status, stdout, stderr } = run(["--help"]);
    expect([status, stderr]).toEqual([0, ""]);
    for (const { name } of commands) expect(stdout).toContain(`  ${name} `);
    for (const { name, options } of commands) {
      const own = run([name, "--help"]);
      expect([own.status, own.stderr]).toEqual([0, ""]);
      for (const option of [...Object.keys(options), "json", "help"]) expect(own.stdout).toContain(`--${option}`);
    }
  });
  test("nothing asked is wrong usage", () => {
    const { status, stdout, stderr } = run([]);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("usage:");
  });
  test("the version is that of the package", () => {
    const { version: packaged } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    expect(version).toBe(packaged);
    expect(run(["--version"]).stdout).toBe(`${packaged}\n`);
  });
});

describe("wrong usage ends with 2 and names the way out", () => {
  test.each<[readonly string[], RegExp]>([
    [["chekc", "x"], /no command "chekc"\nhelp: did you mean check\?/],
    [["nonsense"], /no command "nonsense"\nhelp: graftwerk --help lists/],
    [["check"], /check needs FILE/],
    [["check", "a.graft", "b.graft"], /b\.graft is more/],
    [["check", "tiny.graft", "--jsn"], /no option --jsn\nhelp: did you mean --json\?/],
    [["check", "tiny.graft", "-j"], /no option -j/],
    [["check", "tiny.graft", "--json=1"], /--json takes no value/],
    [["compile", "tiny.graft", "--otu", "x"], /no option --otu\nhelp: did you mean --out\?/],
    [["compile", "tiny.graft", "--target", "onnx"], /needs --out DIR/],
    [["compile", "tiny.graft", "--out", "o"], /needs --target onnx/],
    [["compile", "tiny.graft", "--out"], /--out needs a value: --out DIR/],
    [["compile", "tiny.graft", "--out", "--json"], /--out needs a value[^]*write --out=--json/],
    [["compile", "tiny.graft", "--out", "a", "--out", "b", "--target", "onnx"], /--out is given twice/],
    [
      ["compile", "tiny.graft", "--out", "o", "--target", "webgpu", "--profile", "portable"],
      /--profile is for --target onnx/,
    ],
    [["compile", "tiny.graft", "--out", "o", "--target", "onxx"], /--target is "onxx"\nhelp: did you mean onnx\?/],
    [["compile", "tiny.graft", "--out", "o", "--target", "onnx", "--profile", "potable"], /did you mean portable\?/],
    [["compile", "tiny.graft", "--out", "o", "--target", "onnx", "--seed", "-1"], /--seed is "-1"[^]*whole number/],
    [["compile", "tiny.graft", "--out", "o", "--target", "onnx", "--seed", "4294967296"], /whole number/],
    [["compile", "tiny.graft", "--out", ".", "--target", "onnx"], /is the current folder or around it/],
    [["compile", "tiny.graft", "--out", "..", "--target", "onnx"], /is the current folder or around it/],
    [["expand", "tiny.graft", "--model", "Tiny5"], /no model "Tiny5"[^]*did you mean Tiny4\?/],
    [["expand", "tiny.graft", "--model", "Other"], /there are Tiny4/],
    [["generate", "tiny.graft"], /generate needs --prompt TEXT/],
  ])("%j", async (args, reason) => {
    const { status, stdout, stderr } = await inside(args, { cwd: folder });
    expect(status).toBe(2);
    expect(stdout === "" || args.includes("--json")).toBe(true);
    expect(stderr).toMatch(reason);
    expect(stderr).not.toMatch(/\n {4}at /);
  });
  test("as a process, too", () => {
    const { status, stdout, stderr } = run(["check", "tiny.graft", "--jsn"]);
    expect([status, stdout, stderr]).toEqual([2, "", "error: check has no option --jsn\nhelp: did you mean --json?\n"]);
  });
});

describe("files end with 3", () => {
  test.each<[string, readonly string[], RegExp]>([
    ["none", ["check", "none.graft"], /none\.graft: there is no such file/],
    ["a folder", ["check", "."], /is not a file/],
    ["not text", ["check", "bytes.graft"], /not valid UTF-8/],
    ["too large", ["check", "large.graft"], /larger than a specification may be/],
    ["a link that leads out", ["check", "sub/linked.graft"], /a link that leads out of the folder/],
    ["a folder imported", ["check", "importing.graft"], /is not a file/],
    ["not compiled", ["generate", "empty", "--prompt", "x"], /manifest\.json: there is no such file/],
    ["a pickle", ["compile", "tiny.graft", "--target", "onnx", "--out", "o", "--weights", "a.bin"], /is a pickle/],
  ])("%s", async (_, args, reason) => {
    mkdirSync(join(folder, "sub"), { recursive: true });
    mkdirSync(join(folder, "empty"), { recursive: true });
    mkdirSync(join(folder, "inner.graft"), { recursive: true });
    writeFileSync(join(folder, "bytes.graft"), Uint8Array.of(0xff, 0xfe, 0x00));
    writeFileSync(join(folder, "large.graft"), " ".repeat(4 * 2 ** 20));
    writeFileSync(join(folder, "sub", "linked.graft"), 'import { Tiny } from "./link"\n');
    writeFileSync(join(folder, "importing.graft"), 'import { Tiny } from "./inner"\n');
    rmSync(join(folder, "sub", "link.graft"), { force: true });
    symlinkSync(join(folder, "tiny.graft"), join(folder, "sub", "link.graft"));
    const { status, stdout, stderr } = await inside(args, { cwd: folder });
    expect([status, stdout]).toEqual([3, ""]);
    expect(stderr).toMatch(reason);
  });
  test("a name that would steer the terminal is shown harmless", () => {
    const { status, stderr } = run(["check", "\u001b[31mred.graft"]);
    expect(status).toBe(3);
    expect(stderr).not.toContain("\u001b");
  });
});

describe("mistakes end with 1", () => {
  test.each(["check", "expand", "verify", "compile", "generate"])("in %s, the same on stderr and as JSON", (name) => {
    const more = { compile: ["--target", "onnx", "--out", "never"], generate: ["--prompt", "x"] }[name] ?? [];
    const { status, stdout, stderr } = run([name, "-", "--json", ...more], broken);
    expect(status).toBe(1);
    expect(stderr).toContain("error[unknown-name]");
    expect(stderr).toContain("<stdin>:22:10");
    const json = JSON.parse(stdout) as { schema: string; diagnostics: { code: string; start: { line: number } }[] };
    expect(json.schema).toBe(name === "check" ? "graftwerk/check@1" : "graftwerk/diagnostics@1");
    expect(json.diagnostics.map(({ code, start }) => [code, start.line])).toEqual([["unknown-name", 22]]);
  });
  test("a syntax error too, in format", () => {
    const { status, stderr } = run(["format", "-"], "model {");
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error\[/);
  });
  test("an import that leads outside", () => {
    const { status, stderr } = run(["check", "-"], 'import { A } from "../x"\n');
    expect(status).toBe(1);
    expect(stderr).toContain("error[import-outside]");
  });
});

describe("colours", () => {
  test.each<[Readonly<Record<string, string>>, boolean]>([
    [{}, false],
    [{ FORCE_COLOR: "1" }, true],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, false],
    [{ FORCE_COLOR: "0" }, false],
  ])("%j", (env, coloured) => {
    expect(run(["check", "-"], broken, env).stderr.includes("\u001b[31m")).toBe(coloured);
  });
});

test("an error is JSON too, when asked for", () => {
  const { status, stdout } = run(["check", "none.graft", "--json"]);
  expect(status).toBe(3);
  expect(JSON.parse(stdout)).toEqual({
    schema: "graftwerk/error@1",
    kind: "file",
    message: "none.graft: there is no such file",
  });
});

test("a bug of ours ends with 70 and says what to report", () => {
  const fault = "data:text/javascript,Array.prototype.flatMap = () => { throw new Error('a broken thing'); };";
  const { status, stdout, stderr } = graftwerk(["expand", "tiny.graft", "--json"], {
    cwd: folder,
    node: [`--import=${fault}`],
  });
  expect(status).toBe(70);
  expect(stderr).toMatch(
    /this is a bug of graftwerk[^]*Please report[^]*command: graftwerk "expand"[^]*a broken thing/,
  );
  const json = JSON.parse(stdout) as { schema: string; kind: string; report: string };
  expect([json.schema, json.kind]).toEqual(["graftwerk/error@1", "bug"]);
  expect(json.report).toContain(version);
});
