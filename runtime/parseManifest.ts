// A manifest as text: read as the input of a stranger, strictly; and written.
import { Failure } from "./failure.ts";
import { parseJson } from "./json.ts";
import {
  array,
  type Check,
  identifier,
  integer,
  nullable,
  number,
  object,
  oneOf,
  optional,
  path,
  sha256,
  string,
  text,
  textOr,
  variant,
} from "./schema.ts";
import {
  type Drawn,
  type Guide,
  type LossEntry,
  MANIFEST_SCHEMA,
  type Manifest,
  type Modality,
  type Port,
  type Process,
  type ProgramEntry,
  type Segment,
  type TrainedWeight,
  type Training,
  type TrainingEntry,
  type WeightFile,
} from "./manifest.ts";
import { faultIn } from "./sound.ts";

const extent = integer(1, 2 ** 31 - 1);
const size = textOr(identifier, extent);

const port: Check<Port> = object({
  name: string,
  dtype: oneOf("f32", "f16", "i32", "bool"),
  shape: array(size, 8),
  below: nullable(extent),
  doc: string,
});

const graph = object({ file: path, sha256 });
const stream = object({ name: identifier, kinds: array(identifier, 256) });

const program: Check<ProgramEntry> = object({
  name: string,
  phase: oneOf("forward", "prefill", "decode", "read", "denoise", "last", "draft"),
  streams: array(stream, 256),
  whole: array(identifier, 256),
  again: array(identifier, 256),
  reads: array(string, 65_536),
  writes: array(string, 65_536),
  graph: nullable(graph),
  inputs: array(port, 65_536),
  outputs: array(port, 65_536),
});

const segment = variant<Segment>({
  marker: object({
    is: oneOf("marker"),
    kind: identifier,
    token: string,
    id: integer(0, 2 ** 31 - 1),
    text: identifier,
  }),
  grid: object({
    is: oneOf("grid"),
    kind: identifier,
    rows: integer(1, 2 ** 16),
    cols: integer(1, 2 ** 16),
    width: extent,
    order: nullable(string),
    channels: nullable(extent),
  }),
});

const modality = variant<Modality>({
  tokens: object({ is: oneOf("tokens"), name: identifier, vocab: extent, added: array(string, 65_536) }),
  span: object({ is: oneOf("span"), name: identifier, segments: array(segment, 256) }),
});

const process = variant<Process>({
  flow: object({ is: oneOf("flow"), clean: number, noise: number, predicts: oneOf("velocity", "x", "noise") }),
  ddpm: object({
    is: oneOf("ddpm"),
    steps: extent,
    schedule: oneOf("linear", "cosine"),
    predicts: oneOf("noise", "v", "x"),
  }),
});

const guide = variant<Guide>({
  without: object({ is: oneOf("without"), name: identifier, modality: identifier, before: identifier }),
  hide: object({ is: oneOf("hide"), name: identifier, modality: identifier, before: identifier }),
  replace: object({ is: oneOf("replace"), name: identifier, input: identifier, value: number }),
});

const training = object<Training>({
  recompute: oneOf("none", "layers"),
  losses: array(
    object<LossEntry>({
      name: identifier,
      factor: number,
      head: oneOf("next_token", "denoise", null),
      kinds: array(identifier, 256),
    }),
    256,
  ),
  drawn: array(
    object<Drawn>({
      modality: identifier,
      distribution: oneOf("logit_normal", "uniform"),
      arguments: array(number, 2),
    }),
    256,
  ),
  weights: array(
    object<TrainedWeight>({
      path: text(1024),
      shape: array(extent, 8),
      file: path,
      offset: integer(0, Number.MAX_SAFE_INTEGER),
      dtype: oneOf("f32", "f16", "bf16"),
      at: string,
    }),
    65_536,
  ),
  programs: array(
    object<TrainingEntry>({
      name: string,
      kind: oneOf("loss", "gradient", "trace", "update"),
      shape: nullable(string),
      streams: array(stream, 256),
      last: nullable(identifier),
      graph,
      inputs: array(port, 500_000),
      outputs: array(object({ name: string, doc: string }), 500_000),
    }),
    4096,
  ),
});

/** The range of a Date. */
const LAST_MS = 8.64e15;
const weightFile: Check<WeightFile> = object({
  file: path,
  size: integer(0, Number.MAX_SAFE_INTEGER),
  how: oneOf("written", "linked", "beside", "copied"),
  sha256: nullable(sha256),
  header: nullable(sha256),
  mtime: nullable(integer(-LAST_MS, LAST_MS)),
});

/** The form alone; what it cannot say is checked where a manifest is read. */
export const manifestForm: Check<Manifest> = object({
  schema: oneOf(MANIFEST_SCHEMA),
  tool: string,
  model: identifier,
  target: oneOf("onnx", "webgpu"),
  profile: oneOf("ort-cpu", "ort-webgpu", "portable", null),
  programs: array(program, 4096),
  caches: array(
    object({ name: string, stream: identifier, kvHeads: extent, widths: object({ k: extent, v: extent }) }),
    65_536,
  ),
  modalities: array(modality, 256),
  session: nullable(array(object({ modality: identifier, repeat: oneOf("", "?", "*", "+") }), 256)),
  conditions: array(object({ name: identifier, per: identifier, clean: nullable(number) }), 256),
  noise: array(
    object({
      modality: identifier,
      input: nullable(identifier),
      process,
      after: optional(oneOf("given", "last", "never")),
    }),
    256,
  ),
  guides: optional(array(guide, 256)),
  weights: array(weightFile, 4096),
  missing: array(string, 1_000_000),
  training: optional(training),
  bindings: optional(array(object({ file: path, sha256 }), 16)),
});

/** Reads a manifest's text; `name` begins every message. @throws Failure "file" with the place that is wrong. */
export const parseManifest = (given: string, name: string): Manifest => {
  const json = parseJson(given, name);
  const version = json instanceof Map ? (json.get("schema") as unknown) : undefined;
  if (typeof version === "string" && /^graftwerk\/manifest@\d{1,9}$/.test(version) && version !== MANIFEST_SCHEMA) {
    throw new Failure(
      "file",
      `${name}: is of the schema ${version}; this version reads ${MANIFEST_SCHEMA}`,
      "compile the model again",
    );
  }
  const checked = manifestForm(json, (where, what) => {
    throw new Failure("file", `${name}: not a sound manifest: ${where || "it"} must be ${what}`);
  });
  const fault = faultIn(checked);
  if (fault !== undefined) throw new Failure("file", `${name}: not a sound manifest: ${fault}`);
  return checked;
};

/** A manifest as text; the same manifest gives the same bytes. */
export const printManifest = (given: Manifest): string => `${JSON.stringify(given, undefined, 2)}\n`;
