// `graftwerk compile`: a model as a folder of graphs, weights and a manifest, written beside its place and then renamed.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { count } from "../grammar/count.ts";
import type { Manifest } from "../runtime/manifest.ts";
import { readWhole, writeWhole } from "../runtime/weights/file.ts";
import { choose, seedOf } from "./values.ts";
import { type Artifacts, writeArtifacts } from "./artifacts.ts";
import { type Call, type Io, type Run, UsageError } from "./command.ts";
import { bringFiles, type Copying, describe, type Described } from "./external.ts";
import { MAX_TOKENIZER_BYTES, TOKENIZER_FILES } from "../runtime/text/files.ts";
import { addToFolder, replaceFolder } from "./folder.ts";
import { notesOf } from "./manifest.ts";
import { progressOf } from "./progress.ts";
import { modelOf, readSpecification } from "./specification.ts";
import { tool } from "./version.ts";
import { givenWeights, type Loaded, openWeights } from "./weights.ts";

const TARGETS = ["onnx", "webgpu"] as const;
const PROFILES = ["ort-cpu", "portable", "ort-webgpu"] as const;

export const run: Run = async (call, io) => {
  const out = call.value("out");
  if (out === undefined) throw new UsageError("compile needs --out DIR", "it names the folder to write");
  const target = call.value("target");
  if (target === undefined) throw new UsageError("compile needs --target onnx or --target webgpu");
  const copying = call.flag("copy") ? "always" : "never";
  const { manifest, loaded, initial } = await compileInto(out, call, io, copying);
  const json = { schema: "graftwerk/compile@1", out, loaded, initial, manifest };
  return { exit: 0, json, text: summary(out, manifest, loaded, initial) };
};

/** ONNX by a profile, the first of them if nothing is said; or kernels. @throws UsageError */
const targetOf = (call: Call): (typeof PROFILES)[number] | "webgpu" => {
  const target = choose("target", call.value("target") ?? "onnx", TARGETS);
  const profile = call.value("profile");
  if (target === "onnx") return choose("profile", profile ?? "ort-cpu", PROFILES);
  if (profile !== undefined) throw new UsageError("--profile is for --target onnx", "kernels have no profiles");
  return target;
};

/** @throws UsageError */
const trainOf = (call: Call, target: string): Artifacts["train"] => {
  if (!call.flag("train")) {
    if (call.flag("recompute"))
      throw new UsageError("--recompute is for --train", "it is about the way back of gradients");
    return "none";
  }
  if (target === "webgpu") throw new UsageError("--train is for --target onnx", "kernels train nothing yet");
  return call.flag("recompute") ? "recompute" : "plain";
};

/** Compiles the model that the call names into the folder `out`. */
export const compileInto = async (
  out: string,
  call: Call,
  io: Io,
  copying: Copying,
): Promise<{ readonly manifest: Manifest; readonly loaded: readonly Loaded[]; readonly initial: number }> => {
  const target = targetOf(call);
  const train = trainOf(call, target);
  const [given, seed] = [givenWeights(call), seedOf(call)];
  const printer = call.flag("bindings") ? (await import("./bindings/printer.ts")).startPrinter() : undefined;
  const checked = await readSpecification(call.operand);
  const { sources } = checked;
  const model = modelOf(checked, call.value("model"));
  const weights = await openWeights(model, given, seed);
  try {
    const files: Described[] = [];
    for (const file of weights.files) files.push(await describe(file));
    const isBeside = existsSync(out) && files.some((file) => liesIn(realpathSync(out), file));
    const tag = isBeside ? tagOf([tool, model.name, target, train, seed, sources.map(({ text }) => text)], files) : "";
    const lying = new Set(model.weights.map((weight) => weights.lying(weight)?.source));
    const manifest = await (isBeside ? addToFolder : replaceFolder)(out, async (folder) => {
      const external = await bringFiles(
        files.filter(({ source }) => lying.has(source)),
        {
          folder,
          out: isBeside ? realpathSync(out) : resolve(out),
          kept: isBeside ? readdirSync(out) : [],
          copying,
          hash: call.flag("hash"),
          progress: progressOf(io, "copied"),
        },
      );
      if (!isBeside) await copyTokenizer(weights.loaded, folder);
      const progress = progressOf(io, "weights");
      const print = printer && ((described: Manifest) => printer({ manifest: described, notes: notesOf(model) }));
      return writeArtifacts(folder, { model, sources, target, weights, external, tag, train, print, progress });
    });
    return { manifest, loaded: weights.loaded, initial: weights.initial };
  } finally {
    await weights.close();
  }
};

/** Whether a checkpoint's file, or the link by which it was named, lies in a folder. */
const liesIn = (folder: string, { source, real }: Described): boolean =>
  [dirname(real), realpathSync(dirname(source.path))].includes(folder);

/** Says what was compiled from what, so that the files of two compilations can lie beside each other. */
const tagOf = (what: readonly unknown[], files: readonly Described[]): string => {
  const weights = files.map(({ slot, real, header, mtime }) => [slot, basename(real), header, mtime]);
  return createHash("sha256")
    .update(JSON.stringify([what, weights]))
    .digest("hex")
    .slice(0, 8);
};

/** The tokenizer that lies beside a checkpoint goes with its weights. */
const copyTokenizer = async (loaded: readonly Loaded[], folder: string): Promise<void> => {
  for (const { path } of loaded) {
    const beside = dirname(path);
    const found = await readdir(beside);
    if (!found.includes(TOKENIZER_FILES[0])) continue;
    for (const name of TOKENIZER_FILES)
      if (found.includes(name))
        await writeWhole(join(folder, name), [await readWhole(join(beside, name), MAX_TOKENIZER_BYTES)]);
    return;
  }
};

const summary = (out: string, manifest: Manifest, loaded: readonly Loaded[], initial: number): string => {
  const { model, profile, programs, weights, missing, training, bindings = [] } = manifest;
  const lines = [
    `${model}: compiled for ${profile ?? "webgpu"} into ${out}`,
    ...programs.map(
      ({ name, graph }) => `  ${name.padEnd(24)} ${graph?.file ?? "nothing to compute: nothing may follow"}`,
    ),
    ...(training?.programs ?? []).map(({ name, graph }) => `  ${name.padEnd(24)} ${graph.file}`),
    ...weights
      .filter(({ how, sha256 }) => how !== "written" || sha256 !== null)
      .map(({ file, size, how }) => `  ${"data".padEnd(24)} ${file}, ${count(size)} bytes, ${how}`),
    ...bindings.map(({ file }) => `  ${"bindings".padEnd(24)} ${file}`),
    ...loaded.map(({ slot, path, map, count }) => `${count} weights of ${slot || "the model"} from ${path} (${map})`),
    ...(initial > 0 ? [`${initial} weights at their initial values`] : []),
    ...(missing.length > 0
      ? [`no weights: ${missing.length} are missing; compile with --weights or --seed to run it`]
      : []),
  ];
  return `${lines.join("\n")}\n`;
};
