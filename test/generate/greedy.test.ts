// Greedy text by ONNX Runtime, token for token that of the oracle.
import { test } from "vitest";
import { greedily, greedy, isSound } from "./greedy.ts";

const COUNT = 10;
test.each(greedy)("%s", { timeout: 300_000 }, async (name) => isSound(await greedily(name, "onnx", COUNT), COUNT));
