// The rule of every op against central differences, on the samples of all targets and on cases of its own; and as ONNX.
import { describe, expect, test } from "vitest";
import type { Op } from "../../compiler/ir/vocabulary.ts";
import { samples } from "../ir/samples.ts";
import { cases } from "./cases.ts";
import { errors, gradientsOf, ofSample } from "./subject.ts";

const TOLERANCE = 1e-6;

describe.each(Object.keys(cases) as Op[])("%s", (op) => {
  test.each([...samples[op], ...cases[op]])("$title", (sample) => {
    for (const [i, dims] of sample.dims.entries()) {
      const subject = ofSample(sample, dims, i + 1);
      const wrong = errors(subject, gradientsOf(subject), i + 1).filter(({ error }) => !(error <= TOLERANCE));
      expect(wrong).toEqual([]);
    }
  });
});
