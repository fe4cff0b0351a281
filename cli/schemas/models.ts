// What `--json` says of a model that is not run: the forms of `inspect` and `expand`.
import type { Expanded, ExpandedWeight } from "../../compiler/analyze/print.ts";
import type { CacheCost, Inspection, ProgramCost } from "../../compiler/inspect/index.ts";
import {
  array,
  boolean,
  integer,
  nullable,
  number,
  object,
  oneOf,
  optional,
  record,
  string,
} from "../../runtime/schema.ts";

const MANY = 1_000_000;
const count = integer(0, Number.MAX_SAFE_INTEGER);
const texts = array(string, MANY);

export const inspect = object<Inspection & { readonly svg?: string }>({
  schema: oneOf("graftwerk/inspect@1"),
  model: string,
  parameters: object({ total: count, frozen: count, trained: count }),
  towers: array(object({ path: string, template: string, layers: count, parameters: count }), MANY),
  streams: array(object({ name: string, kinds: texts }), MANY),
  programs: record(
    object<ProgramCost>({
      flops: object({ naive: string, pruned: string, heads: string }),
      inputs: texts,
      outputs: texts,
      recomputed: texts,
      rows: record(texts),
    }),
  ),
  caches: array(
    object<CacheCost>({
      name: string,
      site: string,
      tower: string,
      kind: oneOf("keys and values"),
      rows: string,
      layers: array(count, MANY),
      bytesPerRow: count,
    }),
    MANY,
  ),
  refused: array(object({ phases: string, rows: string, because: string }), MANY),
  svg: optional(string),
});

export const expand = object<Expanded>({
  schema: oneOf("graftwerk/expand@1"),
  model: string,
  doc: string,
  parameters: object({ frozen: count, trained: count }),
  kinds: array(object({ kind: string, rows: string, width: count, enters: string }), MANY),
  inputs: array(object({ name: string, per: string, type: string }), MANY),
  towers: array(
    object({
      path: string,
      template: string,
      layers: array(object({ path: string, template: string, parameters: count }), MANY),
    }),
    MANY,
  ),
  values: array(object({ name: string, value: string }), MANY),
  steps: array(object({ path: string, h: string }), MANY),
  mask: string,
  position: object({ rule: string, limit: count }),
  noise: array(
    object({ modality: string, process: string, given: nullable(string), drawn: nullable(string), after: string }),
    MANY,
  ),
  guides: array(object({ name: string, how: string }), MANY),
  losses: array(object({ name: string, factor: number, value: nullable(string) }), MANY),
  heads: array(object({ modality: string, kind: string, value: string }), MANY),
  weights: array(
    object<ExpandedWeight>({
      path: string,
      shape: array(count, 64),
      trained: boolean,
      init: string,
      aliases: texts,
      sources: array(object({ slot: string, map: string, value: string }), MANY),
    }),
    MANY,
  ),
  ignored: array(object({ slot: string, map: string, pattern: string }), MANY),
});
