// Gradients as ONNX, run by ONNX Runtime: every case of every op as it is for its own processor, and composites, which
// profiles keep or expand, in all of them.
import { describe, expect, test } from "vitest";
import { composite } from "../../compiler/ir/composite.ts";
import { evaluate } from "../../compiler/ir/evaluate.ts";
import { inTable } from "../../compiler/ir/ops.ts";
import type { Op } from "../../compiler/ir/vocabulary.ts";
import { nmse, profileNames, run } from "../onnx/session.ts";
import { cases } from "./cases.ts";
import { moduleOf, ofSample } from "./subject.ts";

describe.each(Object.keys(cases) as Op[])("%s", (op) => {
  test.each(cases[op])("$title", async (sample) => {
    const subject = ofSample(sample, sample.dims[0]!, 1);
    const module = moduleOf(subject);
    const [program] = module.programs;
    const wanted = evaluate(
      program!.outputs.map(({ node }) => node),
      subject.given,
    );
    for (const profile of inTable(composite, op) ? profileNames : (["ort-cpu"] as const)) {
      const got = await run(module, program!, subject.given, profile, "all");
      for (const [i, values] of got.entries())
        expect(nmse(values, wanted[i]!), `${profile}, ${program!.outputs[i]!.name}`).toBeLessThanOrEqual(1e-10);
    }
  });
});
