// Text and images in one stream on a GPU, against the oracle: some runs here, all by `npm run test:long`.
import { test } from "vitest";
import { interleaved, interleaving } from "../generate/interleaved.ts";
import { gpu } from "./gpu.ts";

const judged = process.env["RUNS"] === undefined ? interleaving.filter(({ isQuick }) => isQuick) : interleaving;
test.each(judged)("$name, after: $after", { timeout: 300_000 }, async (run) =>
  interleaved(run, "webgpu", { adapter: await gpu() }),
);
