// Ids drawn on a device from logits that lie there, the same as runtime/generate/sampling.ts draws. They stay there, and so
// do numbers that the next call of a model makes of them: so several come about before one is read back.
import { Failure, reasonOf } from "../failure.ts";
import {
  allowedOf,
  checkVocabulary,
  noLogits,
  type Place,
  placeOf,
  type Rule,
  ruleOf,
  type Sampling,
  type Span,
  undefinedLogits,
} from "../generate/sampling.ts";
import { TABLE } from "../generate/scores.ts";
import type { Adapter } from "./adapter.ts";
import { faultOf } from "./faults.ts";
import { alignUp } from "./heap.ts";
import { samplerKernel, type SamplerForm } from "./samplerKernel.ts";
import { FOLLOW, NONE, type Numbers, NUMBERS, type Row, ROW, UNDEFINED } from "./samplerWords.ts";
import { BUFFER, STAGE } from "./usage.ts";

/** How much a sampler draws. */
export interface SamplerSizes {
  /** at once, at most */
  readonly rows: number;
  /** ids of the vocabulary */
  readonly count: number;
  /** draws of a row behind each other, at most; 1 by default */
  readonly steps?: number;
  /** numbers that follow ids; 0 by default */
  readonly follows?: number;
}
/** A row of logits, and how ids are drawn from it: at each step with the counter of the one before, and 1. */
export interface SampledRow extends Place {
  readonly seed: number | bigint;
  /** ids that the penalty is for, beside those that the row draws; what is no id of the vocabulary is passed over */
  readonly recent?: readonly number[] | undefined;
  /** the ids that may be drawn; no others are looked at; all by default */
  readonly allowed?: readonly Span[] | undefined;
  /** by which numbers that follow it name it; 0 by default */
  readonly document?: number;
}

/** The ids in words that were read back. @throws Failure "call", as a sampler on the host, for draws that gave none */
export const idsOf = (words: Uint32Array): number[] =>
  Array.from(words, (word) => {
    if (word === UNDEFINED) throw undefinedLogits();
    if (word === NONE) throw noLogits();
    return word;
  });
export const isDrawn = (word: number): boolean => word !== UNDEFINED && word !== NONE;

/**
 * Whether it is better to draw on a device than from logits that are read back: where a processor acts as a GPU they are
 * near already, and the host is faster in adding up the weights of many ids.
 */
export const drawsWell = (
  { software }: Pick<Adapter["info"], "software">,
  { temperature = 1 }: Omit<Sampling, "seed">,
  count: number,
): boolean => !software || temperature === 0 || count <= FEW_ON_PROCESSOR;
const FEW_ON_PROCESSOR = 4096;

/** Bytes of the largest buffer that a sampler needs, and of all of them. */
export const samplerBytes = ({ rows, count }: SamplerSizes): { readonly largest: number; readonly all: number } => ({
  largest: 4 * rows * count,
  all: 8 * rows * count,
});

interface Buffers {
  /** f32, `[rows, count]`: for whoever draws to write */
  readonly logits: GPUBuffer;
  /** u32: `[follows, 4]`, then `[rows, steps]` */
  readonly ids: GPUBuffer;
  readonly keys: GPUBuffer;
  readonly powers: GPUBuffer;
  readonly numbers: GPUBuffer;
}

export class DeviceSampler {
  readonly #device: GPUDevice;
  readonly #rule: Rule;
  readonly #sizes: Required<SamplerSizes>;
  readonly #made: Made;
  readonly #slot: number;
  readonly #buffers: Buffers;
  /** bits of allowed ids, rows, what follows ids, and recent ids */
  #given: GPUBuffer;
  #group: GPUBindGroup;
  /** the ids that may be drawn of each row, as they are on the device */
  readonly #allowed: string[] = [];
  #drawing = 0;

  private constructor(device: GPUDevice, rule: Rule, sizes: Required<SamplerSizes>, made: Made, alignment: number) {
    this.#device = device;
    this.#rule = rule;
    this.#sizes = sizes;
    this.#made = made;
    this.#slot = alignUp(NUMBERS.length * 4, alignment);
    const { rows, count, steps, follows } = sizes;
    const room = (label: string, words: number, usage = 0): GPUBuffer =>
      device.createBuffer({ label, size: 4 * words, usage: usage | BUFFER.STORAGE | BUFFER.COPY_DST });
    this.#buffers = {
      logits: room("logits", rows * count),
      ids: room("ids", FOLLOW * follows + rows * steps, BUFFER.COPY_SRC),
      keys: room("keys of scores", rows * count),
      powers: filled(device, "powers", padded(TABLE)),
      numbers: filled(device, "numbers of draws", this.#numbers()),
    };
    this.#given = this.#roomFor(rule.penalizes ? FIRST_ROOM : 0);
    this.#group = this.#bound();
  }

  /** @throws Failure "call" for settings or sizes that are none; "device" where the GPU refuses */
  static async open(
    { device, limits, info }: Pick<Adapter, "device" | "limits" | "info">,
    sampling: Omit<Sampling, "seed">,
    { rows, count, steps = 1, follows = 0 }: SamplerSizes,
  ): Promise<DeviceSampler> {
    const rule = ruleOf({ ...sampling, seed: 0 });
    checkVocabulary(count);
    const most = limits.maxComputeWorkgroupsPerDimension;
    if (![rows, steps].every((size) => Number.isSafeInteger(size) && size >= 1 && size <= most))
      throw new Failure("call", `a sampler of ${rows} rows and ${steps} steps was asked for`, `from 1 to ${most}`);
    const made = await pipelineOf(device, {
      // More would idle where there are few ids, and wait for each other where a processor acts as a GPU.
      invocations: count <= 1024 || info.software ? 32 : limits.maxComputeInvocationsPerWorkgroup >= 256 ? 256 : 128,
      greedy: rule.slope === undefined,
      topK: rule.topK !== 0,
      topP: rule.topP !== 0,
      penalizes: rule.penalizes,
    });
    let opened: DeviceSampler | undefined;
    const fault = await faultOf(device, () => {
      const sizes = { rows, count, steps, follows };
      opened = new DeviceSampler(device, rule, sizes, made, limits.minUniformBufferOffsetAlignment);
    });
    if (fault === undefined) return opened!;
    opened?.destroy();
    throw fault;
  }

  /** f32, `[rows, count]`: what is drawn from. */
  get logits(): GPUBuffer {
    return this.#buffers.logits;
  }
  /** u32: of each number that follows an id a vec4, which begins with it; then, from `drawnAt` bytes on, `[rows, steps]`. */
  get ids(): GPUBuffer {
    return this.#buffers.ids;
  }
  get drawnAt(): number {
    return 4 * FOLLOW * this.#sizes.follows;
  }
  get #bitWords(): number {
    return Math.ceil(this.#sizes.count / 32);
  }
  get #rowsAt(): number {
    return this.#sizes.rows * this.#bitWords;
  }
  get #followsAt(): number {
    return this.#rowsAt + ROW.length * this.#sizes.rows;
  }
  get #recentAt(): number {
    return this.#followsAt + FOLLOW * this.#sizes.follows;
  }

  /**
   * What the next draws are, by rows of logits. `follow` has for each number that follows an id the document, what is added
   * to its id, and the least and the largest that comes of it. @throws Failure "call" for a draw that is none
   */
  begin(rows: readonly SampledRow[], follow: Int32Array = new Int32Array(FOLLOW * this.#sizes.follows)): void {
    const { rows: most, follows } = this.#sizes;
    if (rows.length > most || follow.length !== FOLLOW * follows)
      throw new Failure("call", `a sampler of ${most} rows and ${follows} numbers was given others`);
    const recent = rows.map((row) => (this.#rule.penalizes ? [...new Set(row.recent)].filter(isWord) : []));
    const words = new Uint32Array(this.#recentAt - this.#rowsAt + recent.flat().length);
    let at = this.#recentAt;
    for (const [r, row] of rows.entries()) {
      const [counterLow, counterHigh, stream] = placeOf(row);
      const [seedLow, seedHigh] = ruleOf({ seed: row.seed }).seed;
      const [recentFrom, document = 0] = [at, row.document];
      words.set(recent[r]!, at - this.#rowsAt);
      at += recent[r]!.length;
      const told: Row = { seedLow, seedHigh, counterLow, counterHigh, stream, recentFrom, recentTo: at, document };
      words.set(
        ROW.map((name) => told[name]),
        ROW.length * r,
      );
    }
    words.set(new Uint32Array(follow.buffer, follow.byteOffset, follow.length), this.#followsAt - this.#rowsAt);
    this.#grow(at);
    for (const [r, { allowed }] of rows.entries()) this.#allow(r, allowed);
    this.#device.queue.writeBuffer(this.#given, 4 * this.#rowsAt, words);
    this.#drawing = rows.length;
  }
  /** Encodes the draws of a step, of which those of the steps before are encoded. */
  encode(pass: GPUComputePassEncoder, step: number): void {
    pass.setPipeline(this.#made.pipeline);
    pass.setBindGroup(0, this.#group, [step * this.#slot]);
    pass.dispatchWorkgroups(this.#drawing);
  }
  /** Once all that was encoded has been submitted. */
  destroy(): void {
    for (const buffer of [this.#given, ...Object.values(this.#buffers)]) buffer.destroy();
  }

  /** A bit for each id, 32 in a word, the lowest first; written only where it is another. */
  #allow(row: number, allowed: readonly Span[] | undefined): void {
    const key = JSON.stringify(allowed ?? null);
    if (this.#allowed[row] === key) return;
    const { count } = this.#sizes;
    const may = allowedOf(allowed, count);
    const words = new Uint32Array(this.#bitWords);
    for (let id = 0; id < count; id++) if (may?.[id] !== 0) words[id >>> 5]! |= 1 << (id & 31);
    this.#device.queue.writeBuffer(this.#given, 4 * row * this.#bitWords, words);
    this.#allowed[row] = key;
  }
  /** Room for recent ids, by doubling. */
  #grow(words: number): void {
    if (4 * words <= this.#given.size) return;
    this.#given.destroy();
    this.#allowed.length = 0;
    this.#given = this.#roomFor(2 * (words - this.#recentAt));
    this.#group = this.#bound();
  }
  #roomFor(recent: number): GPUBuffer {
    const size = 4 * (this.#recentAt + recent);
    return this.#device.createBuffer({ label: "draws", size, usage: BUFFER.STORAGE | BUFFER.COPY_DST });
  }
  #bound(): GPUBindGroup {
    const { numbers, powers, logits, keys, ids } = this.#buffers;
    const resources = [{ buffer: numbers, size: NUMBERS.length * 4 }].concat(
      [powers, logits, this.#given, keys, ids].map((buffer) => ({ buffer, size: buffer.size })),
    );
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    return this.#device.createBindGroup({ label: "sampler", layout: this.#made.layout, entries });
  }
  /** Of each step those that its draws have in common. */
  #numbers(): Uint32Array {
    const { count, steps, follows } = this.#sizes;
    const { slope, topK, topP, factors } = this.#rule;
    const [factorAbove, factorOther] = new Uint32Array(Float32Array.from(factors).buffer) as unknown as [
      number,
      number,
    ];
    const data = new Uint32Array((steps * this.#slot) / 4);
    for (let step = 0; step < steps; step++) {
      const numbers: Numbers = {
        count,
        step,
        steps,
        bitWords: this.#bitWords,
        rowsAt: this.#rowsAt,
        followsAt: this.#followsAt,
        follows,
        drawnAt: FOLLOW * follows,
        shift: slope?.shift ?? 0,
        scale: slope?.scale ?? 0,
        topK,
        topP,
        factorAbove,
        factorOther,
      };
      data.set(
        NUMBERS.map((name) => numbers[name]),
        (step * this.#slot) / 4,
      );
    }
    return data;
  }
}
/** Recent ids, before there are more. */
const FIRST_ROOM = 256;

const isWord = (id: number): boolean => Number.isSafeInteger(id) && id >= 0 && id < 2 ** 32;
const filled = (device: GPUDevice, label: string, data: Uint32Array): GPUBuffer => {
  const buffer = device.createBuffer({ label, size: data.byteLength, usage: BUFFER.UNIFORM, mappedAtCreation: true });
  new Uint32Array(buffer.getMappedRange()).set(data);
  buffer.unmap();
  return buffer;
};
const padded = (table: Uint32Array): Uint32Array => {
  const whole = new Uint32Array(alignUp(table.length, 4));
  whole.set(table);
  return whole;
};

interface Made {
  readonly layout: GPUBindGroupLayout;
  readonly pipeline: GPUComputePipeline;
}
const known = new WeakMap<GPUDevice, Map<string, Promise<Made>>>();
/** Made once for each device and form. */
const pipelineOf = (device: GPUDevice, form: SamplerForm): Promise<Made> => {
  const wgsl = samplerKernel(form);
  const ofDevice = known.get(device) ?? new Map<string, Promise<Made>>();
  known.set(device, ofDevice);
  const found = ofDevice.get(wgsl);
  if (found !== undefined) return found;
  const made = makePipeline(device, wgsl);
  ofDevice.set(wgsl, made);
  // What was refused for want of memory may be made later.
  made.catch(() => ofDevice.delete(wgsl));
  return made;
};
const TYPES = ["uniform", "uniform", "read-only-storage", "read-only-storage", "storage", "storage"] as const;
const makePipeline = async (device: GPUDevice, code: string): Promise<Made> => {
  let layout: GPUBindGroupLayout | undefined;
  let pipeline: Promise<GPUComputePipeline> | undefined;
  const fault = await faultOf(device, () => {
    layout = device.createBindGroupLayout({
      label: "sampler",
      entries: TYPES.map((type, binding) => ({
        binding,
        visibility: STAGE.COMPUTE,
        buffer: { type, hasDynamicOffset: binding === 0 },
      })),
    });
    pipeline = device.createComputePipelineAsync({
      label: "sampler",
      layout: device.createPipelineLayout({ label: "sampler", bindGroupLayouts: [layout] }),
      compute: { module: device.createShaderModule({ label: "sampler", code }) },
    });
    pipeline.catch(() => undefined);
  });
  if (fault !== undefined) throw fault;
  try {
    return { layout: layout!, pipeline: await pipeline! };
  } catch (cause) {
    throw new Failure("device", `the GPU refuses the kernel sampler: ${reasonOf(cause)}`, undefined, cause);
  }
};
