// Ids drawn on a device from logits that lie there, the same as runtime/generate/sampling.ts draws: they are left in a
// buffer, where the next step of a model may read them, so that several come about before one is read back.
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
import { NONE, type Numbers, NUMBERS, samplerKernel, type SamplerForm, UNDEFINED } from "./samplerKernel.ts";
import { BUFFER, STAGE } from "./usage.ts";

export interface SamplerPlaces {
  /** f32, `[rows, count]`: a row from each `stride` numbers, by default densely, from `offset` bytes, a multiple of 4 */
  readonly logits: {
    readonly buffer: GPUBuffer;
    readonly offset: number;
    readonly count: number;
    readonly rows?: number;
    readonly stride?: number;
  };
  /** u32, `[rows, stride]`, from the beginning of a buffer that is not the one of the logits; one row is all of it */
  readonly ids: { readonly buffer: GPUBuffer; readonly stride?: number };
  /** the ids that may be drawn; no others are looked at; all by default */
  readonly allowed?: readonly Span[];
}
export interface DeviceDraw extends Place {
  /** where in each row of ids the drawn one goes */
  readonly at: number;
  /** the part of each row of ids that the penalty is for; what is no id of the vocabulary is passed over */
  readonly recent?: Span;
}
export interface Draws {
  /** Encodes a draw, by its place in the list; row r takes its numbers from stream + r. */
  encode(pass: GPUComputePassEncoder, draw: number): void;
  /** Once all that was encoded has been submitted. */
  destroy(): void;
}
export interface DeviceSampler {
  /** Draws to come, in the order in which they will be encoded or in any. @throws Failure "call" */
  draws(list: readonly DeviceDraw[]): Draws;
  /** Once all that was encoded has been submitted. */
  destroy(): void;
}

/** The ids in words that were read back. @throws Failure "call", as a sampler on the host, for draws that gave none */
export const idsOf = (words: Uint32Array): number[] =>
  Array.from(words, (word) => {
    if (word === UNDEFINED) throw undefinedLogits();
    if (word === NONE) throw noLogits();
    return word;
  });

/** @throws Failure "call" for settings or places that are none; "device" where the GPU refuses */
export const openSampler = async (
  { device, limits }: Pick<Adapter, "device" | "limits">,
  sampling: Sampling,
  places: SamplerPlaces,
): Promise<DeviceSampler> => {
  const rule = ruleOf(sampling);
  const { logits, ids, allowed } = places;
  const { buffer, offset, count, rows = 1, stride = count } = logits;
  checkVocabulary(count);
  const may = allowedOf(allowed, count);
  const idStride = ids.stride ?? Math.floor(ids.buffer.size / 4);
  const last = offset / 4 + (rows - 1) * stride + count;
  const whole = [offset / 4, rows, stride, idStride].every((number) => Number.isSafeInteger(number) && number >= 0);
  if (!whole || rows < 1 || rows > limits.maxComputeWorkgroupsPerDimension || idStride < 1 || buffer === ids.buffer)
    throw new Failure("call", "a sampler has logits and ids in two buffers, at whole numbers of f32 and u32");
  if (last * 4 > buffer.size || rows * idStride * 4 > ids.buffer.size)
    throw new Failure("call", `the logits or ids of ${rows} rows reach beyond their buffers`);

  // More would idle where there are few ids.
  const invocations = count <= 1024 ? 32 : limits.maxComputeInvocationsPerWorkgroup >= 256 ? 256 : 128;
  const { layout, pipeline } = await pipelineOf(device, {
    invocations,
    greedy: rule.slope === undefined,
    topK: rule.topK !== 0,
    topP: rule.topP !== 0,
    penalizes: rule.penalizes,
  });
  const aligned = Math.floor(offset / limits.minStorageBufferOffsetAlignment) * limits.minStorageBufferOffsetAlignment;
  const slot = alignUp(NUMBERS.length * 4, limits.minUniformBufferOffsetAlignment);
  const fixed = { count, first: (offset - aligned) / 4, stride, idStride, ...numbersOf(rule) };
  const made: GPUBuffer[] = [];
  const make = (label: string, usage: number, data: Uint32Array): GPUBuffer => {
    const buffer = device.createBuffer({ label, size: data.byteLength, usage, mappedAtCreation: true });
    new Uint32Array(buffer.getMappedRange()).set(data);
    buffer.unmap();
    return buffer;
  };
  const fault = await faultOf(device, () => {
    made.push(
      make("powers", BUFFER.UNIFORM, padded(TABLE)),
      make("allowed ids", BUFFER.STORAGE, bitsOf(may, count)),
      device.createBuffer({
        label: "keys of scores",
        size: rows * count * 4,
        usage: BUFFER.STORAGE,
      }),
    );
  });
  const destroy = (): void => made.forEach((each) => each.destroy());
  if (fault !== undefined) {
    destroy();
    throw fault;
  }

  const draws = (list: readonly DeviceDraw[]): Draws => {
    const data = new Uint32Array((Math.max(1, list.length) * slot) / 4);
    for (const [i, draw] of list.entries()) {
      const { at, recent: [recentFrom, recentTo] = [0, 0] } = draw;
      const right = [at, recentFrom, recentTo].every((place) => Number.isSafeInteger(place) && place >= 0);
      if (!right || at >= idStride || recentFrom > recentTo || recentTo > idStride)
        throw new Failure("call", `a draw reads ids ${recentFrom} to ${recentTo} and writes ${at}, of ${idStride}`);
      const [counterLow, counterHigh, stream] = placeOf(draw);
      placeOf({ counter: 0, stream: stream + rows - 1 });
      const numbers: Numbers = { ...fixed, counterLow, counterHigh, stream, at, recentFrom, recentTo };
      data.set(
        NUMBERS.map((name) => numbers[name]),
        (i * slot) / 4,
      );
    }
    const uniform = make("draws", BUFFER.UNIFORM, data);
    const group = device.createBindGroup({
      layout,
      entries: [
        { buffer: uniform, size: NUMBERS.length * 4 },
        { buffer: made[0]! },
        { buffer, offset: aligned, size: last * 4 - aligned },
        { buffer: made[1]! },
        { buffer: made[2]! },
        { buffer: ids.buffer, size: rows * idStride * 4 },
      ].map((resource, binding) => ({ binding, resource })),
    });
    return {
      encode: (pass, draw) => {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group, [draw * slot]);
        pass.dispatchWorkgroups(rows);
      },
      destroy: () => uniform.destroy(),
    };
  };
  return { draws, destroy };
};

/** What of the kernel's numbers a setting decides. */
const numbersOf = ({ slope, topK, topP, factors, seed }: Rule) => {
  const [factorAbove, factorOther] = new Uint32Array(Float32Array.from(factors).buffer) as unknown as [number, number];
  return {
    seedLow: seed[0],
    seedHigh: seed[1],
    shift: slope?.shift ?? 0,
    scale: slope?.scale ?? 0,
    topK,
    topP,
    factorAbove,
    factorOther,
  };
};
const padded = (table: Uint32Array): Uint32Array => {
  const whole = new Uint32Array(alignUp(table.length, 4));
  whole.set(table);
  return whole;
};
/** A bit for each id, 32 in a word, the lowest first. */
const bitsOf = (may: Uint8Array | undefined, count: number): Uint32Array => {
  const words = new Uint32Array(Math.ceil(count / 32));
  for (let id = 0; id < count; id++) if (may?.[id] !== 0) words[id >>> 5]! |= 1 << (id & 31);
  return words;
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
