// What `--json` says of work done: the forms of `compile`, `verify`, `generate` and `train`.
import { manifestForm } from "../../runtime/parseManifest.ts";
import {
  array,
  boolean,
  type Check,
  integer,
  nullable,
  number,
  object,
  oneOf,
  optional,
  record,
  string,
  textOr,
} from "../../runtime/schema.ts";
import type { Figures } from "../verify/figures.ts";
import type { Liveliness } from "../verify/lively.ts";
import type { Batched, Check as Checked, Layer, Setting, Verification } from "../verify/result.ts";
import type { Loaded } from "../weights.ts";

const MANY = 1_000_000;
const count = integer(0, Number.MAX_SAFE_INTEGER);
/** A figure may be infinite, for which JSON has no number: then it is null. */
const figure = nullable(number) as Check<number>;
const profile = oneOf("ort-cpu", "ort-webgpu", "portable", "webgpu");

export const compile = object({
  schema: oneOf("graftwerk/compile@1"),
  out: string,
  loaded: array(object<Loaded>({ slot: string, path: string, map: string, count }), MANY),
  initial: count,
  manifest: manifestForm,
});

const setting = {
  profile,
  optimize: oneOf("all", "none"),
  program: string,
  modalities: array(string, MANY),
  case: string,
};
const figures = { nmse: figure, max: figure };
const compared = { ...setting, ...figures, document: count, output: string, ok: boolean };
const layer = object<Layer & Figures>({
  step: string,
  kind: string,
  towers: array(string, MANY),
  ok: boolean,
  ...figures,
});

export const verify = object({
  schema: oneOf("graftwerk/verify@1"),
  ok: boolean,
  models: array(
    object<Verification>({
      model: string,
      verdict: oneOf("passed", "failed", "skipped"),
      parameters: count,
      seed: integer(0, 2 ** 32 - 1),
      limit: number,
      dull: array(string, MANY),
      liveliness: array(
        object<Liveliness>({ path: string, what: oneOf("logits", "branch"), value: figure, lively: boolean }),
        MANY,
      ),
      checks: array(object<Checked>({ ...compared, error: optional(string) }), MANY),
      batches: array(object<Batched>({ ...compared, size: count }), MANY),
      layers: array(layer, MANY),
      traced: optional(object<Setting>(setting)),
      divergence: optional(textOr(oneOf("heads"), layer)),
    }),
    MANY,
  ),
});

const taken = object({ calls: count, rows: count, ms: number });
export const generate = object({
  schema: oneOf("graftwerk/generate@2"),
  model: string,
  device: object({ is: oneOf("cpu", "webgpu"), why: string }),
  text: string,
  end: oneOf("stop", "length", "session"),
  tokens: count,
  drawn: count,
  images: array(object({ path: string, width: count, height: count }), MANY),
  phases: object({ prefill: taken, read: taken, decode: taken, denoise: taken, last: taken, draft: taken }),
});

const cost = { step: count, loss: figure, terms: record(figure) };
export const train = object({
  schema: oneOf("graftwerk/train@1"),
  model: string,
  out: string,
  steps: count,
  last: nullable(object(cost)),
  validation: nullable(object(cost)),
  checkpoint: nullable(string),
});
