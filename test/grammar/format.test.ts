// The formatter: canonical text means the same, is stable, and keeps every comment.

import { describe, expect, test } from "vitest";
import { lex } from "../../grammar/tokens.ts";
import { Generator } from "./generate.ts";
import { bare, mustFormat, mustParse } from "./reading.ts";
import { samples } from "./samples.ts";

const check = (text: string): void => {
  const once = mustFormat(text);
  expect(bare(mustParse(once))).toEqual(bare(mustParse(text)));
  expect(mustFormat(once)).toBe(once);
  const comments = (of: string): string[] => lex(of).comments.map((comment) => comment.text.trimEnd());
  expect(comments(once)).toEqual(comments(text));
};

describe("format", () => {
  test.each(samples)("%s", (_, text) => {
    check(text);
    check(text.replaceAll("\n", "\r\n"));
  });

  test("golden", async () => {
    const texts = samples.map(([name, text]) => `== ${name}\n${mustFormat(text)}`);
    await expect(texts.join("\n")).toMatchFileSnapshot("goldens/format.txt");
  });

  test("lines that are too wide break after commas, before operators and within brackets", async () => {
    const long = (count: number): string =>
      Array.from({ length: count }, (_, index) => `argument_number_${index}`).join(", ");
    const text = `model Wide(${long(9)}) {
      h = combine(first(${long(6)}), second(${long(2)})) + other
      mask = ${Array.from({ length: 12 }, (_, index) => `within(image_${index})`).join(" or ")}
      train ${Array.from({ length: 12 }, (_, index) => `vision_${index}.**`).join(", ")}
      layers fuse ${Array.from({ length: 5 }, (_, index) => `l${index} in towers.number${index}.layers`).join(", ")} { h = l0(h) }
      h = select { und: a(${long(4)}), image.patch: b(${long(4)}) }
    }`;
    check(text);
    const lines = mustFormat(text);
    expect(Math.max(...lines.split("\n").map((line) => line.length))).toBeLessThanOrEqual(120);
    await expect(lines).toMatchFileSnapshot("goldens/wide.txt");
  });

  test("random texts", { timeout: 60_000 }, () => {
    for (let seed = 1; seed <= 1500; seed++) {
      const text = new Generator(seed).file();
      try {
        check(text);
      } catch (error) {
        throw new Error(`seed ${seed}:\n${text}`, { cause: error });
      }
    }
  });
});
