// The way to a GPU: what is opened, what is refused and how, and a first shader that really runs.
import { describe, expect, test } from "vitest";
import { Failure } from "../../runtime/failure.ts";
import { openAdapter } from "../../runtime/webgpu/adapter.ts";
import { BUFFER, MAP } from "../../runtime/webgpu/usage.ts";
import { gpu } from "./gpu.ts";

/** The sum of the four invocations of a subgroup, or of two vectors, element by element. */
const ADD = `
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) at: vec3u) {
  if (at.x < arrayLength(&c)) { c[at.x] = a[at.x] + b[at.x]; }
}`;
const ADD_SUBGROUP = `enable subgroups;
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) at: vec3u, @builtin(subgroup_size) size: u32) {
  let sum = subgroupAdd(a[at.x] + b[at.x]);
  c[at.x] = sum / f32(size);
}`;

/** Runs a shader on two vectors and reads the third. */
const run = async (device: GPUDevice, code: string, a: Float32Array, b: Float32Array): Promise<Float32Array> => {
  const pipeline = await device.createComputePipelineAsync({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }) },
  });
  const size = a.byteLength;
  const buffers = [a, b, new Float32Array(a.length)].map((data) => {
    const buffer = device.createBuffer({ size, usage: BUFFER.STORAGE | BUFFER.COPY_DST | BUFFER.COPY_SRC });
    device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
    return buffer;
  });
  const back = device.createBuffer({ size, usage: BUFFER.MAP_READ | BUFFER.COPY_DST });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(Math.ceil(a.length / 64));
  pass.end();
  encoder.copyBufferToBuffer(buffers[2]!, 0, back, 0, size);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(MAP.READ);
  const result = new Float32Array(back.getMappedRange().slice(0));
  for (const buffer of [...buffers, back]) buffer.destroy();
  return result;
};
const failure = async (promise: Promise<unknown>): Promise<Failure> => {
  const thrown = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(thrown).toBeInstanceOf(Failure);
  return thrown as Failure;
};

const a = Float32Array.from({ length: 192 }, (_, i) => i / 4);
const b = Float32Array.from({ length: 192 }, (_, i) => 1000 - i);

describe("a shader runs", () => {
  test("on plain invocations, also where the last workgroup is not full", async () => {
    const { device } = await gpu();
    const sum = await run(device, ADD, a.slice(0, 150), b.slice(0, 150));
    expect(sum).toEqual(a.slice(0, 150).map((value, i) => value + b[i]!));
  });

  test("on subgroups, where there are some", async ({ skip }) => {
    const { device, features, info } = await gpu();
    if (!features.has("subgroups")) skip("this GPU has no subgroups");
    expect(info.subgroup[0]).toBeGreaterThan(0);
    const sum = await run(device, ADD_SUBGROUP, a, b);
    const mean = [...sum].reduce((x, y) => x + y, 0) / sum.length;
    const wanted = [...a].reduce((x, value, i) => x + value + b[i]!, 0) / a.length;
    expect(mean).toBeCloseTo(wanted, 2);
    // Every invocation of a subgroup has the same sum, and a subgroup is not the whole.
    expect(new Set(sum).size).toBeLessThanOrEqual(sum.length / info.subgroup[0]);
    expect(new Set(sum).size).toBeGreaterThan(1);
  });
});

describe("what is opened", () => {
  test("has the limits of the hardware and not the defaults", async () => {
    const { limits, device, info } = await gpu();
    expect(limits.maxStorageBufferBindingSize).toBe(device.limits.maxStorageBufferBindingSize);
    expect(limits.maxBufferSize).toBeGreaterThan(0);
    if (process.env["GRAFTWERK_GPU"] !== "swiftshader") return;
    expect(info).toMatchObject({ vendor: "google", architecture: "swiftshader", software: true, subgroup: [4, 4] });
    expect(limits).toMatchObject({
      maxStorageBufferBindingSize: 2 ** 30,
      maxStorageBuffersPerShaderStage: 12,
      maxComputeWorkgroupStorageSize: 32768,
    });
  });

  test("has only the features that are asked for", async () => {
    const opened = await openAdapter({ features: [] });
    expect([...opened.features]).toEqual([]);
    expect(opened.device.features.has("subgroups")).toBe(false);
    opened.close();
  });

  test("says lower limits than the device has, where they are asked for", async () => {
    const opened = await openAdapter({ limits: { maxStorageBufferBindingSize: 16384 } });
    expect(opened.limits.maxStorageBufferBindingSize).toBe(16384);
    expect(opened.device.limits.maxStorageBufferBindingSize).toBeGreaterThan(16384);
    opened.close();
  });

  test("on the level of compatibility refuses more than 128 invocations itself", async () => {
    const opened = await openAdapter({ level: "compatibility" });
    expect(opened.limits.maxComputeInvocationsPerWorkgroup).toBe(128);
    opened.device.pushErrorScope("validation");
    const module = opened.device.createShaderModule({ code: ADD.replace("(64)", "(256)") });
    opened.device.createComputePipeline({ layout: "auto", compute: { module } });
    expect((await opened.device.popErrorScope())?.message).toMatch(/exceeds the maximum allowed \(128/);
    opened.close();
  });

  test("says what the device finds wrong", async () => {
    const found: string[] = [];
    const opened = await openAdapter({ onError: (message) => found.push(message) });
    opened.device.createBuffer({ size: 2 ** 52, usage: BUFFER.STORAGE });
    await opened.device.queue.onSubmittedWorkDone();
    expect(found.join()).toMatch(/exceeds the max buffer size limit/);
    opened.close();
  });
});

describe("what is refused", () => {
  test("limits that do not suffice: which, what there is, what is needed", async () => {
    const { kind, message } = await failure(
      openAdapter({ needs: { limits: { maxBindGroups: 99, maxBufferSize: 1 } } }),
    );
    expect(kind).toBe("device");
    expect(message).toMatch(/^the limits of the GPU .+ do not suffice:\n {2}maxBindGroups: \d+, needed 99\n {2}help: /);
  });

  test("needs above the lower limits of a test", async () => {
    const limits = { maxStorageBufferBindingSize: 16384 };
    const needs = { limits: { maxStorageBufferBindingSize: 32768 } };
    const { message } = await failure(openAdapter({ limits, needs }));
    expect(message).toContain("maxStorageBufferBindingSize: 16384, needed 32768");
  });

  test("a limit that is none", async () => {
    const limits = { maxStorage: 1 } as Readonly<Record<string, number>>;
    expect(await failure(openAdapter({ limits }))).toMatchObject({ kind: "call" });
  });
});

describe("the end of a device", () => {
  test("is told as closed after close", async () => {
    const opened = await openAdapter();
    opened.close();
    expect(await opened.lost).toMatchObject({ reason: "closed" });
  });

  test("is told as lost otherwise", async () => {
    const opened = await openAdapter();
    opened.device.destroy();
    expect(await opened.lost).toMatchObject({ reason: "lost" });
  });
});
