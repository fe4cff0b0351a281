// A device that keeps lower limits than WebGPU lets one ask for: what is above `adapter.limits` throws where it is made.
// So a plan for small hardware is held to it on any hardware. Not seen: groups in a dispatch.
import type { Adapter } from "../../runtime/webgpu/adapter.ts";
import { type Limits, narrowed } from "../../runtime/webgpu/limits.ts";
import { BUFFER } from "../../runtime/webgpu/usage.ts";

const check = (name: string, have: number, most: number): void => {
  if (have > most) throw new Error(`narrow: ${name} is ${most}, and this is ${have}`);
};

const isStorage = ({ buffer }: GPUBindGroupLayoutEntry): boolean => buffer?.type?.endsWith("storage") === true;

/** Invocations of a workgroup in each dimension, of every entry point of a shader. They must be written as numbers. */
const workgroupsOf = (code: string): readonly (readonly number[])[] =>
  [...code.matchAll(/@workgroup_size\s*\(([^)]*)\)/g)].map(([whole, inner]) => {
    const sizes = inner!
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
    if (sizes.some((size) => !/^\d+[ui]?$/.test(size))) throw new Error(`narrow: ${whole} is not written as numbers`);
    return sizes.map((size) => Number.parseInt(size, 10));
  });

/** Bytes of workgroup memory of a shader. It must be arrays with a number of these. */
const memoryOf = (code: string): number =>
  [...code.matchAll(/var<workgroup>\s*\w+\s*:\s*([^;]*);/g)].reduce((sum, [whole, type]) => {
    const [, of, count] = /^array<(vec4<f32>|f32|u32), (\d+)>$/.exec(type!) ?? [];
    if (of === undefined) throw new Error(`narrow: ${whole} is not written as an array`);
    return sum + Number(count) * (of === "vec4<f32>" ? 16 : 4);
  }, 0);

/** An adapter whose device keeps limits as they were set last. */
export interface Narrow extends Adapter {
  /** The same device with other limits. What it made before was held to those of then. */
  under(limits: Partial<Limits>): Adapter;
}
/** The same adapter, its device changed for good: take one of your own. */
export const narrow = (adapter: Adapter): Narrow => {
  const { device } = adapter;
  let { limits } = adapter;
  const native = Object.getPrototypeOf(device) as GPUDevice;
  const storageOf = new WeakMap<GPUBindGroupLayout, number>();
  const binding = (resource: GPUBindingResource): void => {
    const bound = "buffer" in resource ? resource : { buffer: resource as GPUBuffer, offset: 0, size: undefined };
    const { buffer, offset = 0, size = buffer.size - offset } = bound;
    const uniform = (buffer.usage & BUFFER.STORAGE) === 0;
    if (uniform) check("maxUniformBufferBindingSize", size, limits.maxUniformBufferBindingSize);
    else check("maxStorageBufferBindingSize", size, limits.maxStorageBufferBindingSize);
  };
  const own: Partial<GPUDevice> = {
    createBuffer: (descriptor) => {
      check("maxBufferSize", descriptor.size, limits.maxBufferSize);
      return native.createBuffer.call(device, descriptor);
    },
    createBindGroupLayout: (descriptor) => {
      const layout = native.createBindGroupLayout.call(device, descriptor);
      storageOf.set(layout, [...descriptor.entries].filter(isStorage).length);
      return layout;
    },
    createPipelineLayout: (descriptor) => {
      const layouts = [...descriptor.bindGroupLayouts];
      const storage = layouts.map((layout) => (layout ? storageOf.get(layout)! : 0));
      const total = storage.reduce((sum, count) => sum + count, 0);
      check("maxStorageBuffersPerShaderStage", total, limits.maxStorageBuffersPerShaderStage);
      check("maxBindGroups", layouts.length, limits.maxBindGroups);
      return native.createPipelineLayout.call(device, descriptor);
    },
    createBindGroup: (descriptor) => {
      for (const { resource } of descriptor.entries) binding(resource);
      return native.createBindGroup.call(device, descriptor);
    },
    createShaderModule: (descriptor) => {
      const memory = memoryOf(descriptor.code);
      check("maxComputeWorkgroupStorageSize", memory, limits.maxComputeWorkgroupStorageSize);
      for (const [x = 1, y = 1, z = 1] of workgroupsOf(descriptor.code)) {
        check("maxComputeInvocationsPerWorkgroup", x * y * z, limits.maxComputeInvocationsPerWorkgroup);
        check("maxComputeWorkgroupSizeX", x, limits.maxComputeWorkgroupSizeX);
        check("maxComputeWorkgroupSizeY", y, limits.maxComputeWorkgroupSizeY);
        check("maxComputeWorkgroupSizeZ", z, limits.maxComputeWorkgroupSizeZ);
      }
      return native.createShaderModule.call(device, descriptor);
    },
    createComputePipeline: (descriptor) => {
      explicit(descriptor);
      return native.createComputePipeline.call(device, descriptor);
    },
    createComputePipelineAsync: (descriptor) => {
      explicit(descriptor);
      return native.createComputePipelineAsync.call(device, descriptor);
    },
  };
  Object.assign(device, own);
  return {
    ...adapter,
    under: (asked) => {
      limits = narrowed(adapter.limits, asked);
      return { ...adapter, limits };
    },
  };
};

const explicit = ({ layout }: GPUComputePipelineDescriptor): void => {
  if (layout === "auto") throw new Error("narrow: with the layout `auto` nobody sees what a pipeline binds");
};
