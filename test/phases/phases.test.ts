// Phases in ONNX Runtime against the oracle on whole documents: every output and every cache row, after every call.
import { describe, expect, test } from "vitest";
import { judge } from "./judge.ts";
import type { ProfileName } from "../../compiler/target/onnx/profile.ts";
import { example, models, sizesOf, type Small, weightsOf } from "./models.ts";
import { schedule } from "./schedule.ts";
import { openSession } from "./session.ts";

const RUNS = Number(process.env["RUNS"] ?? 6);
const FIRST = Number(process.env["SEED"] ?? 1);

const HOUR = 3_600_000;

const judged = async (small: Small, count: number, profile: ProfileName, optimize: "none" | "all"): Promise<void> => {
  const specified = example(small);
  const weight = weightsOf(specified);
  const session = await openSession(specified, weight, profile, optimize);
  try {
    for (let i = 0; i < count; i++) {
      const batch = 1 + (i % 2);
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
};

describe.each(models)("$file: $name", (small) => {
  test(`${RUNS} schedules from seed ${FIRST}`, { timeout: HOUR }, () => judged(small, RUNS, "ort-cpu", "all"));
  test("other profiles, and no optimisation", { timeout: HOUR }, async () => {
    await judged(small, 1, "ort-cpu", "none");
    await judged(small, 1, "portable", "all");
    await judged(small, 1, "ort-webgpu", "none");
  });
});
