// A model as files: one graph a program, its constants, the weights where they are known, and the manifest with hashes.
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Model } from "../compiler/analyze/model.ts";
import type { Bindings } from "../compiler/bindings/index.ts";
import { onnx, programs, webgpu } from "../compiler/index.ts";
import type { PhaseProgram, TrainingProgram } from "../compiler/ir/module.ts";
import type { WeightPlace } from "../compiler/target/onnx/place.ts";
import type { ProfileName } from "../compiler/target/onnx/profile.ts";
import type { Source } from "../grammar/source.ts";
import {
  type GraphFile,
  type Manifest,
  MANIFEST_SCHEMA,
  type ProgramEntry,
  type Training,
  type WeightFile,
} from "../runtime/manifest.ts";
import { printManifest } from "../runtime/parseManifest.ts";
import { printPlan } from "../runtime/planForm.ts";
import { writeWhole } from "../runtime/weights/file.ts";
import { type SafetensorsLayout, safetensorsLayout } from "../runtime/weights/write.ts";
import { writeBindings } from "./bindings/files.ts";
import type { External } from "./external.ts";
import { MANIFEST, WEIGHTS } from "./folder.ts";
import { cachesOf, conditionsOf, entryOf, guidesOf, modalitiesOf, noiseOf, sessionOf, stemOf } from "./manifest.ts";
import { trainingGraphs } from "./training.ts";
import { tool } from "./version.ts";
import type { Weights } from "./weights.ts";

export interface Artifacts {
  readonly model: Model;
  readonly sources: readonly Source[];
  /** an ONNX profile, or WebGPU */
  readonly target: ProfileName | "webgpu";
  readonly weights: Weights;
  /** the checkpoints' files, which lie in the folder already */
  readonly external: External;
  /** part of the name of every file but the manifest; empty where the folder has no other files */
  readonly tag: string;
  /** whether there is also what trains it, and whether it computes layers anew on the way back */
  readonly train: "none" | "plain" | "recompute";
  /** the module and types of a manifest, where they are wanted */
  readonly print: ((manifest: Manifest) => Promise<Bindings>) | undefined;
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
/** A phase that leaves nothing is no graph: ONNX allows one without outputs, but ONNX Runtime opens none. */
export interface Nothing {
  readonly program: PhaseProgram;
  readonly model: undefined;
}
/** Where weights lie in the file that we write. */
const weightsLayout = (weights: Model["weights"]): SafetensorsLayout =>
  safetensorsLayout(weights.map(({ path, shape }) => ({ name: path, dtype: "F32" as const, shape })));

/** `weights.safetensors`, tagged. */
const tagged = (file: string, tag: string): string => {
  const dot = file.lastIndexOf(".");
  return tag === "" ? file : `${file.slice(0, dot)}.${tag}${file.slice(dot)}`;
};

/** Where each weight of a model lies, by path. */
type Places = (path: string) => WeightPlace;
const placesIn = (location: string, layout: SafetensorsLayout): Places => {
  const places = new Map(layout.tensors.map(({ name, offset, length }) => [name, { offset, length }]));
  return (path) => ({ location, ...places.get(path)!, dtype: "f32" });
};

/** The graphs of a model, one by one; by default over one file of all weights, as we write it. */
export const graphsOf = function* (
  model: Model,
  sources: readonly Source[],
  profile: ProfileName,
  places: Places = placesIn(WEIGHTS, weightsLayout(model.weights)),
  tag = "",
): Generator<Graph | Nothing> {
  const module = programs(model, sources);
  for (const program of module.programs) {
    if (program.outputs.length === 0) {
      yield { program, model: undefined };
      continue;
    }
    const constants = tagged(`${stemOf(program)}.bin`, tag);
    const graph = onnx(module, program, { profile, constants, place: ({ name }) => places(name) });
    yield {
      program,
      file: tagged(`${stemOf(program)}.onnx`, tag),
      model: graph.model,
      constants: { file: constants, bytes: graph.constants },
    };
  }
};

/** What a target writes of the programs. */
interface Emitted {
  readonly programs: readonly PhaseProgram[];
  readonly entries: readonly ProgramEntry[];
  readonly files: readonly WeightFile[];
}
const writeGraphs = async (
  folder: string,
  profile: ProfileName,
  artifacts: Artifacts,
  places: Places,
): Promise<Emitted> => {
  const { model, sources, tag } = artifacts;
  const programs: PhaseProgram[] = [];
  const entries: ProgramEntry[] = [];
  const files: WeightFile[] = [];
  for (const graph of graphsOf(model, sources, profile, places, tag)) {
    programs.push(graph.program);
    if (graph.model === undefined) {
      entries.push(entryOf(graph.program, null));
      continue;
    }
    const { program, file, constants } = graph;
    await writeWhole(join(folder, file), [graph.model]);
    entries.push(entryOf(program, { file, sha256: sha256(graph.model) }));
    if (constants.bytes.length === 0) continue;
    await writeWhole(join(folder, constants.file), [constants.bytes]);
    files.push(writtenFile(constants.file, constants.bytes.length, sha256(constants.bytes)));
  }
  return { programs, entries, files };
};
/** What trains the model, beside the graphs that run it. */
const writeTraining = async (
  folder: string,
  profile: ProfileName,
  { model, sources, tag, train }: Artifacts,
  places: Places,
): Promise<{ readonly training: Training; readonly files: readonly WeightFile[] }> => {
  const { graphs, described } = trainingGraphs({ model, sources, profile, places, recompute: train === "recompute" });
  const written = new Map<TrainingProgram, GraphFile>();
  const files: WeightFile[] = [];
  for (const { program, stem, emit } of graphs) {
    const constants = tagged(`${stem}.bin`, tag);
    const file = tagged(`${stem}.onnx`, tag);
    const graph = emit(constants);
    await writeWhole(join(folder, file), [graph.model]);
    written.set(program, { file, sha256: sha256(graph.model) });
    if (graph.constants.length === 0) continue;
    await writeWhole(join(folder, constants), [graph.constants]);
    files.push(writtenFile(constants, graph.constants.length, sha256(graph.constants)));
  }
  return { training: described(written), files };
};
/** All programs are in one plan, whose kernels they share. */
const writePlan = async (folder: string, { model, sources, tag }: Artifacts, places: Places): Promise<Emitted> => {
  const module = programs(model, sources);
  const kept = module.programs.filter(({ outputs }) => outputs.length > 0);
  const place = ({ name }: { readonly name: string }) => {
    const { location, offset, dtype } = places(name);
    if (dtype === "i32" || dtype === "bool") throw new Error(`${name} is no weight of numbers`);
    return { file: location, offset, dtype };
  };
  const { plan, tables } = webgpu({ ...module, programs: kept }, { place });
  const bytes = new TextEncoder().encode(printPlan(plan));
  const graph = { file: tagged("plan.json", tag), sha256: sha256(bytes) };
  await writeWhole(join(folder, graph.file), [bytes]);
  const files: WeightFile[] = [];
  if (tables.length > 0) {
    const file = tagged("plan.bin", tag);
    const numbers = new Uint8Array(tables.buffer, tables.byteOffset, tables.byteLength);
    await writeWhole(join(folder, file), [numbers]);
    files.push(writtenFile(file, numbers.length, sha256(numbers)));
  }
  const entries = module.programs.map((program) => entryOf(program, kept.includes(program) ? graph : null));
  return { programs: module.programs, entries, files };
};

/** Writes everything into `folder`, and says what it wrote. Where weights are missing, the place for them is fixed. */
export const writeArtifacts = async (folder: string, artifacts: Artifacts): Promise<Manifest> => {
  const { model, target, weights, external, tag } = artifacts;
  const layout = weightsLayout(model.weights.filter((weight) => weights.lying(weight) === undefined));
  const own = tagged(WEIGHTS, tag);
  const places = placesOf(artifacts, placesIn(own, layout));
  const emitted =
    target === "webgpu"
      ? await writePlan(folder, artifacts, places)
      : await writeGraphs(folder, target, artifacts, places);
  const trained =
    target === "webgpu" || artifacts.train === "none"
      ? undefined
      : await writeTraining(folder, target, artifacts, places);
  const files = [...emitted.files, ...(trained?.files ?? [])];
  if (layout.tensors.length > 0) {
    const hash = weights.missing.length > 0 ? null : await writeWeights(join(folder, own), layout, artifacts);
    files.unshift(writtenFile(own, layout.size, hash));
  }
  const described: Manifest = {
    schema: MANIFEST_SCHEMA,
    tool,
    model: model.name,
    target: target === "webgpu" ? "webgpu" : "onnx",
    profile: target === "webgpu" ? null : target,
    programs: emitted.entries,
    caches: cachesOf(emitted.programs),
    modalities: modalitiesOf(model),
    session: sessionOf(model),
    conditions: conditionsOf(model),
    noise: noiseOf(model),
    guides: guidesOf(model),
    weights: [...external.files, ...files],
    missing: weights.missing,
    ...(trained && { training: trained.training }),
  };
  const bindings = artifacts.print && (await writeBindings(folder, tag, await artifacts.print(described)));
  const manifest = { ...described, ...(bindings && { bindings }) };
  await writeWhole(join(folder, MANIFEST), [new TextEncoder().encode(printManifest(manifest))]);
  return manifest;
};

const writtenFile = (file: string, size: number, hash: string | null): WeightFile => ({
  file,
  size,
  how: "written",
  sha256: hash,
  header: null,
  mtime: null,
});

/** In a checkpoint's file where a weight lies there as it is, else in ours. */
const placesOf = ({ model, weights, external }: Artifacts, own: Places): Places => {
  const byPath = new Map(model.weights.map((weight) => [weight.path, weight]));
  return (path) => {
    const lying = weights.lying(byPath.get(path)!);
    if (lying === undefined) return own(path);
    const { source, ...place } = lying;
    return { ...place, location: external.names.get(source)! };
  };
};

/** Streams the weights that are ours to their file; gives its hash. */
const writeWeights = async (path: string, layout: SafetensorsLayout, artifacts: Artifacts): Promise<string> => {
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
  await writeWhole(path, pieces());
  return hash.digest("hex");
};
