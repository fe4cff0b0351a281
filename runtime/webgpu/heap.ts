// A heap of the device: one range of addresses over as many buffers as the device's limits ask for, all of one size. Where
// a buffer may be as large as what is needed, there is one.
import { BUFFER } from "./usage.ts";

export interface Piece {
  readonly page: number;
  readonly offset: number;
  readonly size: number;
}

const ALIGN = 256;
export const alignUp = (bytes: number, to = ALIGN): number => Math.ceil(bytes / to) * to;

export class Heap {
  readonly #device: GPUDevice;
  readonly #label: string;
  /** bytes of a page but the last, a multiple of 256 */
  readonly pageSize: number;
  #pages: GPUBuffer[] = [];

  constructor(device: GPUDevice, label: string, pageSize: number) {
    this.#device = device;
    this.#label = label;
    this.pageSize = Math.floor(pageSize / ALIGN) * ALIGN;
  }

  get bytes(): number {
    return this.#pages.reduce((sum, page) => sum + page.size, 0);
  }
  page(index: number): GPUBuffer {
    return this.#pages[index]!;
  }

  /** Makes room for addresses below `bytes`, keeping what is there; true: a page is another buffer now. */
  grow(bytes: number): boolean {
    const wanted = alignUp(Math.max(bytes, ALIGN));
    let changed = false;
    for (let i = 0; i * this.pageSize < wanted; i++) {
      const size = Math.min(this.pageSize, wanted - i * this.pageSize);
      const known = this.#pages[i];
      if (known !== undefined && known.size >= size) continue;
      const usage = BUFFER.STORAGE | BUFFER.COPY_SRC | BUFFER.COPY_DST;
      const page = this.#device.createBuffer({ label: `${this.#label} ${i}`, size, usage });
      if (known !== undefined) {
        const encoder = this.#device.createCommandEncoder();
        encoder.copyBufferToBuffer(known, 0, page, 0, known.size);
        this.#device.queue.submit([encoder.finish()]);
        known.destroy();
      }
      this.#pages[i] = page;
      changed = true;
    }
    return changed;
  }

  /** Where a range of addresses lies. */
  pieces(from: number, to: number): Piece[] {
    const found: Piece[] = [];
    for (let at = from; at < to;) {
      const page = Math.floor(at / this.pageSize);
      const end = Math.min(to, (page + 1) * this.pageSize);
      found.push({ page, offset: at - page * this.pageSize, size: end - at });
      at = end;
    }
    return found;
  }

  write(address: number, data: Uint8Array): void {
    for (const { page, offset, size } of this.pieces(address, address + data.length)) {
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
