// A model as files: one graph a program, its constants, the weights where they are known, and the manifest with hashes.
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Model } from "../compiler/analyze/model.ts";
import { onnx, programs } from "../compiler/index.ts";
import type { PhaseProgram } from "../compiler/ir/module.ts";
import type { ProfileName } from "../compiler/target/onnx/profile.ts";
import type { Source } from "../grammar/source.ts";
import {
  type Manifest,
  MANIFEST_SCHEMA,
  type ProgramEntry,
  printManifest,
  type WeightFile,
} from "../runtime/manifest.ts";
import { writeWhole } from "../runtime/weights/file.ts";
import { type SafetensorsLayout, safetensorsLayout } from "../runtime/weights/write.ts";
import { MANIFEST } from "./folder.ts";
import { cachesOf, conditionsOf, entryOf, modalitiesOf, noiseOf, stemOf } from "./manifest.ts";
import { tool } from "./version.ts";
import type { Weights } from "./weights.ts";

export const WEIGHTS = "weights.safetensors";

export interface Artifacts {
  readonly model: Model;
  readonly sources: readonly Source[];
  readonly profile: ProfileName;
  readonly weights: Weights;
  /** called with the bytes of weights written so far, and their sum */
  readonly progress: (done: number, all: number) => void;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Writes everything into `folder`, and says what it wrote. Where weights are missing, the place for them is fixed. */
export const writeArtifacts = async (folder: string, artifacts: Artifacts): Promise<Manifest> => {
  const { model, sources, profile, weights } = artifacts;
  const layout = safetensorsLayout(
    model.weights.map(({ path, shape }) => ({ name: path, dtype: "F32" as const, shape })),
  );
  const module = programs(model, sources);
  const places = new Map(layout.tensors.map((tensor) => [tensor.name, tensor]));
  const entries: ProgramEntry[] = [];
  const files: WeightFile[] = [];
  const emit = async (program: PhaseProgram): Promise<void> => {
    const constants = `${stemOf(program)}.bin`;
    const graph = onnx(module, program, {
      profile,
      constants,
      place: ({ name }) => {
        const { offset, length } = places.get(name)!;
        return { location: WEIGHTS, offset, length, dtype: "f32" };
      },
    });
    const file = `${stemOf(program)}.onnx`;
    await writeWhole(join(folder, file), [graph.model]);
    entries.push(entryOf(program, file, sha256(graph.model)));
    if (graph.constants.length === 0) return;
    await writeWhole(join(folder, constants), [graph.constants]);
    files.push({ file: constants, size: graph.constants.length, sha256: sha256(graph.constants) });
  };
  for (const program of module.programs) await emit(program);
  const hash = weights.missing.length > 0 ? null : await writeWeights(folder, layout, artifacts);
  const manifest: Manifest = {
    schema: MANIFEST_SCHEMA,
    tool,
    model: model.name,
    target: "onnx",
    profile,
    programs: entries,
    caches: cachesOf(module.programs),
    modalities: modalitiesOf(model),
    conditions: conditionsOf(model),
    noise: noiseOf(model),
    weights: [{ file: WEIGHTS, size: layout.size, sha256: hash }, ...files],
    missing: weights.missing,
  };
  await writeWhole(join(folder, MANIFEST), [new TextEncoder().encode(printManifest(manifest))]);
  return manifest;
};

/** Streams the weights to their file; gives its hash. */
const writeWeights = async (folder: string, layout: SafetensorsLayout, artifacts: Artifacts): Promise<string> => {
  const { model, weights, progress } = artifacts;
  const byPath = new Map(model.weights.map((weight) => [weight.path, weight]));
  const hash = createHash("sha256");
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    hash.update(layout.header);
    yield layout.header;
    for (const { name, offset, length } of layout.tensors) {
      const { buffer, byteOffset, byteLength } = await weights.read(byPath.get(name)!);
      if (byteLength !== length) throw new Error(`${name} has ${byteLength} bytes, not ${length}`);
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      hash.update(bytes);
      yield bytes;
      progress(offset + length, layout.size);
    }
  };
  await writeWhole(join(folder, WEIGHTS), pieces());
  return hash.digest("hex");
};
