// Manifests of the examples' small models, as `compile` would write them, without their files.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  cachesOf,
  conditionsOf,
  entryOf,
  guidesOf,
  modalitiesOf,
  noiseOf,
  notesOf,
  sessionOf,
} from "../../cli/manifest.ts";
import type { Notes } from "../../compiler/bindings/index.ts";
import { check, programs } from "../../compiler/index.ts";
import { type Manifest, MANIFEST_SCHEMA } from "../../runtime/manifest.ts";
import { root } from "../cli/built.ts";

export interface Described {
  readonly manifest: Manifest;
  readonly notes: Notes;
}

/** The first model of a specification, or the one of this name. */
export const describedIn = (text: string, name?: string): Described => {
  const checked = check("model.graft", (path) => (path === "model.graft" ? text : undefined));
  const model = checked.model(name ?? checked.models[0]!);
  if (model === undefined) throw new Error(checked.report.found.map(({ message }) => message).join("\n"));
  const lowered = [...programs(model, checked.sources).programs];
  const manifest: Manifest = {
    schema: MANIFEST_SCHEMA,
    tool: "graftwerk 0.1.0",
    model: model.name,
    target: "onnx",
    profile: "ort-cpu",
    programs: lowered.map((program) => entryOf(program, { file: "some.onnx", sha256: "0".repeat(64) })),
    caches: cachesOf(lowered),
    modalities: modalitiesOf(model),
    session: sessionOf(model),
    conditions: conditionsOf(model),
    noise: noiseOf(model),
    guides: guidesOf(model),
    weights: [],
    missing: [],
  };
  return { manifest, notes: notesOf(model) };
};

export const described = (example: string, name: string): Described =>
  describedIn(readFileSync(join(root, "examples", example, `${example}.graft`), "utf8"), name);

/** Every model of the examples that is small enough to run anywhere. */
export const small: readonly (readonly [example: string, model: string])[] = [
  ["llama", "LlamaModel"],
  ["lmfusion", "LMFusion"],
  ...["SingleTower", "GatedLayer", "DualProjection", "DualTower", "XFuse", "DualTowerDiT"].map(
    (name) => ["xfusion", name] as const,
  ),
];

/** A model with inputs of rows and of documents, one of which nothing reads, and with comments. */
export const conditioned = (): Described =>
  describedIn(`
tower Tiny(D, vocab) {
  weight embed: [vocab, D], head: [vocab, D] = normal(0.5), mix: [D, 3]
  layers: Block(D) * 1
  enter(id, w: [], style: [3], scale: []) -> [D] { embed[id] * w * scale + linear(style, mix) }
  logits(x: [D]) -> [vocab] { linear(x, head) }
}
block Block(D) {
  weight q: [D, D]
  forward(x: [D]) -> [D] { x + merge(attend(split(linear(x, q), 1), split(x, 1), split(x, 1))) }
}
/// Four numbers, */ and a
/// second line.
model Tiny4(language = Tiny(D: 4, vocab: 256)) {
  /// Words.
  modality text = tokens(vocab: language.vocab)
  /// how loud
  input w: number per text
  input style: [3] per document
  input scale: number per document
  input unread: number per document
  train language.**
  embed text(id) = language.enter(id, w, style, scale)
  layers step l in language.layers { h = l(h) }
  mask = causal
  position = running
  head text = next_token(language.logits(h))
}
`);
