// What a batch of documents has come to: which rows each has, in which slots their keys and values are, and the inputs of
// its spans. The keys and values themselves are kept by whoever runs the programs. A program reads all slots and gives new
// rows only, which are kept behind the old ones. An unused slot has the place -1, which nothing sees.
import type { Behind, Caches } from "./caches.ts";
import type { Appending, Document, Slot, Values } from "./document.ts";
import { pack, slotsOf } from "./document.ts";
import { Failure } from "./failure.ts";
import { BEGIN, type Course, follow, type Layout } from "./order.ts";
import type { Tensors } from "./tensor.ts";

/** New rows of one document, and the inputs of its new spans. */
export interface Part {
  readonly rows: Document["rows"];
  readonly spans?: Readonly<Record<string, readonly Values[]>> | undefined;
  readonly inputs?: Values | undefined;
  /** kinds of earlier rows that the new ones do not see, though masks let them */
  readonly unseen?: readonly string[] | undefined;
}

/** The slots of a stream, shared by all its caches. */
interface Slots {
  readonly room: number;
  /** `[batch, room]`; -1: unused */
  readonly order: Int32Array;
  readonly span: Int32Array;
  readonly used: readonly number[];
}
const FIRST_ROOM = 16;

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

  #busy = false;
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
  }

  /**
   * Runs a program on new rows and keeps what it appends; a second call at the same time is refused.
   * @throws Failure "call", "device", with everything as it was
   */
  async run(
    program: Appending,
    parts: readonly Part[],
  ): Promise<{ readonly documents: readonly Document[]; readonly tensors: Tensors }> {
    if (this.#closed) throw new Failure("call", "the context is closed", "begin one with `session.start()`");
    if (this.#busy)
      throw new Failure(
        "call",
        "a call on this context is under way",
        "await it: calls on one context follow each other",
      );
    this.#busy = true;
    try {
      const documents = this.documents(program, parts);
      const { inputs, behind } = await this.ready(program, documents);
      const tensors = await this.#caches.call(program, inputs, behind);
      this.append(program, documents);
      return { documents, tensors };
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
  async ready(
    program: Appending,
    documents: readonly Document[],
  ): Promise<{ readonly inputs: Tensors; readonly behind: ReadonlyMap<string, Behind> }> {
    const inputs = pack(program, documents);
    const behind = new Map(
      keptBy(program).map(({ name, kinds }) => [
        name,
        {
          used: this.#slots.get(name)?.used ?? Array<number>(this.batch).fill(0),
          added: documents.map((document) => slotsOf(document, kinds).length),
        },
      ]),
    );
    await this.#grow(program, behind);
    for (const port of program.inputs) {
      const [, dim] = port.shape;
      const stream = /^past\.(.*)\.(order|span)$/.exec(port.name);
      if (stream && dim === `past.${stream[1]}`) {
        const slots = this.#slots.get(stream[1]!)!;
        const data = stream[2] === "order" ? this.#seen(slots, documents) : slots.span;
        inputs[port.name] = { dtype: "i32", shape: [this.batch, slots.room], data };
      }
    }
    return { inputs, behind };
  }

  /** The places of past rows: none for those that a call's rows do not see. */
  #seen({ room, order }: Slots, documents: readonly Document[]): Int32Array {
    if (documents.every(({ unseen = [] }) => unseen.length === 0)) return order;
    return order.map((place, slot) => {
      const d = Math.floor(slot / room);
      return place >= 0 && documents[d]!.unseen!.includes(this.#rows[d]![place]!.row.kind) ? -1 : place;
    });
  }

  /** Counts the rows that are there now, and the slots that are taken; nothing for a program that does not append. */
  append(program: Appending, documents: readonly Document[]): void {
    if (!program.appends) return;
    for (const { name, kinds } of keptBy(program)) this.#take(name, kinds, documents);
    documents.forEach((document, d) => {
      this.#courses[d] = follow(this.#layout, this.#courses[d]!, document.rows);
      document.rows.forEach((row, i) =>
        this.#rows[d]!.push({ row, place: document.place! + i, hidden: program.hides }),
      );
      this.#spans[d] = Object.fromEntries(
        Object.entries(document.spans).map(([modality, values]) => [modality, [...values]]),
      );
    });
  }
  #take(stream: string, kinds: readonly string[], documents: readonly Document[]): void {
    const { room, order, span, used } = this.#slots.get(stream)!;
    const taken = documents.map((document, d) => {
      const rows = slotsOf(document, kinds);
      for (const [r, { row, place }] of rows.entries()) {
        const slot = d * room + used[d]! + r;
        order[slot] = place;
        span[slot] = row.span;
      }
      return used[d]! + rows.length;
    });
    this.#slots.set(stream, { room, order, span, used: taken });
  }

  /** Room for what is read and for what comes, by doubling. */
  async #grow({ inputs, reads, writes }: Appending, behind: ReadonlyMap<string, Behind>): Promise<void> {
    const read = inputs.flatMap(({ name }) => /^past\.(.*)\.(?:order|span)$/.exec(name)?.[1] ?? []);
    const streams = new Set([...read, ...[...reads, ...writes].map(({ stream }) => stream), ...behind.keys()]);
    const rooms = new Map<string, number>();
    for (const stream of streams) {
      const { used, added } = behind.get(stream) ?? { used: [], added: [] };
      const before = this.#slots.get(stream)?.room ?? 0;
      let room = Math.max(FIRST_ROOM, before);
      while (room < Math.max(0, ...used.map((count, d) => count + added[d]!))) room *= 2;
      if (room > before) rooms.set(stream, room);
    }
    if (rooms.size === 0) return;
    await this.#caches.grow(rooms);
    for (const [stream, room] of rooms) {
      const slots = this.#slots.get(stream);
      const size = this.batch * room;
      const [order, span] = [new Int32Array(size).fill(-1), new Int32Array(size)];
      if (slots !== undefined)
        for (let d = 0; d < this.batch; d++) {
          order.set(slots.order.subarray(d * slots.room, (d + 1) * slots.room), d * room);
          span.set(slots.span.subarray(d * slots.room, (d + 1) * slots.room), d * room);
        }
      this.#slots.set(stream, { room, order, span, used: slots?.used ?? Array<number>(this.batch).fill(0) });
    }
  }
}

/** The streams whose new rows take slots: those of which a program leaves keys and values. */
const keptBy = ({ streams, writes }: Appending): Appending["streams"] =>
  streams.filter(({ name }) => writes.some(({ stream }) => stream === name));

/** Inputs of more spans than have rows: those of one were given twice, and all that follow would be another's. */
const checkSpansGiven = (
  { modalities }: Layout,
  spans: Readonly<Record<string, readonly Values[]>>,
  course: Course,
  d: number,
): void => {
  for (const [name, values] of Object.entries(spans)) {
    const modality = modalities.find((each) => each.name === name);
    if (modality?.is !== "span") throw new Failure("call", `inputs of spans of ${name} were given, which is none`);
    // Spans come one after the other, so the last row is of the last one.
    const count = 1 + (course.spans.get(name)?.span ?? -1);
    if (values.length > count)
      throw new Failure(
        "call",
        `inputs of ${values.length} spans of ${name} were given for document ${d}, which has rows of ${count}`,
        "give the inputs of a span once, with the call that appends its rows; a drawing gives them with each step",
      );
  }
};
