// Every graph of every example in every profile, at real sizes too: what the report of onnx's checker is about.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { graphsOf } from "../../cli/artifacts.ts";
import { check } from "../../compiler/index.ts";

const root = new URL("../../", import.meta.url).pathname;
export const examples = ["llama", "xfusion", "lmfusion"] as const;
export const profiles = ["ort-cpu", "portable", "ort-webgpu"] as const;

export interface Emitted {
  /** `xfusion/DualTower/ort-cpu/decode.text.onnx` */
  readonly name: string;
  readonly sha256: string;
  readonly model: Uint8Array;
  readonly constants: { readonly file: string; readonly bytes: Uint8Array };
}

/** The graphs of one example file, one by one. */
export const emitAll = function* (example: (typeof examples)[number]): Generator<Emitted> {
  const path = `examples/${example}/${example}.graft`;
  const checked = check(path, (file) => (file === path ? readFileSync(root + file, "utf8") : undefined));
  for (const name of checked.models) {
    const model = checked.model(name)!;
    for (const profile of profiles) {
      for (const graph of graphsOf(model, checked.sources, profile)) {
        if (graph.model === undefined) continue;
        const { file, model: bytes, constants } = graph;
        const sha256 = createHash("sha256").update(bytes).digest("hex");
        yield { name: `${example}/${name}/${profile}/${file}`, sha256, model: bytes, constants };
      }
    }
  }
};
