// A plan on a device: its programs run, one call after the other. Values of a call are written, all steps are encoded into
// one command buffer, and what the program gives is read back. A device that is lost is replaced at the next call.
//
// The kernels of a plan are WGSL, and a plan may be a stranger's. They run in the sandbox that WebGPU is: a kernel reaches
// the buffers that its bind group names and nothing else, reads and writes outside of them have no effect, and what it
// leaves there goes to its own caller alone. That makes it no safer than WebGPU itself; a driver is part of that.
import { Failure } from "../failure.ts";
import type { Plan, PlanProgram, Stored } from "../plan.ts";
import { type Adapter, nameOf } from "./adapter.ts";
import type { Tensors } from "../tensor.ts";
import { checkInputs } from "./calls.ts";
import type { Calls } from "./deviceCaches.ts";
import type { Keep } from "./kept.ts";
import { type Memory } from "./memory.ts";
import { type DeviceOptions, OnDevice } from "./onDevice.ts";
import type { Prepared } from "./prepared.ts";
import { type StepTime, stepTimes } from "./profile.ts";
import { sizesOf } from "./sizes.ts";
import type { PlanFiles } from "./weights.ts";

export type { PlanFiles } from "./weights.ts";
export type { Memory } from "./memory.ts";
export type { StepTime } from "./profile.ts";

export interface SessionOptions extends DeviceOptions {
  /** another device in the place of one that was lost; the session closes it */
  readonly reopen?: () => Promise<Adapter>;
}
/** A program as it is ready for calls of some sizes. */
export interface ReadyProgram {
  readonly program: string;
  readonly sizes: Readonly<Record<string, number>>;
  /** bytes of rows while it runs: what is allocated, and the most that are needed at one time */
  readonly arena: number;
  readonly live: number;
  readonly steps: number;
  readonly dispatches: number;
}
export interface Report {
  readonly device: string;
  /** whether invocations of a workgroup work together where a plan has kernels for that */
  readonly together: boolean;
  /** how weights are stored, and how many are; computation is in f32 */
  readonly precision: Readonly<Partial<Record<Stored, number>>>;
  readonly memory: Memory;
  /** in the order in which they were last called */
  readonly programs: readonly ReadyProgram[];
  /** how often a device was lost and replaced */
  readonly losses: number;
}
export interface PlanSession {
  /** Every input by name; gives every output. @throws Failure "call", "device" */
  run(program: string, inputs: Tensors): Promise<Tensors>;
  /** The same call, and how long each of its steps takes. @throws Failure "call", "device" */
  profile(program: string, inputs: Tensors): Promise<readonly StepTime[]>;
  /** for the caches of contexts, which stay on the device */
  readonly calls: Calls;
  memory(): Memory;
  report(): Report;
  close(): void;
}

/** Brings weights and tables to the device. @throws Failure "device" */
export const openPlan = async (
  adapter: Adapter,
  plan: Plan,
  files: PlanFiles,
  options: SessionOptions = {},
): Promise<PlanSession> => new Session(plan, files, options, await OnDevice.open(adapter, plan, files, options));

class Session implements PlanSession {
  readonly #plan: Plan;
  readonly #files: PlanFiles;
  readonly #options: SessionOptions;
  #on: OnDevice;
  /** the device is the session's own, and not its caller's */
  #owned: Adapter | undefined;
  #losses = 0;
  #closed = false;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(plan: Plan, files: PlanFiles, options: SessionOptions, on: OnDevice) {
    this.#plan = plan;
    this.#files = files;
    this.#options = options;
    this.#on = on;
  }

  run(name: string, inputs: Tensors): Promise<Tensors> {
    return this.#called(name, inputs, undefined, (on, prepared) => on.call(prepared, inputs));
  }
  profile(name: string, inputs: Tensors): Promise<readonly StepTime[]> {
    return this.#called(name, inputs, undefined, async (on, prepared) => {
      await on.call(prepared, inputs);
      return stepTimes(on, prepared);
    });
  }
  readonly calls: Calls = {
    inTurn: (where, use) => this.#inTurn(async () => use(await this.#device(where))),
    call: (name, inputs, keepOf) =>
      this.#called(name, inputs, keepOf, (on, prepared, keep) => on.call(prepared, inputs, keep)),
    decode: (name, stream, steps, decoding, keepOf) =>
      this.#called(name, steps[0]!.inputs, keepOf, (on, prepared, keep) =>
        on.decode(prepared, stream, steps, keep!, decoding),
      ),
  };

  #called<T>(
    name: string,
    inputs: Tensors,
    keepOf: ((on: OnDevice) => Keep) | undefined,
    call: (on: OnDevice, prepared: Prepared, keep: Keep | undefined) => Promise<T>,
  ): Promise<T> {
    return this.#inTurn(async () => {
      const program = this.#program(name);
      const on = await this.#device(`program ${name}`);
      const keep = keepOf?.(on);
      const shapes = keep === undefined ? {} : keep.kept.shapes(keep.program);
      checkInputs(program, inputs, shapes);
      const sizes = sizesOf(name, program.inputs, { ...inputs, ...shapes });
      return call(on, await on.prepare(program, sizes, keep), keep);
    });
  }
  /** Calls follow each other: they share the arena. */
  #inTurn<T>(use: () => Promise<T>): Promise<T> {
    const made = this.#queue.then(use);
    this.#queue = made.catch(() => undefined);
    return made;
  }
  #program(name: string): PlanProgram {
    const found = this.#plan.programs.find((each) => each.name === name);
    if (found !== undefined) return found;
    const names = this.#plan.programs.map((each) => each.name).join(", ");
    throw new Failure("call", `there is no program ${name}`, `there are ${names}`);
  }
  async #device(where: string): Promise<OnDevice> {
    if (this.#closed) throw new Failure("call", `${where}: the session is closed`);
    const { loss } = this.#on.lifeline;
    if (loss === undefined) return this.#on;
    const { reopen } = this.#options;
    if (reopen === undefined)
      throw new Failure("device", `${where}: the GPU was lost: ${loss.message}`, "open the model again");
    this.#release();
    const adapter = await reopen();
    this.#owned = adapter;
    this.#on = await OnDevice.open(adapter, this.#plan, this.#files, this.#options);
    this.#losses++;
    if (this.#closed) this.#release();
    return this.#on;
  }
  #release(): void {
    this.#on.destroy();
    this.#owned?.close();
    this.#owned = undefined;
  }

  memory(): Memory {
    const { matrix, given, state } = this.#on.heaps;
    const prepared = [...this.#on.prepared.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    const calls = prepared + this.#on.decoders.bytes;
    return { weights: matrix.bytes, given: given.bytes, state: state.bytes, keys: this.#on.keysBytes, calls };
  }
  report(): Report {
    const precision: Partial<Record<Stored, number>> = {};
    for (const { stored } of this.#plan.weights) precision[stored] = (precision[stored] ?? 0) + 1;
    return {
      device: nameOf(this.#on.adapter.info),
      together: this.#on.can.together,
      precision,
      memory: this.memory(),
      programs: [...this.#on.prepared.values()].map(({ layout, dispatches }) => ({
        program: layout.program.name,
        sizes: Object.fromEntries(layout.sizes),
        arena: layout.stateBytes,
        live: layout.liveBytes,
        steps: layout.steps.length,
        dispatches: dispatches.length,
      })),
      losses: this.#losses,
    };
  }

  /** Calls that are not at their end fail. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#on.lifeline.cut({ reason: "closed", message: "" });
    this.#release();
  }
}
