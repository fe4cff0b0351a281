// Generation on a GPU that is lost, or stopped, in the middle: what fails says where, and the session goes on.
import { afterAll, beforeAll, expect, test } from "vitest";
import { Failure, type GenerateEvent, type GenerateOptions } from "../../runtime/index.ts";
import type { Adapter } from "../../runtime/webgpu/adapter.ts";
import { type Compiled, compiled, louder } from "../generate/judged.ts";
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
const all = async (options: GenerateOptions, each?: (event: GenerateEvent) => void): Promise<GenerateEvent[]> => {
  const events: GenerateEvent[] = [];
  for await (const event of model.session.generate(options)) {
    events.push(event);
    each?.(event);
  }
  return events;
};
/** What came of it, without how long it took. */
const told = (events: readonly GenerateEvent[]): readonly GenerateEvent[] => events.filter(({ is }) => is !== "usage");

test("a GPU that is lost while an image is drawn", { timeout: 120_000 }, async () => {
  const wanted = await all(drawing);
  expect(opened).toHaveLength(1);
  const seen: number[] = [];
  const lost = await all(drawing, (event) => {
    if (event.is !== "step") return;
    seen.push(event.step);
    if (event.step === 3) opened[0]!.device.destroy();
  }).catch((thrown: unknown) => thrown);
  expect(lost).toBeInstanceOf(Failure);
  expect((lost as Failure).kind).toBe("device");
  expect((lost as Failure).message).toMatch(/denoise\(image\).*(was lost|were lost)/);
  expect(seen).toEqual([1, 2, 3]);
  // Another is opened, and draws the same.
  expect(told(await all(drawing))).toEqual(told(wanted));
  expect(opened).toHaveLength(2);
});

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
