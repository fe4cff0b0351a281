// The kernels are right: every small model, every program for whole documents, against the f64 oracle.
import { expect, test } from "vitest";
import { verify } from "../../cli/verify/verify.ts";
import { gpu } from "./gpu.ts";
import { smallExample, smallModels } from "../verify/examples.ts";

const worst = (figures: readonly { readonly nmse: number }[]): number => Math.max(...figures.map(({ nmse }) => nmse));

test.each(smallModels)("%s is right on WebGPU", { timeout: 240_000 }, async (name) => {
  const { model, sources } = smallExample(name);
  const found = await verify(model, sources, { profiles: ["webgpu"], optimize: ["none"], adapter: gpu });
  expect(found.checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(found.batches.filter(({ ok }) => !ok)).toEqual([]);
  expect(found).toMatchObject({ verdict: "passed", divergence: undefined });
  expect(worst(found.layers)).toBeLessThanOrEqual(found.limit);
});
