// Files of safetensors changed by chance, from a printed seed: what the reader makes of each is what a second reading by
// the rules of the format says, or a Failure.
import { describe, expect, test } from "vitest";
import { judgeHeader } from "../robustness/headers/judge.ts";
import { headerSample } from "../robustness/headers/sample.ts";
import { Tally } from "../robustness/tally.ts";

const seed = Number(process.env["SEED"] ?? 2026);
const first = Number(process.env["FROM"] ?? 0);
const runs = Number(process.env["RUNS"] ?? 20_000);
const chunk = 10_000;

describe(`headers from seed ${seed}; SEED, FROM and RUNS choose others`, () => {
  const tally = new Tally();
  for (let from = first; from < first + runs; from += chunk) {
    const to = Math.min(from + chunk, first + runs);
    test(`${from} to ${to - 1}`, { timeout: 300_000 }, async () => {
      for (let n = from; n < to; n++) await judgeHeader(seed, n, tally);
      expect(tally.faults).toEqual([]);
    });
  }
  test("are read and refused, for many reasons", () => {
    expect(tally.get("headers")).toBe(runs);
    expect(tally.get("read")).toBeGreaterThan(runs / 10);
    expect(tally.get("refused")).toBeGreaterThan(runs / 3);
    expect(tally.kinds.size).toBeGreaterThan(runs >= 20_000 ? 60 : 0);
  });
  test("the same number is the same file", () => {
    const numbers = Array.from({ length: 100 }, (_, n) => n);
    const there = numbers.map((n) => headerSample(seed, n));
    expect(numbers.toReversed().map((n) => headerSample(seed, n))).toEqual(there.toReversed());
  });
});
