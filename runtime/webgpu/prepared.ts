// A program ready to run: pipelines, bind groups and numbers of every dispatch made once. A call then only writes its
// inputs, encodes, submits and reads back.
import type { Heap as HeapName, Parameter } from "../plan.ts";
import type { Bindings } from "./bindings.ts";
import type { Dispatch } from "./cut.ts";
import { type OutputAt, outputsAt } from "./calls.ts";
import { alignUp, type Heap, type Heaps, spaceOf } from "./heap.ts";
import { copyRange, type Kept } from "./kept.ts";
import type { LaidStep, Layout } from "./layout.ts";
import { at, type Sizes } from "./sizes.ts";
import { BUFFER } from "./usage.ts";
import type { Window } from "./window.ts";

export interface Ready {
  /** index into the steps of the layout */
  readonly step: number;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly offset: number;
  readonly dispatch: Dispatch;
}
/** Some of the dispatches. */
export interface Part {
  readonly from?: number;
  readonly to?: number;
  /** a pass for each */
  readonly each?: boolean;
}
/** Begins a pass for the dispatch `i`, or for all from it on. */
export type Begin = (encoder: GPUCommandEncoder, i: number) => GPUComputePassEncoder;

export class Prepared {
  readonly layout: Layout;
  readonly dispatches: readonly Ready[];
  /** what is read back of a call */
  readonly outputs: readonly OutputAt[];
  readonly readback: Readback;
  /** where a call finds keys and values, if they are on the device */
  readonly kept: Kept | undefined;
  readonly #uniforms: readonly GPUBuffer[];
  readonly #scratch: ReadonlyMap<HeapName, GPUBuffer>;
  readonly #heaps: Heaps;

  private constructor(
    layout: Layout,
    { outputs, readback, kept }: Pick<Prepared, "outputs" | "readback" | "kept">,
    heaps: Heaps,
    dispatches: readonly Ready[],
    uniforms: readonly GPUBuffer[],
    scratch: ReadonlyMap<HeapName, GPUBuffer>,
  ) {
    this.layout = layout;
    this.outputs = outputs;
    this.readback = readback;
    this.kept = kept;
    this.#heaps = heaps;
    this.dispatches = dispatches;
    this.#uniforms = uniforms;
    this.#scratch = scratch;
  }

  /** `pipelines` by kernel; the heaps are as the layout asks. */
  static make(
    device: GPUDevice,
    layout: Layout,
    pipelines: ReadonlyMap<string, GPUComputePipeline>,
    heaps: Heaps,
    bindings: Bindings,
    limits: { readonly uniformAlignment: number; readonly buffer: number },
    stays: { readonly kept: Kept | undefined; readonly outputs: ReadonlySet<string> },
  ): Prepared {
    const { program, sizes, steps } = layout;
    const slice = alignUp(
      Math.max(16, ...steps.map(({ step }) => step.parameters.length * 4)),
      limits.uniformAlignment,
    );
    const count = steps.reduce((sum, { dispatches }) => sum + dispatches.length, 0);
    const perBuffer = Math.max(1, Math.floor(Math.min(limits.buffer, MOST_NUMBERS) / slice));
    const uniforms = Array.from({ length: Math.max(1, Math.ceil(count / perBuffer)) }, (_, i) =>
      device.createBuffer({
        label: `${program.name}: numbers ${i}`,
        size: slice * Math.max(1, Math.min(perBuffer, count - i * perBuffer)),
        usage: BUFFER.UNIFORM | BUFFER.COPY_DST,
      }),
    );
    const scratch = new Map(
      [...layout.scratch].map(([heap, size]) => {
        const usage = BUFFER.STORAGE | BUFFER.COPY_SRC | BUFFER.COPY_DST;
        return [heap, device.createBuffer({ label: `${program.name}: scratch of ${heap}`, size, usage })] as const;
      }),
    );
    const resourceOf = (heap: HeapName, window: Window): GPUBufferBinding =>
      window.is === "page"
        ? { buffer: heaps[heap].page(window.page), offset: window.offset, size: window.size }
        : { buffer: scratch.get(heap)! };
    const groups = new Map<string, GPUBindGroup>();
    const groupOf = ({ kernel }: LaidStep, { windows }: Dispatch, page: number): GPUBindGroup => {
      const key = JSON.stringify([page, kernel.heaps, kernel.heaps.map((heap) => windowKey(windows.get(heap)!))]);
      const known = groups.get(key);
      if (known !== undefined) return known;
      const made = device.createBindGroup({
        label: program.name,
        layout: bindings.layout(kernel.heaps),
        entries: [
          { binding: 0, resource: { buffer: uniforms[page]!, size: slice } },
          ...kernel.heaps.map((heap, i) => ({ binding: i + 1, resource: resourceOf(heap, windows.get(heap)!) })),
        ],
      });
      groups.set(key, made);
      return made;
    };
    const numbers = new Uint32Array((slice / 4) * Math.max(1, count));
    let index = 0;
    const ready = steps.flatMap((laid, step) =>
      laid.dispatches.map((dispatch): Ready => {
        for (const [i, parameter] of laid.step.parameters.entries())
          numbers[(index * slice) / 4 + i] = numberOf(parameter, dispatch, sizes);
        const page = Math.floor(index / perBuffer);
        const offset = (index++ % perBuffer) * slice;
        const pipeline = pipelines.get(laid.kernel.wgsl)!;
        return { step, pipeline, group: groupOf(laid, dispatch, page), offset, dispatch };
      }),
    );
    for (const [i, buffer] of uniforms.entries())
      device.queue.writeBuffer(buffer, 0, numbers, (i * perBuffer * slice) / 4, buffer.size / 4);
    const { parts, bytes } = outputsAt(layout, stays.outputs);
    const readback = new Readback(device, `${program.name}: outputs`, bytes, limits.buffer);
    return new Prepared(layout, { outputs: parts, readback, kept: stays.kept }, heaps, ready, uniforms, scratch);
  }

  /** One pass for all that needs no copies between; or, of a part, one for each dispatch. */
  encode(
    encoder: GPUCommandEncoder,
    begin: Begin = (to) => to.beginComputePass(),
    { from = 0, to = this.dispatches.length, each = false }: Part = {},
  ): void {
    let pass: GPUComputePassEncoder | undefined;
    const end = (): void => {
      pass?.end();
      pass = undefined;
    };
    const copy = (windows: Dispatch["windows"], back: boolean): void => {
      for (const [heap, window] of windows) {
        if (window.is !== "scratch") continue;
        for (const { page, offset, to: at, size, back: written } of window.copies) {
          if (back && !written) continue;
          end();
          const [own, scratch] = [this.#heaps[heap].page(page), this.#scratch.get(heap)!];
          if (back) encoder.copyBufferToBuffer(scratch, at, own, offset, size);
          else encoder.copyBufferToBuffer(own, offset, scratch, at, size);
        }
      }
    };
    for (let i = from; i < to; i++) {
      const { pipeline, group, offset, dispatch } = this.dispatches[i]!;
      copy(dispatch.windows, false);
      pass ??= begin(encoder, i);
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group, [offset]);
      pass.dispatchWorkgroups(...dispatch.groups);
      if (each) end();
      copy(dispatch.windows, true);
    }
    end();
  }

  /** Copies what is read back to where it can be. */
  bring(encoder: GPUCommandEncoder): void {
    for (const { address, extent, to } of this.outputs)
      this.readback.copy(encoder, this.#heaps.state, address, extent.bytes, to);
  }

  /** Bytes of buffers of its own. */
  get bytes(): number {
    return this.#own.reduce((sum, { size }) => sum + size, 0);
  }
  get #own(): readonly GPUBuffer[] {
    return [...this.#uniforms, ...this.#scratch.values(), ...this.readback.pages];
  }

  destroy(): void {
    for (const buffer of this.#own) buffer.destroy();
  }
}
/** Bytes of one buffer of numbers; many dispatches share it. */
const MOST_NUMBERS = 1 << 20;

const windowKey = (window: Window): readonly number[] | string =>
  window.is === "page" ? [window.page, window.offset, window.size] : "scratch";

const numberOf = (parameter: Parameter, dispatch: Dispatch, sizes: Sizes): number => {
  switch (parameter.is) {
    case "base":
      return dispatch.bases[parameter.operand]!;
    case "size":
      return at(parameter.size, sizes) >>> 0;
    case "first":
    case "end":
      return dispatch[parameter.is][parameter.axis];
    default:
      throw new Error(`no such number: ${String(parameter satisfies never)}`);
  }
};

/** Bytes of heap addresses, copied to where a program may read them; over several buffers where one may not be so large. */
export class Readback {
  readonly pages: readonly GPUBuffer[];
  readonly #space: ReturnType<typeof spaceOf>;
  readonly bytes: number;

  constructor(device: GPUDevice, label: string, bytes: number, page: number) {
    this.#space = spaceOf(bytes, page);
    this.bytes = bytes;
    const count = Math.ceil(this.#space.bytes / this.#space.pageSize);
    this.pages = Array.from({ length: count }, (_, i) =>
      device.createBuffer({ label, size: this.#space.sizeOf(i), usage: BUFFER.MAP_READ | BUFFER.COPY_DST }),
    );
  }

  copy(encoder: GPUCommandEncoder, heap: Heap, address: number, bytes: number, to: number): void {
    copyRange(encoder, heap, address, { pageSize: this.#space.pageSize, page: (i) => this.pages[i]! }, to, bytes);
  }
  /** What was copied, once the device has done so. */
  async read(mode: GPUMapModeFlags): Promise<ArrayBuffer> {
    await Promise.all(this.pages.map((page) => page.mapAsync(mode)));
    const all = new Uint8Array(this.#space.bytes);
    for (const [i, page] of this.pages.entries()) {
      all.set(new Uint8Array(page.getMappedRange()), i * this.#space.pageSize);
      page.unmap();
    }
    return all.buffer;
  }
}
