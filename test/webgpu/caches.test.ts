// Keys and values that stay on the device: calls on a context equal the same calls with everything brought to them, to the
// bit, and a step brings and takes no more behind a long past than behind a short one. Four models here, all by
// `npm run test:long`.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cachesOf, modalitiesOf, sessionOf } from "../../cli/manifest.ts";
import { Context, type Part } from "../../runtime/context.ts";
import type { DocumentRow } from "../../runtime/document.ts";
import { Failure } from "../../runtime/failure.ts";
import { sampler } from "../../runtime/generate/sampling.ts";
import { openSession } from "../../runtime/index.ts";
import { HostCaches } from "../../runtime/hostCaches.ts";
import type { Adapter } from "../../runtime/webgpu/adapter.ts";
import { DeviceCaches } from "../../runtime/webgpu/deviceCaches.ts";
import { compiled, louder } from "../generate/judged.ts";
import { outOfRoom, smallest } from "../generate/room.ts";
import { all } from "../generate/told.ts";
import { programOf } from "../phases/judge.ts";
import { type Kernels, openKernels } from "../phases/kernels.ts";
import { example, models, sizesOf, weightsOf } from "../phases/models.ts";
import { type Call, schedule } from "../phases/schedule.ts";
import type { Specified } from "../reference/run.ts";
import { counted, type Counted } from "./counted.ts";
import { gpu, ownGpu } from "./gpu.ts";
import { bitsOf } from "./planned.ts";

const SEED = Number(process.env["SEED"] ?? 11);

interface Opened {
  readonly specified: Specified;
  readonly kernels: Kernels;
  onDevice(batch: number): Context;
  /** copies of documents of such a context */
  fork(context: Context, documents: readonly number[]): Promise<Context>;
  /** the same with tensors that come and go with each call */
  onHost(batch: number): Context;
}
const open = async (name: string, adapter: Adapter): Promise<Opened> => {
  const specified = example(models.find((each) => each.name === name)!);
  const kernels = await openKernels(specified, weightsOf(specified), adapter);
  const { model } = specified;
  const layout = { model: model.name, modalities: modalitiesOf(model), session: sessionOf(model) };
  const entries = cachesOf([...kernels.programs.values()].map(({ lowered }) => lowered));
  const { calls, run } = kernels.plan;
  return {
    specified,
    kernels,
    onDevice: (batch) => new Context(batch, layout, new DeviceCaches(batch, entries, calls)),
    fork: (context, documents) =>
      Context.gather(
        documents.map((document) => ({ context, document })),
        layout,
        new DeviceCaches(documents.length, entries, calls),
      ),
    onHost: (batch) =>
      new Context(
        batch,
        layout,
        new HostCaches(batch, entries, ({ name: program }, inputs) => run.call(kernels.plan, program, inputs)),
      ),
  };
};
const partsOf = ({ pieces }: Call): readonly Part[] =>
  pieces.map(({ rows, span }) => ({ rows, spans: span && { image: [span] } }));
const token = (id: number): DocumentRow => ({ kind: "text", span: 0, index: 0, values: { id } });
const text = (count: number): Part => ({ rows: Array.from({ length: count }, (_, i) => token(30 + i)) });

describe("calls on a context are those with everything brought", () => {
  const quick = ["LlamaModel", "DualProjection", "DualTower", "LMFusion"];
  const judged = process.env["RUNS"] === undefined ? models.filter(({ name }) => quick.includes(name)) : models;
  test.each(judged)("$name", { timeout: 600_000 }, async (small) => {
    const opened = await open(small.name, await gpu());
    const { kernels } = opened;
    try {
      // Two contexts at once, of other documents and batches, each beside its double.
      const runs = [1, 2].map((batch) => ({
        calls: schedule(SEED + batch, batch, sizesOf(small)),
        contexts: [opened.onDevice(batch), opened.onHost(batch)] as const,
      }));
      let compared = 0;
      for (let i = 0; runs.some(({ calls }) => i < calls.length); i++)
        for (const { calls, contexts } of runs) {
          const call = calls[i];
          if (call === undefined) continue;
          const { entry } = programOf(kernels, call);
          const [device, host] = [
            await contexts[0].run(entry, partsOf(call)),
            await contexts[1].run(entry, partsOf(call)),
          ];
          expect(Object.keys(device.tensors).some((output) => output.startsWith("new."))).toBe(false);
          expect(bitsOf(device.tensors), `call ${i}, ${entry.name}`).toEqual(bitsOf(host.tensors));
          compared += Object.keys(device.tensors).length;
        }
      expect(compared).toBeGreaterThan(3);
      for (const { contexts } of runs) contexts[0].close();
      expect(runs.every(({ contexts }) => contexts[0].bytes === 0)).toBe(true);
    } finally {
      await kernels.close();
    }
  });
});

describe("on a device of its own", () => {
  let device: Counted;
  beforeAll(async () => {
    device = counted(await ownGpu());
  });
  afterAll(() => device.close());

  test(
    "a step makes no buffer, and what it brings and takes does not grow with the past",
    { timeout: 120_000 },
    async () => {
      const { kernels, onDevice } = await open("LlamaModel", device);
      const decode = kernels.programs.get("decode(text)")!.entry;
      const prefill = kernels.programs.get("prefill(text)")!.entry;
      const before = device.live();
      const costs: { readonly written: number; readonly read: number; readonly dispatches: number }[] = [];
      for (const past of [8, 40, 100]) {
        const context = onDevice(1);
        await context.run(prefill, [text(past)]);
        // The first step of a room makes itself ready.
        await context.run(decode, [text(1)]);
        const start = device.traffic();
        await context.run(decode, [text(1)]);
        await context.run(decode, [text(1)]);
        const end = device.traffic();
        expect(end.made).toBe(start.made);
        const ready = kernels.plan.report().programs.at(-1)!;
        costs.push({
          written: (end.written - start.written) / 2,
          read: (end.read - start.read) / 2,
          dispatches: ready.dispatches,
        });
        expect(context.bytes).toBeGreaterThan(0);
        expect(kernels.plan.report().memory.keys).toBe(context.bytes);
        context.close();
      }
      expect(kernels.plan.report().memory.keys).toBe(0);
      const [first] = costs;
      for (const cost of costs) {
        expect(cost.read).toBe(first!.read);
        expect(cost.dispatches).toBe(first!.dispatches);
        // The places of past rows are brought, 4 bytes each as the kernels read them, and neither keys nor values.
        expect(cost.written - first!.written).toBeLessThanOrEqual(128 * 64);
      }
      expect(device.live().buffers).toBeGreaterThanOrEqual(before.buffers);
      await kernels.close();
      expect(device.live()).toEqual({ buffers: 0, bytes: 0 });
    },
  );

  test("a fork is copied there by one command buffer", { timeout: 120_000 }, async () => {
    const { kernels, onDevice, fork } = await open("LlamaModel", device);
    const context = onDevice(2);
    await context.run(kernels.programs.get("prefill(text)")!.entry, [text(3), text(20)]);
    const before = device.traffic();
    const forked = await fork(context, [1, 0, 0]);
    expect(device.traffic()).toEqual({ ...before, made: before.made + 1, submitted: before.submitted + 1 });
    expect(kernels.plan.report().memory.keys).toBe(context.bytes + forked.bytes);
    context.close();
    forked.close();
    expect(kernels.plan.report().memory.keys).toBe(0);
    await kernels.close();
  });

  test("without room a context stays as it was, and goes on with fewer rows", { timeout: 120_000 }, async () => {
    const { kernels, onDevice, onHost } = await open("LlamaModel", device);
    const prefill = kernels.programs.get("prefill(text)")!.entry;
    const contexts = [onDevice(1), onHost(1)] as const;
    for (const context of contexts) await context.run(prefill, [text(10)]);
    device.failNext("out-of-memory");
    const thrown = await contexts[0].run(prefill, [text(20)]).catch((cause: unknown) => cause);
    expect(thrown).toBeInstanceOf(Failure);
    expect((thrown as Failure).message).toMatch(
      /^program prefill\(text\): keys and values of 1 document: the GPU is out of memory/,
    );
    expect(contexts[0].length(0)).toBe(10);
    const [own, wanted] = [await contexts[0].run(prefill, [text(5)]), await contexts[1].run(prefill, [text(5)])];
    expect(bitsOf(own.tensors)).toEqual(bitsOf(wanted.tensors));
    await kernels.close();
  });

  test("without room in the middle of a generation nothing is lost, and a shorter one goes on", async () => {
    const open = { adapter: device };
    const { session, folder, close } = await compiled("LlamaModel", "webgpu", louder(1), open);
    // What short documents need, and what is read back besides: far less than long ones do.
    await all(session, { prompt: ["ab"], maxTokens: 3 });
    const budget = device.live().bytes + 6 * (await smallest(session));
    await outOfRoom(session, await openSession(folder, { ...open, budget }));
    await close();
  }, 120_000);

  test("drawn tokens are those of the host, ids alone come back, and what is taken back never was", async () => {
    const { kernels, onDevice, onHost } = await open("LlamaModel", device);
    const [decode, prefill] = ["decode(text)", "prefill(text)"].map((name) => kernels.programs.get(name)!.entry);
    const sampling = { temperature: 0.8, topK: 40, topP: 0.95, penalty: 1.3 };
    const prompts = [text(5), text(9), text(3)];
    const [own, other] = [onDevice(3), onHost(3)];
    for (const context of [own, other]) await context.run(prefill!, prompts);
    /** The first document and the last one draw, each with a seed of its own. */
    const written: number[][] = [[], [], [7, 7]];
    let next = [text(1), { rows: [] }, text(1)];
    const run = async (most: number): Promise<readonly (readonly number[])[]> => {
      const drawers = written.map((ids, d) =>
        d === 1 ? undefined : { seed: 40 + d, ids: [...ids], allowed: [[0, 200 + d]] as const },
      );
      return (await own.decode(decode!, next, { sampling, most, drawers }))!;
    };
    /** The same from logits that come back, one at a time, of which so many stay. */
    const follow = async (drawn: readonly (readonly number[])[], count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const { tensors } = await other.run(decode!, next);
        const logits = tensors["text.logits"]!.data as Float32Array;
        for (const d of [0, 2]) {
          const [recent, among] = [written[d]!, { allowed: [[0, 200 + d]] as const }];
          const { draw } = sampler({ ...sampling, seed: 40 + d });
          const row = logits.subarray((d * logits.length) / 3, ((d + 1) * logits.length) / 3);
          expect(drawn[d]![i]).toBe(draw(row, { counter: recent.length, recent, ...among }));
          recent.push(drawn[d]![i]!);
        }
        next = written.map((ids, d) => (d === 1 ? { rows: [] } : { rows: [token(ids.at(-1)!)] }));
      }
      for (const d of [0, 2]) own.takeBack(d, drawn[d]!.length - count);
    };
    const first = await run(8);
    expect(first.map(({ length }) => length)).toEqual([8, 0, 8]);
    // Of eight tokens three are kept.
    await follow(first, 3);
    expect([0, 1, 2].map((d) => own.length(d))).toEqual([0, 1, 2].map((d) => other.length(d)));
    const second = await run(7);
    for (const d of [0, 2]) own.takeBack(d, 7);
    const before = device.traffic();
    expect(await run(7)).toEqual(second);
    const after = device.traffic();
    expect(after.made).toBe(before.made);
    expect(after.read - before.read).toBe(3 * 16 * 4);
    await follow(second, 7);
    // As many as there is room for: one row more would make all of them move, and may never come.
    expect((await run(8)).map(({ length }) => length)).toEqual([1, 0, 1]);
    for (const d of [0, 2]) own.takeBack(d, 1);
    const results = [await own.run(decode!, next), await other.run(decode!, next)] as const;
    expect(bitsOf(results[0].tensors)).toEqual(bitsOf(results[1].tensors));
    expect(() => own.takeBack(0, 99)).toThrow(/the last 99 rows of document 0 cannot be taken back/);
    await kernels.close();
  });

  test("a device that is lost in a run of tokens takes keys and values with it, and says so", async () => {
    const { kernels, onDevice } = await open("LlamaModel", device);
    const prefill = kernels.programs.get("prefill(text)")!.entry;
    const context = onDevice(1);
    await context.run(prefill, [text(3)]);
    const { queue } = device.device;
    const submit = queue.submit.bind(queue);
    let submitted = 0;
    queue.submit = (buffers) => {
      submit(buffers);
      if (++submitted === 3) device.device.destroy();
      return undefined;
    };
    const drawers = [{ seed: 1, ids: [], allowed: [[0, 256]] as const }];
    const run = context.decode(kernels.programs.get("decode(text)")!.entry, [text(1)], {
      sampling: { temperature: 0 },
      most: 8,
      drawers,
    });
    await expect(run).rejects.toThrow(/program decode\(text\).*was lost/);
    expect(submitted).toBeGreaterThanOrEqual(3);
    expect(context.length(0)).toBe(3);
    await expect(context.run(prefill, [text(3)])).rejects.toThrow(/prefill\(text\)[^]*: the GPU was lost/);
    context.close();
    await kernels.close();
  });
});
