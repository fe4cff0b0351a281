// X-Fusion's variants and LMFusion, as our examples write them, against the plain PyTorch program of make_fusion.py.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { Document, DocumentRow } from "../../compiler/analyze/model.ts";
import { maxDifference, readAll, runOnnx, runOracle, specify, type Traced } from "./run.ts";

const folder = new URL("fusion/", import.meta.url).pathname;
const limit = 1e-4;

/** The example's text at the vectors' sizes: nothing but the numbers changes. */
const example = (name: string): string =>
  readFileSync(new URL(`../../examples/${name}/${name}.graft`, import.meta.url), "utf8")
    .replace(/tower Small = .*/, "tower Small = Llama(L: 2, D: 32, heads: 4, kv_heads: 2, hidden: 64, vocab: 61, rope: PlainRope())")
    .replaceAll("patch = 48", "patch = 12")
    .replaceAll("rows = 8", "rows = 4")
    .replaceAll("Copied(language, patch: patch", "Copied(language, patch: patch, features: 64")
    .replaceAll("Patches(language.D, patch)", "Patches(language.D, patch, features: 64)");

const variants = [
  { file: "single_tower", example: "xfusion", model: "SingleTower" },
  { file: "gated_layer", example: "xfusion", model: "GatedLayer" },
  { file: "dual_projection", example: "xfusion", model: "DualProjection" },
  { file: "dual_tower", example: "xfusion", model: "DualTower" },
  { file: "x_fuse", example: "xfusion", model: "XFuse" },
  { file: "lmfusion", example: "lmfusion", model: "LMFusion" },
];

/** Our path of a weight -> the vectors' name. */
const keyOf = (path: string): string => {
  const names: readonly (readonly [RegExp, string])[] = [
    [/^text\.added\.enter$/, "added"],
    [/^text\.added\.head$/, "added_head"],
    [/^(?:ends|vision\.ends)\.time\.first$/, "vision.time.in.w"],
    [/^(?:ends|vision\.ends)\.time\.first_bias$/, "vision.time.in.b"],
    [/^(?:ends|vision\.ends)\.time\.second$/, "vision.time.out.w"],
    [/^(?:ends|vision\.ends)\.time\.second_bias$/, "vision.time.out.b"],
    [/^(?:ends|vision\.ends)\.(patch_in|patch_out)$/, "vision.$1.w"],
    [/^(?:ends|vision\.ends)\.(patch_in|patch_out)_bias$/, "vision.$1.b"],
    [/^(?:ends|vision\.ends)\.norm$/, "vision.norm"],
    [/\[(\d+)\]/, ".$1"],
  ];
  return names.reduce((text, [from, to]) => text.replace(from, to), path);
};

type Vectors = Awaited<ReturnType<typeof readAll>>;
let weights: Vectors;
let inputs: Vectors;
const documents: Record<string, Document> = {};
beforeAll(async () => {
  weights = await readAll(`${folder}weights.safetensors`);
  inputs = await readAll(`${folder}inputs.safetensors`);
  for (const name of Object.keys(JSON.parse(readFileSync(`${folder}documents.json`, "utf8")) as object)) documents[name] = documentOf(name);
});

const documentOf = (name: string): Document => {
  const ids = inputs.get(`${name}.ids`)!.data;
  const image = inputs.get(`${name}.image`)!.data;
  const patches = inputs.get(`${name}.patches`)?.data;
  const count = new Map<number, number>();
  const rows = Array.from(ids, (id, i): DocumentRow => {
    const span = Math.max(0, image[i]!);
    if (id === 61 || id === 62) return { kind: id === 61 ? "image.open" : "image.close", span, index: 0, values: {} };
    if (id >= 0) return { kind: "text", span: 0, index: 0, values: { id } };
    const index = count.get(span) ?? 0;
    count.set(span, index + 1);
    return { kind: "image.patch", span, index, values: { z: patches!.slice((span * 16 + index) * 12, (span * 16 + index + 1) * 12) } };
  });
  const times = inputs.get(`${name}.t`)?.data ?? new Float32Array();
  return { rows: markersOf(rows), spans: { image: Array.from(times, (t) => ({ t })) }, inputs: {} };
};
/** A marker belongs to the image beside it. */
const markersOf = (rows: readonly DocumentRow[]): DocumentRow[] =>
  rows.map((row, i) => {
    const beside = row.kind === "image.open" ? rows[i + 1] : row.kind === "image.close" ? rows[i - 1] : undefined;
    return beside ? { ...row, span: beside.span } : row;
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
