// What a model is and what its programs cost, as plain data with a schema of its own: for people, for tools, for tests.
import type { At, Model } from "../analyze/model.ts";
import { show, sub } from "../ir/dim.ts";
import { lowerPlan } from "../lower/index.ts";
import { maskText } from "../analyze/printMask.ts";
import { planOf, type Cache } from "../rows/phase.ts";
import { appliedTo } from "./classes.ts";
import { computed, written } from "./flops.ts";

export const INSPECT_SCHEMA = "graftwerk/inspect@1";

export interface Inspection {
  readonly schema: typeof INSPECT_SCHEMA;
  readonly model: string;
  readonly parameters: { readonly total: number; readonly frozen: number; readonly trained: number };
  readonly towers: readonly {
    readonly path: string;
    readonly template: string;
    readonly layers: number;
    readonly parameters: number;
  }[];
  readonly streams: readonly { readonly name: string; readonly kinds: readonly string[] }[];
  readonly programs: Readonly<Record<string, ProgramCost>>;
  readonly caches: readonly CacheCost[];
  /** phases that a mask forbids, and the term of it that does */
  readonly refused: readonly { readonly phases: string; readonly rows: string; readonly because: string }[];
}
/** Floating point operations as polynomials over numbers of rows; `pairs.Q.K` are the pairs that meet. */
export interface ProgramCost {
  readonly flops: { readonly naive: string; readonly pruned: string; readonly heads: string };
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** past rows that are computed again, and why */
  readonly recomputed: readonly string[];
  /** weight -> rows it is applied to */
  readonly rows: Readonly<Record<string, readonly string[]>>;
}
export interface CacheCost {
  readonly name: string;
  /** the block whose attend it is, without the layer: `language.layers` */
  readonly site: string;
  readonly tower: string;
  readonly kind: "keys and values";
  /** the stream whose rows it keeps */
  readonly rows: string;
  readonly layers: readonly number[];
  /** over these layers, in f32 */
  readonly bytesPerRow: number;
}

export const inspect = (model: Model, place?: (at: At) => string): Inspection => {
  const plan = planOf(model);
  const { module, stems } = lowerPlan(model, plan, place ? { place } : {});
  const programs = module.programs.map((program, i) => {
    const phase = plan.phases[i]!;
    const naive = written(model, phase);
    const all = computed(program.outputs.map((output) => output.node));
    const layers = computed(stems[i]!);
    const cost: ProgramCost = {
      flops: { naive: show(naive.layers), pruned: show(layers), heads: show(sub(all, layers)) },
      inputs: program.inputs.map((port) => port.name),
      outputs: program.outputs.map((output) => output.name),
      recomputed: phase.again.map((stream) => stream.name),
      rows: Object.fromEntries(appliedTo(program)),
    };
    return [program.name, cost] as const;
  });
  const count = (some: Model["weights"]): number =>
    some.reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0);
  return {
    schema: INSPECT_SCHEMA,
    model: model.name,
    parameters: {
      total: count(model.weights),
      frozen: count(model.weights.filter((w) => !w.trained)),
      trained: count(model.weights.filter((w) => w.trained)),
    },
    towers: model.towers.map(({ path, template, layers }) => ({
      path,
      template,
      layers: layers.length,
      parameters: count(model.weights.filter((w) => w.path.startsWith(`${path}.`))),
    })),
    streams: plan.streams.map(({ name, kinds }) => ({ name, kinds: kinds.map((kind) => kind.name) })),
    programs: Object.fromEntries(programs),
    caches: cachesOf(plan.caches),
    refused: plan.refusals.map(({ phases, atom }) => ({
      phases,
      rows: atom.streams.map((s) => s.name).join(", "),
      because: atom.because ? maskText(atom.because.mask) : "",
    })),
  };
};

/** Caches of the layers of one tower over the same rows, together. */
const cachesOf = (caches: readonly Cache[]): CacheCost[] => {
  const found = new Map<string, { cache: Cache; layers: number[]; bytes: number }>();
  for (const cache of caches) {
    const { path } = cache.call.attrs.block;
    const [, site = path, layer] = /^(.*?)\[(\d+)\]$/.exec(path) ?? [];
    const key = `${site}/${cache.stream.name}${cache.attend ? `.${cache.attend + 1}` : ""}`;
    const entry = found.get(key) ?? { cache, layers: [], bytes: 0 };
    const [, k, v] = cache.call.attrs.block.attends[cache.attend]!.src;
    entry.layers.push(layer === undefined ? 0 : Number(layer));
    entry.bytes += 4 * (k!.shape[0]! * k!.shape[1]! + v!.shape[0]! * v!.shape[1]!);
    found.set(key, entry);
  }
  return [...found].map(([name, { cache, layers, bytes }]) => {
    const site = name.slice(0, name.lastIndexOf("/"));
    return {
      name,
      site,
      tower: site.replace(/\.layers$/, ""),
      kind: "keys and values",
      rows: cache.stream.name,
      layers: layers.sort((a, b) => a - b),
      bytesPerRow: bytes,
    };
  });
};
