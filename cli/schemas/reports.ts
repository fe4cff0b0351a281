// What `--json` says of texts, mistakes and this machine: the forms of `check`, `format`, `explain`, `doctor`, and of what
// any command says when it fails.
import type { JsonDiagnostic, JsonPlace } from "../../grammar/diagnostic.ts";
import type { Place } from "../../grammar/source.ts";
import { array, boolean, integer, nullable, object, oneOf, optional, pair, string } from "../../runtime/schema.ts";
import { type LimitName, LIMITS, type Limits } from "../../runtime/webgpu/limits.ts";
import type { Part } from "../doctor.ts";
import type { Explanation } from "../explanations.ts";
import type { Gpu } from "../gpu.ts";

const MANY = 65_536;
const count = integer(0, Number.MAX_SAFE_INTEGER);
/** Lines and columns are counted from 1, offsets of spans from 0. */
const place = object<Place>({ line: integer(1, MANY * 16), column: integer(1, MANY * 16) });
const where = {
  path: string,
  span: object<JsonPlace["span"]>({ from: count, to: count }),
  start: optional(place),
  end: optional(place),
};
const diagnostic = object<JsonDiagnostic>({
  severity: oneOf("error", "warning"),
  code: string,
  message: string,
  help: optional(string),
  ...where,
  notes: array(object<JsonDiagnostic["notes"][number]>({ ...where, text: string }), MANY),
});
/** `more`: diagnostics that were found and are not listed. */
const found = { diagnostics: array(diagnostic, MANY), more: count };

export const diagnostics = object({ schema: oneOf("graftwerk/diagnostics@1"), ...found });
export const check = object({
  schema: oneOf("graftwerk/check@1"),
  file: string,
  ok: boolean,
  models: array(string, MANY),
  ...found,
});
export const format = object({
  schema: oneOf("graftwerk/format@1"),
  file: string,
  changed: boolean,
  written: boolean,
  text: optional(string),
});
export const error = object({
  schema: oneOf("graftwerk/error@1"),
  kind: oneOf("usage", "file", "package", "device", "call", "numbers", "bug"),
  message: string,
  help: optional(string),
  report: optional(string),
});
export const explain = object<{ schema: string; code: string } & Explanation>({
  schema: oneOf("graftwerk/explain@1"),
  code: string,
  name: string,
  wrong: string,
  right: string,
  said: string,
});
export const codes = object({
  schema: oneOf("graftwerk/codes@1"),
  codes: array(object({ code: string, name: string }), MANY),
});
export const doctor = object({
  schema: oneOf("graftwerk/doctor@1"),
  ok: boolean,
  graftwerk: string,
  formats: array(string, MANY),
  parts: array(
    object<Part>({
      name: string,
      version: nullable(string),
      wanted: string,
      ok: boolean,
      detail: string,
      repair: nullable(string),
    }),
    MANY,
  ),
  gpu: object<Gpu>({
    ok: boolean,
    detail: string,
    repair: nullable(string),
    adapter: nullable(
      object<NonNullable<Gpu["adapter"]>>({
        vendor: string,
        architecture: string,
        device: string,
        description: string,
        software: boolean,
        subgroup: pair(count),
        backends: array(string, MANY),
        limits: object<Limits>(
          Object.fromEntries(LIMITS.map((name) => [name, count])) as Record<LimitName, typeof count>,
        ),
        features: array(string, MANY),
      }),
    ),
  }),
  machine: object({
    platform: string,
    arch: string,
    threads: integer(1, MANY),
    memoryBytes: count,
    freeMemoryBytes: count,
    temporary: object({ folder: string, freeBytes: nullable(count) }),
  }),
});
