// What the README and the pages beside it show is run: specifications are checked, commands and scripts are carried out.
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
import { dirname, join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commands } from "../cli/commands.ts";
import { check } from "../compiler/index.ts";
import { described } from "./bindings/manifests.ts";
import { checked } from "./bindings/program.ts";
import { command, graftwerk, root } from "./cli/built.ts";

const pages = [
  "README.md",
  "ARCHITECTURE.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
  ...readdirSync(join(root, "examples"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `examples/${name}/README.md`),
];
const read = (path: string): string => readFileSync(join(root, path), "utf8");
/** The fenced blocks of a page in one language. */
const blocks = (page: string, language: string): string[] =>
  [...read(page).matchAll(/^```(\w*)\n([^]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , text]) => text!);
/** The words of a shell line; what stands in quotes is one. */
const words = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-readme-"));
  cpSync(join(root, "examples"), join(folder, "examples"), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

const specs = pages.flatMap((page) => blocks(page, "graft").map((spec) => [page, spec] as const));
test.each(specs)("the specification in %s has no mistakes", (_, spec) => {
  const checked = check("page.graft", (path) => (path === "page.graft" ? spec : undefined));
  for (const name of checked.models) checked.model(name);
  expect(checked.report.found.map(({ message }) => message)).toEqual([]);
});

const lines = pages.flatMap((page) => blocks(page, "sh").flatMap((block) => block.trim().split("\n")));
test.each([...new Set(lines)])("`%s`", (line) => {
  const [program, ...args] = words(line);
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Readonly<Record<string, string>> };
  // What npm runs is tested by itself; here it is enough that there is such a script.
  if (program === "npm") return expect(Object.keys(scripts)).toContain(args.at(-1));
  expect(program).toBe("graftwerk");
  // To verify takes long, and is tested by itself; here it is enough that the model is there.
  const quick = args[0] === "verify" ? ["expand", ...args.slice(1)] : args;
  const { status, stderr } = graftwerk(quick, { cwd: folder });
  // What generation took stands there, and how far training is.
  const said = { generate: /^(?:\S+: \d+ x \d+\n)*on [^]*\n$/, train: /^\d+ numbers in [^]*\n$/ }[args[0]!];
  const told = said === undefined ? stderr : stderr.replace(said, "");
  expect([status, told]).toEqual([0, ""]);
});

/** A page without what stands in code. */
const proseOf = (page: string): string => read(page).replace(/^```[^]*?^```$|`[^`\n]*`/gm, "");
/** The headings of a page as links name them. */
const anchorsOf = (page: string): string[] =>
  [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replaceAll(" ", "-"),
  );
test.each(pages)("links of %s lead somewhere", (page) => {
  const links = [...proseOf(page).matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target!);
  const gone = links.filter((link) => {
    if (link.includes(":")) return false;
    const [path, anchor] = link.split("#") as [string, string?];
    const target = path === "" ? page : join(dirname(page), path);
    return !existsSync(join(root, target)) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
  });
  expect(gone).toEqual([]);
});

test("the table of commands is that of the command line", () => {
  const rows = [...read("README.md").matchAll(/^\| `graftwerk (\w+)([^`]*)`/gm)];
  expect(rows.map(([, name]) => name)).toEqual(commands.map(({ name }) => name));
  for (const [, name, rest] of rows) {
    const { options } = commands.find((each) => each.name === name)!;
    for (const [, option] of rest!.matchAll(/--(\w+)/g)) expect(Object.keys(options), name).toContain(option);
  }
});

test("what the pages say of the code is made from it", () => {
  const script = join(root, "scripts", "docs.mjs");
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
});

test("every page is held to this, and every block on it", () => {
  const skipped = new Set(["node_modules", "dist", "out", ".git"]);
  const walk = (path: string): string[] =>
    readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
      if (skipped.has(entry.name)) return [];
      const inner = path === "" ? entry.name : `${path}/${entry.name}`;
      return entry.isDirectory() ? walk(inner) : entry.name.endsWith(".md") ? [inner] : [];
    });
  // How vectors were made elsewhere, with programs that are not ours.
  const elsewhere = ["test/reference/README.md"];
  expect([...pages, ...elsewhere].sort()).toEqual(walk("").sort());
  // A text is shown and not run: a diagram, the grammar, what is said of a mistake.
  const run = ["graft", "sh", "js", "ts", "text"];
  const others = pages.flatMap((page) =>
    [...read(page).matchAll(/^```(\w*)\n[^]*?^```$/gm)].flatMap(([, language]) =>
      run.includes(language!) ? [] : [`${page}: ${language}`],
    ),
  );
  expect(others).toEqual([]);
});

const typed = pages.flatMap((page) => blocks(page, "ts").map((text) => [page, text] as const));
test("scripts with types are right, for a model of text", () => {
  const texts = typed.map(([, text], i) => [`LlamaModel/${i}.mts`, text.replace("./out/", "./")] as const);
  const found = checked([described("llama", "LlamaModel")], Object.fromEntries(texts));
  expect(texts.length).toBeGreaterThan(0);
  for (const [name] of texts) expect(found.get(name)).toEqual([]);
});

const untyped = (text: string): string =>
  ts.transpileModule(text, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 } })
    .outputText;
const scripts = [
  ...pages.flatMap((page) => blocks(page, "js").map((text) => [page, text] as const)),
  ...typed.map(([page, text]) => [page, untyped(text)] as const),
];
test.each(scripts)("the script in %s runs on a compiled model of text", (page, text) => {
  const home = mkdtempSync(join(folder, page.replace(/\W/g, "-")));
  mkdirSync(join(home, "node_modules", "graftwerk"), { recursive: true });
  cpSync(join(root, "package.json"), join(home, "node_modules", "graftwerk", "package.json"));
  symlinkSync(dirname(dirname(command())), join(home, "node_modules", "graftwerk", "dist"), "junction");
  const trains = text.includes("session.train");
  // The one trains nothing, and the other reads text too.
  const spec = trains ? ["xfusion", "--model", "SingleTower", "--train"] : ["llama"];
  const [example, ...more] = spec as [string, ...string[]];
  const file = join(root, "examples", example, `${example}.graft`);
  const args = ["compile", file, "--target", "onnx", "--seed", "1", "--bindings", "--out", "out", ...more];
  const compiled = graftwerk(args, { cwd: home });
  expect([compiled.status, compiled.stderr]).toEqual([0, ""]);
  writeFileSync(join(home, "script.mjs"), text);
  const ran = spawnSync(process.execPath, ["script.mjs"], { cwd: home, encoding: "utf8" });
  expect([ran.status, ran.stderr]).toEqual([0, ""]);
  expect(ran.stdout).toMatch(trains || text.includes("session.generate") ? /\S/ : /^Float32Array\(256\) \[/);
});
