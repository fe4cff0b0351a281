// `graftwerk compile`: a model as a folder of graphs, weights and a manifest, written beside its place and then renamed.
import { copyFile, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Manifest } from "../runtime/manifest.ts";
import { choose, seedOf } from "./values.ts";
import { writeArtifacts } from "./artifacts.ts";
import { type Call, type Io, type Run, UsageError } from "./command.ts";
import { replaceFolder, TOKENIZER_FILES } from "./folder.ts";
import { progressOf } from "./progress.ts";
import { modelOf, readSpecification } from "./specification.ts";
import { givenWeights, type Loaded, openWeights } from "./weights.ts";

const TARGETS = ["onnx"] as const;
const PROFILES = ["ort-cpu", "portable", "ort-webgpu"] as const;

export const run: Run = async (call, io) => {
  const out = call.value("out");
  if (out === undefined) throw new UsageError("compile needs --out DIR", "it names the folder to write");
  const target = call.value("target");
  if (target === undefined) throw new UsageError("compile needs --target onnx");
  if (target === "webgpu") throw new UsageError("this version does not compile to webgpu yet", "--target onnx");
  choose("target", target, TARGETS);
  const { manifest, loaded, initial } = await compileInto(out, call, io);
  const json = { schema: "graftwerk/compile@1", out, loaded, initial, manifest };
  return { exit: 0, json, text: summary(out, manifest, loaded, initial) };
};

/** Compiles the model that the call names into the folder `out`. */
export const compileInto = async (
  out: string,
  call: Call,
  io: Io,
): Promise<{ readonly manifest: Manifest; readonly loaded: readonly Loaded[]; readonly initial: number }> => {
  const profile = choose("profile", call.value("profile") ?? "ort-cpu", PROFILES);
  const [given, seed] = [givenWeights(call), seedOf(call)];
  const checked = await readSpecification(call.operand);
  const model = modelOf(checked, call.value("model"));
  const weights = await openWeights(model, given, seed);
  try {
    const { loaded, initial } = weights;
    const progress = progressOf(io, "weights");
    const manifest = await replaceFolder(out, async (folder) => {
      await copyTokenizer(loaded, folder);
      return writeArtifacts(folder, { model, sources: checked.sources, profile, weights, progress });
    });
    return { manifest, loaded, initial };
  } finally {
    await weights.close();
  }
};

/** The tokenizer that lies beside a checkpoint goes with its weights. */
const copyTokenizer = async (loaded: readonly Loaded[], folder: string): Promise<void> => {
  for (const { path } of loaded) {
    const beside = dirname(path);
    const found = await readdir(beside);
    if (!found.includes(TOKENIZER_FILES[0])) continue;
    for (const name of TOKENIZER_FILES)
      if (found.includes(name)) await copyFile(join(beside, name), join(folder, name));
    return;
  }
};

const summary = (out: string, manifest: Manifest, loaded: readonly Loaded[], initial: number): string => {
  const { model, profile, programs, weights, missing } = manifest;
  const lines = [
    `${model}: compiled for ${profile} into ${out}`,
    ...programs.map(({ name, file }) => `  ${name.padEnd(24)} ${file}`),
    ...weights
      .filter(({ sha256 }) => sha256 !== null)
      .map(({ file, size }) => `  ${"data".padEnd(24)} ${file}, ${size.toLocaleString("en-US")} bytes`),
    ...loaded.map(({ slot, path, map, count }) => `${count} weights of ${slot || "the model"} from ${path} (${map})`),
    ...(initial > 0 ? [`${initial} weights at their initial values`] : []),
    ...(missing.length > 0
      ? [`no weights: ${missing.length} are missing; compile with --weights or --seed to run it`]
      : []),
  ];
  return `${lines.join("\n")}\n`;
};
