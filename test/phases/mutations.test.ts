// What phases are judged by sees faults of what is kept between calls: each is found in every model that can have it.
import { describe, expect, test } from "vitest";
import { faults } from "./faults.ts";
import { judge, type Truths } from "./judge.ts";
import { example, models, sizesOf, weightsOf } from "./models.ts";
import { schedule } from "./schedule.ts";
import { openSession } from "./session.ts";

/** Schedules with texts, and images where the model has them, in batches of 1 and 2. */
const SEEDS = [3, 4];

describe.each(models)("$file: $name", (small) => {
  test("every fault of a cache is found", { timeout: 300_000 }, async () => {
    const specified = example(small);
    const weight = weightsOf(specified);
    const session = await openSession(specified, weight);
    const subject = { specified, weight, session };
    try {
      for (const [i, seed] of SEEDS.entries()) {
        const calls = schedule(seed, 1 + i, sizesOf(small));
        const truths: Truths = new Map();
        const sound = await judge(subject, calls, undefined, truths);
        expect(sound.filter(({ ok }) => !ok)).toEqual([]);
        for (const { name, draws, make } of faults) {
          if (draws && small.most === 0) continue;
          const findings = await judge(subject, calls, make(), truths);
          expect(
            findings.some(({ ok }) => !ok),
            `${name}, seed ${seed}`,
          ).toBe(true);
        }
      }
    } finally {
      await session.close();
    }
  });
});
