// Tokens that stay on a device: behind each call of a program an id is drawn from its logits, and the numbers of the next
// call that follow it are put where that call reads them. What is read back in the end is the ids.
import type { Decoded, Drawer, Decoding } from "../decoding.ts";
import { LARGEST_VOCABULARY } from "../generate/sampling.ts";
import type { Adapter } from "./adapter.ts";
import { faultOf } from "./faults.ts";
import { followedOf, wordsOf } from "./followed.ts";
import type { Heap } from "./heap.ts";
import type { HostTensor } from "./hostValues.ts";
import { copyRange } from "./kept.ts";
import type { Layout, ValueAt } from "./layout.ts";
import { DeviceSampler, drawsWell, idsOf, isDrawn, samplerBytes } from "./sampler.ts";
import { at } from "./sizes.ts";
import { BUFFER, MAP } from "./usage.ts";

/** Calls behind each other, at most. */
const MOST = 16;

/** How the calls of a program are linked by the ids of one of its streams. */
export interface Link {
  /** `[batch, count]` */
  readonly logits: ValueAt;
  readonly batch: number;
  readonly count: number;
  /** the values that follow ids, each of `batch` numbers, and in words how they do */
  readonly values: readonly ValueAt[];
  readonly words: Int32Array;
  /** how many of the calls are linked in this way */
  readonly calls: number;
}

/**
 * `computed` is what the host computes for each of the calls, whatever the ids are. Undefined where the ids of a program do
 * not stay on the device: what it computes of them is more than rows of tables, or the device is too small, or better at
 * something else.
 */
export const linkOf = (
  { program, sizes, values }: Layout,
  stream: string,
  computed: readonly (readonly HostTensor[])[],
  { drawers, sampling }: Decoding,
  { limits, info }: Pick<Adapter, "limits" | "info">,
): Link | undefined => {
  const output = program.outputs.find(({ name }) => name === `${stream}.logits`);
  if (output === undefined) return undefined;
  const [batch = 0, rows, count = 0, ...more] = output.shape.map((size) => at(size, sizes));
  const logits = values[output.value]!;
  const isDense = rows === 1 && more.length === 0 && logits.extent.width === count;
  const largest = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  const isSmall = batch <= limits.maxComputeWorkgroupsPerDimension && count <= LARGEST_VOCABULARY;
  if (!isDense || !isSmall || samplerBytes({ rows: batch, count }).largest > largest) return undefined;
  if (!drawsWell(info, sampling, count)) return undefined;
  const first = drawers.findIndex((drawer) => drawer !== undefined);
  const followed = computed.slice(0, MOST).map((each) => followedOf(program, each, `${stream}.id`, batch));
  if ([...(followed[0]?.values() ?? [[]])].some(({ length }) => length !== batch)) return undefined;
  const words = followed.map((each) => each && wordsOf(each.values(), first));
  // The first call is given its ids, and follows none.
  const next = (words.length > 1 ? words[1] : words[0]) ?? new Int32Array(0);
  const other = words.findIndex((each, i) => i > 0 && each?.join() !== next.join());
  return {
    logits,
    batch,
    count,
    values: [...(followed[0]?.keys() ?? [])].map((value) => values[value]!),
    words: next,
    calls: other < 0 ? words.length : other,
  };
};

export class Decoder {
  /** whom it serves */
  readonly key: string;
  readonly #sampler: DeviceSampler;
  readonly #back: GPUBuffer;
  readonly bytes: number;

  private constructor(key: string, sampler: DeviceSampler, back: GPUBuffer, bytes: number) {
    this.key = key;
    this.#sampler = sampler;
    this.#back = back;
    this.bytes = bytes;
  }
  static keyOf({ batch, count, values }: Link, { sampling }: Decoding): string {
    return JSON.stringify([batch, count, values.length, sampling]);
  }
  static bytesOf({ batch, count }: Link): number {
    return samplerBytes({ rows: batch, count }).all;
  }
  /** @throws Failure "device" */
  static async open(
    adapter: Pick<Adapter, "device" | "limits" | "info">,
    key: string,
    link: Link,
    { sampling }: Decoding,
  ): Promise<Decoder> {
    const { batch: rows, count, values } = link;
    const sampler = await DeviceSampler.open(adapter, sampling, {
      rows,
      count,
      steps: MOST,
      follows: rows * values.length,
    });
    let back: GPUBuffer | undefined;
    const fault = await faultOf(adapter.device, () => {
      const usage = BUFFER.MAP_READ | BUFFER.COPY_DST;
      back = adapter.device.createBuffer({ label: "drawn ids", size: 4 * rows * MOST, usage });
    });
    const opened = new Decoder(key, sampler, back!, Decoder.bytesOf(link));
    if (fault === undefined) return opened;
    opened.destroy();
    throw fault;
  }

  begin(drawers: readonly (Drawer | undefined)[], { words }: Link): void {
    const rows = drawers.flatMap((drawer, document) => {
      if (drawer === undefined) return [];
      const { seed, ids, allowed } = drawer;
      return [{ seed, counter: ids.length, recent: ids, allowed, document }];
    });
    this.#sampler.begin(rows, words);
  }
  /** Puts what follows the ids that were drawn to where a call reads it. */
  follow(encoder: GPUCommandEncoder, { values }: Link, given: Heap): void {
    let from = 0;
    for (const { address, extent } of values) {
      copyRange(encoder, whole(this.#sampler.ids), from, given, address, extent.bytes);
      from += extent.bytes;
    }
  }
  /** Draws from what a call gave, and after the last one copies all ids to where they can be read. */
  draw(
    encoder: GPUCommandEncoder,
    { logits: { address, extent }, count, batch }: Link,
    state: Heap,
    drawers: readonly (Drawer | undefined)[],
    step: number,
  ): void {
    let row = 0;
    for (const [d, drawer] of drawers.entries()) {
      if (drawer === undefined) continue;
      const from = address + d * extent.rowBytes;
      copyRange(encoder, state, from, whole(this.#sampler.logits), row++ * 4 * count, 4 * count);
    }
    const pass = encoder.beginComputePass();
    this.#sampler.encode(pass, step);
    pass.end();
    encoder.copyBufferToBuffer(this.#sampler.ids, this.#sampler.drawnAt, this.#back, 0, 4 * batch * MOST);
  }
  /** The ids of each document that draws, once the device has drawn as many as `calls`. @throws Failure "call" */
  async read(drawers: readonly (Drawer | undefined)[], calls: number): Promise<Decoded> {
    await this.#back.mapAsync(MAP.READ);
    const words = new Uint32Array(this.#back.getMappedRange()).slice();
    this.#back.unmap();
    let row = 0;
    const drawn = drawers.map((drawer) => {
      const from = MOST * row;
      if (drawer !== undefined) row++;
      return drawer === undefined ? undefined : words.subarray(from, from + calls);
    });
    // A draw that fails is told when it is the first: a document may have ended by then.
    const failed = drawn.map((own) => own?.findIndex((word) => !isDrawn(word)) ?? -1).filter((i) => i >= 0);
    const sound = Math.max(1, Math.min(calls, ...failed));
    return drawn.map((own) => (own === undefined ? [] : idsOf(own.subarray(0, sound))));
  }
  destroy(): void {
    this.#sampler.destroy();
    this.#back.destroy();
  }
}

/** A buffer as a heap of one page. */
const whole = (buffer: GPUBuffer): Pick<Heap, "page" | "pageSize"> => ({
  pageSize: Number.MAX_SAFE_INTEGER,
  page: () => buffer,
});
