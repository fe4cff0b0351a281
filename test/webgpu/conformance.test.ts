// Every op at the edges of the kernels, and on the samples that all targets agree on, against its meaning in f64: on a
// device that checks no index, between guards.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Op } from "../../compiler/ir/vocabulary.ts";
import { samples } from "../ir/samples.ts";
import { agrees } from "./agree.ts";
import { edges } from "./cases/index.ts";
import type { Case } from "./draw.ts";
import { ownGpu, TOGGLES } from "./gpu.ts";
import { type Guarded, guarded } from "./guarded.ts";

let guard: Guarded;
beforeAll(async () => {
  guard = guarded(await ownGpu({ toggles: { enable: [...TOGGLES.enable, "disable_robustness"] } }));
});
afterAll(() => guard.adapter.close());

/** A case that is about several ops runs once. */
const seen = new Set<Case>();
const own = (op: Op): readonly Case[] =>
  [...samples[op], ...edges[op]].filter((each) => !seen.has(each) && seen.add(each));

describe.each(Object.keys(edges) as Op[])("%s", (op) => {
  test.each(own(op).map((each) => [each.title, each] as const))("%s", async (_title, each) => {
    await agrees(guard.adapter, each, async () => expect(await guard.trespassed()).toEqual([]));
  });
});
