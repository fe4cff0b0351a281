// X-Fusion's variants and LMFusion at the sizes of make_fusion.py: our specifications, names of weights, and documents.
import { readFileSync } from "node:fs";
import type { Document, DocumentRow } from "../../compiler/analyze/model.ts";
import type { readAll } from "./run.ts";

/** The example's text at the vectors' sizes: nothing but the numbers changes. */
export const example = (name: string): string =>
  readFileSync(new URL(`../../examples/${name}/${name}.graft`, import.meta.url), "utf8")
    .replace(/tower Small = .*/, "tower Small = Llama(L: 2, D: 32, heads: 4, kv_heads: 2, hidden: 64, vocab: 61, rope: PlainRope())")
    .replaceAll("patch = 48", "patch = 12")
    .replaceAll("rows = 8", "rows = 4")
    .replaceAll("Copied(language, patch: patch", "Copied(language, patch: patch, features: 64")
    .replaceAll("Patches(language.D, patch)", "Patches(language.D, patch, features: 64)");

export const variants = [
  { file: "single_tower", example: "xfusion", model: "SingleTower" },
  { file: "gated_layer", example: "xfusion", model: "GatedLayer" },
  { file: "dual_projection", example: "xfusion", model: "DualProjection" },
  { file: "dual_tower", example: "xfusion", model: "DualTower" },
  { file: "x_fuse", example: "xfusion", model: "XFuse" },
  { file: "lmfusion", example: "lmfusion", model: "LMFusion" },
];

/** Our path of a weight -> the vectors' name. */
export const keyOf = (path: string): string => {
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

export type Vectors = Awaited<ReturnType<typeof readAll>>;
/** A document as the vectors have it. */
export const documentOf = (inputs: Vectors, name: string): Document => {
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
