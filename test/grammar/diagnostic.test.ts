// Sources, reports, frames, JSON and suggestions.

import { expect, test } from "vitest";
import { lineText, nearest, placeOf, render, renderAll, Report, source, toJSON } from "../../grammar/index.ts";
import { readText } from "./reading.ts";

const messages = {
  "unknown-name": (name: string, near?: string) => ({
    message: `There is no \`${name}\` here.`,
    help: near === undefined ? undefined : `Did you mean \`${near}\`?`,
  }),
  "width-mismatch": (left: number, right: number) => ({
    message: `One has heads of width ${left}, the other ${right}.`,
  }),
};
const spanIn = (text: string, part: string): { from: number; to: number } => {
  const from = text.indexOf(part);
  return { from, to: from + part.length };
};

test("a frame, as the style asks", () => {
  const text = "\n\n\n\nh = joint { vision: v(h), acton: a(h) }\n";
  const report = new Report(messages, "vla.graft");
  report.error("unknown-name", { span: spanIn(text, "acton") }, ["acton", "action"]);
  expect(renderAll([source("vla.graft", text)], report)).toBe(
    [
      "error[unknown-name]: There is no `acton` here.",
      "  ┌─ vla.graft:5:27",
      "5 │ h = joint { vision: v(h), acton: a(h) }",
      "  │                           ^^^^^",
      "help: Did you mean `action`?",
    ].join("\n"),
  );
});

test("notes in another source, warnings, colour", () => {
  const main = source("main.graft", "join vision, action\n");
  const other = source("other.graft", `${"\n".repeat(11)}tower action {\n  heads = 8\n}\n`);
  const report = new Report(messages, "main.graft");
  const note = { path: "other.graft", span: spanIn(other.text, "heads = 8"), text: "256 wide" };
  report.warn("width-mismatch", { span: spanIn(main.text, "action") }, [72, 256], note);
  expect(report.failed).toBe(false);
  const [found] = report.found;
  expect(render([main, other], found!)).toBe(
    [
      "warning[width-mismatch]: One has heads of width 72, the other 256.",
      "   ┌─ main.graft:1:14",
      " 1 │ join vision, action",
      "   │              ^^^^^^",
      "   ┌─ other.graft:13:3",
      "13 │   heads = 8",
      "   │   --------- 256 wide",
    ].join("\n"),
  );
  const coloured = render([main, other], found!, { colour: true });
  expect(coloured).toContain("\u001b[33mwarning[width-mismatch]\u001b[0m");
  // oxlint-disable-next-line no-control-regex -- the codes of the colours
  expect(coloured.replace(/\u001b\[\d+m/g, "")).toBe(render([main, other], found!));
  expect(render([], found!)).toContain("main.graft");
  expect(toJSON([main, other], found!)).toEqual({
    severity: "warning",
    code: "width-mismatch",
    message: "One has heads of width 72, the other 256.",
    path: "main.graft",
    span: { from: 13, to: 19 },
    start: { line: 1, column: 14 },
    end: { line: 1, column: 20 },
    notes: [
      {
        path: "other.graft",
        span: { from: 28, to: 37 },
        start: { line: 13, column: 3 },
        end: { line: 13, column: 12 },
        text: "256 wide",
      },
    ],
  });
});

test("what could steer a terminal is not printed, and long lines are cut around the mark", () => {
  const text = `${"x".repeat(5000)}\u001b[31m§${"y".repeat(5000)}`;
  const { errors } = readText(text);
  expect(errors).not.toContain("\u001b");
  expect(Math.max(...errors.split("\n").map((line) => line.length))).toBeLessThan(200);
});

test("a report keeps 100 and counts the rest", () => {
  const report = new Report(messages, "a.graft");
  for (let index = 0; index < 130; index++) report.error("unknown-name", { span: { from: 0, to: 1 } }, [`n${index}`]);
  expect(report.found).toHaveLength(100);
  const text = renderAll([source("a.graft", "abc")], report);
  expect(text.endsWith("\n\nand 30 more")).toBe(true);
});

test("a report over more messages serves where one over fewer is asked", () => {
  const all = { ...messages, other: () => ({ message: "Other." }) };
  const say = (report: Report<typeof messages>): undefined =>
    report.error("unknown-name", { span: { from: 0, to: 1 } }, ["x"]);
  const report = new Report(all, "a.graft");
  say(report);
  report.error("other", { path: "b.graft", span: { from: 0, to: 1 } }, []);
  expect(report.found.map(({ code, path }) => [code, path])).toEqual([
    ["unknown-name", "a.graft"],
    ["other", "b.graft"],
  ]);
});

test("lines and columns; byte order mark; line breaks of either kind", () => {
  const from = source("a", "\ufeffab\r\ncd\n\nef");
  expect(from.text.startsWith("ab")).toBe(true);
  expect([0, 2, 4, 6, 7, 8, 9, 99].map((offset) => placeOf(from, offset))).toEqual(
    [
      [1, 1],
      [1, 3],
      [2, 1],
      [2, 3],
      [3, 1],
      [4, 1],
      [4, 2],
      [4, 3],
    ].map(([line, column]) => ({ line, column })),
  );
  expect([1, 2, 3, 4].map((line) => lineText(from, line))).toEqual(["ab", "cd", "", "ef"]);
  const { errors } = readText("\ufeffmodel X {\r\n  mask = §\r\n}\r\n");
  expect(errors).toContain("test.graft:2:10\n2 │   mask = §\n  │          ^");
});

test("the nearest name", () => {
  const names = ["vision", "language", "layers", "D"];
  expect(nearest("visoin", names)).toBe("vision");
  expect(nearest("LANGUAGE", names)).toBe("language");
  expect(nearest("lyers", names)).toBe("layers");
  expect(nearest("d", ["x", "D"])).toBe("D");
  expect(nearest("elephant", names)).toBeUndefined();
  expect(nearest("", names)).toBe("D");
});
