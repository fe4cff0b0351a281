// log.jsonl: a line for each step and each validation. It is cut to what a checkpoint knows of it where training is resumed.
import { type FileHandle, open } from "node:fs/promises";
import { Failure, reasonOf } from "../failure.ts";
import { decodeText, parseJson, type Json } from "../json.ts";
import { readWhole } from "../weights/file.ts";
import type { Curve } from "./curve.ts";
import type { StepEvent, ValidationEvent } from "./events.ts";

/** A line has 200 bytes or so. */
const MAX_LOG_BYTES = 2 ** 30;

/** The milliseconds are left out, for which no two runs agree. */
const lineOf = (event: StepEvent | ValidationEvent): string => {
  if (event.is === "validation") {
    const { step, loss, terms } = event;
    return `${JSON.stringify({ step, validation: { loss, terms } })}\n`;
  }
  const { step, loss, terms, norm, rate, padded } = event;
  return `${JSON.stringify({ step, loss, terms, norm, rate, padded })}\n`;
};

export class Log {
  readonly #handle: FileHandle;
  #length: number;

  private constructor(handle: FileHandle, length: number) {
    this.#handle = handle;
    this.#length = length;
  }

  /** Opens a log, cut to `length` bytes, whose lines are told to `curve`. @throws Failure "file" where it is shorter */
  static async open(path: string, length: number, curve: Curve): Promise<Log> {
    const handle = await open(path, length === 0 ? "w" : "r+").catch((cause: unknown) => {
      throw new Failure("file", `${path}: cannot be opened: ${reasonOf(cause)}`, undefined, cause);
    });
    try {
      const { size } = await handle.stat();
      if (size < length)
        throw new Failure("file", `${path}: has ${size} bytes, and its checkpoint knows ${length}`, "it was cut since");
      await handle.truncate(length);
      if (length > 0) replay(decodeText(await readWhole(path, MAX_LOG_BYTES), path), path, curve);
      return new Log(handle, length);
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  get length(): number {
    return this.#length;
  }
  async add(event: StepEvent | ValidationEvent): Promise<void> {
    const bytes = new TextEncoder().encode(lineOf(event));
    await this.#handle.write(bytes, 0, bytes.length, this.#length);
    this.#length += bytes.length;
  }
  /** What was added is on the disk. */
  async sync(): Promise<void> {
    await this.#handle.sync();
  }
  async close(): Promise<void> {
    await this.#handle.close();
  }
}

const replay = (text: string, path: string, curve: Curve): void => {
  for (const [i, line] of text.split("\n").slice(0, -1).entries()) {
    const name = `${path}: line ${i + 1}`;
    const json = parseJson(line, name);
    const step = numberAt(json, "step");
    const validation = json instanceof Map ? (json.get("validation") as Json | undefined) : undefined;
    const loss = numberAt(validation ?? json, "loss");
    if (step === undefined || loss === undefined) throw new Failure("file", `${name}: is no line of a log`);
    if (validation === undefined) curve.add(step, loss);
    else curve.addValidation(step, loss);
  }
};
const numberAt = (json: Json, key: string): number | undefined => {
  const value: unknown = json instanceof Map ? json.get(key) : undefined;
  return typeof value === "number" ? value : undefined;
};
