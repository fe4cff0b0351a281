// The decoders of all contexts on a device: each made when its context first draws, and gone with it.
import type { Decoding } from "../decoding.ts";
import { Failure } from "../failure.ts";
import type { Adapter } from "./adapter.ts";
import { Decoder, type Link } from "./decoder.ts";
import { located } from "./faults.ts";
import type { Kept } from "./kept.ts";

export class Decoders {
  readonly #of = new Map<Kept, Decoder>();

  /** For buffers of all of them. */
  get bytes(): number {
    return [...this.#of.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }
  /**
   * The decoder of a context; another one where it is to draw in another way. `check` is told how many bytes all would take
   * before any are taken. @throws Failure "device"
   */
  async of(
    adapter: Adapter,
    where: string,
    kept: Kept,
    link: Link,
    decoding: Decoding,
    check: (bytes: number) => void,
  ): Promise<Decoder> {
    const key = Decoder.keyOf(link, decoding);
    const known = this.#of.get(kept);
    if (known?.key === key) return known;
    this.release(kept);
    check(this.bytes + Decoder.bytesOf(link));
    try {
      const decoder = await Decoder.open(adapter, key, link, decoding);
      this.#of.set(kept, decoder);
      return decoder;
    } catch (cause) {
      throw cause instanceof Failure ? located(where, cause) : cause;
    }
  }
  release(kept: Kept): void {
    this.#of.get(kept)?.destroy();
    this.#of.delete(kept);
  }
}
