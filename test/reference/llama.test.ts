// The library's Llama, loaded through its checkpoint map, against Hugging Face's LlamaForCausalLM (make_llama.py).
import { describe, expect, test } from "vitest";
import type { Document } from "../../compiler/analyze/model.ts";
import { maxDifference, readAll, runOnnx, runOracle, specify, type Traced } from "./run.ts";
import { mapped } from "./mapped.ts";

const text = (tower: string): string => `
import { Language } from "std/contracts"
import { Llama, Llama3Rope } from "std/llama"
tower Reference = Llama(L: 3, D: 64, heads: 4, kv_heads: 2, hidden: 160, vocab: 97, ${tower},
  rope: Llama3Rope(theta: 500_000, factor: 8, low: 1, high: 4, original: 64))
model Alone(language: Language = Reference) {
  modality text = tokens(vocab: language.vocab)
  freeze language.**
  embed text(id) = language.enter(id)
  layers block l in language.layers { h = l(h) }
  mask = causal
  position = running
  head text = next_token(language.logits(h))
}
`;

const cases = [
  { folder: "llama_tied", tower: "head_dim: 16, tied: true" },
  { folder: "llama_untied", tower: "head_dim: 24, tied: false" },
];

describe.each(cases)("$folder", ({ folder, tower }) => {
  const specified = specify(text(tower), "Alone");
  const path = new URL(`${folder}/`, import.meta.url).pathname;
  const documentsOf = (ids: { readonly shape: readonly number[]; readonly data: Float32Array }): Document[] => {
    const [batch, length] = ids.shape as [number, number];
    return Array.from({ length: batch }, (_, b) => ({
      rows: Array.from(ids.data.subarray(b * length, (b + 1) * length), (id) => ({ kind: "text", span: 0, index: 0, values: { id } })),
      spans: {},
      inputs: {},
    }));
  };
  const compare = async (traced: readonly Traced[]): Promise<void> => {
    const vectors = await readAll(`${path}vectors.safetensors`);
    const row = (key: string, batch: number) => {
      const { shape, data } = vectors.get(key)!;
      const [, length, width] = shape as [number, number, number];
      return (r: number) => data.subarray((batch * length + r) * width, (batch * length + r + 1) * width);
    };
    traced.forEach(({ steps, heads }, b) => {
      expect(steps).toHaveLength(3);
      for (const [i, step] of steps.entries()) expect(maxDifference(step, row(`hidden.${i + 1}`, b)), `layer ${i}`).toBeLessThanOrEqual(1e-4);
      expect(maxDifference(heads["text"]!, row("logits", b)), "logits").toBeLessThanOrEqual(1e-4);
    });
  };
  test("the oracle", async () => {
    const weight = await mapped(`${path}model.safetensors`, specified.model, "huggingface");
    const ids = (await readAll(`${path}vectors.safetensors`)).get("ids")!;
    await compare(documentsOf(ids).map((document) => runOracle(specified, weight, document)));
  });
  test.each(["ort-cpu", "portable"] as const)("ONNX, %s", async (profile) => {
    const weight = await mapped(`${path}model.safetensors`, specified.model, "huggingface");
    const ids = (await readAll(`${path}vectors.safetensors`)).get("ids")!;
    await compare(await runOnnx(specified, weight, documentsOf(ids), profile));
  });
  test("the map uses every key of the file", async () => {
    const file = await readAll(`${path}model.safetensors`);
    const used = specified.model.weights.map((w) => w.sources[0]!.value).map((value) => (value.kind === "key" ? value.key : ""));
    expect([...file.keys()].sort()).toEqual(used.sort());
  });
});
