// X-Fusion's variants and LMFusion, as our examples write them, against the plain PyTorch program of make_fusion.py.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { Document } from "../../compiler/analyze/model.ts";
import { documentOf, example, keyOf, variants, type Vectors } from "./fusion.ts";
import { maxDifference, readAll, runOnnx, runOracle, specify, type Traced } from "./run.ts";

const folder = new URL("fusion/", import.meta.url).pathname;
const limit = 1e-4;

let weights: Vectors;
let inputs: Vectors;
const documents: Record<string, Document> = {};
beforeAll(async () => {
  weights = await readAll(`${folder}weights.safetensors`);
  inputs = await readAll(`${folder}inputs.safetensors`);
  for (const name of Object.keys(JSON.parse(readFileSync(`${folder}documents.json`, "utf8")) as object)) documents[name] = documentOf(inputs, name);
});

const compare = (traced: Traced, document: Document, name: string, vectors: Vectors): void => {
  const at = (key: string, width: number) => (row: number) => vectors.get(`${name}.${key}`)?.data.subarray(row * width, (row + 1) * width);
  for (const [i, step] of traced.steps.entries()) expect(maxDifference(step, at(`h.${i + 1}`, 32)), `h after layer ${i}`).toBeLessThanOrEqual(limit);
  const tokens = document.rows.flatMap((row, i) => (row.kind === "image.patch" ? [] : [i]));
  const patches = document.rows.flatMap((row, i) => (row.kind === "image.patch" ? [i] : []));
  const logits = at("logits", 63);
  expect(maxDifference(traced.heads["text"]!, (row) => logits(tokens.indexOf(row))), "logits").toBeLessThanOrEqual(limit);
  if (patches.length === 0) return;
  const predictions = at("predictions", 12);
  expect(maxDifference(traced.heads["image"]!, (row) => predictions(patches.indexOf(row))), "predictions").toBeLessThanOrEqual(limit);
};

describe.each(variants)("$model", ({ file, example: from, model }) => {
  const weight = (path: string): Float32Array => {
    const found = weights.get(keyOf(path));
    if (!found) throw new Error(`no vector for ${path}`);
    return found.data;
  };
  test.each(["two_images", "image_first", "text_only"])("the oracle on %s", async (name) => {
    const vectors = await readAll(`${folder}${file}.safetensors`);
    compare(runOracle(specify(example(from), model), weight, documents[name]!), documents[name]!, name, vectors);
  });
  test.each(["ort-cpu", "portable"] as const)("ONNX, %s, both documents with images in one call", async (profile) => {
    const vectors = await readAll(`${folder}${file}.safetensors`);
    const names = ["two_images", "image_first"];
    const traced = await runOnnx(specify(example(from), model), weight, names.map((name) => documents[name]!), profile);
    names.forEach((name, i) => compare(traced[i]!, documents[name]!, name, vectors));
  });
  test("ONNX, text alone", async () => {
    const vectors = await readAll(`${folder}${file}.safetensors`);
    const [traced] = await runOnnx(specify(example(from), model), weight, [documents["text_only"]!], "ort-cpu");
    compare(traced!, documents["text_only"]!, "text_only", vectors);
  });
});
