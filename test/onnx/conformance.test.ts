// Every op, in every profile, with ONNX Runtime's graph optimizations on and off, agrees with its meaning in f64.
import { describe, expect, test } from "vitest";
import { evaluate } from "../../compiler/ir/evaluate.ts";
import { draw } from "../ir/drawn.ts";
import { samples } from "../ir/samples.ts";
import { levels, nmse, profileNames, run } from "./session.ts";

const TOLERANCE = 1e-10;

describe.each(Object.entries(samples))("%s", (_op, list) => {
  test.each(list)("$title", async (sample) => {
    for (const [seed, dims] of sample.dims.entries()) {
      const { module, program, root, given } = draw(sample, dims, seed + 1);
      const [wanted] = evaluate([root], given);
      for (const profile of profileNames)
        for (const level of levels) {
          const [got] = await run(module, program, given, profile, level);
          const exact = root.type.dtype !== "f32";
          expect(nmse(got!, wanted!), `${profile}, ${level}`).toBeLessThanOrEqual(exact ? 0 : TOLERANCE);
        }
    }
  });
});
