// The folder that training writes: checkpoints, the log and its picture; and where a run goes on that was ended.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Failure, reasonOf } from "../failure.ts";
import { writeWhole } from "../weights/file.ts";
import { checkFresh, lastCheckpoint, removeOld, removeParts, type Stored, writeCheckpoint } from "./checkpoint.ts";
import { Curve } from "./curve.ts";
import type { StepEvent, ValidationEvent } from "./events.ts";
import { Log } from "./log.ts";
import { SETTINGS, type Settings } from "./options.ts";
import type { TrainedWeight } from "../manifest.ts";
import type { States } from "./states.ts";

/** What a run is of, and must be where it goes on. */
export type Identity = Pick<Stored, "model" | "fingerprint" | "samples">;

export interface Begun {
  readonly archive: Archive;
  readonly from: { readonly path: string; readonly stored: Stored } | undefined;
}

export class Archive {
  readonly curve: Curve;
  readonly #out: string;
  readonly #log: Log;
  readonly #model: string;

  private constructor(out: string, log: Log, curve: Curve, model: string) {
    this.#out = out;
    this.#log = log;
    this.curve = curve;
    this.#model = model;
  }

  /** @throws Failure "file" where there is a training already, or one of something else that is to go on */
  static async open(out: string, resume: boolean, identity: Identity): Promise<Begun> {
    await checkFresh(out, resume);
    await mkdir(out, { recursive: true }).catch((cause: unknown) => {
      throw new Failure("file", `${out}: cannot be written: ${reasonOf(cause)}`, undefined, cause);
    });
    await removeParts(out);
    const from = await lastCheckpoint(out);
    if (from !== undefined) checkSame(from.path, from.stored, identity);
    const curve = new Curve();
    const log = await Log.open(join(out, "log.jsonl"), from?.stored.log ?? 0, curve);
    const archive = new Archive(out, log, curve, identity.model);
    if (from !== undefined) await archive.#finish(from.stored);
    return { archive, from };
  }

  /** What follows a checkpoint, and is missing where a run was killed right behind it. */
  async #finish({ step, settings }: Pick<Stored, "step" | "settings">): Promise<void> {
    await removeOld(this.#out);
    const picture = this.curve.svg(`${this.#model}: ${step} of ${settings.steps} steps`);
    await writeWhole(join(this.#out, "loss.svg"), [new TextEncoder().encode(picture)]);
  }

  async add(event: StepEvent | ValidationEvent): Promise<void> {
    if (event.is === "step") this.curve.add(event.step, event.loss);
    else this.curve.addValidation(event.step, event.loss);
    await this.#log.add(event);
  }

  /** Gives the folder of the checkpoint. */
  async save(stored: Omit<Stored, "log">, weights: readonly TrainedWeight[], states: States): Promise<string> {
    await this.#log.sync();
    const path = await writeCheckpoint(this.#out, { ...stored, log: this.#log.length }, weights, states);
    await this.#finish(stored);
    return path;
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}

const checkSame = (path: string, stored: Stored, identity: Identity): void => {
  if (stored.model !== identity.model)
    throw new Failure("file", `${path}: is a checkpoint of ${stored.model}, and not of ${identity.model}`);
  if (stored.fingerprint !== identity.fingerprint)
    throw new Failure(
      "file",
      `${path}: is a checkpoint of another specification of ${stored.model}, or of other frozen weights`,
      "give the same file by the same name, --weights and --seed, to the same graftwerk; or name another folder",
    );
  const { count, id } = stored.samples;
  if (count !== identity.samples.count || id !== identity.samples.id)
    throw new Failure("file", `${path}: has learnt from other samples`, "give the same data, or name another folder");
};

/** What a checkpoint was made with; options that are given must agree. @throws Failure "call" */
export const settingsOfStored = ({ settings }: Stored, given: Partial<Settings>): Settings => {
  const stored: Settings = { ...settings, limit: settings.limit ?? Infinity };
  const other = SETTINGS.find((name) => given[name] !== undefined && String(given[name]) !== String(stored[name]));
  if (other === undefined) return stored;
  throw new Failure(
    "call",
    `${other} is ${String(given[other])}, and the training that goes on has ${String(stored[other])}`,
    "leave it out, or begin a training of its own in another folder",
  );
};
export const asStored = (settings: Settings): Stored["settings"] => ({
  ...settings,
  limit: settings.limit === Infinity ? null : settings.limit,
});
