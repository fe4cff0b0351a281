// What a batch of documents has come to: how many rows each has, and their keys and values in static arrays with room to
// grow. A program reads the arrays and returns new rows only; they are written behind the old ones here. An unused slot
// has the place -1, which nothing sees.
import type { Callable, Document, Slot, Values } from "./document.ts";
import { pack, slotsOf } from "./document.ts";
import { Failure } from "./failure.ts";
import type { CacheEntry } from "./manifest.ts";
import { BEGIN, type Course, follow, type Layout } from "./order.ts";
import type { Tensor } from "./tensor.ts";

export interface Appending extends Callable {
  readonly appends: boolean;
  /** kinds of past rows that it must be given again */
  readonly again: readonly string[];
  readonly reads: readonly CacheEntry[];
  readonly writes: readonly CacheEntry[];
}
/** New rows of one document, and the inputs of its new spans. */
export interface Part {
  readonly rows: Document["rows"];
  readonly spans?: Readonly<Record<string, readonly Values[]>> | undefined;
  readonly inputs?: Values | undefined;
}

/** Keys or values: `[batch, heads, room, width]`. */
interface Store {
  readonly heads: number;
  readonly width: number;
  data: Float32Array;
}
/** The slots of a stream, shared by all its caches. */
interface Slots {
  room: number;
  /** `[batch, room]`; -1: unused */
  order: Int32Array;
  span: Int32Array;
  readonly used: number[];
}
const FIRST_ROOM = 16;

export class Context {
  readonly batch: number;
  readonly #layout: Layout;
  /** how far each document has come */
  readonly #courses: Course[];
  readonly #slots = new Map<string, Slots>();
  readonly #stores = new Map<string, Store>();
  /** inputs of all spans so far */
  readonly #spans: Record<string, Values[]>[];
  /** the rows that each document has */
  readonly #rows: Slot[][];

  #busy = false;

  /** @throws Failure "call" where the batch is no number of documents */
  constructor(batch: number, layout: Layout) {
    if (!Number.isSafeInteger(batch) || batch < 1)
      throw new Failure(
        "call",
        `a batch of ${String(batch)} documents was asked for`,
        "a batch has 1 or more documents",
      );
    this.batch = batch;
    this.#layout = layout;
    this.#courses = Array.from({ length: batch }, () => BEGIN);
    this.#spans = Array.from({ length: batch }, () => ({}));
    this.#rows = Array.from({ length: batch }, () => []);
  }

  /** Runs a call that reads and appends; a second one at the same time is refused. */
  async alone<R>(call: () => Promise<R>): Promise<R> {
    if (this.#busy)
      throw new Failure(
        "call",
        "a call on this context is under way",
        "await it: calls on one context follow each other",
      );
    this.#busy = true;
    try {
      return await call();
    } finally {
      this.#busy = false;
    }
  }

  /** Rows that document `d` has. */
  length(d: number): number {
    const rows = this.#rows[d];
    if (rows === undefined)
      throw new Failure("call", `document ${String(d)} was asked for, and the batch has ${this.batch}`);
    return rows.length;
  }
  /** Bytes held for keys and values. */
  get bytes(): number {
    return [...this.#stores.values()].reduce((n, store) => n + store.data.byteLength, 0);
  }

  /** The documents of a call: the parts' rows behind those that are there. Spans of a part follow those before it. */
  documents(program: Appending, parts: readonly Part[]): Document[] {
    if (parts.length !== this.batch)
      throw new Failure("call", `${parts.length} documents were given, and the batch has ${this.batch}`);
    return parts.map((part, d) => {
      const spans = { ...this.#spans[d] };
      for (const [modality, values] of Object.entries(part.spans ?? {}))
        spans[modality] = [...(spans[modality] ?? []), ...values];
      const past = this.#rows[d]!;
      checkSpansGiven(this.#layout, spans, [...past.map(({ row }) => row), ...part.rows], d);
      follow(this.#layout, this.#courses[d]!, part.rows);
      const again = past.filter(({ row }) => program.again.includes(row.kind));
      return { rows: part.rows, spans, inputs: part.inputs ?? {}, place: past.length, again };
    });
  }

  /** Every input of a call, caches included: views, not copies. */
  inputs(program: Appending, documents: readonly Document[]): Record<string, Tensor> {
    const inputs = pack(program, documents);
    for (const port of program.inputs) {
      const [, dim] = port.shape;
      const stream = /^past\.(.*)\.(order|span)$/.exec(port.name);
      if (stream && dim === `past.${stream[1]}`) {
        const slots = this.#slotsOf(stream[1]!);
        inputs[port.name] = {
          dtype: "i32",
          shape: [this.batch, slots.room],
          data: stream[2] === "order" ? slots.order : slots.span,
        };
      }
    }
    for (const cache of program.reads) {
      const { room } = this.#slotsOf(cache.stream);
      for (const what of ["k", "v"] as const) {
        const store = this.#storeOf(cache, what);
        inputs[`${cache.name}.${what}`] = {
          dtype: "f32",
          shape: [this.batch, store.heads, room, store.width],
          data: store.data,
        };
      }
    }
    return inputs;
  }

  /** Writes what a program gave for its new rows, and counts them; nothing for one that does not append. */
  append(program: Appending, documents: readonly Document[], outputs: Readonly<Record<string, Tensor>>): void {
    if (!program.appends) return;
    this.#check(program, documents, outputs);
    for (const { name, kinds } of program.streams) {
      const { used } = this.#slotsOf(name);
      this.#grow(name, Math.max(...documents.map((each, d) => used[d]! + slotsOf(each, kinds).length)));
    }
    for (const { name, kinds } of program.streams) this.#appendStream(program, name, kinds, documents, outputs);
    documents.forEach((document, d) => {
      this.#courses[d] = follow(this.#layout, this.#courses[d]!, document.rows);
      document.rows.forEach((row, i) => this.#rows[d]!.push({ row, place: document.place! + i }));
      this.#spans[d] = Object.fromEntries(
        Object.entries(document.spans).map(([modality, values]) => [modality, [...values]]),
      );
    });
  }

  /** Before anything is written: every array is there, and of the size that the cache has. */
  #check(program: Appending, documents: readonly Document[], outputs: Readonly<Record<string, Tensor>>): void {
    const counts = new Map(
      program.streams.map(({ name, kinds }) => [name, Math.max(...documents.map((d) => slotsOf(d, kinds).length))]),
    );
    for (const { name, stream, kvHeads, widths } of program.writes) {
      for (const what of ["k", "v"] as const) {
        const given = outputs[`new.${name}.${what}`];
        const [batch, rows = 0, heads, width] = given?.shape ?? [];
        const fits = batch === this.batch && rows >= counts.get(stream)! && heads === kvHeads && width === widths[what];
        if (given?.dtype !== "f32" || !fits)
          throw new Failure("call", `${program.name} gave no sound new.${name}.${what}`, "compile the model again");
      }
    }
  }

  #appendStream(
    program: Appending,
    name: string,
    kinds: readonly string[],
    documents: readonly Document[],
    outputs: Readonly<Record<string, Tensor>>,
  ): void {
    const added = documents.map((document) => slotsOf(document, kinds));
    const slots = this.#slotsOf(name);
    for (const cache of program.writes.filter((each) => each.stream === name)) {
      for (const what of ["k", "v"] as const) {
        const given = outputs[`new.${cache.name}.${what}`]!;
        const store = this.#storeOf(cache, what);
        added.forEach((rows, d) => rows.forEach((_, r) => write(store, slots.room, d, slots.used[d]! + r, given, r)));
      }
    }
    added.forEach((rows, d) => {
      rows.forEach(({ row, place }, r) => {
        slots.order[d * slots.room + slots.used[d]! + r] = place;
        slots.span[d * slots.room + slots.used[d]! + r] = row.span;
      });
      slots.used[d]! += rows.length;
    });
  }

  #slotsOf(stream: string): Slots {
    const found = this.#slots.get(stream);
    if (found) return found;
    const size = this.batch * FIRST_ROOM;
    const made: Slots = {
      room: FIRST_ROOM,
      order: new Int32Array(size).fill(-1),
      span: new Int32Array(size),
      used: Array<number>(this.batch).fill(0),
    };
    this.#slots.set(stream, made);
    return made;
  }
  #storeOf({ name, stream, kvHeads, widths }: CacheEntry, what: "k" | "v"): Store {
    const key = `${name}.${what}`;
    const found = this.#stores.get(key);
    if (found) return found;
    const width = widths[what];
    const made: Store = {
      heads: kvHeads,
      width,
      data: numbersFor(this.batch * kvHeads * this.#slotsOf(stream).room * width),
    };
    this.#stores.set(key, made);
    this.#streamOf.set(key, stream);
    return made;
  }
  readonly #streamOf = new Map<string, string>();

  /** Room for `rows` rows a document, by doubling. */
  #grow(stream: string, rows: number): void {
    const slots = this.#slotsOf(stream);
    const before = slots.room;
    let room = before;
    while (room < rows) room *= 2;
    if (room === before) return;
    const stores = [...this.#stores].filter(([key]) => this.#streamOf.get(key) === stream).map(([, store]) => store);
    // All or nothing: where one has no room, the others must be as they were.
    const grown = stores.map(({ heads, width, data }) =>
      widened(data, numbersFor(this.batch * heads * room * width), before * width, room * width),
    );
    slots.order = widened(slots.order, new Int32Array(this.batch * room).fill(-1), before, room);
    slots.span = widened(slots.span, new Int32Array(this.batch * room), before, room);
    slots.room = room;
    stores.forEach((store, i) => (store.data = grown[i]!));
  }
}

const numbersFor = (count: number): Float32Array => {
  try {
    return new Float32Array(count);
  } catch (cause) {
    const bytes = (4 * count).toLocaleString("en-US");
    const help = "give shorter documents, or fewer at once";
    throw new Failure("call", `there is no room for keys and values of ${bytes} bytes`, help, cause);
  }
};
/** Inputs of more spans than have rows: those of one were given twice, and all that follow would be another's. */
const checkSpansGiven = (
  { modalities }: Layout,
  spans: Readonly<Record<string, readonly Values[]>>,
  rows: Document["rows"],
  d: number,
): void => {
  for (const [name, values] of Object.entries(spans)) {
    const modality = modalities.find((each) => each.name === name);
    if (modality?.is !== "span") throw new Failure("call", `inputs of spans of ${name} were given, which is none`);
    const kinds = modality.segments.map(({ kind }) => kind);
    const count = 1 + rows.reduce((most, row) => (kinds.includes(row.kind) ? Math.max(most, row.span) : most), -1);
    if (values.length > count)
      throw new Failure(
        "call",
        `inputs of ${values.length} spans of ${name} were given for document ${d}, which has rows of ${count}`,
        "give the inputs of a span once, with the call that appends its rows; a drawing gives them with each step",
      );
  }
};

/** Lines of `before` numbers copied to the beginnings of lines of `after`. */
const widened = <A extends Int32Array | Float32Array>(from: A, to: A, before: number, after: number): A => {
  for (let line = 0; line * before < from.length; line++)
    to.set(from.subarray(line * before, (line + 1) * before), line * after);
  return to;
};
/** Row `r` of document `d` of `[batch, rows, heads, width]` into slot `slot`. */
const write = (store: Store, room: number, d: number, slot: number, given: Tensor, r: number): void => {
  const rows = given.shape[1]!;
  const from = given.data as Float32Array;
  for (let head = 0; head < store.heads; head++) {
    const at = ((d * rows + r) * store.heads + head) * store.width;
    store.data.set(from.subarray(at, at + store.width), ((d * store.heads + head) * room + slot) * store.width);
  }
};
