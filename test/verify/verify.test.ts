// The compiler's graphs are right: every small model, in every profile, as ONNX Runtime rewrites them and as they are.
// And a verification speaks plainly where something is wrong, or where it could not have seen it.
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { limits } from "../../cli/verify/figures.ts";
import type { Tensors } from "../../cli/verify/graphs.ts";
import { livelinessOf } from "../../cli/verify/lively.ts";
import { verificationText } from "../../cli/verify/text.ts";
import { prepare, type Subject, verify } from "../../cli/verify/verify.ts";
import { drawWeights } from "../../cli/verify/weights.ts";
import { example, smallExample, smallModels } from "./examples.ts";
import { mutations } from "./mutations.ts";

const worst = (figures: readonly { readonly nmse: number }[]): number => Math.max(...figures.map(({ nmse }) => nmse));

test.each(smallModels)("%s is right in every profile", { timeout: 120_000 }, async (name) => {
  const { model, sources } = smallExample(name);
  const found = await verify(model, sources, {
    profiles: ["ort-cpu", "portable", "ort-webgpu"],
    optimize: ["all", "none"],
    threads: 1,
  });
  expect(found.checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(found.batches.filter(({ ok }) => !ok)).toEqual([]);
  expect(found).toMatchObject({ verdict: "passed", dull: [], divergence: undefined });
  const programs = new Set(found.checks.map(({ program }) => program));
  expect(programs.size).toBe(name === "LlamaModel" ? 1 : 2);
  expect(new Set(found.checks.map(({ profile, optimize }) => `${profile} ${optimize}`)).size).toBe(6);
  expect(new Set(found.batches.map(({ size }) => size))).toEqual(new Set([2, 3]));
  expect(found.layers.length).toBeGreaterThanOrEqual(model.steps.length);
  expect(worst(found.layers)).toBeLessThanOrEqual(limits.nmse);
});

test("every weight is another, those that begin as zeros, ones or copies too", () => {
  const { model } = smallExample("XFuse");
  const weights = drawWeights(model, 1);
  const starts = model.weights.map((weight) => weights(weight)[0]!);
  expect(new Set(starts).size).toBe(starts.length);
  for (const weight of model.weights) expect(weights(weight).every((x) => x !== 0 && x !== 1)).toBe(true);
  const [first] = model.weights;
  expect(drawWeights(model, 2)(first!)[0]).not.toBe(weights(first!)[0]);
});

test("drawn weights are lively for many seeds", () => {
  const { model } = smallExample("DualTowerDiT");
  for (const seed of [2, 3])
    expect(livelinessOf(prepare(model, { seed }).events()).filter(({ lively }) => !lively)).toEqual([]);
});

test("weights that are not lively fail, with where and why", async () => {
  const { model, sources } = smallExample("LlamaModel");
  const reference = prepare(model);
  const flat = reference.with((weight) =>
    weight.path.endsWith("[1].q") ? reference.weights(weight).map((x) => x / 100) : reference.weights(weight),
  );
  const found = await verify(model, sources, { reference: flat });
  expect(found.verdict).toBe("failed");
  expect(found.dull).toHaveLength(1);
  expect(found.dull[0]).toMatch(
    /^language\.layers\[1\]: the attention logits' standard deviation is 0\.0\d+, and only from 1 to 3/,
  );
});

test("the first layer that differs is named", async () => {
  const { model, sources } = smallExample("DualTower");
  const only = (path: string): Subject => ({
    weights: (weight, right) => (weight.path === path ? right(weight).map((x) => 1.01 * x) : right(weight)),
  });
  const found = await verify(model, sources, {
    profiles: ["ort-cpu"],
    optimize: ["all"],
    failFast: true,
    subject: only("vision.layers[1].up"),
  });
  expect(found).toMatchObject({
    verdict: "failed",
    divergence: { step: "fuse[1]", kind: "image.patch", towers: ["vision"], ok: false },
  });
  expect(verificationText(found)).toContain("begins in rows of image.patch after fuse[1] (vision)");
  const end = await verify(model, sources, {
    profiles: ["ort-cpu"],
    optimize: ["all"],
    failFast: true,
    subject: only("language.norm"),
  });
  expect(end).toMatchObject({ verdict: "failed", divergence: "heads" });
});

test("a graph that ONNX Runtime refuses fails, and says so", async () => {
  const { model, sources } = smallExample("LlamaModel");
  const subject = { feed: (inputs: Tensors): Tensors => ({ "text.id": inputs["text.id"]! }) };
  const found = await verify(model, sources, { profiles: ["ort-cpu"], failFast: true, subject });
  expect(found.verdict).toBe("failed");
  expect(found.checks[0]!.error).toMatch(/the input .* is missing/);
});

test("nothing judged is not a pass", async () => {
  const { model, sources } = smallExample("LlamaModel");
  const { weights } = prepare(model);
  await expect(verify(model, sources, { weights, cases: () => [] })).rejects.toThrow(
    "there is no document to judge it by",
  );
});

test("a large model is skipped unless it is asked for", async () => {
  const { model, sources } = example("xfusion", "DualTower1B");
  const found = await verify(model, sources);
  expect(found).toMatchObject({ verdict: "skipped", checks: [] });
  expect(verificationText(found)).toMatch(/^DualTower1B: skipped: it has 2\.\d+ G parameters/);
});

test.each(["LlamaModel", "XFuse", "DualTowerDiT"] as const)("%s: layers by themselves, on few rows", async (name) => {
  const { model, sources } = smallExample(name);
  const found = await verify(model, sources, { profiles: ["ort-cpu"], optimize: ["all"], layers: [1, 1], rows: 9 });
  expect(found).toMatchObject({ verdict: "passed", dull: [] });
  expect(new Set(found.layers.map(({ step }) => step))).toEqual(new Set([model.steps[1]!.path]));
  await expect(verify(model, sources, { layers: [2, 3] })).rejects.toThrow(`${name} has no layers 2..3: it has 0..2`);
});

test("no file is left behind", async () => {
  const ours = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`graftwerk-verify-${process.pid}-`));
  const { model, sources } = smallExample("LlamaModel");
  await verify(model, sources, { profiles: ["ort-cpu"], optimize: ["all"] });
  expect(ours()).toEqual([]);
});

test("mutations are at least 24 and named once", () => {
  expect(mutations.length).toBeGreaterThanOrEqual(24);
  expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
});
