// Limits hold, quickly, and nothing throws whatever the text.

import { describe, expect, test } from "vitest";
import { Generator } from "./generate.ts";
import { mustFormat, mustParse, readText } from "./reading.ts";
import { samples } from "./samples.ts";

const within = (milliseconds: number, run: () => void): void => {
  const start = process.cpuUsage();
  run();
  expect(process.cpuUsage(start).user / 1000).toBeLessThan(milliseconds);
};
const mebibyte = 1 << 20;
const block = samples.find(([name]) => name === "Llama")![1];

describe("limits", () => {
  test("1 MiB of valid text parses, and formats", { timeout: 30_000 }, () => {
    const text = block.repeat(Math.floor(mebibyte / block.length));
    within(2000, () => mustParse(text));
    within(6000, () => mustFormat(text));
  });

  test.each([
    ["parentheses", "(", "a", ")"],
    ["calls", "f(x: ", "a", ")"],
    ["lists", "[", "a", "]"],
    ["indices", "a[", "b", "]"],
    ["arms", "select { a: ", "b", " }"],
  ])("%s nest 127 deep in a model, no deeper", (_, open, middle, close) => {
    const nested = (depth: number): string => `model X { h = ${open.repeat(depth)}${middle}${close.repeat(depth)} }`;
    mustFormat(nested(127));
    expect(readText(nested(128)).codes).toEqual(["too-deep"]);
    within(2000, () => expect(readText(nested(50_000)).codes).toEqual(["too-deep"]));
  });

  test("layers nest 127 deep", () => {
    mustFormat(`model X { ${"layers a b in c { ".repeat(127)} x = 1 ${"}".repeat(127)} }`);
  });

  test.each([
    ["a + ", ""],
    ["a.", ""],
    ["- ", ""],
    ["not ", ""],
    ["", "()"],
    ["", "[0]"],
  ])("a chain of %j and %j is bounded", (before, after) => {
    const chain = (count: number): string => `model X { h = ${before.repeat(count)}a${after.repeat(count)} }`;
    mustFormat(chain(400));
    within(2000, () => expect(readText(chain(100_000)).codes).toEqual(["expression-too-long"]));
  });

  test("declarations side by side are no chain", () => {
    mustParse("contract A { D }\n".repeat(3000));
    mustParse("tower A(L: B) { f(x) -> [D] { x } g(x) -> [D] { x } }\n".repeat(3000));
    mustParse(`model X { ${"freeze a.b.c train d.e ".repeat(3000)} }`);
  });

  test.each([
    "tower ",
    "} ",
    "= ",
    "( ",
    "§",
    '"\n',
    "1x ",
    "[a, ",
    "x.",
    "//\n",
    " ",
    "a",
    "\\",
    "\u0000",
    "\ud800",
    '"\\n',
    "///x\n",
  ])("a file full of %j gives at most one error, fast", (piece) => {
    const text = piece.repeat(Math.floor(mebibyte / piece.length));
    within(2000, () => expect(readText(text).codes.length).toBeLessThanOrEqual(1));
    within(2000, () => expect(readText(`model X { h = ${text.slice(100)}`).codes).toHaveLength(1));
  });

  test("random bytes never throw", () => {
    const generator = new Generator(7);
    for (let round = 0; round < 5000; round++) {
      const length = generator.below(80);
      const text = Array.from({ length }, () =>
        String.fromCharCode(generator.below(generator.below(9) ? 128 : 65536)),
      ).join("");
      expect(readText(text).codes.length, JSON.stringify(text)).toBeLessThanOrEqual(1);
    }
  });

  test("20,000 mutated texts never throw; each gives a tree or one error", { timeout: 60_000 }, () => {
    const pool = samples.flatMap(([, text]) => text.match(/\w+|[^\w\s]+|\s+/g) ?? []);
    for (let seed = 1; seed <= 20_000; seed++) {
      const generator = new Generator(seed);
      const tokens = generator.pick(samples)[1].match(/\w+|[^\w\s]+|\s+/g) ?? [];
      const from = generator.below(Math.max(1, tokens.length - 150));
      const part = generator.below(10) ? tokens.slice(0, 150) : tokens.slice(from, from + 150);
      for (let count = 1 + generator.below(3); count > 0; count--) {
        part.splice(
          generator.below(part.length + 1),
          generator.below(3),
          ...(generator.below(3) ? [generator.pick(pool)] : []),
        );
      }
      const text = part.join("");
      let reading;
      try {
        reading = readText(text);
        if (reading.file && seed % 10 === 0) mustFormat(text);
      } catch (error) {
        throw new Error(`seed ${seed}:\n${text}`, { cause: error });
      }
      expect(reading.codes.length, `seed ${seed}:\n${text}`).toBe(reading.file ? 0 : 1);
    }
  });
});
