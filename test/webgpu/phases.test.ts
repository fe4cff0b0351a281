// Phases on a GPU against the oracle on whole documents: every output and every cache row, after every call.
import { test } from "vitest";
import { openKernels } from "../phases/kernels.ts";
import { example, models, weightsOf } from "../phases/models.ts";
import { areSound } from "../phases/sound.ts";
import { gpu } from "./gpu.ts";

const RUNS = Number(process.env["RUNS"] ?? 1);
const FIRST = Number(process.env["SEED"] ?? 1);

/** The kernels of these are those of others, so they are left to `npm run test:long`. */
const again = ["SingleTower", "GatedLayer"];
const judged = process.env["RUNS"] === undefined ? models.filter(({ name }) => !again.includes(name)) : models;
test.each(judged)(`$name: ${RUNS} schedules from seed ${FIRST}`, { timeout: 3_600_000 }, async (small) => {
  const specified = example(small);
  const weight = weightsOf(specified);
  const session = await openKernels(specified, weight, await gpu());
  try {
    await areSound({ specified, weight, session }, small, { count: RUNS, first: FIRST, batchOf: (i) => 2 - (i % 2) });
  } finally {
    await session.close();
  }
});
