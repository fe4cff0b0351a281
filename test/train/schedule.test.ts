// Rates of learning against torch.optim.lr_scheduler (test/reference/make_adamw.py), and what an update is given at a step.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { rateAt, type Schedule, scalarsAt } from "../../runtime/train/schedule.ts";

const { schedules } = JSON.parse(
  readFileSync(new URL("../reference/adamw/settings.json", import.meta.url), "utf8"),
) as { readonly schedules: readonly (Schedule & { readonly rates: readonly number[] })[] };

test("there is something to compare", () => expect(schedules).toHaveLength(5));

describe.each(schedules)("a peak of $rate after $warmup of $steps steps, then down to $floor", (schedule) => {
  const { rates, rate, warmup, steps, floor } = schedule;
  test("as PyTorch has it", () => {
    expect(rates).toHaveLength(steps + 5);
    rates.forEach((wanted, i) =>
      expect(Math.abs(rateAt(i + 1, schedule) - wanted), `${i + 1}`).toBeLessThan(1e-12 * rate),
    );
  });
  test("its ends are exact", () => {
    if (warmup > 0) expect(rateAt(warmup, schedule)).toBe(rate);
    expect(rateAt(steps, schedule)).toBe(floor);
    expect(rateAt(10 * steps, schedule)).toBe(floor);
  });
});

test("no warm-up, no way down", () => {
  const constant = { rate: 0.5, warmup: 0, steps: 0, floor: 0.5 };
  expect([1, 2, 1000].map((step) => rateAt(step, constant))).toEqual([0.5, 0.5, 0.5]);
});

describe("scalars", () => {
  const settings = { beta1: 0.9, beta2: 0.9999, epsilon: 1e-8, limit: 1, average: 0.999 };
  test("undo the start at 0 of each moment", () => {
    // The moments of a gradient that is always 1 are 1 - beta^step.
    let [moment1, moment2] = [0, 0];
    for (let step = 1; step <= 50; step++) {
      const { beta1, rest1, beta2, rest2, correction1, correction2 } = scalarsAt(step, settings);
      [moment1, moment2] = [beta1 * moment1 + rest1, beta2 * moment2 + rest2];
      expect(moment1 / correction1).toBeCloseTo(1, 10);
      expect(Math.sqrt(moment2) / correction2).toBeCloseTo(1, 10);
    }
  });
  test("shares add up to 1 as closely as f32 can say", () => {
    const { beta2, rest2, keep, take } = scalarsAt(1, settings);
    expect(Math.fround(rest2) / 1e-4).toBeCloseTo(1, 6);
    expect([beta2 + rest2, keep + take]).toEqual([1, 1]);
  });
  test("no limit is one that f32 holds and no norm reaches", () => {
    const { limit } = scalarsAt(1, { ...settings, limit: undefined });
    expect(Math.fround(limit)).toBeGreaterThan(1e38);
    expect(Number.isFinite(Math.fround(limit))).toBe(true);
  });
});
