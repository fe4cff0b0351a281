// A program for calls of given sizes: every value with its address, every step cut into dispatches, all that they bind made
// once. A call then only writes its inputs, encodes and submits.
import type { Heap as HeapName, Plan, PlanProgram } from "../plan.ts";
import { arenaOf } from "./arena.ts";
import type { Bindings } from "./bindings.ts";
import { cut, type CutLimits, type Dispatch, type Placed, type Window } from "./cut.ts";
import { alignUp, Allotter, type Heap } from "./heap.ts";
import { at, type Extent, extentOf, type Sizes } from "./sizes.ts";
import { BUFFER } from "./usage.ts";

export type Heaps = Readonly<Record<HeapName, Heap>>;
/** Where values lie that all programs have. */
export interface Residents {
  readonly weights: ReadonlyMap<string, number>;
  /** address of each whole table */
  readonly tables: ReadonlyMap<number, number>;
  /** first free address of the given heap */
  readonly givenEnd: number;
}
export interface ValueAt {
  readonly address: number;
  readonly extent: Extent;
}
interface Ready {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly offset: number;
  readonly dispatch: Dispatch;
}
interface Scratch {
  readonly buffer: GPUBuffer;
}

export class Prepared {
  readonly values: readonly ValueAt[];
  /** of the arena: what is allocated, and what is needed at one time */
  readonly stateBytes: number;
  readonly liveBytes: number;
  /** addresses of the given and keys heaps that belong to a call */
  readonly given: readonly [number, number];
  readonly keys: readonly [number, number];
  readonly dispatches: readonly Ready[];
  readonly #uniforms: GPUBuffer;
  readonly #scratch: ReadonlyMap<HeapName, Scratch>;
  readonly #heaps: Heaps;

  private constructor(
    heaps: Heaps,
    placing: Placing,
    dispatches: readonly Ready[],
    uniforms: GPUBuffer,
    scratch: ReadonlyMap<HeapName, Scratch>,
  ) {
    this.#heaps = heaps;
    this.values = placing.values;
    this.stateBytes = placing.stateBytes;
    this.liveBytes = placing.liveBytes;
    this.given = placing.given;
    this.keys = placing.keys;
    this.dispatches = dispatches;
    this.#uniforms = uniforms;
    this.#scratch = scratch;
  }

  static async make(
    device: GPUDevice,
    plan: Plan,
    program: PlanProgram,
    sizes: Sizes,
    placing: Placing,
    heaps: Heaps,
    bindings: Bindings,
    limits: CutLimits & { readonly uniformAlignment: number },
  ): Promise<Prepared> {
    const { values } = placing;
    const cuts = program.steps.map((step) => {
      const kernel = plan.kernels[step.kernel]!;
      const placed = step.operands.map((operand): Placed => ({
        operand,
        heap: program.values[operand.value]!.heap,
        ...values[operand.value]!,
      }));
      return { step, kernel, dispatches: cut(program.name, step, kernel, placed, sizes, heaps, limits) };
    });
    const count = cuts.reduce((sum, { dispatches }) => sum + dispatches.length, 0);
    const slice = alignUp(
      Math.max(16, ...program.steps.map(({ parameters }) => parameters.length * 4)),
      limits.uniformAlignment,
    );
    const numbers = new Uint32Array((slice / 4) * Math.max(1, count));
    const uniforms = device.createBuffer({
      label: `${program.name}: numbers`,
      size: numbers.byteLength,
      usage: BUFFER.UNIFORM | BUFFER.COPY_DST,
    });
    const all = cuts.flatMap(({ dispatches }) => dispatches);
    const scratch = new Map(
      [
        ...new Set(
          all.flatMap(({ windows }) =>
            [...windows].filter(([, window]) => window.is === "scratch").map(([heap]) => heap),
          ),
        ),
      ].map((heap) => {
        const size = Math.max(
          ...all.map(({ windows }) => (windows.get(heap)?.is === "scratch" ? windows.get(heap)!.size : 0)),
        );
        const usage = BUFFER.STORAGE | BUFFER.COPY_SRC | BUFFER.COPY_DST;
        return [heap, { buffer: device.createBuffer({ label: `scratch of ${heap}`, size, usage }) }] as const;
      }),
    );
    const groups = new Map<string, GPUBindGroup>();
    const pipelines = await Promise.all(
      plan.kernels.map((kernel, i) =>
        cuts.some(({ step }) => step.kernel === i) ? bindings.pipeline(kernel) : undefined,
      ),
    );
    let index = 0;
    const ready = cuts.flatMap(({ step, kernel, dispatches }) =>
      dispatches.map((dispatch): Ready => {
        const offset = index++ * slice;
        for (const [i, parameter] of step.parameters.entries()) {
          const number =
            parameter.is === "base"
              ? dispatch.bases[parameter.operand]!
              : parameter.is === "size"
                ? at(parameter.size, sizes)
                : dispatch[parameter.is][parameter.axis];
          numbers[offset / 4 + i] = number >>> 0;
        }
        const key = `${kernel.heaps.join()} ${kernel.heaps.map((heap) => windowKey(dispatch.windows.get(heap)!)).join()}`;
        const group =
          groups.get(key) ??
          device.createBindGroup({
            layout: bindings.layout(kernel.heaps),
            entries: [
              { binding: 0, resource: { buffer: uniforms, size: slice } },
              ...kernel.heaps.map((heap, i) => ({
                binding: i + 1,
                resource: resourceOf(heaps[heap], scratch.get(heap), dispatch.windows.get(heap)!),
              })),
            ],
          });
        groups.set(key, group);
        return { pipeline: pipelines[step.kernel]!, group, offset, dispatch };
      }),
    );
    device.queue.writeBuffer(uniforms, 0, numbers);
    return new Prepared(heaps, placing, ready, uniforms, scratch);
  }

  encode(encoder: GPUCommandEncoder): void {
    let pass: GPUComputePassEncoder | undefined;
    const copy = (windows: Dispatch["windows"], back: boolean): void => {
      for (const [heap, window] of windows) {
        if (window.is !== "scratch") continue;
        for (const { page, offset, to, size, back: written } of window.copies) {
          if (back && !written) continue;
          pass?.end();
          pass = undefined;
          const [from, into] = [this.#heaps[heap].page(page), this.#scratch.get(heap)!.buffer];
          if (back) encoder.copyBufferToBuffer(into, to, from, offset, size);
          else encoder.copyBufferToBuffer(from, offset, into, to, size);
        }
      }
    };
    for (const { pipeline, group, offset, dispatch } of this.dispatches) {
      copy(dispatch.windows, false);
      pass ??= encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group, [offset]);
      pass.dispatchWorkgroups(...dispatch.groups);
      copy(dispatch.windows, true);
    }
    pass?.end();
  }

  destroy(): void {
    this.#uniforms.destroy();
    for (const { buffer } of this.#scratch.values()) buffer.destroy();
  }
}

const windowKey = (window: Window): string =>
  window.is === "page" ? `${window.page} ${window.offset} ${window.size}` : "scratch";
const resourceOf = (heap: Heap, scratch: Scratch | undefined, window: Window): GPUBufferBinding =>
  window.is === "page"
    ? { buffer: heap.page(window.page), offset: window.offset, size: window.size }
    : { buffer: scratch!.buffer };

/** The addresses of a program's values in a call. */
export interface Placing {
  readonly values: readonly ValueAt[];
  readonly stateBytes: number;
  readonly liveBytes: number;
  readonly given: readonly [number, number];
  readonly keys: readonly [number, number];
}
export const placingOf = (
  program: PlanProgram,
  sizes: Sizes,
  { weights, tables, givenEnd }: Residents,
  pages: { readonly given: number; readonly keys: number },
): Placing => {
  const arena = arenaOf(program, sizes);
  const calls = { given: new Allotter(pages.given, alignUp(givenEnd)), keys: new Allotter(pages.keys) };
  const values = program.values.map((value, i): ValueAt => {
    const extent = extentOf(value, sizes);
    const { origin, heap } = value;
    if (origin.is === "weight") return { address: weights.get(origin.weight)!, extent };
    if (origin.is === "table") return { address: tables.get(origin.table)!, extent };
    if (origin.is === "computed") return { address: arena.offsets[i] ?? 0, extent };
    return { address: calls[heap === "keys" ? "keys" : "given"].take(extent.bytes), extent };
  });
  return {
    values,
    stateBytes: arena.bytes,
    liveBytes: arena.live,
    given: [alignUp(givenEnd), calls.given.end],
    keys: [0, calls.keys.end],
  };
};
