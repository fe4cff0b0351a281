// Greedy text on a GPU, token for token that of the oracle.
import { test } from "vitest";
import { greedily, greedy, isSound } from "../generate/greedy.ts";
import { gpu } from "./gpu.ts";

const COUNT = 10;
test.each(greedy)("%s", { timeout: 300_000 }, async (name) =>
  isSound(await greedily(name, "webgpu", COUNT, { adapter: await gpu() }), COUNT),
);
