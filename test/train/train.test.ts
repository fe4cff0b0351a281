// Training on ONNX Runtime: steps, what they cost in memory, and how they end.
import { afterAll, beforeAll, expect, test } from "vitest";
import { join } from "node:path";
import { openProgram, type Session } from "../../runtime/index.ts";
import { normals } from "../../runtime/random.ts";
import type { StepEvent, TrainEvent } from "../../runtime/train/events.ts";
import type { TrainOptions } from "../../runtime/train/options.ts";
import type { Sample } from "../../runtime/train/sample.ts";
import { type Compiled, compiledToTrain } from "./compiled.ts";

let compiled: Compiled;
let session: Session;
beforeAll(async () => {
  compiled = await compiledToTrain("DualTower");
  session = await compiled.open();
});
afterAll(async () => {
  await session.close();
  compiled.remove();
});

const samples = Array.from({ length: 6 }, (_, i): Sample => {
  const grid = normals(i, "grid", 48, 1);
  return { parts: i % 2 === 0 ? [{ grid }, "what? ".slice(i)] : ["a picture: ".slice(i), { grid, drawn: true }] };
});
const trained = async (options: Omit<TrainOptions, "samples"> & Partial<TrainOptions>) => {
  const events: TrainEvent[] = [];
  for await (const event of session.train({ samples, warmup: 0, ...options })) events.push(event);
  const end = events.at(-1)!;
  if (end.is !== "end") throw new Error("no end");
  const steps = events.filter((event): event is StepEvent => event.is === "step");
  return { events, steps, end };
};

test("outputs are written where they are asked for", async () => {
  const program = await openProgram("update", join(compiled.folder, "update.onnx"), { threads: 1 });
  const { training } = session.manifest;
  const { inputs } = training!.programs.find(({ kind }) => kind === "update")!;
  const { path, shape } = training!.weights[0]!;
  const tensorOf = (sizes: readonly (number | string)[], value: number) => ({
    dtype: "f32" as const,
    shape: sizes as readonly number[],
    data: new Float32Array(sizes.reduce<number>((n, dim) => n * (dim as number), 1)).fill(value),
  });
  const given = Object.fromEntries(inputs.map((port) => [port.name, tensorOf(port.shape, 0.5)]));
  const name = `new.weight/${path}`;
  const into = tensorOf(shape, -7);
  const written = await program.run(given, { [name]: into });
  const plain = await program.run(given);
  await program.close();
  expect(into.data).toEqual(plain[name]!.data);
  expect(into.data).not.toContain(-7);
  expect(written[name]).toBe(into);
});

test("events, and what they say", async () => {
  const { events, steps, end } = await trained({ steps: 3, batch: 4 });
  expect(events.map(({ is }) => is)).toEqual(["start", "step", "step", "step", "end"]);
  expect(events[0]).toMatchObject({
    step: 0,
    steps: 3,
    samples: 6,
    weights: session.manifest.training!.weights.length,
  });
  for (const { loss, terms, padded } of steps) {
    expect(loss).toBeCloseTo(0.2 * (terms["text"] ?? 0) + (terms["image"] ?? 0), 5);
    expect(padded).toBeLessThan(0.5);
  }
  expect(end.why).toBe("steps");
});

test("a step in several calls is the same step", async () => {
  const whole = await trained({ steps: 2, batch: 6 });
  const parts = await trained({ steps: 2, batch: 6, micro: 1 });
  for (const [i, { loss, norm }] of whole.steps.entries()) {
    expect(parts.steps[i]!.loss).toBeCloseTo(loss, 5);
    expect(parts.steps[i]!.norm).toBeCloseTo(norm, 4);
    expect(parts.steps[i]!.padded).toBe(0);
  }
});

test("the same seed gives the same bytes, another one others", async () => {
  const bytes = ({ end }: Awaited<ReturnType<typeof trained>>): string =>
    [...end.weights.values()].map(({ data }) => Buffer.from(data.buffer).toString("base64")).join();
  const once = bytes(await trained({ steps: 3, seed: 4 }));
  expect(bytes(await trained({ steps: 3, seed: 4 }))).toBe(once);
  expect(bytes(await trained({ steps: 3, seed: 5 }))).not.toBe(once);
});

test("memory does not grow with steps", async () => {
  const [from, to] = [60, 260];
  let before = { rss: 0, arrayBuffers: 0 };
  let after = before;
  for await (const event of session.train({ samples, steps: to, batch: 2 })) {
    if (event.is !== "step") continue;
    if (event.step === from) before = process.memoryUsage();
    if (event.step === to) after = process.memoryUsage();
  }
  // A step that made its states anew would need 2.4 MB of its own.
  expect(after.rss - before.rss).toBeLessThan(60e6);
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(60e6);
});

test("samples that come one by one end the training with them", async () => {
  const coming = async function* () {
    yield* samples.slice(0, 5);
  };
  const { steps, end } = await trained({ samples: coming(), steps: 10, batch: 2 });
  expect(steps.length).toBe(3);
  expect(end.why).toBe("samples");
});

test("a validation is a mean over all of it, the same for any batch", async () => {
  const losses = async (batch: number): Promise<number[]> => {
    const { events } = await trained({ steps: 1, batch, every: 1, rate: 0, validation: samples.slice(0, 5) });
    return events.flatMap((event) => (event.is === "validation" ? [event.loss] : []));
  };
  const [one, three] = [await losses(1), await losses(3)];
  expect(one.length).toBe(1);
  expect(one[0]).toBeCloseTo(three[0]!, 5);
});

test("a signal ends it", async () => {
  const control = new AbortController();
  const told: number[] = [];
  const run = async (): Promise<void> => {
    for await (const event of session.train({ samples, steps: 100, signal: control.signal })) {
      if (event.is !== "step") continue;
      told.push(event.step);
      if (event.step === 3) control.abort(new Error("enough"));
    }
  };
  await expect(run()).rejects.toThrow("enough");
  expect(told).toEqual([1, 2, 3]);
});

test.each([
  [{ samples: [] }, "there are no samples"],
  [{ samples: [{ parts: [{ grid: new Float32Array(3) }] }] }, "an image of 3 numbers"],
  [{ samples: [{ parts: [{ grid: new Float32Array(48).fill(NaN) }] }] }, "number 0 of the image is NaN"],
  [{ samples: [{ parts: [] }] }, "has no rows"],
  [{ samples: [{ parts: [7] }] }, "part 0 of sample 0 is none"],
  [{ samples: [{}] }, "has no list of parts"],
  [{ samples: [{ parts: [{ ids: [999] }] }] }, "is 999"],
])("%o is refused", async (options, message) => {
  await expect(trained({ steps: 1, ...(options as object) })).rejects.toThrow(message);
});
