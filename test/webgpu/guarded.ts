// A device whose storage buffers begin as NaN and end in NaN: what reads a number that nobody wrote, or beyond the end,
// gives NaN; and what writes beyond the end is found there.
import type { Adapter } from "../../runtime/webgpu/adapter.ts";
import { BUFFER, MAP } from "../../runtime/webgpu/usage.ts";

const GUARD = 16_384;
/** A NaN that no computation gives. */
const CANARY = 0x7fc0_ca4a;

export interface Guarded {
  readonly adapter: Adapter;
  /** the labels of the buffers, not yet destroyed, beyond whose end something was written */
  trespassed(): Promise<readonly string[]>;
}

/** The same adapter, its device changed for good: take one of your own. */
export const guarded = (adapter: Adapter): Guarded => {
  const { device } = adapter;
  const native = Object.getPrototypeOf(device) as GPUDevice;
  const alive = new Map<GPUBuffer, number>();
  const createBuffer = (descriptor: GPUBufferDescriptor): GPUBuffer => {
    if ((descriptor.usage & BUFFER.STORAGE) === 0) return native.createBuffer.call(device, descriptor);
    const size = descriptor.size + GUARD;
    const buffer = native.createBuffer.call(device, { ...descriptor, size, mappedAtCreation: true });
    new Uint32Array(buffer.getMappedRange()).fill(CANARY);
    buffer.unmap();
    alive.set(buffer, descriptor.size);
    // Whoever made it has no part in the guard; only shaders have.
    Object.defineProperty(buffer, "size", { value: descriptor.size });
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      alive.delete(buffer);
      return destroy();
    };
    return buffer;
  };
  const reaching = ({ buffer, offset = 0, size = buffer.size - offset }: GPUBufferBinding): GPUBufferBinding => {
    const isWhole = alive.get(buffer) === offset + size;
    return { buffer, offset, size: isWhole ? size + GUARD : size };
  };
  const createBindGroup = (descriptor: GPUBindGroupDescriptor): GPUBindGroup =>
    native.createBindGroup.call(device, {
      ...descriptor,
      entries: [...descriptor.entries].map((entry) =>
        "buffer" in entry.resource ? { ...entry, resource: reaching(entry.resource) } : entry,
      ),
    });
  Object.assign(device, { createBuffer, createBindGroup });
  const isTouched = async (buffer: GPUBuffer, end: number): Promise<boolean> => {
    const back = native.createBuffer.call(device, { size: GUARD, usage: BUFFER.MAP_READ | BUFFER.COPY_DST });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, end, back, 0, GUARD);
    device.queue.submit([encoder.finish()]);
    await back.mapAsync(MAP.READ);
    const touched = new Uint32Array(back.getMappedRange()).some((word) => word !== CANARY);
    back.destroy();
    return touched;
  };
  return {
    adapter,
    trespassed: async () => {
      const found: string[] = [];
      for (const [buffer, end] of alive) if (await isTouched(buffer, end)) found.push(buffer.label);
      return found;
    },
  };
};
