// `graftwerk explain`: the examples are those of the goldens, every code has one, and what they say is said.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { explanations } from "../../cli/explanations.ts";
import { allMessages, check } from "../../compiler/index.ts";
import { renderAll } from "../../grammar/index.ts";
import { root } from "./built.ts";
import { inside } from "./inside.ts";

test("cli/explanations.ts is what the goldens say", () => {
  const script = join(root, "scripts", "explain.mjs");
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
});

test("every code is explained, and no other", () => {
  expect(Object.keys(explanations)).toEqual(Object.keys(allMessages).sort());
  for (const [code, { name, said }] of Object.entries(explanations)) {
    expect(name, code).not.toBe("");
    expect(said, code).toMatch(new RegExp(`^(error|warning)\\[${code}\\]: `));
  }
});

test("what no golden holds is said so", () => {
  const title = (text: string | undefined, path: string): string => {
    const { report, sources } = check(path, () => text);
    return renderAll(sources, report)
      .replace(/\n +┌[^]*?(?=\nhelp:|$)/, "")
      .trimEnd();
  };
  expect(title(undefined, "nothing.graft")).toBe(explanations["no-file"]!.said);
  expect(title("/".repeat(2 ** 20 + 1), "a.graft").split("\n")[0]).toBe(explanations["file-too-large"]!.said);
});

test("an example, its message and its repair", async () => {
  const { status, stdout, stderr } = await inside(["explain", "depths-differ"]);
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^depths-differ: .+\n\nFor example[^]*v in vision\.layers \{/);
  expect(stdout).toMatch(/graftwerk says:\n\n {4}error\[depths-differ\][^]*So it is right:[^]*spread\(vision\.layers/);
  const json = JSON.parse((await inside(["explain", "depths-differ", "--json"])).stdout) as Record<string, string>;
  expect([json["schema"], json["code"]]).toEqual(["graftwerk/explain@1", "depths-differ"]);
  expect(json["said"]).toContain("error[depths-differ]");
});

test("a code as it is printed", async () => {
  expect((await inside(["explain", "error[depths-differ]"])).stdout).toMatch(/^depths-differ:/);
});

test.each([
  ["depths-difer", /no code "depths-difer"\nhelp: did you mean depths-differ\?/],
  ["toString", /no code "toString"/],
  ["zzzzzz", /help: graftwerk explain lists the codes/],
])("no such code: %s", async (code, reason) => {
  const { status, stdout, stderr } = await inside(["explain", code]);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(reason);
});

test("without a code, all codes", async () => {
  const { status, stdout } = await inside(["explain"]);
  const codes = stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ")[0]);
  expect([status, codes]).toEqual([0, Object.keys(explanations)]);
  const json = JSON.parse((await inside(["explain", "--json"])).stdout) as { schema: string; codes: unknown[] };
  expect([json.schema, json.codes.length]).toEqual(["graftwerk/codes@1", codes.length]);
});
