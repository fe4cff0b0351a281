// A narrow device refuses what is above its limits and does all else as before.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Adapter } from "../../runtime/webgpu/adapter.ts";
import { BUFFER, MAP, STAGE } from "../../runtime/webgpu/usage.ts";
import { ownGpu } from "./gpu.ts";
import { narrow } from "./narrow.ts";

const limits = {
  maxStorageBufferBindingSize: 16384,
  maxBufferSize: 65536,
  maxStorageBuffersPerShaderStage: 4,
  maxComputeInvocationsPerWorkgroup: 128,
};
let adapter: Adapter;
beforeAll(async () => {
  adapter = narrow(await ownGpu({ limits }));
});
afterAll(() => adapter.close());

const layoutOf = (storage: number): GPUBindGroupLayout =>
  adapter.device.createBindGroupLayout({
    entries: Array.from({ length: storage }, (_, binding) => ({
      binding,
      visibility: STAGE.COMPUTE,
      buffer: { type: "storage" as const },
    })),
  });
const buffer = (size: number): GPUBuffer =>
  adapter.device.createBuffer({ size, usage: BUFFER.STORAGE | BUFFER.COPY_SRC });
const shader = (size: string): string =>
  `@group(0) @binding(0) var<storage, read_write> x: array<u32>;
   @compute @workgroup_size(${size}) fn main(@builtin(global_invocation_id) at: vec3u) { x[at.x] = at.x; }`;

test("buffers and bindings", () => {
  expect(() => buffer(65540)).toThrow("maxBufferSize is 65536, and this is 65540");
  const [layout, whole] = [layoutOf(1), buffer(65536)];
  const bind = (resource: GPUBindingResource): GPUBindGroup =>
    adapter.device.createBindGroup({ layout, entries: [{ binding: 0, resource }] });
  expect(() => bind({ buffer: whole })).toThrow("maxStorageBufferBindingSize is 16384, and this is 65536");
  expect(() => bind({ buffer: whole, offset: 49152 })).not.toThrow();
  expect(() => bind({ buffer: whole, offset: 1024, size: 16388 })).toThrow("this is 16388");
});

test("storage buffers of a pipeline, over its groups", () => {
  const pipeline = (...counts: readonly number[]): GPUPipelineLayout =>
    adapter.device.createPipelineLayout({ bindGroupLayouts: counts.map(layoutOf) });
  expect(() => pipeline(2, 2)).not.toThrow();
  expect(() => pipeline(3, 2)).toThrow("maxStorageBuffersPerShaderStage is 4, and this is 5");
  const module = adapter.device.createShaderModule({ code: shader("64") });
  expect(() => adapter.device.createComputePipeline({ layout: "auto", compute: { module } })).toThrow("`auto`");
});

test("workgroups", () => {
  const make = (size: string): GPUShaderModule => adapter.device.createShaderModule({ code: shader(size) });
  expect(() => make("16, 8")).not.toThrow();
  expect(() => make("16, 16")).toThrow("maxComputeInvocationsPerWorkgroup is 128, and this is 256");
  expect(() => make("SIZE")).toThrow("not written as numbers");
});

test("what keeps them runs", async () => {
  const { device } = adapter;
  const layout = layoutOf(1);
  const pipeline = await device.createComputePipelineAsync({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code: shader("128") }) },
  });
  const [x, back] = [buffer(512), device.createBuffer({ size: 512, usage: BUFFER.MAP_READ | BUFFER.COPY_DST })];
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer: x } }] }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(x, 0, back, 0, 512);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(MAP.READ);
  expect(new Uint32Array(back.getMappedRange())[127]).toBe(127);
  back.unmap();
});
