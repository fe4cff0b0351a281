// Phases on a GPU against the oracle on whole documents: every output and every cache row, after every call.
import { expect, test } from "vitest";
import { judge } from "../phases/judge.ts";
import { openKernels } from "../phases/kernels.ts";
import { example, models, sizesOf, weightsOf } from "../phases/models.ts";
import { schedule } from "../phases/schedule.ts";
import { gpu } from "./gpu.ts";

const RUNS = Number(process.env["RUNS"] ?? 1);
const FIRST = Number(process.env["SEED"] ?? 1);

test.each(models)(`$name: ${RUNS} schedules from seed ${FIRST}`, { timeout: 3_600_000 }, async (small) => {
  const specified = example(small);
  const weight = weightsOf(specified);
  const session = await openKernels(specified, weight, await gpu());
  try {
    for (let i = 0; i < RUNS; i++) {
      const batch = 2 - (i % 2);
      const findings = await judge({ specified, weight, session }, schedule(FIRST + i, batch, sizesOf(small)));
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
