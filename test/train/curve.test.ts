// The picture of the loss: of bounded size, the same whenever it is drawn, and readable where losses are odd.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Curve } from "../../runtime/train/curve.ts";
import { Log } from "../../runtime/train/log.ts";

const falling = (steps: number): Curve => {
  const curve = new Curve();
  for (let step = 1; step <= steps; step++) curve.add(step, 3 / step);
  return curve;
};
const numbersIn = (svg: string): number[] => [...svg.matchAll(/-?\d+(?:\.\d+)?/g)].map(([number]) => Number(number));

test("is of bounded size", () => {
  expect(falling(100_000).svg("x").length).toBeLessThan(20_000);
});
test("goes from the first loss to the last", () => {
  const svg = falling(100).svg("Dual & Tower");
  const [, path] = /<path d="([^"]*)"/.exec(svg)!;
  const points = numbersIn(path!);
  expect(points.length).toBe(200);
  const heights = points.filter((_, i) => i % 2 === 1);
  expect(heights).toEqual(heights.toSorted((a, b) => a - b));
  expect(svg).toContain("Dual &#38; Tower");
});
test.each([
  ["one step", [[1, 2]]],
  [
    "no change",
    [
      [1, 1],
      [2, 1],
    ],
  ],
  [
    "nothing left",
    [
      [1, 1],
      [2, 0],
    ],
  ],
  [
    "below 0",
    [
      [1, -1],
      [2, -3],
    ],
  ],
  [
    "beyond all",
    [
      [1, 1e38],
      [2, 1e39],
    ],
  ],
] as const)("of %s has sound numbers", (_, steps) => {
  const curve = new Curve();
  for (const [step, loss] of steps) curve.add(step, loss);
  curve.addValidation(1, 1);
  const svg = curve.svg("x");
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  expect(numbersIn(svg).every((number) => Math.abs(number) < 1e40)).toBe(true);
});
test("is a line of blocks too", () => {
  expect(falling(500).line(8)).toMatch(/^█[▁-█]{6}▁$/);
  expect(new Curve().line()).toBe("");
});

test("a log is cut, told again, and continued", async () => {
  const folder = mkdtempSync(join(tmpdir(), "graftwerk-log-"));
  const path = join(folder, "log.jsonl");
  const step = (n: number) =>
    ({ is: "step", step: n, loss: 3 / n, terms: {}, norm: 1, rate: 1, ms: Math.random(), padded: 0 }) as const;
  try {
    const first = await Log.open(path, 0, new Curve());
    for (let n = 1; n <= 5; n++) await first.add(step(n));
    const { length } = first;
    await first.add(step(99));
    await first.close();
    const curve = new Curve();
    const again = await Log.open(path, length, curve);
    for (let n = 6; n <= 9; n++) {
      curve.add(n, 3 / n);
      await again.add(step(n));
    }
    await again.close();
    const steps = readFileSync(path, "utf8")
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { step: number }).step);
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(curve.svg("x")).toBe(falling(9).svg("x"));

    await expect(Log.open(path, 10_000, new Curve())).rejects.toThrow("its checkpoint knows 10000");
    writeFileSync(path, '{"step": 1}\n{}\n');
    await expect(Log.open(path, 15, new Curve())).rejects.toThrow("line 1: is no line of a log");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
