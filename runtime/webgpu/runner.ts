// The plan of a compiled folder on a GPU: opened, with its weights, when a program is first called.
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { decodeText } from "../json.ts";
import type { Manifest } from "../manifest.ts";
import type { Plan, PlanWeight } from "../plan.ts";
import { parsePlan } from "../planForm.ts";
import { AGAIN, areNamed, type MemoryOptions, type Runner } from "../runner.ts";
import { decodeF32, type StoredDType } from "../weights/dtype.ts";
import { checkOwnFile, type FileSource, openFile, readWhole } from "../weights/file.ts";
import { type Adapter, openAdapter } from "./adapter.ts";
import { DeviceCaches } from "./deviceCaches.ts";
import { openPlan, type PlanFiles, type PlanSession } from "./session.ts";

/** In bytes: of a plan, which is text, and of its tables. */
const MOST_PLAN = 256 * 2 ** 20;
const MOST_TABLES = 1024 * 2 ** 20;

export interface GpuOptions extends MemoryOptions {
  /** the GPU to use, which stays the caller's; one is opened if left out */
  readonly adapter?: Adapter;
  /** how one is opened, at first and in the place of one that was lost; the session closes it. `openAdapter` if left out */
  readonly open?: () => Promise<Adapter>;
}

interface Opened {
  readonly session: PlanSession;
  /** the GPU, where the runner opened it */
  readonly own: Adapter | undefined;
}

export const gpuRunner = (folder: string, manifest: Manifest, options: GpuOptions): Runner => {
  let opened: Promise<Opened> | undefined;
  const session = async (): Promise<PlanSession> => {
    const known = (opened ??= open(folder, manifest, options));
    // What is missing now may be there later.
    known.catch(() => (opened = undefined));
    return (await known).session;
  };
  const isEmpty = (program: string): boolean =>
    manifest.programs.some(({ name, graph }) => name === program && graph === null);
  return {
    run: async ({ name }, _, inputs) => (await session()).run(name, inputs),
    caches: (batch) =>
      new DeviceCaches(batch, manifest.caches, {
        inTurn: async (where, use) => (await session()).calls.inTurn(where, use),
        call: async (program, inputs, keepOf) =>
          isEmpty(program) ? {} : (await session()).calls.call(program, inputs, keepOf),
        decode: async (program, ...call) =>
          isEmpty(program) ? undefined : (await session()).calls.decode(program, ...call),
      }),
    close: async () => {
      const found = await opened?.catch(() => undefined);
      found?.session.close();
      found?.own?.close();
    },
  };
};

const open = async (
  folder: string,
  manifest: Manifest,
  { adapter, open: reopen = () => openAdapter(), budget = Infinity }: GpuOptions,
): Promise<Opened> => {
  const { file } = manifest.programs.find(({ graph }) => graph !== null)!.graph!;
  const path = join(folder, file);
  await checkOwnFile(path, "the plan of the model", AGAIN);
  const plan = parsePlan(decodeText(await readWhole(path, MOST_PLAN), path), path);
  checkPrograms(plan, manifest, path);
  const files = await openWeights(folder, plan, tablesOf(file));
  const used = adapter ?? (await reopen());
  // A GPU of our own that is lost is replaced; whose it is must see to another's.
  const options = adapter === undefined ? { reopen, budget } : { budget };
  try {
    return { session: await openPlan(used, plan, files, options), own: adapter === undefined ? used : undefined };
  } catch (thrown) {
    if (adapter === undefined) used.close();
    throw thrown;
  } finally {
    await files.brought();
  }
};

/** `plan.json` has its tables in `plan.bin`. */
const tablesOf = (file: string): string => file.replace(/\.json$/, ".bin");

/** @throws Failure "file" where the plan is not the one of the manifest */
const checkPrograms = (plan: Plan, manifest: Manifest, path: string): void => {
  for (const entry of manifest.programs) {
    const { name, graph } = entry;
    if (graph === null) continue;
    const found = plan.programs.find((program) => program.name === name);
    const isSame = (which: "inputs" | "outputs"): boolean =>
      areNamed(entry[which], found?.[which].map((port) => port.name) ?? []);
    if (!isSame("inputs") || !isSame("outputs"))
      throw new Failure("file", `${path}: has another ${name} than the manifest says`, AGAIN);
  }
};

const DTYPES = { f32: "F32", f16: "F16", bf16: "BF16" } as const satisfies Record<string, StoredDType>;
const SIZES = { f32: 4, f16: 2, bf16: 2 } as const;

/** The files that a plan names, open while a device takes its weights from them. */
const openWeights = async (
  folder: string,
  plan: Plan,
  tables: string,
): Promise<PlanFiles & { brought(): Promise<void> }> => {
  const files = new Map<string, FileSource>();
  const fileOf = async (name: string): Promise<FileSource> => {
    const known = files.get(name);
    if (known !== undefined) return known;
    const path = join(folder, name);
    await checkOwnFile(path, "the weights of the model", AGAIN);
    const opened = await openFile(path);
    files.set(name, opened);
    return opened;
  };
  const numbers = plan.tables.length === 0 ? new Uint8Array(0) : await readWhole(join(folder, tables), MOST_TABLES);
  return {
    brought: async () => {
      const open = [...files.values()];
      files.clear();
      for (const file of open) await file.close();
    },
    tables: new Float32Array(numbers.buffer, numbers.byteOffset, Math.floor(numbers.byteLength / 4)),
    weight: async ({ name, shape, stored, lies }: PlanWeight) => {
      if (lies === null) throw new Failure("file", `${folder}: the plan does not say where ${name} lies`, AGAIN);
      const count = shape.reduce((product, d) => product * d, 1);
      const bytes = await (await fileOf(lies.file)).read(lies.offset, count * SIZES[lies.dtype]);
      if (stored === "f32") return decodeF32(DTYPES[lies.dtype], bytes)!;
      return new Uint16Array(bytes.buffer, bytes.byteOffset, count);
    },
  };
};
