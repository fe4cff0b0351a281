// Keys and values of a batch of documents in the memory of a device: in a heap of their own, which grows with the documents
// and goes with them. What a program gives for new rows is copied behind the old ones on the device.
import { type Behind, KV } from "../caches.ts";
import type { Appending } from "../document.ts";
import type { CacheEntry } from "../manifest.ts";
import { Allotter, type Heap, piecesOf } from "./heap.ts";
import type { Layout } from "./layout.ts";
import { at, type Extent, extentOf } from "./sizes.ts";

/** Keys or values of one cache: `[batch, room, heads, width]`, each head of a row in whole vec4s. */
export interface Place {
  readonly address: number;
  readonly room: number;
  /** bytes of a row, all heads of it */
  readonly rowBytes: number;
}
export interface Places {
  /** by the port that reads them */
  readonly of: ReadonlyMap<string, Place>;
  readonly end: number;
}
export const placesOf = (
  entries: readonly CacheEntry[],
  batch: number,
  rooms: ReadonlyMap<string, number>,
  pageSize: number,
): Places => {
  const allot = new Allotter(pageSize);
  const of = new Map<string, Place>();
  for (const { name, stream, kvHeads, widths } of entries) {
    const room = rooms.get(stream);
    if (room === undefined) continue;
    for (const what of KV) {
      const { bytes } = extentOf({ shape: [batch, room, kvHeads, widths[what]], stored: "f32" }, new Map());
      of.set(`${name}.${what}`, { address: allot.take(bytes), room, rowBytes: bytes / (batch * room) });
    }
  }
  return { of, end: allot.end };
};

export class Kept {
  readonly batch: number;
  readonly entries: readonly CacheEntry[];
  heap: Heap;
  places: Places = { of: new Map(), end: 0 };
  rooms: ReadonlyMap<string, number> = new Map();

  constructor(batch: number, entries: readonly CacheEntry[], heap: Heap) {
    this.batch = batch;
    this.entries = entries;
    this.heap = heap;
  }

  /** What a program reads of it, by port, as a call has it: `[batch, heads, room, width]`. */
  shapes({ reads }: Appending): Readonly<Record<string, { readonly shape: readonly number[] }>> {
    return Object.fromEntries(
      reads.flatMap(({ name, stream, kvHeads, widths }) =>
        KV.map((what) => [`${name}.${what}`, { shape: [this.batch, kvHeads, this.rooms.get(stream)!, widths[what]] }]),
      ),
    );
  }
  get documents(): readonly KeptDocument[] {
    return Array.from({ length: this.batch }, (_, document) => ({ kept: this, document }));
  }
  /** Copies a document to where the one of index `d` lies in another heap. */
  copyTo(encoder: GPUCommandEncoder, document: number, heap: Heap, places: Places, d: number): void {
    for (const [port, { address, room, rowBytes }] of this.places.of) {
      const to = places.of.get(port)!;
      const [from, into] = [address + document * room * rowBytes, to.address + d * to.room * rowBytes];
      copyRange(encoder, this.heap, from, heap, into, Math.min(room, to.room) * rowBytes);
    }
  }
}

/** One of the documents of a context; `kept` is absent where nothing of it is kept yet. */
export interface KeptDocument {
  readonly kept: Kept | undefined;
  readonly document: number;
}

/** Bytes from one heap to another. */
export const copyRange = (
  encoder: GPUCommandEncoder,
  from: Pick<Heap, "page" | "pageSize">,
  address: number,
  to: Pick<Heap, "page" | "pageSize">,
  into: number,
  bytes: number,
): void => {
  for (const source of piecesOf(from, address, address + bytes)) {
    let { offset } = source;
    for (const target of piecesOf(to, into, into + source.size)) {
      encoder.copyBufferToBuffer(from.page(source.page), offset, to.page(target.page), target.offset, target.size);
      offset += target.size;
    }
    into += source.size;
  }
};

/** New rows of a call, and what becomes of them. */
export interface Keep {
  readonly kept: Kept;
  readonly program: Appending;
  readonly behind: ReadonlyMap<string, Behind>;
}
/** Copies the new rows from where a program leaves them to behind the old ones. */
export const keepNew = (encoder: GPUCommandEncoder, layout: Layout, state: Heap, keep: Keep): void => {
  const { kept, program, behind } = keep;
  for (const { name, stream, kvHeads, widths } of program.writes) {
    const rows = behind.get(stream);
    if (rows === undefined) continue;
    for (const what of KV) {
      const output = layout.program.outputs.find((each) => each.name === `new.${name}.${what}`)!;
      const { address, extent } = layout.values[output.value]!;
      const place = kept.places.of.get(`${name}.${what}`)!;
      const width = widths[what];
      const given = at(output.shape[1]!, layout.sizes);
      for (const [d, count] of rows.added.entries()) {
        const into = place.address + (d * place.room + rows.used[d]!) * place.rowBytes;
        const first = d * given * kvHeads * width;
        if (width % 4 === 0 && extent.width % 4 === 0)
          copyRange(encoder, state, address + first * 4, kept.heap, into, count * place.rowBytes);
        else
          for (let head = 0; head < count * kvHeads; head++) {
            const from = address + placeIn(extent, first + head * width);
            copyRange(encoder, state, from, kept.heap, into + head * (place.rowBytes / kvHeads), width * 4);
          }
      }
    }
  }
};
/** Where a number of a value lies, in bytes from its beginning. */
const placeIn = ({ width, rowBytes }: Extent, number: number): number =>
  Math.floor(number / width) * rowBytes + (number % width) * 4;
