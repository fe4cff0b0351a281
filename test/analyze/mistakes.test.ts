// Every message of analysis at its mistake: the goldens hold the mistake and the message side by side, the marks say
// where the message must point, and what the help says to write makes the mistake go away.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { check, type Checked } from "../../compiler/index.ts";
import { messages } from "../../compiler/analyze/messages.ts";
import { renderAll } from "../../grammar/index.ts";
import { argumentMistakes } from "./mistakes/arguments.ts";
import { declarationMistakes } from "./mistakes/declarations.ts";
import { modelMistakes } from "./mistakes/models.ts";
import { newcomer } from "./mistakes/newcomer.ts";
import { rowMistakes } from "./mistakes/rows.ts";
import { sequenceMistakes } from "./mistakes/sequences.ts";
import { weightMistakes } from "./mistakes/weights.ts";
import { alone, change, dual, own, unmarked, type Mistake } from "./mistakes/written.ts";

const groups: Readonly<Record<string, readonly Mistake[]>> = {
  newcomer,
  declarations: declarationMistakes,
  arguments: argumentMistakes,
  weights: weightMistakes,
  rows: rowMistakes,
  sequences: sequenceMistakes,
  models: modelMistakes,
};
const main = "main.graft";
const run = (text: string, files: Mistake["files"] = {}): Checked => {
  const all = new Map(Object.entries({ [main]: text, ...files }).map(([path, marked]) => [path, unmarked(marked)]));
  const checked = check(main, (path) => all.get(path));
  checked.checkAll();
  return checked;
};
/** The place between the marks: its file and its offsets in the text without marks. */
const marked = ({ text, files = {} }: Mistake) => {
  for (const [path, each] of Object.entries({ [main]: text, ...files })) {
    const from = each.indexOf("«");
    if (from >= 0) return { path, span: { from, to: each.indexOf("»") - 1 } };
  }
  return undefined;
};
const codes = new Set<string>();

describe.each(Object.entries(groups))("%s", (group, mistakes) => {
  const shown: string[] = [];
  test.each(mistakes.map((m) => [m.name, m] as const))("%s", (_, mistake) => {
    const checked = run(mistake.text, mistake.files);
    const { report, sources } = checked;
    shown.push(`== ${mistake.name}\n\n${frameOf(mistake)}${renderAll(sources, report)}\n`);
    report.found.forEach(({ code }) => codes.add(code));
    expect(report.found.map(({ code, message }) => `${code}: ${message}`)).toHaveLength(mistake.messages ?? 1);
    const place = marked(mistake);
    const [first] = report.found;
    if (place) expect({ path: first!.path, span: first!.span }).toEqual(place);
    if (mistake.fixed !== undefined) {
      const mended = run(mistake.fixed, mistake.files);
      expect(renderAll(mended.sources, mended.report)).toBe("");
      expect(mended.models.length).toBeGreaterThan(0);
    }
  });
  test("golden", () => {
    const path = fileURLToPath(new URL(`golden/${group}.txt`, import.meta.url));
    const text = shown.join("\n");
    if (process.env["UPDATE"]) {
      mkdirSync(new URL("golden", import.meta.url), { recursive: true });
      writeFileSync(path, text);
    }
    expect(text).toBe(readFileSync(path, "utf8"));
  });
});
/** The whole of a short text; of a long one the lines that differ from the right one. */
const frameOf = ({ text, fixed, files }: Mistake): string => {
  const others =
    Object.keys(files ?? {}).length > 3
      ? ""
      : Object.entries(files ?? {})
          .map(([path, each]) => `${path}:\n${unmarked(each)}\n`)
          .join("");
  const base =
    fixed ?? [alone, dual, own].find((each) => each.split("\n").filter((line) => text.includes(line)).length > 10);
  if (base === undefined || text.split("\n").length < 10 || text.length > 4000)
    return text.length > 4000 ? "" : `${unmarked(text)}${others}\n`;
  const lines = (of: string): string[] => of.split("\n");
  const only = (of: string, other: string, sign: string): string[] =>
    lines(of)
      .filter((line) => !lines(other).includes(line))
      .map((line) => `${sign} ${line}`);
  const changed = unmarked(text);
  return `${[...only(base, changed, "-"), ...only(changed, base, "+")].join("\n")}\n${others}\n`;
};

describe("what a missing bridge would cost is what it then costs", () => {
  const paint: readonly [string, string] = [
    "Dual(language: Small, vision: Copied(Small, patch: 12))",
    "Dual(language: Small, vision: Paint)",
  ];
  const trained: readonly [string, string] = ["text.added\n", "text.added, fuse.**, bridge.**\n"];
  const designs: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
    "both towers read all rows": [paint],
    "one tower reads its own rows": [paint, ["v(h, c: c)", "v(h[image.patch], c: c)"]],
    "towers of unlike depth": [
      paint,
      ["DiT(L: 2", "DiT(L: 5"],
      ["v in vision.layers", "v in spread(vision.layers, 2)"],
    ],
    "a loop in a loop": [
      paint,
      [
        "    h = select",
        "    layers deep m in vision.layers {\n      h = select { und: h, image.patch: m(h, c: c) }\n    }\n    h = select",
      ],
    ],
  };
  test.each(Object.entries(designs))("%s", (_, pieces) => {
    const text = change(dual, ...pieces);
    const help = run(text)
      .report.found.map((found) => found.help ?? "")
      .join();
    const prices = [...help.matchAll(/\(\+([\d,]+) parameters\)/g)].map(([, price]) =>
      Number(price!.replaceAll(",", "")),
    );
    const added = ["bridge", "bridge(once)"].map((option) => {
      const root = option === "bridge" ? "fuse.**" : "bridge.**";
      const bridged = text.replace("vision: Paint)", `vision: Paint) with { ${option} }`);
      const checked = run(
        change(bridged, [trained[0], trained[1].replace(option === "bridge" ? ", bridge.**" : ", fuse.**", "")]),
      );
      expect(renderAll(checked.sources, checked.report)).toBe("");
      expect(help).toContain(`\`with { ${option} }\` and \`train ${root}\``);
      const weights = checked.model("Swap")!.weights.filter(({ path }) => /^(?:fuse|bridge)[.[]/.test(path));
      return weights.reduce((sum, { shape }) => sum + shape.reduce((n, d) => n * d, 1), 0);
    });
    expect(prices).toEqual(added);
  });
});
test("no file at all", () => {
  const { report, models } = check("nothing.graft", () => undefined);
  expect([report.found.map(({ code }) => code), models]).toEqual([["no-file"], []]);
  codes.add("no-file");
});
test("the right specifications are right", () => {
  for (const text of [alone, dual, own]) {
    const { sources, report } = run(text);
    expect(renderAll(sources, report)).toBe("");
  }
});
test("every message is said, at least once", () => {
  expect(Object.keys(messages).filter((code) => !codes.has(code))).toEqual([]);
});
test("there are many mistakes", () => {
  expect(Object.values(groups).flat().length).toBeGreaterThan(100);
});
