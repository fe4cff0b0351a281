// The guard finds who reads beyond the end, who reads what nobody wrote, and who writes beyond the end.
import { afterAll, beforeAll, expect, test } from "vitest";
import { BUFFER, MAP } from "../../runtime/webgpu/usage.ts";
import { ownGpu } from "./gpu.ts";
import { type Guarded, guarded } from "./guarded.ts";

let guard: Guarded;
beforeAll(async () => {
  guard = guarded(await ownGpu());
});
afterAll(() => guard.adapter.close());

/** Runs one line on a buffer of 64 numbers, of which the first half is written; gives what it leaves in the first. */
const run = async (line: string): Promise<number> => {
  const { device } = guard.adapter;
  const code = `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(1) fn main() { ${line} }`;
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }) },
  });
  const usage = BUFFER.STORAGE | BUFFER.COPY_SRC | BUFFER.COPY_DST;
  const buffer = device.createBuffer({ label: line, size: 256, usage });
  device.queue.writeBuffer(buffer, 0, new Float32Array(32).fill(1));
  const back = device.createBuffer({ size: 4, usage: BUFFER.MAP_READ | BUFFER.COPY_DST });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [{ binding: 0, resource: { buffer } }];
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(buffer, 0, back, 0, 4);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(MAP.READ);
  const [first] = new Float32Array(back.getMappedRange().slice(0));
  back.destroy();
  const found = await guard.trespassed();
  buffer.destroy();
  expect(found).toEqual(/x\[(6[4-9]|\d{3,})\] =/.test(line) ? [line] : []);
  return first!;
};

test("reads within what was written", async () => expect(await run("x[0] = x[31] + 1.0;")).toBe(2));
test("reads what nobody wrote", async () => expect(await run("x[0] = x[32] + 1.0;")).toBeNaN());
test("reads beyond the end", async () => expect(await run("x[0] = x[64] + 1.0;")).toBeNaN());
test("writes beyond the end", async () => expect(await run("x[64] = 1.0;")).toBe(1));
