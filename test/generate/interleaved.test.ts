// Text and images in one stream by ONNX Runtime, against the oracle.
import { test } from "vitest";
import { interleaved, interleaving } from "./interleaved.ts";

test.each(interleaving)("$name, after: $after", { timeout: 300_000 }, (run) => interleaved(run, "onnx"));
