// A checkpoint on disk: one safetensors file, or several with an index, or the folder that holds either, as the hubs lay
// them out. Shards are one path component beside the index; pickles are refused, never opened.
import { stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { Failure } from "../failure.ts";
import { decodeText, JsonReader } from "../json.ts";
import { isPlainName } from "../plainName.ts";
import { quote } from "../quote.ts";
import { type FileSource, openFile, readWhole } from "./file.ts";
import { type LyingTensor, MAX_TENSORS, readBytes, readF32, readSafetensors } from "./safetensors.ts";

/** A tensor and the file it lies in. */
export type CheckpointTensor = LyingTensor<FileSource>;

export interface Checkpoint {
  readonly path: string;
  readonly files: readonly FileSource[];
  /** By key of the file. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  close(): Promise<void>;
}

const MAX_INDEX_BYTES = 100_000_000;
/** The largest public checkpoints have a few hundred. */
const MAX_SHARDS = 4096;
/** `metadata`, `weight_map`, and what else a hub may write. */
const MAX_MEMBERS = 1000;
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

/** The shard of each key, by the index. Of what else it holds nothing is made. */
const readIndex = async (path: string): Promise<ReadonlyMap<string, string>> => {
  const json = new JsonReader(decodeText(await readWhole(path, MAX_INDEX_BYTES), path), path);
  const fail = (what: string): never => {
    throw new Failure("file", `${path}: ${what}`);
  };
  let shards: ReadonlyMap<string, string> | undefined;
  if (!json.begins("{")) fail("is not an object");
  const seen = new Set<string>();
  json.members(seen, (key) => {
    if (seen.size === MAX_MEMBERS) fail(`has more than ${MAX_MEMBERS} members`);
    seen.add(key);
    if (key === "weight_map") shards = readWeightMap(json, fail);
    else json.skip(1);
  });
  json.end();
  return shards ?? fail("has no object `weight_map`");
};

const readWeightMap = (json: JsonReader, fail: (what: string) => never): ReadonlyMap<string, string> => {
  if (!json.begins("{")) fail("has no object `weight_map`");
  const shards = new Map<string, string>();
  /** Each name once, however many keys it has. */
  const names = new Map<string, string>();
  json.members(shards, (key) => {
    if (!json.begins('"')) fail(`${quote(key)} lies in something that is no text`);
    const file = json.string();
    if (!isPlainName(file)) fail(`${quote(key)} lies in ${quote(file)}, which is no plain file name`);
    if (shards.size === MAX_TENSORS) fail(`has more than ${MAX_TENSORS} keys`);
    const name = names.get(file) ?? file;
    if (!names.has(name)) {
      refusePickle(name);
      if (names.size === MAX_SHARDS) fail(`names more than ${MAX_SHARDS} files`);
      names.set(name, name);
    }
    shards.set(key, name);
  });
  if (names.size === 0) fail("names no files in its `weight_map`");
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
          `${file.path}: holds ${quote(tensor.name)}, which ${basename(index)} does not place there`,
        );
      }
      tensors.set(tensor.name, tensor);
    }
  }
  for (const [key, shard] of shards) {
    if (!tensors.has(key))
      throw new Failure("file", `${index}: places ${quote(key)} in ${shard}, which does not hold it`);
  }
  return tensors;
};

const openSingle = async (path: string, opened: FileSource[]) => {
  const file = await openFile(path);
  opened.push(file);
  return (await readSafetensors(file)).tensors;
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
  if (tensor === undefined) throw new Failure("file", `${checkpoint.path}: has no tensor ${quote(key)}`);
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
