// A checkpoint on disk: one safetensors file, or several with an index, or the folder that holds either, as the hubs lay
// them out. Shards are one path component beside the index; pickles are refused, never opened.
import { stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { Failure } from "../failure.ts";
import { decodeText, type JsonObject, parseJson } from "../json.ts";
import { type FileSource, openFile, readWhole } from "./file.ts";
import { readBytes, readF32, readSafetensors, type StoredTensor } from "./safetensors.ts";

/** A tensor and the file it lies in. */
export interface CheckpointTensor extends StoredTensor {
  readonly file: FileSource;
}

export interface Checkpoint {
  readonly path: string;
  readonly files: readonly FileSource[];
  /** By key of the file. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  close(): Promise<void>;
}

const MAX_INDEX_BYTES = 100_000_000;
const INDEX = ".safetensors.index.json";
const PICKLES: readonly string[] = [".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"];
/** What a hub's folder holds, in order of preference. */
const FOLDER_FILES = ["model", "diffusion_pytorch_model"].flatMap((stem) => [`${stem}${INDEX}`, `${stem}.safetensors`]);

const refusePickle = (path: string): void => {
  if (!PICKLES.includes(extname(path).toLowerCase())) return;
  throw new Failure(
    "file",
    `${path}: is a pickle, which can run any code when it is opened, so it is never read`,
    "use the .safetensors file of the same repository, or convert it once with Python's safetensors " +
      "(`from safetensors.torch import save_file`) on a machine that trusts it",
  );
};

const exists = (path: string): Promise<boolean> => stat(path).then(Boolean, () => false);

/** The file to open for a path that may be a folder. */
const findFile = async (path: string): Promise<string> => {
  refusePickle(path);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || !found.isDirectory()) return path;
  for (const name of FOLDER_FILES) if (await exists(join(path, name))) return join(path, name);
  for (const name of ["pytorch_model.bin", "diffusion_pytorch_model.bin"]) {
    if (await exists(join(path, name))) refusePickle(join(path, name));
  }
  throw new Failure("file", `${path}: holds no weights`, `one of these is looked for: ${FOLDER_FILES.join(", ")}`);
};

/** The shard of each key, by the index. */
const readIndex = async (path: string): Promise<ReadonlyMap<string, string>> => {
  const json = parseJson(decodeText(await readWhole(path, MAX_INDEX_BYTES), path), path);
  const map = json instanceof Map ? (json as JsonObject).get("weight_map") : undefined;
  if (!(map instanceof Map)) throw new Failure("file", `${path}: has no object \`weight_map\``);
  const shards = new Map<string, string>();
  for (const [key, file] of map as JsonObject) {
    if (typeof file !== "string" || !/^[A-Za-z0-9_.-]+$/.test(file) || /^\.+$/.test(file)) {
      throw new Failure(
        "file",
        `${path}: ${JSON.stringify(key)} lies in ${JSON.stringify(file)}, which is no plain file name`,
      );
    }
    refusePickle(file);
    shards.set(key, file);
  }
  return shards;
};

const openShards = async (index: string, shards: ReadonlyMap<string, string>, opened: FileSource[]) => {
  const tensors = new Map<string, CheckpointTensor>();
  for (const shard of new Set(shards.values())) {
    const file = await openFile(join(dirname(index), shard));
    opened.push(file);
    for (const tensor of (await readSafetensors(file)).tensors.values()) {
      if (shards.get(tensor.name) !== shard) {
        throw new Failure(
          "file",
          `${file.path}: holds ${JSON.stringify(tensor.name)}, which ${basename(index)} does not place there`,
        );
      }
      tensors.set(tensor.name, { ...tensor, file });
    }
  }
  for (const [key, shard] of shards) {
    if (!tensors.has(key))
      throw new Failure("file", `${index}: places ${JSON.stringify(key)} in ${shard}, which does not hold it`);
  }
  return tensors;
};

const openSingle = async (path: string, opened: FileSource[]) => {
  const file = await openFile(path);
  opened.push(file);
  const { tensors } = await readSafetensors(file);
  return new Map([...tensors].map(([key, tensor]): [string, CheckpointTensor] => [key, { ...tensor, file }]));
};

/**
 * Opens `model.safetensors`, `model.safetensors.index.json` with its shards, or the folder of either. Reads headers only.
 * @throws Failure "file"
 */
export const openCheckpoint = async (path: string): Promise<Checkpoint> => {
  const file = await findFile(path);
  const files: FileSource[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(files.map((open) => open.close()));
  };
  try {
    const tensors = file.endsWith(INDEX)
      ? await openShards(file, await readIndex(file), files)
      : await openSingle(file, files);
    return { path: file, files, tensors, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
};

const tensorOf = (checkpoint: Checkpoint, key: string): CheckpointTensor => {
  const tensor = checkpoint.tensors.get(key);
  if (tensor === undefined) throw new Failure("file", `${checkpoint.path}: has no tensor ${JSON.stringify(key)}`);
  return tensor;
};

/** The bytes of one tensor as they stand. @throws Failure "file" */
export const checkpointBytes = async (checkpoint: Checkpoint, key: string): Promise<Uint8Array> => {
  const tensor = tensorOf(checkpoint, key);
  return readBytes(tensor.file, tensor);
};

/** The elements of one tensor as f32. @throws Failure "file" */
export const checkpointF32 = async (checkpoint: Checkpoint, key: string): Promise<Float32Array> => {
  const tensor = tensorOf(checkpoint, key);
  return readF32(tensor.file, tensor);
};
