// Every package that is asked for has a reason on the page, no reason is for a package that is gone, and what is bundled
// may be: its licences are of those that ask for no more than to be kept.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { command, root } from "../cli/built.ts";

const read = (path: string): string => readFileSync(join(root, path), "utf8");
type Versions = Readonly<Record<string, string>>;
const { devDependencies, peerDependencies, dependencies } = JSON.parse(read("package.json")) as {
  readonly devDependencies: Versions;
  readonly peerDependencies: Versions;
  readonly dependencies?: Versions;
};
/** The cells of each row of the page's table. */
const rows = [...read("docs/dependencies.md").matchAll(/^\| (.*) \|$/gm)]
  .map(([, cells]) => cells!.split(" | "))
  .filter(([first]) => first !== "package");
/** `chevrotain 11.2`: a name, perhaps with the beginning of its version. */
const named = rows.flatMap(([first]) => first!.split(", ").map((text) => text.split(" ") as [string, string?]));

test("every package has a row with a use and a reason, and every row a package", () => {
  const wanted = Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies });
  expect(named.map(([name]) => name).sort()).toEqual([...new Set(wanted)].sort());
  for (const [first, use, reason, ...more] of rows) {
    expect(
      [use, reason].every((text) => text !== undefined && text.length > 4),
      first,
    ).toBe(true);
    expect(more).toEqual([]);
  }
});

test("versions that a row names are those asked for", () => {
  for (const [name, version] of named)
    if (version !== undefined) expect(`${devDependencies[name]}.`, name).toMatch(new RegExp(`^${version}\\.`));
});

test("optional packages say so, and are asked for in a version that the tests have", () => {
  for (const [name, range] of Object.entries(peerDependencies)) {
    expect(rows.find(([first]) => first!.split(", ").includes(name))?.[1], name).toContain("optional peer");
    expect(range, name).toBe(`^${devDependencies[name]}`);
  }
});

test("what is bundled is under a licence that allows it, and brings its text", () => {
  const allowed = ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "0BSD"];
  const text = readFileSync(join(dirname(dirname(command())), "THIRD-PARTY.txt"), "utf8");
  const sections = text.split(/^-{80}$/m).slice(1);
  expect(sections.length).toBeGreaterThan(3);
  for (const section of sections) {
    const [, name, licence, body] = /^\s*(\S+ \S+) \((.+)\)\n([^]*)$/.exec(section)!;
    expect(allowed, name).toContain(licence);
    expect(body!.trim().length, `the licence of ${name}`).toBeGreaterThan(200);
  }
});
