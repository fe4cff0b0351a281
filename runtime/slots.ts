// The slots of a stream, in which the keys and values of a batch's rows are. Rows of which none are kept have no slot, so a
// document's rows and its slots in use may be unlike in number; each slot says at which place its row is.
import type { Slot } from "./document.ts";

/** They are shared by all caches of the stream. */
export interface Slots {
  readonly room: number;
  /** `[batch, room]`; -1: unused */
  readonly order: Int32Array;
  readonly span: Int32Array;
  readonly used: readonly number[];
}
const FIRST_ROOM = 16;
const NONE: Slots = { room: 0, order: new Int32Array(0), span: new Int32Array(0), used: [] };

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

/**
 * With these rows of each document behind those that are there, in arrays of their own: inputs of calls that are not made yet
 * have those of before.
 */
export const slotsTaken = ({ room, used, ...before }: Slots, documents: readonly (readonly Slot[])[]): Slots => {
  const [order, span] = [before.order.slice(), before.span.slice()];
  for (const [d, rows] of documents.entries())
    for (const [r, { row, place }] of rows.entries()) {
      const slot = d * room + used[d]! + r;
      order[slot] = place;
      span[slot] = row.span;
    }
  return { room, order, span, used: documents.map((rows, d) => used[d]! + rows.length) };
};
/** Without those of a document's rows from a place on. */
export const slotsBefore = (slots: Slots, d: number, place: number): Slots => {
  const [from, end] = [d * slots.room, d * slots.room + slots.used[d]!];
  const kept = slots.order.subarray(from, end).filter((each) => each < place).length;
  return { ...slots, order: slots.order.slice().fill(-1, from + kept, end), used: slots.used.with(d, kept) };
};
/** The places of the slots, -1 for those that a document does not see. */
export const placesSeen = ({ room, order }: Slots, sees: (d: number, place: number) => boolean): Int32Array =>
  order.map((place, slot) => (place >= 0 && sees(Math.floor(slot / room), place) ? place : -1));
