// The caches of a context on a device: nothing of them is brought there or back. They go with the device when it is lost.
import { type Behind, type Caches, type Held, keysText, type Step } from "../caches.ts";
import type { Decoded, Decoding } from "../decoding.ts";
import type { Appending } from "../document.ts";
import { Failure } from "../failure.ts";
import type { CacheEntry } from "../manifest.ts";
import type { Tensors } from "../tensor.ts";
import type { Keep, Kept, KeptDocument } from "./kept.ts";
import type { OnDevice } from "./onDevice.ts";

/** What a session does for them; calls of all contexts follow each other. */
export interface Calls {
  /** on the device that there is, in turn */
  inTurn<T>(where: string, use: (on: OnDevice) => Promise<T>): Promise<T>;
  /** `keepOf` is asked when it is the call's turn */
  call(program: string, inputs: Tensors, keepOf: (on: OnDevice) => Keep): Promise<Tensors>;
  decode(
    program: string,
    stream: string,
    steps: readonly Step[],
    decoding: Decoding,
    keepOf: (on: OnDevice) => Keep,
  ): Promise<Decoded | undefined>;
}

export class DeviceCaches implements Caches {
  readonly #batch: number;
  readonly #entries: readonly CacheEntry[];
  readonly #calls: Calls;
  #lies: { readonly on: OnDevice; readonly kept: Kept } | undefined;
  #closed = false;

  constructor(batch: number, entries: readonly CacheEntry[], calls: Calls) {
    this.#batch = batch;
    this.#entries = entries;
    this.#calls = calls;
  }

  get isLost(): boolean {
    return this.#lies?.on.lifeline.loss !== undefined;
  }
  get bytes(): number {
    return this.#lies?.kept.heap.bytes ?? 0;
  }

  grow(rooms: ReadonlyMap<string, number>, program: string): Promise<void> {
    return this.#place(`program ${program}`, rooms, undefined);
  }
  gather(documents: readonly Held[], rooms: ReadonlyMap<string, number>): Promise<void> {
    return this.#place("a copy", rooms, documents);
  }
  /** Room for these streams, with what documents have, its own if left out. */
  #place(what: string, rooms: ReadonlyMap<string, number>, documents: readonly Held[] | undefined): Promise<void> {
    const where = keysText(what, this.#batch);
    return this.#calls.inTurn(where, async (on) => {
      const from = documents?.map(({ caches, document }): KeptDocument => {
        const held = caches as DeviceCaches;
        if (held.#closed) throw new Failure("call", `${where}: a document was closed before it was copied`);
        return { kept: held.#lies && held.#on(where, on), document };
      });
      const kept = this.#lies === undefined ? on.keep(this.#batch, this.#entries) : this.#on(where, on);
      this.#lies = { on, kept };
      await on.growKept(kept, where, rooms, from);
      // Closed while it grew: nobody frees it later.
      if (this.#closed) this.close();
    });
  }

  call(program: Appending, inputs: Tensors, behind: ReadonlyMap<string, Behind>): Promise<Tensors> {
    return this.#calls.call(program.name, inputs, this.#keepOf(program, behind));
  }
  decode(program: Appending, stream: string, steps: readonly Step[], decoding: Decoding): Promise<Decoded | undefined> {
    return this.#calls.decode(program.name, stream, steps, decoding, this.#keepOf(program, steps[0]!.behind));
  }
  #keepOf(program: Appending, behind: ReadonlyMap<string, Behind>): (on: OnDevice) => Keep {
    return (on) => ({ kept: this.#on(`program ${program.name}`, on), program, behind });
  }
  #on(where: string, on: OnDevice): Kept {
    if (this.#lies?.on === on) return this.#lies.kept;
    throw new Failure(
      "device",
      `${where}: the keys and values of these documents were lost with the GPU`,
      "call again: they are computed anew",
    );
  }

  close(): void {
    this.#closed = true;
    this.clear();
  }
  clear(): void {
    this.#lies?.on.release(this.#lies.kept);
    this.#lies = undefined;
  }
}
