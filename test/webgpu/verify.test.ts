// The kernels are right: every program for whole documents, against the f64 oracle; of every small model in
// `npm run test:long`.
import { expect, test } from "vitest";
import { verify } from "../../cli/verify/verify.ts";
import { gpu } from "./gpu.ts";
import { smallExample, type SmallModel, smallModels } from "../verify/examples.ts";

const worst = (figures: readonly { readonly nmse: number }[]): number => Math.max(...figures.map(({ nmse }) => nmse));

/** A tower alone, two in turn, joint attention, and unlike towers. */
const sampled: readonly SmallModel[] = ["LlamaModel", "DualTower", "LMFusion", "DualTowerDiT"];
const judged = process.env["RUNS"] === undefined ? sampled : smallModels;
test.each(judged)("%s is right on WebGPU", { timeout: 240_000 }, async (name) => {
  const { model, sources } = smallExample(name);
  const found = await verify(model, sources, { profiles: ["webgpu"], optimize: ["none"], adapter: gpu });
  expect(found.checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(found.batches.filter(({ ok }) => !ok)).toEqual([]);
  expect(found).toMatchObject({ verdict: "passed", divergence: undefined });
  expect(worst(found.layers)).toBeLessThanOrEqual(found.limit);
});
