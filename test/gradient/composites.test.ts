// The rules of composites against those of the primitives that they are.
import { describe, expect, test } from "vitest";
import { composite } from "../../compiler/ir/composite.ts";
import { evaluate } from "../../compiler/ir/evaluate.ts";
import { Graph } from "../../compiler/ir/graph.ts";
import { toposort } from "../../compiler/ir/node.ts";
import { inTable } from "../../compiler/ir/ops.ts";
import type { Composite } from "../../compiler/ir/vocabulary.ts";
import { legalize } from "../../compiler/target/legalize.ts";
import { samples } from "../ir/samples.ts";
import { cases } from "./cases.ts";
import { apart, gradientsOf, ofSample, subjectOf } from "./subject.ts";

const composites = (Object.keys(composite) as (keyof Composite)[]).filter((op) => op !== "stopGradient");

describe.each(composites)("%s", (op) => {
  test.each([...samples[op], ...cases[op]])("$title", (sample) => {
    for (const [i, dims] of sample.dims.entries()) {
      const subject = ofSample(sample, dims, i + 1);
      const [root] = legalize(new Graph(), [subject.root], (n) => n.op === "stopGradient");
      const expanded = subjectOf(root!, subject.given, subject.inputs, subject.params, i + 101);
      const wanted = gradientsOf(expanded);
      // Where rows of a table are read they are added up: the one composite that primitives need.
      const left = toposort(wanted).filter((n) => inTable(composite, n.op) && n.op !== "scatter");
      expect(left.map((n) => n.op)).toEqual([]);
      const byName = new Map(expanded.leaves.map((leaf, k) => [leaf.attrs.name, wanted[k]!]));
      // What no number depends on is gone from an expansion.
      const kept = subject.leaves.filter((leaf) => byName.has(leaf.attrs.name));
      const got = gradientsOf(subject).filter((_, k) => kept.includes(subject.leaves[k]!));
      const [ours, theirs] = [got, kept.map((leaf) => byName.get(leaf.attrs.name)!)].map((nodes, k) =>
        evaluate(nodes, [subject, expanded][k]!.given),
      );
      expect(apart(ours!, theirs!)).toBeLessThanOrEqual(1e-12);
    }
  });
});
