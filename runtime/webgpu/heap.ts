// A heap of the device: one range of addresses over as many buffers as the device's limits ask for, all of one size. Where
// a buffer may be as large as what is needed, there is one.
import type { Heap as HeapName } from "../plan.ts";
import { BUFFER } from "./usage.ts";

export interface Piece {
  readonly page: number;
  readonly offset: number;
  readonly size: number;
}

const ALIGN = 256;
export const alignUp = (bytes: number, to = ALIGN): number => Math.ceil(bytes / to) * to;

/** Addresses over pages of one size, of which the last may be smaller. */
export interface Space {
  /** a multiple of 256 */
  readonly pageSize: number;
  /** bytes of a page */
  sizeOf(page: number): number;
}
const pageSizeOf = (bytes: number): number => Math.floor(bytes / ALIGN) * ALIGN;
/** A space of at least `bytes`, in pages of at most `page`. */
export const spaceOf = (bytes: number, page: number): Space & { readonly bytes: number } => {
  const pageSize = pageSizeOf(page);
  const end = alignUp(Math.max(bytes, ALIGN));
  return { pageSize, bytes: end, sizeOf: (index) => Math.min(pageSize, end - index * pageSize) };
};

/** Where a range of addresses lies. */
export const piecesOf = ({ pageSize }: Pick<Space, "pageSize">, from: number, to: number): Piece[] => {
  const found: Piece[] = [];
  for (let at = from; at < to;) {
    const page = Math.floor(at / pageSize);
    const end = Math.min(to, (page + 1) * pageSize);
    found.push({ page, offset: at - page * pageSize, size: end - at });
    at = end;
  }
  return found;
};

export type Heaps = Readonly<Record<HeapName, Heap>>;

export class Heap implements Space {
  readonly #device: GPUDevice;
  readonly #label: string;
  readonly pageSize: number;
  #pages: GPUBuffer[] = [];

  constructor(device: GPUDevice, label: string, pageSize: number) {
    this.#device = device;
    this.#label = label;
    this.pageSize = pageSizeOf(pageSize);
  }

  get bytes(): number {
    return this.#pages.reduce((sum, page) => sum + page.size, 0);
  }
  page(index: number): GPUBuffer {
    return this.#pages[index]!;
  }
  sizeOf(page: number): number {
    return this.page(page).size;
  }

  /** The heap as it is once there is room for addresses below `bytes`. */
  grown(bytes: number): ReturnType<typeof spaceOf> {
    return spaceOf(Math.max(bytes, this.bytes), this.pageSize);
  }
  /** New pages where addresses below `bytes` need them; nothing is of another size until they are taken over. */
  pagesFor(bytes: number): ReadonlyMap<number, GPUBuffer> {
    const space = this.grown(bytes);
    const found = new Map<number, GPUBuffer>();
    for (let i = 0; i * this.pageSize < space.bytes; i++) {
      const size = space.sizeOf(i);
      const known = this.#pages[i];
      if (known !== undefined && known.size >= size) continue;
      const usage = BUFFER.STORAGE | BUFFER.COPY_SRC | BUFFER.COPY_DST;
      found.set(i, this.#device.createBuffer({ label: `${this.#label} ${i}`, size, usage }));
    }
    return found;
  }
  /** Puts pages in the place of others, with what those hold. */
  takeOver(pages: ReadonlyMap<number, GPUBuffer>): void {
    for (const [i, page] of pages) {
      const known = this.#pages[i];
      if (known !== undefined) {
        const encoder = this.#device.createCommandEncoder();
        encoder.copyBufferToBuffer(known, 0, page, 0, known.size);
        this.#device.queue.submit([encoder.finish()]);
        known.destroy();
      }
      this.#pages[i] = page;
    }
  }

  write(address: number, data: Uint8Array): void {
    for (const { page, offset, size } of piecesOf(this, address, address + data.length)) {
      this.#device.queue.writeBuffer(this.#pages[page]!, offset, data as Uint8Array<ArrayBuffer>, 0, size);
      data = data.subarray(size);
    }
  }

  destroy(): void {
    for (const page of this.#pages) page.destroy();
    this.#pages = [];
  }
}

/** Addresses for things of a heap, one after the other; one that fits into a page lies in one page. */
export class Allotter {
  readonly #pageSize: number;
  #end: number;

  constructor(pageSize: number, from = 0) {
    this.#pageSize = pageSize;
    this.#end = from;
  }
  get end(): number {
    return this.#end;
  }
  take(bytes: number): number {
    const start = alignUp(this.#end, 64);
    const left = this.#pageSize - (start % this.#pageSize);
    const at = bytes > left && (bytes <= this.#pageSize || left < this.#pageSize) ? start + left : start;
    this.#end = at + bytes;
    return at;
  }
}
