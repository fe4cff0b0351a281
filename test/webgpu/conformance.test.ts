// Every op at the edges of the kernels, and on the samples that all targets agree on, against its meaning in f64.
import { describe, test } from "vitest";
import type { Op } from "../../compiler/ir/vocabulary.ts";
import { samples } from "../ir/samples.ts";
import { agrees } from "./agree.ts";
import { edges } from "./cases/index.ts";
import type { Case } from "./draw.ts";
import { gpu } from "./gpu.ts";

/** A case that is about several ops runs once. */
const seen = new Set<Case>();
const own = (op: Op): readonly Case[] =>
  [...samples[op], ...edges[op]].filter((each) => !seen.has(each) && seen.add(each));

describe.each(Object.keys(edges) as Op[])("%s", (op) => {
  test.each(own(op))("$title", async (each) => {
    await agrees(await gpu(), each);
  });
});
