// The least that a compilation writes: a graph, weights and a sound manifest of both, told apart by a tag.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Manifest } from "../../runtime/manifest.ts";
import { printManifest } from "../../runtime/parseManifest.ts";

export const filesOf = (tag: string): string[] => [`forward.text.${tag}.onnx`, `weights.${tag}.safetensors`];

export const fillWith =
  (tag: string) =>
  async (folder: string): Promise<Manifest> => {
    const [graph, weights] = filesOf(tag).map((file) => {
      const bytes = `${file} of ${tag}`;
      writeFileSync(join(folder, file), bytes);
      return { file, size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
    }) as [{ file: string; size: number; sha256: string }, { file: string; size: number; sha256: string }];
    const manifest: Manifest = {
      schema: "graftwerk/manifest@2",
      tool: "graftwerk",
      model: `M${tag}`,
      target: "onnx",
      profile: "ort-cpu",
      programs: [
        {
          name: "forward(text)",
          phase: "forward",
          streams: [{ name: "text", kinds: ["text"] }],
          whole: [],
          again: [],
          reads: [],
          writes: [],
          graph: { file: graph.file, sha256: graph.sha256 },
          inputs: [],
          outputs: [{ name: "text.logits", dtype: "f32", shape: ["batch", "text", 4], below: null, doc: "" }],
        },
      ],
      caches: [],
      modalities: [{ is: "tokens", name: "text", vocab: 4, added: [] }],
      session: null,
      conditions: [],
      noise: [],
      weights: [{ ...weights, how: "written", header: null, mtime: null }],
      missing: [],
    };
    writeFileSync(join(folder, "manifest.json"), printManifest(manifest));
    return manifest;
  };
