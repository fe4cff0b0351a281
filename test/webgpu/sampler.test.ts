// The sampler of a device draws the ids that the one on the host draws: of each setting and vocabulary as many as RUNS asks
// for (10,000 in `npm run test:long`), or a part of them.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Failure } from "../../runtime/failure.ts";
import { type Among, sampler, type Sampling } from "../../runtime/generate/sampling.ts";
import { type DeviceDraw, idsOf, openSampler, type SamplerPlaces } from "../../runtime/webgpu/sampler.ts";
import { samplerKernel } from "../../runtime/webgpu/samplerKernel.ts";
import { BUFFER, MAP } from "../../runtime/webgpu/usage.ts";
import { cases, judge, logitsOf, recentOf } from "../runtime/sampled.ts";
import { gpu } from "./gpu.ts";
import { validateByNaga, validateByTint } from "./wgsl.ts";

let device: GPUDevice;
beforeAll(async () => {
  ({ device } = await gpu());
});
const made: GPUBuffer[] = [];
afterAll(() => made.forEach((buffer) => buffer.destroy()));

const bufferOf = (data: Uint32Array | Float32Array): GPUBuffer => {
  const usage = BUFFER.STORAGE | BUFFER.COPY_DST | BUFFER.COPY_SRC;
  const buffer = device.createBuffer({ size: data.byteLength, usage });
  device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
  made.push(buffer);
  return buffer;
};
const wordsOf = async (buffer: GPUBuffer): Promise<Uint32Array> => {
  const back = device.createBuffer({ size: buffer.size, usage: BUFFER.MAP_READ | BUFFER.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, back, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(MAP.READ);
  const words = new Uint32Array(back.getMappedRange()).slice();
  back.destroy();
  return words;
};
/** All draws, without a word from the device between them. */
const run = async (sampling: Sampling, places: SamplerPlaces, list: readonly DeviceDraw[]): Promise<void> => {
  const onDevice = await openSampler(await gpu(), sampling, places);
  const draws = onDevice.draws(list);
  for (let from = 0; from < list.length; from += 64) {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = from; i < Math.min(list.length, from + 64); i++) draws.encode(pass, i);
    pass.end();
    device.queue.submit([encoder.finish()]);
  }
  draws.destroy();
  onDevice.destroy();
};
const denselyOf = (rows: readonly Float32Array[]): Float32Array => {
  const all = new Float32Array(rows.length * rows[0]!.length);
  for (const [i, row] of rows.entries()) all.set(row, i * row.length);
  return all;
};

const FLAGS = [false, true];
const forms = [128, 256].flatMap((invocations) =>
  FLAGS.flatMap((topK) =>
    FLAGS.flatMap((topP) => FLAGS.map((penalizes) => ({ invocations, greedy: false, topK, topP, penalizes }))),
  ),
);
const greedy = FLAGS.map((penalizes) => ({ invocations: 64, greedy: true, topK: false, topP: false, penalizes }));
test.each([...forms, ...greedy])("Naga and Tint take the kernel of %o", async (form) => {
  const wgsl = samplerKernel(form);
  expect(validateByNaga(wgsl)).toBeUndefined();
  expect(await validateByTint(device, wgsl)).toBeUndefined();
  expect(wgsl.match(/var<storage/g)).toHaveLength(4);
  expect(wgsl.slice(wgsl.indexOf("fn main"))).not.toMatch(/\b(return|discard)\b/);
  expect(wgsl).not.toMatch(/f32|\b(diagnostic|enable|requires)\b/);
});

const asked = process.env.RUNS;
const each = (usual: number, rows: number): number => Math.ceil((asked === undefined ? usual : Number(asked)) / rows);
describe.each(Object.entries(cases))("%s", (_, { sampling, allowed }) => {
  /** Vocabulary, rows of logits, draws of each. */
  test.each([
    [17, 40, each(480, 40)],
    [256, 40, each(480, 40)],
    [128_256, 8, each(16, 8)],
  ])("of %d ids", async (count, rows, draws) => {
    const logits = Array.from({ length: rows }, (_, row) => logitsOf(count, row));
    const recent = logits.map((_, row) => recentOf(count, row));
    const known = recent[0]!.length;
    const idStride = known + draws;
    const ids = new Uint32Array(rows * idStride);
    for (const [row, each] of recent.entries()) ids.set(each, row * idStride);
    const among: Among = allowed === undefined ? {} : { allowed: allowed(count)! };
    const places = {
      logits: { buffer: bufferOf(denselyOf(logits)), offset: 0, count, rows },
      ids: { buffer: bufferOf(ids), stride: idStride },
      ...among,
    };
    const list = Array.from({ length: draws }, (_, i) => ({
      counter: i * 0x1_0001_0001,
      stream: 5,
      at: known + i,
      recent: [0, known] as const,
    }));
    await run(sampling, places, list);
    const found = await wordsOf(places.ids.buffer);
    const { weigh, pick } = sampler(sampling);
    let wrong = 0;
    for (const [row, each] of logits.entries()) {
      const weights = weigh(each, { ...among, recent: recent[row]! });
      for (const { counter, stream, at } of list)
        if (pick(weights, { counter, stream: stream + row }) !== found[row * idStride + at]) wrong++;
    }
    expect(wrong).toBe(0);
  });
});

test("a draw knows those before it, of which none was read back", async () => {
  const [count, start] = [60, 3];
  const sampling = { penalty: 1.7, temperature: 0.5, topK: 20, seed: 11 };
  const logits = logitsOf(count, 0);
  const buffer = bufferOf(new Uint32Array(64));
  device.queue.writeBuffer(buffer, 0, Uint32Array.of(5, 7, 7));
  const list = Array.from({ length: 40 }, (_, counter) => {
    const at = start + counter;
    return { counter, at, recent: [Math.max(0, at - 16), at] as const };
  });
  await run(sampling, { logits: { buffer: bufferOf(logits), offset: 0, count }, ids: { buffer } }, list);
  const ids = [5, 7, 7];
  const { draw } = sampler(sampling);
  for (const { counter, recent } of list) ids.push(draw(logits, { counter, recent: ids.slice(...recent) }));
  expect(idsOf(await wordsOf(buffer)).slice(0, ids.length)).toEqual(ids);
});

test("the last unit of weight decides", async () => {
  // All ids but one weigh 1 of 2^30: whoever is wrong by a unit draws their neighbours.
  const count = 128_256;
  const sampling = { seed: 13 };
  const logits = new Float32Array(count);
  logits[count >> 1] = 20.5;
  const { pick } = judge(sampling, logits);
  const counters = Array.from({ length: 60_000 }, (_, counter) => counter).filter(
    (counter) => pick({ counter }) !== count >> 1,
  );
  expect(counters.length).toBeGreaterThan(3);
  const buffer = bufferOf(new Uint32Array(counters.length));
  const list = counters.map((counter, at) => ({ counter, at }));
  await run(sampling, { logits: { buffer: bufferOf(logits), offset: 0, count }, ids: { buffer } }, list);
  expect(idsOf(await wordsOf(buffer))).toEqual(counters.map((counter) => pick({ counter })));
});

test.each<[string, Partial<Sampling>, readonly number[]]>([
  ["ties of the largest score", { temperature: 0 }, [1, 4, 4, 4, 2]],
  ["ties of zeros", { temperature: 0 }, [-0, 0, -0]],
  ["ties at the edge of top-k", { topK: 2 }, [-1, -0, 0, 0]],
  ["a share that is just reached", { topP: 0.5 }, [1, 1, 1, 1]],
  ["a share that is just not reached", { topP: 0.5000000001 }, [1, 1, 1, 1]],
  ["a share of next to nothing", { topP: 1e-300 }, [1, 2, 2, 1]],
  ["products beyond all numbers", { temperature: 0, penalty: 0.5 }, [3.4028234663852886e38, 2e38, 0]],
  ["negative products beyond all numbers", { temperature: 0, penalty: 2 }, [-Infinity, -2e38, -3.4028234663852886e38]],
  ["products below all numbers", { temperature: 0, penalty: 1024 }, [-1e-45, 1e-37, 0]],
])("%s", async (_, settings, numbers) => {
  const sampling = { seed: 3, ...settings };
  const logits = Float32Array.from(numbers);
  const buffer = bufferOf(Uint32Array.of(1, ...Array.from({ length: 40 }, () => 0)));
  const list = Array.from({ length: 40 }, (_, counter) => ({ counter, at: 1 + counter, recent: [0, 1] as const }));
  await run(sampling, { logits: { buffer: bufferOf(logits), offset: 0, count: logits.length }, ids: { buffer } }, list);
  const { draw } = sampler(sampling);
  const expected = list.map(({ counter }) => draw(logits, { counter, recent: [1] }));
  expect(idsOf(await wordsOf(buffer)).slice(1)).toEqual(expected);
});

test("logits may lie anywhere in a buffer, and workgroups may be small", async () => {
  const [count, rows, stride, first] = [2001, 3, 2100, 77];
  const sampling = { topP: 0.7, seed: 12 };
  const all = new Float32Array(first + rows * stride).fill(NaN);
  const logits = Array.from({ length: rows }, (_, row) => logitsOf(count, row));
  for (const [row, each] of logits.entries()) all.set(each, first + row * stride);
  const { draw } = sampler(sampling);
  const expected = logits.map((each, stream) => draw(each, { counter: 2 ** 50, stream }));
  const adapter = await gpu();
  for (const most of [128, 256]) {
    const buffer = bufferOf(new Uint32Array(rows));
    const limits = { ...adapter.limits, maxComputeInvocationsPerWorkgroup: most };
    const place = { buffer: bufferOf(all), offset: first * 4, count, rows, stride };
    const onDevice = await openSampler({ device, limits }, sampling, { logits: place, ids: { buffer, stride: 1 } });
    const draws = onDevice.draws([{ counter: 2 ** 50, at: 0 }]);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    draws.encode(pass, 0);
    pass.end();
    device.queue.submit([encoder.finish()]);
    expect(idsOf(await wordsOf(buffer))).toEqual(expected);
    draws.destroy();
    onDevice.destroy();
  }
});

test.each<[string, readonly number[], Among]>([
  ["NaN", [1, NaN], {}],
  ["+Infinity", [Infinity, 0], {}],
  ["-Infinity alone", [-Infinity, -Infinity], {}],
  ["no id that is allowed", [1, 2], { allowed: [] }],
  ["an allowed one that is -Infinity", [1, -Infinity], { allowed: [[1, 2]] }],
])("%s is the same failure as on the host", async (_, numbers, among) => {
  const logits = Float32Array.from(numbers);
  for (const sampling of [{ seed: 1 }, { temperature: 0, seed: 1 }, { topK: 1, topP: 0.5, penalty: 2, seed: 1 }]) {
    const buffer = bufferOf(new Uint32Array(1));
    const place = { buffer: bufferOf(logits), offset: 0, count: logits.length };
    await run(sampling, { logits: place, ids: { buffer }, ...among }, [{ counter: 0, at: 0 }]);
    const words = await wordsOf(buffer);
    let failure: unknown;
    try {
      sampler(sampling).draw(logits, { counter: 0, ...among });
    } catch (thrown) {
      failure = thrown;
    }
    expect(failure).toBeInstanceOf(Failure);
    expect(() => idsOf(words)).toThrow(failure as Failure);
  }
});

test("places that are none are refused", async () => {
  const adapter = await gpu();
  const logits = { buffer: bufferOf(new Float32Array(8)), offset: 0, count: 8 };
  const ids = { buffer: bufferOf(new Uint32Array(4)) };
  const open = (places: object) => openSampler(adapter, { seed: 1 }, { logits, ids, ...places });
  await expect(open({ ids: { buffer: logits.buffer } })).rejects.toThrow(/in two buffers/);
  await expect(open({ logits: { ...logits, offset: 2 } })).rejects.toThrow(/at whole numbers/);
  await expect(open({ logits: { ...logits, offset: 4 } })).rejects.toThrow(/reach beyond/);
  await expect(open({ ids: { ...ids, stride: 5 } })).rejects.toThrow(/reach beyond/);
  await expect(open({ allowed: [[0, 9]] })).rejects.toThrow(/within \[0, 8\)/);
  const onDevice = await open({});
  expect(() => onDevice.draws([{ counter: 0, at: 4 }])).toThrow(/writes 4, of 4/);
  expect(() => onDevice.draws([{ counter: 0, at: 0, recent: [2, 1] }])).toThrow(/reads ids 2 to 1/);
  expect(() => onDevice.draws([{ counter: -1, at: 0 }])).toThrow(/the counter of a draw is -1/);
  onDevice.destroy();
});
