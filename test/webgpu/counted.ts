// A device whose buffers and pipelines are counted, and which can be made to fail.
import type { Adapter } from "../../runtime/webgpu/adapter.ts";

export interface Counted extends Adapter {
  /** buffers that were made and not destroyed, and the bytes of them */
  readonly live: () => { readonly buffers: number; readonly bytes: number };
  readonly pipelines: () => number;
  /** buffers made, bytes written to them and read back, and command buffers submitted, since the device was taken */
  readonly traffic: () => {
    readonly made: number;
    readonly written: number;
    readonly read: number;
    readonly submitted: number;
  };
  /** The next error scope of this kind catches an error. */
  failNext(filter: GPUErrorFilter): void;
}

/** Bytes of what a part of some data is counted in. */
const widthOf = (data: object): number => ("BYTES_PER_ELEMENT" in data ? Number(data.BYTES_PER_ELEMENT) : 1);

/** The same adapter, its device changed for good: take one of your own. */
export const counted = (adapter: Adapter): Counted => {
  const { device } = adapter;
  const native = Object.getPrototypeOf(device) as GPUDevice;
  const buffers = new Map<GPUBuffer, number>();
  let pipelines = 0;
  const traffic = { made: 0, written: 0, read: 0, submitted: 0 };
  const { queue } = device;
  const nativeQueue = Object.getPrototypeOf(queue) as GPUQueue;
  queue.writeBuffer = (buffer, offset, data, from = 0, size = data.byteLength / widthOf(data) - from) => {
    traffic.written += size * widthOf(data);
    return nativeQueue.writeBuffer.call(queue, buffer, offset, data as ArrayBuffer, from, size);
  };
  queue.submit = (commands) => {
    const all = [...commands];
    traffic.submitted += all.length;
    return nativeQueue.submit.call(queue, all);
  };
  let failing: GPUErrorFilter | undefined;
  const scopes: GPUErrorFilter[] = [];
  const own: Partial<GPUDevice> = {
    createBuffer: (descriptor) => {
      const buffer = native.createBuffer.call(device, descriptor);
      const destroy = buffer.destroy.bind(buffer);
      buffers.set(buffer, descriptor.size);
      traffic.made++;
      const map = buffer.mapAsync.bind(buffer);
      buffer.mapAsync = (...args) => {
        traffic.read += descriptor.size;
        return map(...args);
      };
      buffer.destroy = () => {
        buffers.delete(buffer);
        return destroy();
      };
      return buffer;
    },
    createComputePipelineAsync: (descriptor) => {
      pipelines++;
      return native.createComputePipelineAsync.call(device, descriptor);
    },
    pushErrorScope: (filter) => {
      scopes.push(filter);
      return native.pushErrorScope.call(device, filter);
    },
    popErrorScope: async () => {
      const filter = scopes.pop();
      const found = native.popErrorScope.call(device);
      if (filter !== failing) return found;
      failing = undefined;
      await found;
      return { message: "nothing is left" } as GPUError;
    },
  };
  Object.assign(device, own);
  return {
    ...adapter,
    live: () => ({ buffers: buffers.size, bytes: [...buffers.values()].reduce((sum, bytes) => sum + bytes, 0) }),
    pipelines: () => pipelines,
    traffic: () => ({ ...traffic }),
    failNext: (filter) => {
      failing = filter;
    },
  };
};
