// The sampler of a device draws the ids that the one on the host draws: of each setting and vocabulary as many as RUNS asks
// for (10,000 in `npm run test:long`), or a part of them.
import { beforeAll, describe, expect, test } from "vitest";
import { Failure } from "../../runtime/failure.ts";
import { type Among, sampler, type Sampling } from "../../runtime/generate/sampling.ts";
import type { Adapter } from "../../runtime/webgpu/adapter.ts";
import { DeviceSampler, idsOf, type SampledRow } from "../../runtime/webgpu/sampler.ts";
import { samplerKernel } from "../../runtime/webgpu/samplerKernel.ts";
import { BUFFER, MAP } from "../../runtime/webgpu/usage.ts";
import { cases, judge, logitsOf, recentOf } from "../runtime/sampled.ts";
import { gpu } from "./gpu.ts";
import { validateByNaga, validateByTint } from "./wgsl.ts";

let device: GPUDevice;
beforeAll(async () => {
  ({ device } = await gpu());
});
const wordsOf = async (sampler: DeviceSampler): Promise<Uint32Array> => {
  const size = sampler.ids.size - sampler.drawnAt;
  const back = device.createBuffer({ size, usage: BUFFER.MAP_READ | BUFFER.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(sampler.ids, sampler.drawnAt, back, 0, size);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(MAP.READ);
  const words = new Uint32Array(back.getMappedRange()).slice();
  back.destroy();
  return words;
};
/** A draw, and the logits that it is made from. */
type Draw = Omit<SampledRow, "seed"> & { readonly logits: Float32Array };
/** Rows that are drawn at once. */
const AT_ONCE = 8;
/** All draws, some at once, without a word from the device between the steps of each. */
const run = async (
  { seed, ...sampling }: Sampling,
  list: readonly Draw[],
  steps = 1,
  { software = false, ...limits }: Partial<Adapter["limits"]> & { readonly software?: boolean } = {},
): Promise<Uint32Array> => {
  const adapter = await gpu();
  const sizes = { rows: Math.min(AT_ONCE, list.length), count: list[0]!.logits.length, steps };
  const as = { device, info: { ...adapter.info, software }, limits: { ...adapter.limits, ...limits } };
  const onDevice = await DeviceSampler.open(as, sampling, sizes);
  const found: number[] = [];
  for (let from = 0; from < list.length; from += AT_ONCE) {
    const rows = list.slice(from, from + AT_ONCE);
    for (const [row, { logits }] of rows.entries())
      device.queue.writeBuffer(onDevice.logits, 4 * row * sizes.count, logits as Float32Array<ArrayBuffer>);
    onDevice.begin(rows.map((row) => ({ ...row, seed })));
    for (let step = 0; step < steps; step++) {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      onDevice.encode(pass, step);
      pass.end();
      device.queue.submit([encoder.finish()]);
    }
    found.push(...(await wordsOf(onDevice)).subarray(0, rows.length * steps));
  }
  onDevice.destroy();
  return Uint32Array.from(found);
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
    const among: Among = allowed === undefined ? {} : { allowed: allowed(count)! };
    const list = Array.from({ length: rows * draws }, (_, i) => ({
      logits: logits[i % rows]!,
      counter: i * 0x1_0001_0001,
      stream: 5 + (i % rows),
      recent: recent[i % rows]!,
      ...among,
    }));
    const found = await run(sampling, list);
    const { weigh, pick } = sampler(sampling);
    const weights = logits.map((each, row) => weigh(each, { ...among, recent: recent[row]! }));
    expect(list.filter((place, i) => pick(weights[i % rows]!, place) !== found[i])).toHaveLength(0);
  });
});

test("a draw knows those before it, of which none was read back", async () => {
  const [count, steps] = [60, 40];
  const sampling = { penalty: 1.7, temperature: 0.5, topK: 20, seed: 11 };
  const { draw } = sampler(sampling);
  // The second counter runs over into its upper word; the number of recent ids is another each time.
  const list = [0, 2 ** 32 - 7, 5].map((counter, row) => ({
    logits: logitsOf(count, row),
    counter,
    recent: [5, 7, 7].slice(row),
  }));
  const words = idsOf(await run(sampling, list, steps));
  for (const [row, { logits, counter, recent }] of list.entries()) {
    const ids: number[] = [...recent];
    for (let step = 0; step < steps; step++) ids.push(draw(logits, { counter: counter + step, recent: ids }));
    expect(words.slice(row * steps, (row + 1) * steps)).toEqual(ids.slice(recent.length));
  }
});

test("numbers follow the ids that they name, within their bounds", async () => {
  const sizes = { rows: 2, count: 8, follows: 4 };
  const onDevice = await DeviceSampler.open(await gpu(), { temperature: 0 }, sizes);
  const logits = Float32Array.from({ length: 16 }, (_, i) => (i === 3 || i === 8 + 6 ? 1 : 0));
  device.queue.writeBuffer(onDevice.logits, 0, logits);
  const rows = [4, 9].map((document) => ({ seed: 0, counter: 0, document }));
  const follow = [9, 0, -8, 8, 4, -5, 0, 8, 4, -5, -8, 8, 9, 2, 0, 7].flat();
  onDevice.begin(rows, Int32Array.from(follow));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  onDevice.encode(pass, 0);
  pass.end();
  const back = device.createBuffer({ size: onDevice.drawnAt, usage: BUFFER.MAP_READ | BUFFER.COPY_DST });
  encoder.copyBufferToBuffer(onDevice.ids, 0, back, 0, back.size);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(MAP.READ);
  const found = new Int32Array(back.getMappedRange()).slice();
  expect(Array.from(found.filter((_, i) => i % 4 === 0))).toEqual([6, 0, -2, 7]);
  expect(idsOf(await wordsOf(onDevice))).toEqual([3, 6]);
  back.destroy();
  onDevice.destroy();
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
  const list = counters.map((counter) => ({ counter, logits }));
  expect(idsOf(await run(sampling, list))).toEqual(counters.map((counter) => pick({ counter })));
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
  const list = Array.from({ length: 40 }, (_, counter) => ({ counter, recent: [1], logits }));
  const { draw } = sampler(sampling);
  const expected = list.map((place) => draw(logits, place));
  expect(idsOf(await run(sampling, list))).toEqual(expected);
});

test("workgroups may be small", async () => {
  const sampling = { topP: 0.7, seed: 12 };
  const list = [0, 1, 2].map((row) => ({ logits: logitsOf(2001, row), counter: 2 ** 50, stream: row }));
  const { draw } = sampler(sampling);
  const expected = list.map((place) => draw(place.logits, place));
  for (const device of [
    { maxComputeInvocationsPerWorkgroup: 128 },
    { maxComputeInvocationsPerWorkgroup: 256 },
    { software: true },
  ])
    expect(idsOf(await run(sampling, list, 1, device))).toEqual(expected);
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
    const words = await run(sampling, [{ counter: 0, logits, ...among }]);
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

test("draws that are none are refused", async () => {
  const adapter = await gpu();
  const open = (sizes: object) => DeviceSampler.open(adapter, {}, { rows: 1, count: 8, ...sizes });
  await expect(open({ rows: 0 })).rejects.toThrow(/0 rows and 1 steps/);
  await expect(open({ count: 0 })).rejects.toThrow(/number of logits is 0/);
  const onDevice = await open({});
  const row = { seed: 1, counter: 0 };
  expect(() => onDevice.begin([row, row])).toThrow(/of 1 rows and 0 numbers was given others/);
  expect(() => onDevice.begin([row], new Int32Array(4))).toThrow(/was given others/);
  expect(() => onDevice.begin([{ ...row, allowed: [[0, 9]] }])).toThrow(/within \[0, 8\)/);
  expect(() => onDevice.begin([{ ...row, counter: -1 }])).toThrow(/the counter of a draw is -1/);
  onDevice.destroy();
});
