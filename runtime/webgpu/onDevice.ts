// A plan on one device: its weights are there, and programs are made ready for the sizes of calls. When the device is lost,
// all of this is.
import { Failure } from "../failure.ts";
import { newOf, type Step } from "../caches.ts";
import type { Decoded, Decoding } from "../decoding.ts";
import type { CacheEntry } from "../manifest.ts";
import { type Heap as HeapName, HEAPS, type Kernel, type Plan, type PlanProgram } from "../plan.ts";
import { type Adapter, type Loss, nameOf } from "./adapter.ts";
import { Bindings } from "./bindings.ts";
import type { Tensors } from "../tensor.ts";
import { outputsOf, writeInputs } from "./calls.ts";
import type { CutLimits } from "./cut.ts";
import { linkOf } from "./decoder.ts";
import { Decoders } from "./decoders.ts";
import { faultOf, Lifeline, located } from "./faults.ts";
import { Heap, type Heaps } from "./heap.ts";
import { type HostTensor, hostValues } from "./hostValues.ts";
import { type Keep, keepNew, Kept, type KeptDocument, placesOf } from "./kept.ts";
import { layOut, type Layout } from "./layout.ts";
import { callText, checkLayout, checkMemory, type MemoryLimits } from "./memory.ts";
import { Prepared } from "./prepared.ts";
import type { Sizes } from "./sizes.ts";
import { MAP } from "./usage.ts";
import { type Capabilities, capabilitiesOf } from "./variants.ts";
import { bringWeights, checkTables, type PlanFiles, placeWeights, type Resident } from "./weights.ts";

/** How many of all kernels that a call needs are compiled. */
export type Progress = (done: number, all: number) => void;
export interface DeviceOptions {
  readonly onProgress?: Progress;
  /** bytes that buffers may take together */
  readonly budget?: number;
  /** multiplications in a second, by which dispatches are kept below 100 ms */
  readonly rate?: number;
  /** whether invocations work together; on hardware, if left out, and not where a processor acts as a GPU */
  readonly together?: boolean;
}
/** Of a processor that acts as a GPU, and of a slow GPU. A higher rate saves a few dispatches, a lower one stalls a screen less. */
const RATES = { software: 1e9, hardware: 5e10 } as const;
/** Seconds that one dispatch may take: while it runs, nothing else is drawn. */
const LONGEST = 0.1;
type Encoding = (encoder: GPUCommandEncoder) => void;
const NOTHING: ReadonlySet<string> = new Set();
/** Programs that are kept ready, for calls of the sizes that were last. */
const KEPT = 32;

export class OnDevice {
  readonly adapter: Adapter;
  readonly heaps: Heaps;
  readonly lifeline: Lifeline;
  readonly prepared = new Map<string, Prepared>();
  readonly #plan: Plan;
  readonly #files: PlanFiles;
  readonly #resident: Resident;
  readonly #bindings: Bindings;
  readonly #memory: MemoryLimits;
  readonly #cutting: CutLimits;
  readonly can: Capabilities;
  readonly #onProgress: Progress;
  /** of each context a number */
  readonly #kept = new Map<Kept, number>();
  readonly decoders = new Decoders();
  #numbered = 0;

  private constructor(adapter: Adapter, plan: Plan, files: PlanFiles, options: DeviceOptions) {
    const { limits, info } = adapter;
    this.adapter = adapter;
    this.lifeline = new Lifeline(adapter.lost);
    this.#plan = plan;
    this.#files = files;
    this.#bindings = Bindings.of(adapter.device);
    this.#onProgress = options.onProgress ?? (() => undefined);
    this.#memory = { buffer: limits.maxBufferSize, budget: options.budget ?? Infinity };
    this.#cutting = {
      binding: Math.floor(limits.maxStorageBufferBindingSize / 16) * 16,
      groups: limits.maxComputeWorkgroupsPerDimension,
      alignment: limits.minStorageBufferOffsetAlignment,
      work: (options.rate ?? (info.software ? RATES.software : RATES.hardware)) * LONGEST,
    };
    const [state, matrix, given, keys] = HEAPS.map((name) => this.#heap(name)) as [Heap, Heap, Heap, Heap];
    this.heaps = { state, matrix, given, keys };
    this.can = capabilitiesOf(adapter, options.together);
    this.#resident = placeWeights(plan, { matrix: this.heaps.matrix.pageSize, given: this.heaps.given.pageSize });
  }

  /** Brings weights and tables to the device. @throws Failure "device" */
  static async open(adapter: Adapter, plan: Plan, files: PlanFiles, options: DeviceOptions): Promise<OnDevice> {
    const made = new OnDevice(adapter, plan, files, options);
    try {
      await made.#bringWeights();
      return made;
    } catch (cause) {
      made.destroy();
      throw cause;
    }
  }
  async #bringWeights(): Promise<void> {
    const { matrixEnd, givenEnd } = this.#resident;
    checkTables(this.#plan, this.#files.tables);
    checkMemory("the model", { matrix: matrixEnd, given: givenEnd }, this.#memory);
    await this.#grow("the model", { matrix: matrixEnd, given: givenEnd });
    await this.wait("the model", bringWeights(this.#plan, this.#files, this.heaps, this.#resident));
  }

  /** Waits for the device. @throws Failure "device" when it is lost meanwhile */
  wait<T>(where: string, promise: Promise<T>): Promise<T> {
    return this.lifeline.wait(promise, ({ reason, message }: Loss) =>
      reason === "closed"
        ? new Failure("call", `${where}: the session was closed before this ended`)
        : new Failure("device", `${where}: the GPU ${nameOf(this.adapter.info)} was lost: ${message}`, "call again"),
    );
  }

  async #grow(where: string, ends: Partial<Record<HeapName, number>>): Promise<void> {
    const pages = new Map<Heap, ReadonlyMap<number, GPUBuffer>>();
    const fault = await this.wait(
      where,
      faultOf(this.adapter.device, () => {
        for (const [heap, end] of Object.entries(ends) as [HeapName, number][])
          pages.set(this.heaps[heap], this.heaps[heap].pagesFor(end));
      }),
    );
    if (fault !== undefined) {
      for (const page of [...pages.values()].flatMap((each) => [...each.values()])) page.destroy();
      throw located(where, fault);
    }
    // Buffers are others now: what binds the old ones is of no use.
    if ([...pages.values()].some((each) => each.size > 0)) this.forget(0);
    for (const [heap, made] of pages) heap.takeOver(made);
  }

  /** No room yet for keys and values of a batch of documents. */
  keep(batch: number, entries: readonly CacheEntry[]): Kept {
    const kept = new Kept(batch, entries, this.#heap("keys"));
    this.#kept.set(kept, ++this.#numbered);
    return kept;
  }
  /** Room for more rows, with what these documents have, its own if left out. All or nothing. @throws Failure "device" */
  async growKept(
    kept: Kept,
    where: string,
    grown: ReadonlyMap<string, number>,
    documents: readonly KeptDocument[] = kept.documents,
  ): Promise<void> {
    const { device } = this.adapter;
    const rooms = new Map([...kept.rooms, ...grown]);
    const places = placesOf(kept.entries, kept.batch, rooms, kept.heap.pageSize);
    const others = this.keysBytes - kept.heap.bytes;
    const { matrix, given, state } = this.heaps;
    const needed = { matrix: matrix.bytes, given: given.bytes, state: state.bytes, keys: others + places.end };
    checkMemory(where, needed, this.#memory);
    const heap = this.#heap("keys");
    const fault = await this.wait(
      where,
      faultOf(device, () => {
        heap.takeOver(heap.pagesFor(places.end));
        const encoder = device.createCommandEncoder({ label: where });
        for (const [d, from] of documents.entries()) from.kept?.copyTo(encoder, from.document, heap, places, d);
        device.queue.submit([encoder.finish()]);
      }),
    );
    if (fault !== undefined) {
      heap.destroy();
      throw located(where, fault);
    }
    this.#forgetOf(kept);
    kept.heap.destroy();
    kept.heap = heap;
    kept.places = places;
    kept.rooms = rooms;
  }
  release(kept: Kept): void {
    this.#forgetOf(kept);
    this.decoders.release(kept);
    kept.heap.destroy();
    this.#kept.delete(kept);
  }
  /** Bytes for keys and values, of contexts and of calls that bring them. */
  get keysBytes(): number {
    return [this.heaps.keys, ...[...this.#kept.keys()].map(({ heap }) => heap)].reduce(
      (sum, { bytes }) => sum + bytes,
      0,
    );
  }
  #heap(name: HeapName): Heap {
    return new Heap(this.adapter.device, name, this.adapter.limits.maxBufferSize);
  }

  /** A program's layout for some sizes. @throws Failure "device" where limits or memory do not suffice */
  layout(program: PlanProgram, sizes: Sizes, kept?: Kept): Layout {
    const heaps = this.#heapsWith(kept);
    const grown = (heap: HeapName, bytes: number) => heaps[heap].grown(bytes);
    const resident = kept === undefined ? this.#resident : { ...this.#resident, keys: kept.places.of };
    const layout = layOut(this.#plan, program, sizes, resident, grown, this.#cutting, this.can);
    checkLayout(layout, this.keysBytes - heaps.keys.bytes, this.#memory);
    return layout;
  }
  #heapsWith(kept: Kept | undefined): Heaps {
    return kept === undefined ? this.heaps : { ...this.heaps, keys: kept.heap };
  }

  /** @throws Failure "device" */
  async prepare(program: PlanProgram, sizes: Sizes, keep?: Keep): Promise<Prepared> {
    const where = callText(program.name, sizes);
    const kept = keep?.kept;
    const key = kept === undefined ? where : `${where}, of context ${this.#kept.get(kept)}`;
    const known = this.prepared.get(key);
    if (known !== undefined) {
      this.prepared.delete(key);
      this.prepared.set(key, known);
      return known;
    }
    const layout = this.layout(program, sizes, kept);
    const growing = HEAPS.filter((heap) => heap !== "keys" || kept === undefined);
    await this.#grow(where, Object.fromEntries(growing.map((heap) => [heap, layout.heaps[heap].bytes])));
    this.forget(KEPT - 1);
    const pipelines = await this.compile([layout]);
    const { device, limits } = this.adapter;
    let prepared: Prepared | undefined;
    const fault = await this.wait(
      where,
      faultOf(device, () => {
        prepared = Prepared.make(
          device,
          layout,
          pipelines,
          this.#heapsWith(kept),
          this.#bindings,
          { uniformAlignment: limits.minUniformBufferOffsetAlignment, buffer: limits.maxBufferSize },
          { kept, outputs: keep === undefined ? NOTHING : new Set(newOf(keep.program.writes)) },
        );
      }),
    );
    if (fault !== undefined) {
      prepared?.destroy();
      throw located(where, fault);
    }
    this.prepared.set(key, prepared!);
    return prepared!;
  }

  /** The pipelines of some programs, by the text of their kernels. @throws Failure "device" with the step that needs it */
  async compile(
    layouts: readonly Pick<Layout, "program" | "steps">[],
  ): Promise<ReadonlyMap<string, GPUComputePipeline>> {
    const wanted = new Map<string, { readonly kernel: Kernel; readonly where: string }>();
    for (const { program, steps } of layouts)
      for (const { kernel, step } of steps)
        if (!wanted.has(kernel.wgsl))
          wanted.set(kernel.wgsl, { kernel, where: `program ${program.name}: the step ${step.name}` });
    const made = new Map<string, GPUComputePipeline>();
    let done = 0;
    this.#onProgress(done, wanted.size);
    await Promise.all(
      [...wanted].map(async ([wgsl, { kernel, where }]) => {
        const pipeline = this.#bindings.pipeline(kernel).catch((cause: unknown) => {
          throw cause instanceof Failure ? located(where, cause) : cause;
        });
        made.set(wgsl, await this.wait(where, pipeline));
        this.#onProgress(++done, wanted.size);
      }),
    );
    return made;
  }

  /** One call. @throws Failure "call", "device" */
  async call(prepared: Prepared, inputs: Tensors, keep?: Keep): Promise<Tensors> {
    const { layout, outputs, readback } = prepared;
    await this.#sound(prepared, () => {
      const computed = hostValues(layout.program.host, layout.sizes, inputs);
      this.#submit(prepared, inputs, computed, keep, { after: (encoder) => prepared.bring(encoder) });
    });
    return outputsOf(layout, outputs, await this.wait(this.#underway(layout), readback.read(MAP.READ)));
  }
  /** What the device finds wrong with a call, as a failure of it. */
  async #sound(prepared: Prepared, submit: () => void): Promise<void> {
    const { program, sizes } = prepared.layout;
    const fault = await this.wait(callText(program.name, sizes), faultOf(this.adapter.device, submit));
    if (fault !== undefined) throw located(await this.#culprit(prepared), fault);
  }
  #submit(
    prepared: Prepared,
    inputs: Tensors,
    computed: readonly HostTensor[],
    keep: Keep | undefined,
    { before, after }: { readonly before?: Encoding | undefined; readonly after: Encoding },
  ): void {
    const { layout } = prepared;
    writeInputs(this.#plan, this.#files.tables, this.heaps, layout, inputs, computed);
    const encoder = this.adapter.device.createCommandEncoder({ label: layout.program.name });
    before?.(encoder);
    prepared.encode(encoder);
    if (keep !== undefined) keepNew(encoder, layout, this.heaps.state, keep);
    after(encoder);
    this.adapter.device.queue.submit([encoder.finish()]);
  }

  /**
   * Calls behind each other, each with the ids that the one before has drawn from the logits of a stream. Undefined, with
   * nothing done, where ids do not stay on this device. @throws Failure "call", "device"
   */
  async decode(
    prepared: Prepared,
    stream: string,
    steps: readonly Step[],
    keep: Keep,
    decoding: Decoding,
  ): Promise<Decoded | undefined> {
    const { layout } = prepared;
    const computed = steps.map(({ inputs }) => hostValues(layout.program.host, layout.sizes, inputs));
    const link = linkOf(layout, stream, computed, decoding, this.adapter);
    if (link === undefined) return undefined;
    const where = callText(layout.program.name, layout.sizes);
    const { matrix, given, state } = this.heaps;
    const taken = { matrix: matrix.bytes, given: given.bytes, state: state.bytes, keys: this.keysBytes };
    const check = (scratch: number): void => checkMemory(where, { ...taken, scratch }, this.#memory);
    const opening = this.decoders.of(this.adapter, where, keep.kept, link, decoding, check);
    const decoder = await this.wait(where, opening);
    // Closed while it was made ready: nobody frees it later.
    if (!this.#kept.has(keep.kept)) this.decoders.release(keep.kept);
    const { drawers } = decoding;
    let calls = 0;
    await this.#sound(prepared, () => {
      decoder.begin(drawers, link);
      for (; calls < link.calls; calls++) {
        const { inputs, behind } = steps[calls]!;
        try {
          this.#submit(
            prepared,
            inputs,
            computed[calls]!,
            { ...keep, behind },
            {
              before: calls === 0 ? undefined : (encoder) => decoder.follow(encoder, link, this.heaps.given),
              after: (encoder) => decoder.draw(encoder, link, this.heaps.state, drawers, calls),
            },
          );
        } catch (thrown) {
          // What forbids a later call is told when that call is the first: a document may have ended by then.
          if (calls === 0 || !(thrown instanceof Failure)) throw thrown;
          break;
        }
      }
    });
    return this.wait(this.#underway(layout), decoder.read(drawers, calls));
  }
  #underway({ program, steps }: Layout): string {
    const [first, last] = [steps[0]?.step.name, steps.at(-1)?.step.name];
    return `program ${program.name}: between the steps ${first ?? "none"} and ${last ?? "none"}`;
  }
  /** The program and, where one alone is at fault, the step: each is encoded again by itself, and not submitted. */
  async #culprit(prepared: Prepared): Promise<string> {
    const { layout, dispatches } = prepared;
    const where = `program ${layout.program.name}`;
    for (const [i, { step }] of dispatches.entries()) {
      const fault = await this.wait(
        where,
        faultOf(this.adapter.device, () => {
          const encoder = this.adapter.device.createCommandEncoder();
          prepared.encode(encoder, undefined, { from: i, to: i + 1 });
          encoder.finish();
        }),
      );
      if (fault !== undefined) return `${where}: the step ${layout.steps[step]!.step.name}`;
    }
    return where;
  }

  /** All but the `kept` programs that were used last. */
  forget(kept: number): void {
    for (const [key, prepared] of [...this.prepared].slice(0, Math.max(0, this.prepared.size - kept))) {
      prepared.destroy();
      this.prepared.delete(key);
    }
  }
  /** What is ready for the documents of one context. */
  #forgetOf(kept: Kept): void {
    for (const [key, prepared] of this.prepared) {
      if (prepared.kept !== kept) continue;
      prepared.destroy();
      this.prepared.delete(key);
    }
  }
  destroy(): void {
    this.forget(0);
    for (const kept of this.#kept.keys()) this.release(kept);
    for (const heap of Object.values(this.heaps)) heap.destroy();
  }
}
