// Checkpoints: `step-000100/` with the weights, their moving average, the moments, and what it takes to go on exactly. A
// checkpoint appears whole or not at all, and the last two are kept.
import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Failure, reasonOf } from "../failure.ts";
import { decodeText, parseJson } from "../json.ts";
import type { TrainedWeight } from "../manifest.ts";
import { type Check, integer, nullable, number, object, oneOf, pair, sha256, text } from "../schema.ts";
import { bytesOf } from "../soundTraining.ts";
import { memorySource } from "../weights/source.ts";
import { openFile, readWhole, writeWhole } from "../weights/file.ts";
import { readF32, readSafetensors } from "../weights/safetensors.ts";
import { safetensorsPieces } from "../weights/write.ts";
import type { Settings } from "./options.ts";
import type { Changed, States } from "./states.ts";

export const CHECKPOINT_SCHEMA = "graftwerk/checkpoint@1";
/** What a checkpoint says of itself, in train.json. */
export interface Stored {
  readonly schema: typeof CHECKPOINT_SCHEMA;
  readonly model: string;
  /** hash of the graphs and of the frozen weights */
  readonly fingerprint: string;
  /** steps done */
  readonly step: number;
  /** samples learnt from */
  readonly place: number;
  /** bytes of the log */
  readonly log: number;
  readonly samples: { readonly count: number | null; readonly id: string | null };
  /** of ONNX Runtime */
  readonly threads: number;
  readonly settings: Omit<Settings, "limit"> & { readonly limit: number | null };
}
const count = integer(0, Number.MAX_SAFE_INTEGER);
export const storedForm: Check<Stored> = object<Stored>({
  schema: oneOf(CHECKPOINT_SCHEMA),
  model: text(256),
  fingerprint: sha256,
  step: count,
  place: count,
  log: count,
  samples: object({ count: nullable(count), id: nullable(text(1024)) }),
  threads: integer(1, 65_536),
  settings: object<Stored["settings"]>({
    seed: count,
    steps: count,
    batch: count,
    micro: count,
    rate: number,
    warmup: count,
    floor: number,
    decay: number,
    betas: pair(number),
    epsilon: number,
    limit: nullable(number),
    average: number,
    every: count,
  }),
});

const STATE = "train.json";
const MEMORY = "state.safetensors";
const FILES: readonly string[] = ["weights.safetensors", "average.safetensors", MEMORY, STATE];
const KEPT = 2;
const LEFT = /^\.step-\d{6,}\.[0-9a-f]{12}\.part$/;
const PICTURE = /^\.loss\.svg\.[0-9a-f]{12}\.part$/;
const MAX_STATE_BYTES = 2 ** 20;
const FIRST_DIGITS = 6;

const nameOf = (step: number): string => `step-${String(step).padStart(FIRST_DIGITS, "0")}`;
const partOf = (name: string): string => `.${name}.${randomBytes(6).toString("hex")}.part`;
const stepsIn = async (out: string): Promise<number[]> =>
  (await readdir(out))
    .flatMap((name) => (/^step-\d{6,}$/.test(name) ? [Number(name.slice(5))] : []))
    .sort((a, b) => a - b);

/** What is renamed is on the disk only when its folder is. Windows has no such call, and no need of it. */
const syncFolder = async (path: string): Promise<void> => {
  if (process.platform === "win32") return;
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Writes a checkpoint; gives its folder. @throws Failure "file" */
export const writeCheckpoint = async (
  out: string,
  stored: Stored,
  weights: readonly TrainedWeight[],
  states: States,
): Promise<string> => {
  const name = nameOf(stored.step);
  const [part, whole] = [join(out, partOf(name)), join(out, name)];
  const tensors = (all: readonly Changed[], key: (what: Changed, path: string) => string) =>
    safetensorsPieces(
      all.flatMap((what) =>
        weights.map(({ path, shape }) => ({
          name: key(what, path),
          dtype: "F32" as const,
          shape,
          data: states.now(what, path).data,
        })),
      ),
    );
  try {
    await mkdir(part);
    for (const what of ["weight", "average"] as const)
      await writeWhole(
        join(part, what === "weight" ? "weights.safetensors" : "average.safetensors"),
        tensors([what], (_, path) => path),
      );
    await writeWhole(
      join(part, MEMORY),
      tensors(["moment1", "moment2"], (what, path) => `${what}/${path}`),
    );
    await writeWhole(join(part, STATE), [new TextEncoder().encode(`${JSON.stringify(stored, undefined, 2)}\n`)]);
    await syncFolder(part);
    await rename(part, whole);
    await syncFolder(out);
  } catch (cause) {
    await rm(part, { recursive: true, force: true });
    if (cause instanceof Failure) throw cause;
    throw new Failure("file", `${whole}: cannot be written: ${reasonOf(cause)}`, undefined, cause);
  }
  return whole;
};

/** All checkpoints but the last ones. */
export const removeOld = async (out: string): Promise<void> => {
  for (const step of (await stepsIn(out)).slice(0, -KEPT)) {
    const path = join(out, nameOf(step));
    // A user's file in it stays, and the folder with it.
    if ((await readdir(path)).some((name) => !FILES.includes(name))) continue;
    const part = join(out, partOf(nameOf(step)));
    await rename(path, part);
    await rm(part, { recursive: true });
  }
};

/** Removes what killed runs left: half of a checkpoint, or of the picture of the log. */
export const removeParts = async (out: string): Promise<void> => {
  const names = await readdir(out);
  for (const name of names.filter((each) => PICTURE.test(each))) await rm(join(out, name), { force: true });
  for (const name of names.filter((each) => LEFT.test(each))) {
    const ours = (await readdir(join(out, name))).every((file) => FILES.includes(file) || /^\..*\.part$/.test(file));
    if (ours) await rm(join(out, name), { recursive: true, force: true });
  }
};

/** The last checkpoint of a folder, and what it says; undefined: there is none. @throws Failure "file" */
export const lastCheckpoint = async (
  out: string,
): Promise<{ readonly path: string; readonly stored: Stored } | undefined> => {
  const step = (await stepsIn(out).catch((): number[] => [])).at(-1);
  if (step === undefined) return undefined;
  const path = join(out, nameOf(step));
  const file = join(path, STATE);
  const json = parseJson(decodeText(await readWhole(file, MAX_STATE_BYTES), file), file);
  const stored = storedForm(json, (where, what) => {
    throw new Failure("file", `${file}: is no checkpoint: ${where || "it"} must be ${what}`);
  });
  return { path, stored };
};

/** @throws Failure "file" where a folder holds a training that is not to go on */
export const checkFresh = async (out: string, resume: boolean): Promise<void> => {
  const names = await readdir(out).catch((): string[] => []);
  if (resume || !names.some((name) => name === "log.jsonl" || name.startsWith("step-"))) return;
  throw new Failure("file", `${out}: holds a training already`, "go on with it by --resume, or name another folder");
};

/** Reads the states of a checkpoint. @throws Failure "file" where it holds others than those of the model */
export const readStates = async (folder: string, weights: readonly TrainedWeight[], states: States): Promise<void> => {
  await readInto(join(folder, "weights.safetensors"), weights, ["weight"], (_, path) => path, states);
  await readInto(join(folder, "average.safetensors"), weights, ["average"], (_, path) => path, states);
  await readInto(join(folder, MEMORY), weights, ["moment1", "moment2"], (what, path) => `${what}/${path}`, states);
};
const readInto = async (
  path: string,
  weights: readonly TrainedWeight[],
  all: readonly Changed[],
  key: (what: Changed, path: string) => string,
  states: States,
): Promise<void> => {
  const file = await openFile(path);
  try {
    const { tensors } = await readSafetensors(file);
    if (tensors.size !== all.length * weights.length)
      throw new Failure("file", `${path}: has ${tensors.size} tensors, and the model ${all.length * weights.length}`);
    for (const what of all)
      for (const weight of weights) {
        const tensor = tensors.get(key(what, weight.path));
        if (tensor?.dtype !== "F32" || tensor.shape.join() !== weight.shape.join())
          throw new Failure("file", `${path}: has no ${key(what, weight.path)} of [${weight.shape.join(", ")}] in F32`);
        states.set(what, weight.path, await readF32(file, tensor));
      }
  } finally {
    await file.close();
  }
};

/** What weights begin as, from the files of a compiled folder. @throws Failure "file" */
export const readFirst = async (folder: string, weights: readonly TrainedWeight[], states: States): Promise<void> => {
  const dtypes = { f32: "F32", f16: "F16", bf16: "BF16" } as const;
  for (const name of new Set(weights.map(({ file }) => file))) {
    const file = await openFile(join(folder, name));
    try {
      for (const { path, shape, offset, dtype } of weights.filter((weight) => weight.file === name)) {
        const length = shape.reduce((product, size) => product * size, bytesOf[dtype]);
        const bytes = await file.read(offset, length);
        const tensor = { name: path, dtype: dtypes[dtype], shape, offset: 0, length };
        const values = await readF32(memorySource(file.path, bytes), tensor);
        states.set("weight", path, values);
        states.set("average", path, values);
      }
    } finally {
      await file.close();
    }
  }
};
