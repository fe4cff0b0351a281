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

/** One program as files: its graph, and its constants where it has any. */
export interface Graph {
  readonly program: PhaseProgram;
  readonly file: string;
  readonly model: Uint8Array;
  readonly constants: { readonly file: string; readonly bytes: Uint8Array };
}
/** Where the weights of a model lie in the file that we write. */
export const weightsLayout = (model: Model): SafetensorsLayout =>
  safetensorsLayout(model.weights.map(({ path, shape }) => ({ name: path, dtype: "F32" as const, shape })));

/** The graphs of a model, one by one; the same for the same specification, whatever its weights are. */
export const graphsOf = function* (model: Model, sources: readonly Source[], profile: ProfileName): Generator<Graph> {
  const module = programs(model, sources);
  const places = new Map(weightsLayout(model).tensors.map((tensor) => [tensor.name, tensor]));
  for (const program of module.programs) {
    const constants = `${stemOf(program)}.bin`;
    const graph = onnx(module, program, {
      profile,
      constants,
      place: ({ name }) => {
        const { offset, length } = places.get(name)!;
        return { location: WEIGHTS, offset, length, dtype: "f32" };
      },
    });
    yield {
      program,
      file: `${stemOf(program)}.onnx`,
      model: graph.model,
      constants: { file: constants, bytes: graph.constants },
    };
  }
};

/** Writes everything into `folder`, and says what it wrote. Where weights are missing, the place for them is fixed. */
export const writeArtifacts = async (folder: string, artifacts: Artifacts): Promise<Manifest> => {
  const { model, sources, profile, weights } = artifacts;
  const layout = weightsLayout(model);
  const entries: ProgramEntry[] = [];
  const files: WeightFile[] = [];
  const written: PhaseProgram[] = [];
  for (const { program, file, model: graph, constants } of graphsOf(model, sources, profile)) {
    await writeWhole(join(folder, file), [graph]);
    entries.push(entryOf(program, file, sha256(graph)));
    written.push(program);
    if (constants.bytes.length === 0) continue;
    await writeWhole(join(folder, constants.file), [constants.bytes]);
    files.push({ file: constants.file, size: constants.bytes.length, sha256: sha256(constants.bytes) });
  }
  const hash = weights.missing.length > 0 ? null : await writeWeights(folder, layout, artifacts);
  const manifest: Manifest = {
    schema: MANIFEST_SCHEMA,
    tool,
    model: model.name,
    target: "onnx",
    profile,
    programs: entries,
    caches: cachesOf(written),
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
