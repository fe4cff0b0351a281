// Phases in ONNX Runtime against the oracle on whole documents: every output and every cache row, after every call.
import { describe, expect, test } from "vitest";
import { judge } from "./judge.ts";
import { example, models, sizesOf, weightsOf } from "./models.ts";
import { schedule } from "./schedule.ts";
import { openSession } from "./session.ts";

const RUNS = Number(process.env["RUNS"] ?? 12);
const FIRST = Number(process.env["SEED"] ?? 1);

describe.each(models)("$file: $name", (small) => {
  test(`${RUNS} schedules from seed ${FIRST}`, { timeout: 600_000 }, async () => {
    const specified = example(small);
    const weight = weightsOf(specified);
    const session = await openSession(specified, weight);
    const subject = { specified, weight, session };
    try {
      for (let i = 0; i < RUNS; i++) {
        const batch = 1 + (i % 2);
        const findings = await judge(subject, schedule(FIRST + i, batch, sizesOf(small)));
        expect(findings).not.toEqual([]);
        expect(
          findings.filter(({ ok }) => !ok),
          `${small.name}, seed ${FIRST + i}, batch ${batch}`,
        ).toEqual([]);
      }
    } finally {
      await session.close();
    }
  });
});
