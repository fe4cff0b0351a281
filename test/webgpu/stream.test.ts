// Generation on a GPU that is lost, or stopped, in the middle: what fails says where, and the session goes on.
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Context,
  type DocumentRow,
  Failure,
  type GenerateEvent,
  type GenerateOptions,
} from "../../runtime/index.ts";
import type { Adapter } from "../../runtime/webgpu/adapter.ts";
import { type Compiled, compiled, louder } from "../generate/judged.ts";
import { text } from "../runtime/forked.ts";
import { ownGpu } from "./gpu.ts";

const opened: Adapter[] = [];
let model: Compiled;
beforeAll(async () => {
  const open = async (): Promise<Adapter> => {
    const adapter = await ownGpu();
    opened.push(adapter);
    return adapter;
  };
  model = await compiled("LMFusion", "webgpu", louder(2.5), { open });
}, 120_000);
afterAll(() => model.close());

const drawing = { prompt: ["ab"], images: 1, steps: 6, maxTokens: 4, seed: 1 } as const;
const all = async (
  options: GenerateOptions,
  each?: (event: GenerateEvent) => void | Promise<void>,
): Promise<GenerateEvent[]> => {
  const events: GenerateEvent[] = [];
  for await (const event of model.session.generate(options)) {
    events.push(event);
    await each?.(event);
  }
  return events;
};
/** What came of it, without how long it took. */
const told = (events: readonly GenerateEvent[]): readonly GenerateEvent[] => events.filter(({ is }) => is !== "usage");

/** Two documents, of which one has an image, by calls of every phase that appends. */
const begun = async (): Promise<Context> => {
  const context = model.session.start(2);
  const marker = (kind: string): DocumentRow => ({ kind, span: 0, index: 0, values: {} });
  const z = (index: number): Float32Array => Float32Array.from({ length: 12 }, (_, n) => Math.sin(index * 12 + n));
  const patches = Array.from({ length: 4 }, (_, index): DocumentRow => ({
    kind: "image.patch",
    span: 0,
    index,
    values: { z: z(index) },
  }));
  const { session } = model;
  await session.append(context, "prefill", [{ rows: [...text(1, 2), marker("image.open")] }, { rows: text(3) }]);
  await session.append(context, "read", [{ rows: patches, spans: { image: [{ t: 0 }] } }, { rows: [] }]);
  await session.append(context, "prefill", [{ rows: [marker("image.close")] }, { rows: text(4, 5) }]);
  await session.append(context, "decode", [{ rows: text(6) }, { rows: text(7) }]);
  return context;
};
const logits = async (context: Context): Promise<readonly (readonly number[])[]> => {
  const result = await model.session.append(context, "decode", [{ rows: text(8) }, { rows: text(9) }]);
  return [0, 1].map((d) => [...result.rows("text.logits", d).values()].flatMap((row) => [...row]));
};

test("a signal between calls, within 200 ms of it and one call", { timeout: 120_000 }, async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  let since = 0;
  const stopped = all({ ...drawing, signal: controller.signal }, (event) => {
    if (event.is !== "step" || event.step !== 2) return;
    since = performance.now();
    controller.abort(reason);
  });
  await expect(stopped).rejects.toBe(reason);
  expect(performance.now() - since).toBeLessThan(200);
  expect((await all({ ...drawing, steps: 1 })).at(-1)).toMatchObject({ is: "usage", images: 1, tokens: 4 });
});

test("a signal while tokens are drawn, several at once, of which none is told behind it", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  let since = 0;
  const told: string[] = [];
  const options = { prompt: ["ab"], images: "never", maxTokens: 200, signal: controller.signal } as const;
  const stopped = all(options, ({ is }) => {
    told.push(is);
    if (told.filter((each) => each === "text").length !== 20) return;
    since = performance.now();
    controller.abort(reason);
  });
  await expect(stopped).rejects.toBe(reason);
  expect(performance.now() - since).toBeLessThan(200);
  expect(told.filter((is) => is === "text")).toHaveLength(20);
});

test("a GPU that is lost, and with it keys and values: they are computed again", { timeout: 120_000 }, async () => {
  const { session } = model;
  const wanted = await all(drawing);
  const past = await session.past(drawing.prompt);
  const [context, fork] = [await begun(), await session.fork(await begun())];
  const next = await logits(await begun());
  // Between two steps of an image, which goes on.
  const lost = await all(drawing, async (event) => {
    if (event.is !== "step" || event.step !== 3) return;
    opened[0]!.device.destroy();
    await opened[0]!.lost;
  });
  expect(opened).toHaveLength(2);
  expect(told(lost)).toEqual(told(wanted));
  // What else was kept, where somebody goes on from it.
  const behind = await all({ ...drawing, past, prompt: [] });
  expect(told(behind).slice(1)).toEqual(told(wanted).slice(1));
  expect(await logits(context)).toEqual(next);
  expect(await logits(await session.fork(fork))).toEqual(next);
  expect(fork.length(0)).toBe(9);

  // In the middle of a call, which says so.
  const { device } = opened[1]!;
  const { queue } = device;
  const submit = (Object.getPrototypeOf(queue) as GPUQueue).submit;
  let calls = 0;
  queue.submit = (commands) => {
    submit.call(queue, commands);
    if (++calls === 4) device.destroy();
  };
  const thrown = await all(drawing).catch((cause: unknown) => cause);
  expect(thrown).toBeInstanceOf(Failure);
  expect((thrown as Failure).kind).toBe("device");
  expect((thrown as Failure).message).toMatch(/denoise\(image\).* was lost/);
});
