// Which keys of a checkpoint are which weights of a model, judged by the header alone. Strict: every mapped weight is
// found, every key is used or ignored, every shape fits, or one report says all that is wrong.
import type { Layout, Model, Weight } from "../compiler/analyze/model.ts";
import { Failure } from "../runtime/failure.ts";
import type { Checkpoint, CheckpointTensor } from "../runtime/weights/checkpoint.ts";
import { keysOf, shapeOfLayout } from "../runtime/weights/map.ts";

/** The name of the map that takes each weight's own path as its key: what we write ourselves. */
export const OWN = "own paths";

export interface Match {
  readonly map: string;
  readonly layouts: ReadonlyMap<Weight, Layout>;
}
export interface MatchReport {
  readonly checkpoint: string;
  readonly slot: string;
  readonly map: string;
  readonly missing: readonly { readonly weight: string; readonly key: string }[];
  readonly unused: readonly string[];
  readonly unfit: readonly { readonly weight: string; readonly wanted: readonly number[]; readonly found: string }[];
}

/** The checkpoint is not one of this tower. */
export class MatchFailure extends Failure {
  readonly report: MatchReport;

  constructor(report: MatchReport) {
    super(
      "file",
      textOf(report),
      "give the checkpoint of this tower, correct the tower's sizes, or its `checkpoint` map",
    );
    this.report = report;
  }
}

/** Whether a weight belongs to the tower or part at `slot`; all belong to the empty one. */
export const isWithin = (path: string, slot: string): boolean =>
  slot === "" || path === slot || (path.startsWith(slot) && ".[".includes(path[slot.length]!));

/**
 * Takes the first map of the slot all of whose keys the checkpoint has, else the weights' own paths if it has any.
 * @throws MatchFailure on the map that misses least.
 */
export const matchCheckpoint = (
  model: Model,
  slot: string,
  weights: readonly Weight[],
  checkpoint: Checkpoint,
): Match => {
  const { tensors } = checkpoint;
  const layoutIn = (weight: Weight, map: string): Layout | undefined => {
    const source = weight.sources.find((each) => each.map === map && isWithin(each.slot, slot));
    if (source !== undefined) return source.value;
    return tensors.has(weight.path) ? { kind: "key", key: weight.path } : undefined;
  };
  const candidates = [...mapsOf(weights, slot), OWN].map((map) => {
    const layouts = new Map(
      weights.flatMap((weight) => {
        const layout = layoutIn(weight, map);
        return layout === undefined ? [] : [[weight, layout] as const];
      }),
    );
    const missing = [...layouts].flatMap(([weight, layout]) =>
      keysOf(layout)
        .filter((key) => !tensors.has(key))
        .map((key) => ({ weight: weight.path, key })),
    );
    return { map, layouts, missing };
  });
  const sound = candidates.find(({ layouts, missing }) => layouts.size > 0 && missing.length === 0);
  const nearest = candidates
    .filter(({ layouts }) => layouts.size > 0)
    .reduce((a, b) => (b.missing.length < a.missing.length ? b : a), candidates[0]!);
  const { map, layouts, missing } = sound ?? nearest;
  if (layouts.size === 0) missing.push(...weights.map(({ path }) => ({ weight: path, key: path })));
  const used = new Set([...layouts.values()].flatMap(keysOf));
  const ignored = model.ignored.filter((each) => each.map === map && isWithin(each.slot, slot)).map(patternOf);
  const unused = [...tensors.keys()].filter((key) => !used.has(key) && !ignored.some((pattern) => pattern.test(key)));
  const unfit = [...layouts].flatMap(([weight, layout]) => unfitOf(weight, layout, tensors));
  if (missing.length + unused.length + unfit.length === 0) return { map, layouts };
  throw new MatchFailure({ checkpoint: checkpoint.path, slot, map, missing, unused, unfit });
};

/** The maps of a slot, in the order declared. For all weights at once only their own paths serve. */
const mapsOf = (weights: readonly Weight[], slot: string): string[] => {
  if (slot === "") return [];
  const sources = weights.flatMap((weight) => weight.sources).filter((source) => isWithin(source.slot, slot));
  return [...new Set(sources.map((source) => source.map))];
};

const patternOf = ({ pattern }: { readonly pattern: string }): RegExp =>
  new RegExp(
    `^${pattern
      .split("*")
      .map((text) => text.replace(/[\\^$.|?+()[\]{}/-]/g, "\\$&"))
      .join(".*")}$`,
    "s",
  );

const FLOATS: readonly string[] = ["F32", "F16", "BF16", "F64"];

const unfitOf = (
  weight: Weight,
  layout: Layout,
  tensors: ReadonlyMap<string, CheckpointTensor>,
): MatchReport["unfit"] => {
  const keys = keysOf(layout).map((key) => tensors.get(key));
  if (keys.includes(undefined)) return [];
  const unfit = (found: string) => [{ weight: weight.path, wanted: weight.shape, found }];
  const other = keys.find((tensor) => !FLOATS.includes(tensor!.dtype));
  if (other !== undefined) return unfit(`${JSON.stringify(other.name)}, which is ${other.dtype} and no float`);
  const shape = shapeOfLayout(layout, (key) => tensors.get(key)!.shape);
  if ("misfit" in shape) return unfit(`${shape.misfit} (${JSON.stringify(keys[0]!.name)})`);
  if (shape.join() === weight.shape.join()) return [];
  return unfit(`[${shape.join(", ")}] (${JSON.stringify(keys[0]!.name)})`);
};

const textOf = ({ checkpoint, slot, map, missing, unused, unfit }: MatchReport): string => {
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [`  ${title} (${lines.length}):`, ...lines.map((line) => `    ${line}`)];
  return [
    `${checkpoint}: is no checkpoint of ${slot === "" ? "the model" : slot} (read by ${map === OWN ? "the weights' own paths" : `its map ${map}`})`,
    ...section(
      "missing keys",
      missing.map(({ weight, key }) => (weight === key ? key : `${key}, for ${weight}`)),
    ),
    ...section("keys that nothing uses", unused),
    ...section(
      "keys of another shape",
      unfit.map(({ weight, wanted, found }) => `${weight} is [${wanted.join(", ")}], and there is ${found}`),
    ),
  ].join("\n");
};
