// Generation behind a past on a GPU: it computes new rows alone, and gives what a fresh one gives to the bit.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Compiled, compiled, louder } from "../generate/judged.ts";
import { all, costOf, idsOf, pastOf, rowsOf } from "../generate/told.ts";
import { gpu } from "./gpu.ts";

let model: Compiled;
beforeAll(async () => {
  model = await compiled("DualTower", "webgpu", louder(2.5), { adapter: await gpu() });
}, 60_000);
afterAll(() => model.close());

test("text and an image behind two turns", { timeout: 120_000 }, async () => {
  const { session } = model;
  const turn = { maxTokens: 3, steps: 2, keep: true, images: "never" } as const;
  const first = await all(session, { ...turn, prompt: ["how are you?"] });
  const drawing = { maxTokens: 2, steps: 2, images: 1, seed: 7 } as const;
  const past = pastOf(first);
  const second = await all(session, { ...drawing, past, prompt: [" draw it"] });
  const whole = ["how are you?", { ids: idsOf(first) }, " draw it"];
  const fresh = await all(session, { ...drawing, prompt: whole });
  expect(rowsOf(second)).toHaveLength(48);
  expect(rowsOf(second)).toEqual(rowsOf(fresh));
  expect(idsOf(second)).toEqual(idsOf(fresh));
  expect(costOf(second)["prefill"]).toEqual([1, costOf(fresh)["prefill"]![1] - 14]);
  // The past is as it was, and what both share is computed once.
  const prompt = [[" draw it"], [" draw it"]];
  const both = await all(session, { ...drawing, past, prompt });
  for (const d of [0, 1]) expect(rowsOf(both, d)).toEqual(rowsOf(second));
  past.close();
});
