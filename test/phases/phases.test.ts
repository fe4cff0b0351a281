// Phases in ONNX Runtime against the oracle on whole documents: every output and every cache row, after every call.
import { describe, test } from "vitest";
import type { ProfileName } from "../../compiler/target/onnx/profile.ts";
import { ending, example, models, type Small, weightsOf } from "./models.ts";
import { areSound } from "./sound.ts";
import { openSession } from "./session.ts";

const RUNS = Number(process.env["RUNS"] ?? 3);
const FIRST = Number(process.env["SEED"] ?? 1);

/** Other ends of drawings change little else. */
const ENDING_RUNS = process.env["RUNS"] === undefined ? 2 : RUNS;

const HOUR = 3_600_000;

const judged = async (small: Small, count: number, profile: ProfileName, optimize: "none" | "all"): Promise<void> => {
  const specified = example(small);
  const weight = weightsOf(specified);
  const session = await openSession(specified, weight, profile, optimize);
  try {
    await areSound({ specified, weight, session }, small, { count, first: FIRST, batchOf: (i) => 1 + (i % 2) });
  } finally {
    await session.close();
  }
};

describe.each(ending)("$name, after: $after", (small) => {
  test(`${ENDING_RUNS} schedules from seed ${FIRST}`, { timeout: HOUR }, () =>
    judged(small, ENDING_RUNS, "ort-cpu", "all"),
  );
});
describe.each(models)("$file: $name", (small) => {
  test(`${RUNS} schedules from seed ${FIRST}`, { timeout: HOUR }, () => judged(small, RUNS, "ort-cpu", "all"));
  test("other profiles, and no optimisation", { timeout: HOUR }, async () => {
    await judged(small, 1, "ort-cpu", "none");
    await judged(small, 1, "portable", "all");
    await judged(small, 1, "ort-webgpu", "none");
  });
});
