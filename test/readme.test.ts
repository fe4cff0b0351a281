// What the README and the pages beside it show is run: specifications are checked, commands are carried out.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commands } from "../cli/commands.ts";
import { rowBuiltins } from "../compiler/analyze/builtins.ts";
import { specials } from "../compiler/analyze/special.ts";
import { check } from "../compiler/index.ts";
import { std } from "../compiler/std/index.ts";
import { graftwerk, root } from "./cli/built.ts";

const pages = [
  "README.md",
  "ARCHITECTURE.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
  ...["llama", "lmfusion", "xfusion"].map((name) => `examples/${name}/README.md`),
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
  expect([status, stderr]).toEqual([0, ""]);
});

test.each(pages)("links of %s lead somewhere", (page) => {
  const targets = [...read(page).matchAll(/\]\(([^)#]+)\)/g)].map(([, target]) => join(dirname(page), target!));
  const gone = targets.filter((target) => !target.includes(":") && !existsSync(join(root, target)));
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

test("the reference names every function with its parameters, and every name of the library", () => {
  const text = read("docs/language.md");
  for (const [name, { parameters }] of Object.entries(rowBuiltins)) {
    const shown = parameters.map((parameter) => {
      if (parameter.optional) return `${parameter.name}?`;
      const { value } = parameter;
      if (value === undefined) return parameter.name;
      const number = value === 10_000 ? "10_000" : value === 1e-5 ? "1e-5" : String(value);
      return `${parameter.name} = ${typeof value === "string" ? JSON.stringify(value) : number}`;
    });
    expect(text).toContain(`\`${name}(${shown.join(", ")})\``);
  }
  for (const name of specials.keys()) expect(text, name).toMatch(new RegExp(`\\b${name}\\(`));
  for (const [module, source] of std) {
    const row = text.split("\n").find((line) => line.startsWith(`| \`${module}\``));
    for (const [, name] of source.matchAll(/^(?:part|block|tower|contract|model) (\w+)/gm))
      expect(row, module).toContain(`\`${name}\``);
  }
});
