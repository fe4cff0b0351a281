// Which slots of caches the rows of documents are in: the place and span of each. An unused slot has the place -1, which
// nothing sees.

/** The slots of a stream, shared by all its caches. */
export interface Slots {
  readonly room: number;
  /** `[batch, room]`; -1: unused */
  readonly order: Int32Array;
  readonly span: Int32Array;
  readonly used: readonly number[];
}
const FIRST_ROOM = 16;

/** Room for so many rows: a power of two, so that few sizes of calls are made ready. */
export const roomFor = (rows: number): number => {
  let room = FIRST_ROOM;
  while (room < rows) room *= 2;
  return room;
};
/** The slots that a document uses. */
export const slotsIn = (slots: Slots | undefined, d: number): Pick<Slots, "order" | "span"> => {
  const { room, order, span, used } = slots ?? NONE;
  const [from, to] = [d * room, d * room + (used[d] ?? 0)];
  return { order: order.subarray(from, to), span: span.subarray(from, to) };
};
const NONE: Slots = { room: 0, order: new Int32Array(0), span: new Int32Array(0), used: [] };
/** So many slots for each of some documents, with those that they use. */
export const slotsWith = (room: number, documents: readonly Pick<Slots, "order" | "span">[]): Slots => {
  const size = documents.length * room;
  const [order, span] = [new Int32Array(size).fill(-1), new Int32Array(size)];
  for (const [d, own] of documents.entries()) {
    order.set(own.order, d * room);
    span.set(own.span, d * room);
  }
  return { room, order, span, used: documents.map((own) => own.order.length) };
};
