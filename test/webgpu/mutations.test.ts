// Every fault of the table of test/verify is found on a GPU too: in one model here, in all by `npm run test:long`.
import { expect, test } from "vitest";
import { prepare, verify } from "../../cli/verify/verify.ts";
import { smallExample, type SmallModel, smallModels } from "../verify/examples.ts";
import { mutations } from "../verify/mutations.ts";
import { gpu } from "./gpu.ts";

const options = {
  profiles: ["webgpu"],
  optimize: ["none"],
  failFast: true,
  trace: false,
  adapter: gpu,
} as const;
const judged: readonly SmallModel[] = process.env["RUNS"] === undefined ? ["LMFusion"] : smallModels;

test.each(judged)("%s: every fault is found", { timeout: 3_600_000 }, async (name) => {
  const example = smallExample(name);
  const { model, sources } = example;
  const reference = prepare(model, options);
  expect(await verify(model, sources, { ...options, reference })).toMatchObject({ verdict: "passed", dull: [] });
  const missed: string[] = [];
  let tried = 0;
  for (const mutation of mutations) {
    const subject = mutation.of(example);
    if (subject === undefined) continue;
    tried++;
    const { verdict } = await verify(model, sources, { ...options, reference, subject });
    if (verdict !== "failed") missed.push(mutation.name);
  }
  expect(tried).toBeGreaterThan(20);
  expect(missed).toEqual([]);
});
