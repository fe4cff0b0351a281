// The values of a model's weights: from checkpoints, by the model's maps, and from initial values drawn from a seed. They
// are read one at a time, so that a model need not fit into memory.
import type { Layout, Model, Weight } from "../compiler/analyze/model.ts";
import { nearest } from "../grammar/nearest.ts";
import type { WeightPlace } from "../compiler/target/onnx/place.ts";
import {
  type Checkpoint,
  checkpointF32,
  type CheckpointTensor,
  openCheckpoint,
} from "../runtime/weights/checkpoint.ts";
import type { StoredDType } from "../runtime/weights/dtype.ts";
import type { FileSource } from "../runtime/weights/file.ts";
import { applyLayout, keysOf } from "../runtime/weights/map.ts";
import { type Call, UsageError } from "./command.ts";
import { initialValue, isDrawn } from "./initial.ts";
import { isWithin, matchCheckpoint } from "./match.ts";

/** `--weights language=PATH`; the slot is empty for a file of all weights. */
export interface Given {
  readonly slot: string;
  readonly path: string;
}
export interface Loaded extends Given {
  /** the map by which the file was read */
  readonly map: string;
  /** weights it gave */
  readonly count: number;
}
/** A file of a checkpoint. */
export interface CheckpointFile {
  readonly source: FileSource;
  readonly slot: string;
  /** bytes before its data */
  readonly headerSize: number;
}
/** The bytes of a checkpoint that are a weight as it is: row major, in its shape. */
export interface Lying extends Omit<WeightPlace, "location"> {
  readonly source: FileSource;
}
export interface Weights {
  /** weights that have no value; none, or all */
  readonly missing: readonly string[];
  readonly loaded: readonly Loaded[];
  /** weights that start from their initial values */
  readonly initial: number;
  /** every file of the checkpoints, also those of which nothing is used as it lies */
  readonly files: readonly CheckpointFile[];
  /** undefined: the weight must be made, by `read` */
  lying(weight: Weight): Lying | undefined;
  /** row major, of the weight's shape */
  read(weight: Weight): Promise<Float32Array>;
  close(): Promise<void>;
}

/** `--weights` as given. @throws UsageError */
export const givenWeights = (call: Call): Given[] => {
  const given = call.values("weights").map((text): Given => {
    const [, slot, path] = /^([A-Za-z_][\w.[\]]*)=(.+)$/.exec(text) ?? [undefined, "", text];
    return { slot: slot!, path: path! };
  });
  const twice = given.find(({ slot }, i) => given.findIndex((each) => each.slot === slot) !== i);
  if (twice === undefined) return given;
  throw new UsageError(`--weights is given twice for ${twice.slot === "" ? "the whole model" : twice.slot}`);
};

interface Stored {
  readonly checkpoint: Checkpoint;
  readonly layout: Layout;
}

/**
 * Opens checkpoints, reading headers only. Weights of no checkpoint take their initial values; with neither checkpoint
 * nor seed nothing has a value. @throws Failure "file", UsageError
 */
export const openWeights = async (
  model: Model,
  given: readonly Given[],
  seed: number | undefined,
): Promise<Weights> => {
  const stored = new Map<Weight, Stored>();
  const loaded: Loaded[] = [];
  const checkpoints: Checkpoint[] = [];
  const files: CheckpointFile[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(checkpoints.map((checkpoint) => checkpoint.close()));
  };
  try {
    const taken = new Set<Weight>();
    // The file of a part inside of a tower goes before the tower's.
    for (const { slot, path } of [...given].sort((a, b) => b.slot.length - a.slot.length)) {
      const weights = model.weights.filter((weight) => isWithin(weight.path, slot) && !taken.has(weight));
      if (weights.length === 0) throw noSlot(model, slot);
      const checkpoint = await openCheckpoint(path);
      checkpoints.push(checkpoint);
      files.push(...filesOf(checkpoint, slot));
      const { map, layouts } = matchCheckpoint(model, slot, weights, checkpoint);
      for (const weight of weights) taken.add(weight);
      for (const [weight, layout] of layouts) stored.set(weight, { checkpoint, layout });
      loaded.push({ slot, path: checkpoint.path, map, count: layouts.size });
    }
    const nothing = given.length === 0 && seed === undefined;
    if (!nothing) checkSeed(model, stored, seed);
    const read = reader(stored, seed ?? 0);
    const missing = nothing ? model.weights.map(({ path }) => path) : [];
    const initial = nothing ? 0 : model.weights.length - stored.size;
    return { missing, loaded, initial, files, lying: (weight) => lyingOf(stored.get(weight)), read, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
};

const filesOf = ({ files, tensors }: Checkpoint, slot: string): CheckpointFile[] => {
  const headers = new Map<FileSource, number>(files.map((source) => [source, source.size]));
  for (const { file, offset } of tensors.values()) headers.set(file, Math.min(headers.get(file)!, offset));
  return [...headers].map(([source, headerSize]) => ({ source, slot, headerSize }));
};

/** f64 is rounded, so it is made. */
const LYING: { readonly [D in StoredDType]?: WeightPlace["dtype"] } = { F32: "f32", F16: "f16", BF16: "bf16" };

const lyingOf = (stored: Stored | undefined): Lying | undefined => {
  if (stored === undefined) return undefined;
  const tensor = tensorOf(stored.layout, stored.checkpoint);
  const dtype = tensor && LYING[tensor.dtype];
  if (tensor === undefined || dtype === undefined) return undefined;
  return { source: tensor.file, offset: tensor.offset, length: tensor.length, dtype };
};
/** Row major, a reshape moves nothing; every other layout does, or may. */
const tensorOf = (layout: Layout, checkpoint: Checkpoint): CheckpointTensor | undefined => {
  if (layout.kind === "reshape") return tensorOf(layout.of, checkpoint);
  return layout.kind === "key" ? checkpoint.tensors.get(layout.key) : undefined;
};

const noSlot = (model: Model, slot: string): UsageError => {
  const slots = [...new Set(model.weights.map(({ path }) => path.split(/[.[]/, 1)[0]!))];
  const near = nearest(slot, slots);
  const help = near === undefined ? `weights belong to ${slots.join(", ")}` : `did you mean ${near}?`;
  return new UsageError(`${model.name} has no weights of ${slot}, or another file gave them all`, help);
};

/** What a weight without a place in a checkpoint starts from, copies followed to their end. */
const originOf = (weight: Weight, stored: ReadonlyMap<Weight, Stored>): Weight =>
  weight.init.kind === "copy" && !stored.has(weight) ? originOf(weight.init.of, stored) : weight;

const checkSeed = (model: Model, stored: ReadonlyMap<Weight, Stored>, seed: number | undefined): void => {
  if (seed !== undefined) return;
  const drawn = model.weights.filter((weight) => {
    const origin = originOf(weight, stored);
    return !stored.has(origin) && isDrawn(origin);
  });
  if (drawn.length === 0) return;
  const roots = [...new Set(drawn.map(({ path }) => path.split(/[.[]/, 1)[0]!))];
  throw new UsageError(
    `no file gives ${drawn[0]!.path}${drawn.length > 1 ? ` and ${drawn.length - 1} more weights` : ""}, which start from chance`,
    `give --seed N to draw them, or --weights for ${roots.join(", ")}`,
  );
};

const reader =
  (stored: ReadonlyMap<Weight, Stored>, seed: number) =>
  async (weight: Weight): Promise<Float32Array> => {
    const origin = originOf(weight, stored);
    const found = stored.get(origin);
    if (found === undefined) return initialValue(origin, seed);
    const { checkpoint, layout } = found;
    const grids = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    for (const key of keysOf(layout))
      grids.set(key, { shape: checkpoint.tensors.get(key)!.shape, data: await checkpointF32(checkpoint, key) });
    return applyLayout(layout, (key) => grids.get(key)!).data;
  };
