// What a batch of documents has come to: which rows each has, in which slots their keys and values are, and the inputs of
// its spans. The keys and values themselves are kept by whoever runs the programs. A program reads all slots and gives new
// rows only, which are kept behind the old ones. An unused slot has the place -1, which nothing sees.
import type { Behind, Caches, Step } from "./caches.ts";
import type { Decoded, Decoding } from "./decoding.ts";
import type { Appending, Document, DocumentRow, Slot, Values } from "./document.ts";
import { pack, slotsOf } from "./document.ts";
import { Failure } from "./failure.ts";
import { BEGIN, type Course, follow, type Layout } from "./order.ts";
import { placesSeen, roomFor, type Slots, slotsBefore, slotsIn, slotsTaken, slotsWith } from "./slots.ts";
import { checkSpansGiven } from "./spansGiven.ts";
import type { Tensors } from "./tensor.ts";

/** New rows of one document, and the inputs of its new spans. */
export interface Part {
  readonly rows: Document["rows"];
  readonly spans?: Readonly<Record<string, readonly Values[]>> | undefined;
  readonly inputs?: Values | undefined;
  /** kinds of earlier rows that the new ones do not see, though masks let them */
  readonly unseen?: readonly string[] | undefined;
}

/** Rows that one call appended: all from one place up to another. */
interface Appended {
  readonly program: Appending;
  readonly inputs: Values;
  readonly unseen: readonly string[] | undefined;
  readonly from: number;
  readonly to: number;
}
/** A document of a context. */
export interface Source {
  readonly context: Context;
  readonly document: number;
}

export class Context {
  readonly batch: number;
  readonly #layout: Layout;
  /** how far each document has come */
  readonly #courses: Course[];
  readonly #slots = new Map<string, Slots>();
  readonly #caches: Caches;
  /** inputs of all spans so far */
  readonly #spans: Record<string, Values[]>[];
  /** the rows that each document has */
  readonly #rows: Slot[][];
  /** by which calls */
  readonly #appended: Appended[][];
  /** keys and values were lost, and are not all computed again */
  #isStale = false;
  #restoring: Promise<void> | undefined;

  #busy = false;
  /** copies of its documents that are under way */
  #copies = 0;
  #closed = false;

  /** @throws Failure "call" where the batch is no number of documents */
  constructor(batch: number, layout: Layout, caches: Caches) {
    if (!Number.isSafeInteger(batch) || batch < 1)
      throw new Failure(
        "call",
        `a batch of ${String(batch)} documents was asked for`,
        "a batch has 1 or more documents",
      );
    this.batch = batch;
    this.#layout = layout;
    this.#caches = caches;
    this.#courses = Array.from({ length: batch }, () => BEGIN);
    this.#spans = Array.from({ length: batch }, () => ({}));
    this.#rows = Array.from({ length: batch }, () => []);
    this.#appended = Array.from({ length: batch }, () => []);
  }

  /**
   * Documents that other contexts have come to, as those of a new one: neither sees later rows of the other.
   * @throws Failure "call", "device"
   */
  static async gather(sources: readonly Source[], layout: Layout, caches: Caches): Promise<Context> {
    const made = new Context(sources.length, layout, caches);
    for (const { context, document } of sources) {
      context.#checkFree();
      context.length(document);
    }
    for (const { context } of sources) context.#copies++;
    try {
      for (const { context } of sources) await context.#restore();
      await made.#gather(sources);
      return made;
    } catch (thrown) {
      made.close();
      throw thrown;
    } finally {
      for (const { context } of sources) context.#copies--;
    }
  }
  async #gather(sources: readonly Source[]): Promise<void> {
    const slots = new Map<string, Slots>();
    for (const stream of new Set(sources.flatMap(({ context }) => [...context.#slots.keys()]))) {
      const from = sources.map(({ context, document }) => slotsIn(context.#slots.get(stream), document));
      slots.set(stream, slotsWith(roomFor(Math.max(...from.map(({ order }) => order.length))), from));
    }
    const held = sources.map(({ context, document }) => ({ caches: context.#caches, document }));
    if (slots.size > 0)
      await this.#caches.gather(held, new Map([...slots].map(([stream, { room }]) => [stream, room])));
    for (const [stream, copied] of slots) this.#slots.set(stream, copied);
    for (const [d, { context, document }] of sources.entries()) {
      this.#courses[d] = context.#courses[document]!;
      this.#spans[d] = context.#spans[document]!;
      this.#rows[d] = [...context.#rows[document]!];
      this.#appended[d] = [...context.#appended[document]!];
    }
  }

  /**
   * Runs a program on new rows and keeps what it appends; a second call at the same time is refused.
   * @throws Failure "call", "device", with everything as it was
   */
  async run(
    program: Appending,
    parts: readonly Part[],
  ): Promise<{ readonly documents: readonly Document[]; readonly tensors: Tensors }> {
    return this.#alone(async () => {
      const documents = this.documents(program, parts);
      const { inputs, behind } = await this.ready(program, documents);
      const tensors = await this.#caches.call(program, inputs, behind);
      this.append(program, documents);
      return { documents, tensors };
    });
  }

  /**
   * Runs a program on the row that each document which draws has in its part, and on those of the tokens that it draws, all
   * but the last; keeps them all. Undefined, with everything as it was, where tokens are drawn one at a time.
   * @throws Failure "call", "device", with everything as it was
   */
  async decode(program: Appending, parts: readonly Part[], decoding: Decoding): Promise<Decoded | undefined> {
    const stream = this.#streamOf(program, parts);
    if (this.#caches.decode === undefined || stream === undefined) return undefined;
    return this.#alone(async () => {
      const first = this.documents(program, parts);
      const { behind } = await this.ready(program, first);
      const steps = this.#steps(program, parts, Math.min(decoding.most, this.#free(behind)));
      const decoded = await this.#caches.decode!(program, stream, steps, decoding);
      if (decoded === undefined) return undefined;
      for (let i = 0; decoded.some((ids) => ids.length > i); i++)
        this.append(program, i === 0 ? first : this.documents(program, this.#drawn(parts, decoded, i - 1)));
      return decoded;
    });
  }
  /** The stream of a program in which all rows are, and those of tokens too. */
  #streamOf({ streams }: Appending, parts: readonly Part[]): string | undefined {
    const kinds = [this.#token(0), ...parts.flatMap(({ rows }) => rows)].map(({ kind }) => kind);
    return streams.find((stream) => kinds.every((kind) => stream.kinds.includes(kind)))?.name;
  }
  /** The rows of one of the tokens that documents have drawn. */
  #drawn(parts: readonly Part[], decoded: Decoded, i: number): Part[] {
    return parts.map(({ inputs }, d) => ({ rows: decoded[d]!.slice(i, i + 1).map((id) => this.#token(id)), inputs }));
  }
  #token(id: number): DocumentRow {
    const kind = this.#layout.modalities.find((modality) => modality.is === "tokens")?.name ?? "";
    return { kind, span: 0, index: 0, values: { id } };
  }
  /** How often each document has room for what it adds: what comes behind needs more. */
  #free(behind: ReadonlyMap<string, Behind>): number {
    const free = [...behind].flatMap(([stream, { used, added }]) =>
      used.flatMap((count, d) => (added[d] === 0 ? [] : [this.#slots.get(stream)!.room - count])),
    );
    return Math.min(...free);
  }
  /** Calls one behind the other, as if each had appended its row: whatever the ids of those behind the first are. */
  #steps(program: Appending, parts: readonly Part[], count: number): Step[] {
    const [slots, courses, spans] = [[...this.#slots], [...this.#courses], [...this.#spans]];
    const lengths = this.#rows.map(({ length }) => length);
    const calls = this.#appended.map(({ length }) => length);
    const steps: Step[] = [];
    try {
      for (let rows = parts; steps.length < count; rows = parts.map((part) => this.#behind(part))) {
        const documents = this.documents(program, rows);
        steps.push(this.#step(program, documents));
        this.append(program, documents);
      }
    } catch (thrown) {
      // What forbids a later row is told when that row is the first: a document may have ended by then.
      if (steps.length === 0) throw thrown;
    } finally {
      for (const [stream, before] of slots) this.#slots.set(stream, before);
      for (let d = 0; d < this.batch; d++) {
        [this.#courses[d], this.#spans[d]] = [courses[d]!, spans[d]!];
        this.#rows[d]!.length = lengths[d]!;
        this.#appended[d]!.length = calls[d]!;
      }
    }
    return steps;
  }
  #behind({ rows, inputs, unseen }: Part): Part {
    return { rows: rows.map(() => this.#token(0)), inputs, unseen };
  }

  /** One call at a time. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    this.#checkFree();
    if (this.#copies > 0)
      throw new Failure("call", "a document of this context is being copied", "await the copy, and call then");
    this.#busy = true;
    try {
      await this.#restore();
      return await work();
    } finally {
      this.#busy = false;
    }
  }

  /** Where keys and values were lost with their device, computes them again, by the calls that appended their rows. */
  #restore(): Promise<void> {
    if (!this.#caches.isLost && !this.#isStale) return Promise.resolve();
    return (this.#restoring ??= this.#replay().finally(() => (this.#restoring = undefined)));
  }
  async #replay(): Promise<void> {
    this.#isStale = true;
    this.#caches.clear();
    const again = new Context(this.batch, this.#layout, this.#caches);
    const left = this.#appended.map((calls) => [...calls]);
    for (let first = nextOf(left); first !== undefined; first = nextOf(left)) {
      const { program, inputs } = first;
      const parts = left.map((calls, d): Part => {
        const call = calls[0]?.program.name === program.name ? calls.shift() : undefined;
        return call === undefined ? { rows: [], inputs } : this.#partOf(call, d, again);
      });
      const documents = again.documents(program, parts);
      const ready = await again.ready(program, documents);
      await this.#caches.call(program, ready.inputs, ready.behind);
      again.append(program, documents);
    }
    for (const [stream, slots] of again.#slots) this.#slots.set(stream, slots);
    this.#isStale = false;
  }
  /** The rows of a call, and the inputs of those spans that another context does not have yet. */
  #partOf({ from, to, inputs, unseen }: Appended, d: number, again: Context): Part {
    const rows = this.#rows[d]!.slice(from, to).map(({ row }) => row);
    const { spans: last } = follow(this.#layout, again.#courses[d]!, rows);
    const spans = Object.entries(this.#spans[d]!).map(([name, values]) => {
      const known = again.#spans[d]![name]?.length ?? 0;
      return [name, values.slice(known, 1 + (last.get(name)?.span ?? -1))] as const;
    });
    return { rows, inputs, unseen, spans: Object.fromEntries(spans) };
  }

  #checkFree(): void {
    if (this.#closed) throw new Failure("call", "the context is closed", "begin one with `session.start()`");
    if (this.#busy)
      throw new Failure(
        "call",
        "a call on this context is under way",
        "await it: calls on one context follow each other",
      );
  }

  /** Rows that document `d` has. */
  length(d: number): number {
    const rows = this.#rows[d];
    if (rows === undefined)
      throw new Failure("call", `document ${String(d)} was asked for, and the batch has ${this.batch}`);
    return rows.length;
  }
  /** Takes back the last rows of document `d`: tokens, which no row before them has seen. @throws Failure "call" */
  takeBack(d: number, count: number): void {
    const length = this.length(d) - count;
    const rows = this.#rows[d]!.slice(0, length);
    const { kind } = this.#token(0);
    if (this.#busy || !(count >= 0 && length >= 0) || this.#rows[d]!.slice(length).some(({ row }) => row.kind !== kind))
      throw new Failure(
        "call",
        `the last ${count} rows of document ${d} cannot be taken back`,
        "take back tokens at its end, and while no call is under way",
      );
    this.#courses[d] = follow(
      this.#layout,
      BEGIN,
      rows.map(({ row }) => row),
    );
    this.#rows[d]!.length = length;
    this.#appended[d] = this.#appended[d]!.flatMap((call) =>
      call.from < length ? [{ ...call, to: Math.min(call.to, length) }] : [],
    );
    for (const [stream, slots] of this.#slots) this.#slots.set(stream, slotsBefore(slots, d, length));
  }
  /** Bytes held for keys and values. */
  get bytes(): number {
    return this.#caches.bytes;
  }
  /** Frees its keys and values; nothing can be appended any more. */
  close(): void {
    this.#closed = true;
    this.#caches.close();
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
      checkSpansGiven(this.#layout, spans, follow(this.#layout, this.#courses[d]!, part.rows), d);
      const again =
        program.again.length === 0
          ? []
          : past.filter(({ row, hidden }) => program.again.includes(row.kind) && hidden !== true);
      const { rows, inputs = {}, unseen = [] } = part;
      return { rows, spans, inputs, place: past.length, again, unseen };
    });
  }

  /** Makes room, and gives every input of a call but keys and values, and where those of its rows go. */
  async ready(program: Appending, documents: readonly Document[]): Promise<Step> {
    await this.#grow(program, this.#added(program, documents));
    return this.#step(program, documents);
  }
  #added(program: Appending, documents: readonly Document[]): ReadonlyMap<string, Behind> {
    return new Map(
      keptBy(program).map(({ name, kinds }) => [
        name,
        {
          used: this.#slots.get(name)?.used ?? Array<number>(this.batch).fill(0),
          added: documents.map((document) => slotsOf(document, kinds).length),
        },
      ]),
    );
  }
  #step(program: Appending, documents: readonly Document[]): Step {
    const inputs = pack(program, documents);
    for (const port of program.inputs) {
      const [, dim] = port.shape;
      const stream = /^past\.(.*)\.(order|span)$/.exec(port.name);
      if (stream && dim === `past.${stream[1]}`) {
        const slots = this.#slots.get(stream[1]!)!;
        const data = stream[2] === "order" ? this.#seen(slots, documents) : slots.span;
        inputs[port.name] = { dtype: "i32", shape: [this.batch, slots.room], data };
      }
    }
    return { inputs, behind: this.#added(program, documents) };
  }

  /** The places of past rows: none for those that a call's rows do not see. */
  #seen(slots: Slots, documents: readonly Document[]): Int32Array {
    const unseen = documents.map((document) => document.unseen ?? []);
    if (unseen.every(({ length }) => length === 0)) return slots.order;
    return placesSeen(slots, (d, place) => !unseen[d]!.includes(this.#rows[d]![place]!.row.kind));
  }

  /** Counts the rows that are there now, and the slots that are taken; nothing for a program that does not append. */
  append(program: Appending, documents: readonly Document[]): void {
    if (!program.appends) return;
    for (const { name, kinds } of keptBy(program)) {
      const rows = documents.map((document) => slotsOf(document, kinds));
      this.#slots.set(name, slotsTaken(this.#slots.get(name)!, rows));
    }
    documents.forEach((document, d) => {
      this.#courses[d] = follow(this.#layout, this.#courses[d]!, document.rows);
      const [from, to] = [document.place!, document.place! + document.rows.length];
      document.rows.forEach((row, i) => this.#rows[d]!.push({ row, place: from + i, hidden: program.hides }));
      const { inputs, unseen } = document;
      if (to > from) this.#appended[d]!.push({ program, inputs, unseen, from, to });
      this.#spans[d] = Object.fromEntries(
        Object.entries(document.spans).map(([modality, values]) => [modality, [...values]]),
      );
    });
  }

  /** Room for what is read and for what comes, by doubling. */
  async #grow({ name: program, inputs, reads, writes }: Appending, behind: ReadonlyMap<string, Behind>): Promise<void> {
    const read = inputs.flatMap(({ name }) => /^past\.(.*)\.(?:order|span)$/.exec(name)?.[1] ?? []);
    const streams = new Set([...read, ...[...reads, ...writes].map(({ stream }) => stream), ...behind.keys()]);
    const rooms = new Map<string, number>();
    for (const stream of streams) {
      const { used, added } = behind.get(stream) ?? { used: [], added: [] };
      const before = this.#slots.get(stream)?.room ?? 0;
      const room = roomFor(Math.max(before, ...used.map((count, d) => count + added[d]!)));
      if (room > before) rooms.set(stream, room);
    }
    if (rooms.size === 0) return;
    await this.#caches.grow(rooms, program);
    for (const [stream, room] of rooms) {
      const slots = this.#slots.get(stream);
      const own = Array.from({ length: this.batch }, (_, d) => slotsIn(slots, d));
      this.#slots.set(stream, slotsWith(room, own));
    }
  }
}

/** The streams whose new rows take slots: those of which a program leaves keys and values. */
const keptBy = ({ streams, writes }: Appending): Appending["streams"] =>
  streams.filter(({ name }) => writes.some(({ stream }) => stream === name));
/** The next call of the first document that has one. */
const nextOf = (calls: readonly (readonly Appended[])[]): Appended | undefined =>
  calls.find(({ length }) => length > 0)?.[0];
