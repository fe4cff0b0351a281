// The library's DiT, with weights under facebookresearch/DiT's names, against diffusers' modules (make_dit.py).
import { expect, test } from "vitest";
import type { Document } from "../../compiler/analyze/model.ts";
import { mapped } from "./mapped.ts";
import { maxDifference, readAll, runOnnx, runOracle, specify, type Traced } from "./run.ts";

const specified = specify(
  `
import { Painter } from "std/contracts"
import { DiT } from "std/dit"
tower Reference = DiT(L: 3, D: 48, heads: 4, size: 2, channels: 4, rows: 4, classes: 10)
model Alone(vision: Painter = Reference) {
  modality image = span { patch: grid(4, 4, of: vision.patch, order: "p q c", channels: 4) }
  input t: number per image
  input label: index(11) per image
  let c = vision.labelled(t, label)
  train vision.**
  embed image.patch(z) = vision.enter(z, c)
  layers block v in vision.layers { h = v(h, c: c) }
  mask = within(image)
  position = running
  noise image = vision.noise { given: t = clean  drawn: t ~ uniform(0, 1000) }
  head image = denoise(vision.leave(h, c: c))
}
`,
  "Alone",
);
const folder = new URL("dit/", import.meta.url).pathname;

/** 16 rows of numbers (c p q) as rows (p q c): 4 channels, 2 x 2 pixels. */
const reordered = (row: Float32Array): Float32Array => Float32Array.from({ length: 16 }, (_, i) => row[(i % 4) * 4 + Math.floor(i / 4)]!);

const documents = async (): Promise<Document[]> => {
  const vectors = await readAll(`${folder}vectors.safetensors`);
  const patches = vectors.get("patches")!.data;
  return Array.from(vectors.get("t")!.data, (t, b) => ({
    rows: Array.from({ length: 16 }, (_, r) => ({
      kind: "image.patch",
      span: 0,
      index: r,
      values: { z: reordered(patches.subarray((b * 16 + r) * 16, (b * 16 + r + 1) * 16)) },
    })),
    spans: { image: [{ t, label: vectors.get("class")!.data[b]! }] },
    inputs: {},
  }));
};
const compare = async (traced: readonly Traced[]): Promise<void> => {
  const vectors = await readAll(`${folder}vectors.safetensors`);
  traced.forEach(({ steps, heads }, b) => {
    const row = (key: string, width: number) => (r: number) => vectors.get(key)!.data.subarray((b * 16 + r) * width, (b * 16 + r + 1) * width);
    expect(steps).toHaveLength(3);
    for (const [i, step] of steps.entries()) expect(maxDifference(step, row(`hidden.${i + 1}`, 48)), `block ${i}, sample ${b}`).toBeLessThanOrEqual(1e-4);
    // Rows are (p q c) of 8 channels, the second four a variance that this tower drops.
    const mean = (r: number): Float32Array => row("rows", 32)(r).filter((_, i) => i % 8 < 4);
    expect(maxDifference(heads["image"]!, mean), `output, sample ${b}`).toBeLessThanOrEqual(1e-4);
  });
};
test("the oracle, each block and the final layer", async () => {
  const weight = await mapped(`${folder}weights.safetensors`, specified.model, "original");
  await compare((await documents()).map((document) => runOracle(specified, weight, document)));
});
test.each(["ort-cpu", "portable"] as const)("ONNX, %s", async (profile) => {
  const weight = await mapped(`${folder}weights.safetensors`, specified.model, "original");
  await compare(await runOnnx(specified, weight, await documents(), profile));
});
