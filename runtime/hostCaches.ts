// Keys and values in arrays of the process: given to a program as tensors, and what it gives written behind them.
import { type Behind, type Caches, type Held, keysText, KV, newOf } from "./caches.ts";
import type { Appending } from "./document.ts";
import { Failure } from "./failure.ts";
import type { CacheEntry } from "./manifest.ts";
import { AGAIN } from "./runner.ts";
import type { Tensor, Tensors } from "./tensor.ts";

/** Keys or values: `[batch, heads, room, width]`. */
interface Store {
  readonly heads: number;
  readonly width: number;
  readonly room: number;
  readonly data: Float32Array;
}

/** Bytes that keys and values of all contexts of a session may take together. */
export class HostBudget {
  readonly bytes: number;
  taken = 0;

  constructor(bytes = Infinity) {
    this.bytes = bytes;
  }
}

export class HostCaches implements Caches {
  readonly #batch: number;
  readonly #entries: readonly CacheEntry[];
  readonly #run: (program: Appending, inputs: Tensors) => Promise<Tensors>;
  readonly #budget: HostBudget;
  #stores: ReadonlyMap<string, Store> = new Map();

  /** @param run a program, given every input, gives every output */
  constructor(
    batch: number,
    entries: readonly CacheEntry[],
    run: (program: Appending, inputs: Tensors) => Promise<Tensors>,
    budget = new HostBudget(),
  ) {
    this.#batch = batch;
    this.#entries = entries;
    this.#run = run;
    this.#budget = budget;
  }

  readonly isLost = false;
  get bytes(): number {
    return bytesOf([...this.#stores.values()].map(({ data }) => data.length));
  }

  async grow(rooms: ReadonlyMap<string, number>, program: string): Promise<void> {
    const own = Array.from({ length: this.#batch }, (_, document) => ({ caches: this, document }));
    this.#place(`program ${program}`, rooms, own);
  }
  async gather(documents: readonly Held[], rooms: ReadonlyMap<string, number>): Promise<void> {
    this.#place("a copy", rooms, documents);
  }
  /** New arrays for these streams, with what the documents have. */
  #place(where: string, rooms: ReadonlyMap<string, number>, documents: readonly Held[]): void {
    const stores = new Map(this.#stores);
    const needed = this.#bytesWith(rooms);
    const others = this.#budget.taken - this.bytes;
    if (others + needed > this.#budget.bytes) throw noRoom(keysText(where, this.#batch), needed, this.#budget, others);
    for (const { name, stream, kvHeads, widths } of this.#entries) {
      const room = rooms.get(stream);
      if (room === undefined) continue;
      for (const what of KV) {
        const port = `${name}.${what}`;
        const width = widths[what];
        const store = { heads: kvHeads, width, room, data: numbersFor(this.#batch * kvHeads * room * width, where) };
        for (const [d, { caches, document }] of documents.entries()) {
          const from = (caches as HostCaches).#stores.get(port);
          if (from !== undefined) copyDocument(from, document, store, d);
        }
        stores.set(port, store);
      }
    }
    this.#budget.taken = others + needed;
    this.#stores = stores;
  }
  #bytesWith(rooms: ReadonlyMap<string, number>): number {
    return bytesOf(
      this.#entries.flatMap(({ name, stream, kvHeads, widths }) =>
        KV.map((what) => {
          const room = rooms.get(stream) ?? this.#stores.get(`${name}.${what}`)?.room ?? 0;
          return this.#batch * kvHeads * room * widths[what];
        }),
      ),
    );
  }

  async call(program: Appending, inputs: Tensors, behind: ReadonlyMap<string, Behind>): Promise<Tensors> {
    const outputs = await this.#run(program, { ...inputs, ...this.inputs(program) });
    this.keep(program, behind, outputs);
    const kept = newOf(program.writes);
    return Object.fromEntries(Object.entries(outputs).filter(([name]) => !kept.includes(name)));
  }

  /** What a program reads, by its ports: views, not copies. */
  inputs(program: Appending): Tensors {
    const found: Record<string, Tensor> = {};
    for (const { name } of program.reads)
      for (const what of KV) {
        const { heads, room, width, data } = this.#stores.get(`${name}.${what}`)!;
        found[`${name}.${what}`] = { dtype: "f32", shape: [this.#batch, heads, room, width], data };
      }
    return found;
  }

  /** Writes what a program gave; nothing where a part of it is not sound. */
  keep(program: Appending, behind: ReadonlyMap<string, Behind>, outputs: Tensors): void {
    this.#check(program, behind, outputs);
    for (const { name, stream } of program.writes) {
      const to = behind.get(stream);
      if (to === undefined) continue;
      for (const what of KV) {
        const store = this.#stores.get(`${name}.${what}`)!;
        for (const [d, count] of to.added.entries())
          for (let r = 0; r < count; r++) write(store, d, to.used[d]! + r, outputs[`new.${name}.${what}`]!, r);
      }
    }
  }
  #check(program: Appending, behind: ReadonlyMap<string, Behind>, outputs: Tensors): void {
    for (const { name, stream, kvHeads, widths } of program.writes) {
      const to = behind.get(stream);
      if (to === undefined) continue;
      for (const what of KV) {
        const given = outputs[`new.${name}.${what}`];
        const [batch, rows = 0, heads, width] = given?.shape ?? [];
        const fits =
          batch === this.#batch && rows >= Math.max(...to.added) && heads === kvHeads && width === widths[what];
        if (given?.dtype !== "f32" || !fits)
          throw new Failure("call", `${program.name} gave no sound new.${name}.${what}`, AGAIN);
      }
    }
  }

  close(): void {
    this.clear();
  }
  clear(): void {
    this.#budget.taken -= this.bytes;
    this.#stores = new Map();
  }
}

const bytesOf = (lengths: readonly number[]): number => lengths.reduce((sum, length) => sum + 4 * length, 0);
const inBytes = (bytes: number): string => `${bytes.toLocaleString("en-US")} bytes`;
const noRoom = (what: string, needed: number, { bytes }: HostBudget, others: number): Failure =>
  new Failure(
    "call",
    `${what} need ${inBytes(needed)}, others have ${inBytes(others)}, and ${inBytes(bytes)} may be used`,
    "close contexts and pasts that are not needed, give shorter documents or fewer at once, or open with a greater `budget`",
  );

const numbersFor = (count: number, where: string): Float32Array => {
  try {
    return new Float32Array(count);
  } catch (cause) {
    const help = "give shorter documents, or fewer at once";
    const bytes = inBytes(bytesOf([count]));
    throw new Failure("call", `${where}: there is no room for keys and values of ${bytes}`, help, cause);
  }
};
/** The slots of a document as those of another. */
const copyDocument = (from: Store, document: number, to: Store, d: number): void => {
  const { heads, width } = to;
  const count = Math.min(from.room, to.room) * width;
  for (let head = 0; head < heads; head++) {
    const at = (document * heads + head) * from.room * width;
    to.data.set(from.data.subarray(at, at + count), (d * heads + head) * to.room * width);
  }
};
/** Row `r` of document `d` of `[batch, rows, heads, width]` into a slot. */
const write = ({ heads, width, room, data }: Store, d: number, slot: number, given: Tensor, r: number): void => {
  const rows = given.shape[1]!;
  const from = given.data as Float32Array;
  for (let head = 0; head < heads; head++) {
    const at = ((d * rows + r) * heads + head) * width;
    data.set(from.subarray(at, at + width), ((d * heads + head) * room + slot) * width);
  }
};
