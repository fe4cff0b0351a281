// Text and images in one stream on a GPU, against the oracle.
import { test } from "vitest";
import { interleaved, interleaving } from "../generate/interleaved.ts";
import { gpu } from "./gpu.ts";

test.each(interleaving)("$name", { timeout: 300_000 }, async (run) =>
  interleaved(run, "webgpu", { adapter: await gpu() }),
);
