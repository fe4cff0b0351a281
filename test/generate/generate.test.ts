// `session.generate` as its users call it: batches, stops, what may be drawn, and how it ends.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GenerateEvent, GenerateOptions } from "../../runtime/index.ts";
import { type Compiled, compiled, louder } from "./judged.ts";
import { all as told, idsOf, rowsOf, textOf } from "./told.ts";

let model: Compiled;
beforeAll(async () => {
  model = await compiled("DualTower", "onnx", louder(2.5));
});
afterAll(() => model.close());

const all = (options: GenerateOptions) => told(model.session, options);

describe("documents", () => {
  test("of a batch are those that each would be alone, whatever the others do", async () => {
    const prompts = [["ab"], ["a longer prompt of a text"], ["xyz", { grid: new Float32Array(48).fill(0.5) }, "q"]];
    const options = { maxTokens: 10, steps: 2, seed: 1 };
    const together = await all({ ...options, prompt: prompts });
    for (const [d, prompt] of prompts.entries()) {
      const alone = await all({ ...options, prompt });
      expect(textOf(together, d)).toBe(textOf(alone));
      const [own, wanted] = [rowsOf(together, d), rowsOf(alone)];
      expect(own.length).toBe(wanted.length);
      wanted.forEach((x, i) => expect(own[i]).toBeCloseTo(x, 4));
    }
    const usage = together.at(-1);
    expect(usage).toMatchObject({ is: "usage", tokens: 30 });
  });
  test("say first what there will be, and last what it took", async () => {
    const events = await all({ prompt: ["ab", { grid: new Float32Array(48) }], maxTokens: 3, steps: 2 });
    expect(events[0]).toEqual({ is: "start", prompts: [{ tokens: 2, images: 1 }], maxTokens: 3, steps: 2 });
    expect(events.filter(({ is }) => is === "usage")).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({
      is: "usage",
      tokens: 3,
      phases: { read: { rows: 4 }, decode: { calls: 3 } },
    });
    expect(events.at(-2)).toEqual({ is: "end", document: 0, why: "length" });
  });
  test("tell what their calls took, and not what was done with their events", async () => {
    const since = performance.now();
    let waited = 0;
    for await (const event of model.session.generate({ prompt: ["ab"], images: 1, maxTokens: 2, steps: 3 })) {
      const before = performance.now();
      if (event.is === "step" || event.is === "text") await new Promise((go) => setTimeout(go, 60));
      waited += performance.now() - before;
      if (event.is !== "usage") continue;
      const told = Object.values(event.phases).reduce((sum, { ms }) => sum + ms, 0);
      expect(waited).toBeGreaterThan(200);
      expect(told).toBeGreaterThan(0);
      expect(told).toBeLessThanOrEqual(performance.now() - since - waited);
    }
  });
  test("are drawn again from the same seed, and other ones from another", async () => {
    const draw = async (seed: number) => rowsOf(await all({ prompt: ["ab"], images: 1, maxTokens: 0, steps: 2, seed }));
    const first = await draw(1);
    expect(first).toHaveLength(48);
    expect(await draw(1)).toEqual(first);
    expect(await draw(2)).not.toEqual(first);
  });
});

describe("images", () => {
  const kinds = (events: readonly GenerateEvent[]): string =>
    events.flatMap(({ is }) => (is === "image" ? ["i"] : is === "text" ? ["t"] : [])).join("");
  test("never", async () => {
    expect(kinds(await all({ prompt: ["ab"], images: "never", maxTokens: 20 }))).not.toMatch(/i/);
  });
  test("so many, right behind the prompt, and none later", async () => {
    expect(kinds(await all({ prompt: ["ab"], images: 2, maxTokens: 20, steps: 1 }))).toMatch(/^iit+$/);
  });
  test("told step by step, the last of which is the image", async () => {
    const events = await all({ prompt: ["ab"], images: 1, maxTokens: 0, steps: 3 });
    const steps = events.filter((event) => event.is === "step");
    expect(steps.map((event) => `${event.step}/${event.steps}`)).toEqual(["1/3", "2/3", "3/3"]);
    const image = events.find((event) => event.is === "image")!;
    expect([...steps.at(-1)!.estimate]).toEqual([...image.rows]);
    expect(image.picture).toMatchObject({ width: 4, height: 4, channels: 3 });
  });
});

describe("the end", () => {
  test("is where a stop is written, which is not told", async () => {
    const ascii = "ab";
    const whole = idsOf(await all({ prompt: [ascii], images: "never", maxTokens: 12 }));
    expect(whole).toHaveLength(12);
    const ended = await all({ prompt: [ascii], images: "never", maxTokens: 12, ends: [whole[5]!] });
    const at = whole.indexOf(whole[5]!);
    expect(idsOf(ended)).toEqual(whole.slice(0, at));
    expect(ended.find((event) => event.is === "end")).toMatchObject({ why: "stop" });
  });
  test("of a signal: the next call is not made, its reason is thrown, and the session goes on", async () => {
    const controller = new AbortController();
    const seen: string[] = [];
    const reason = new Error("enough");
    const run = async () => {
      const { signal } = controller;
      for await (const event of model.session.generate({ prompt: ["ab"], images: 1, steps: 50, signal })) {
        seen.push(event.is);
        if (event.is === "step" && event.step === 2) controller.abort(reason);
      }
    };
    await expect(run()).rejects.toBe(reason);
    expect(seen.filter((is) => is === "step")).toHaveLength(2);
    expect((await all({ prompt: ["ab"], maxTokens: 1, images: "never" })).at(-1)).toMatchObject({ tokens: 1 });
  });
  test("of a loop that is left frees what it held", async () => {
    for await (const event of model.session.generate({ prompt: ["ab"] })) if (event.is === "text") break;
    expect((await all({ prompt: ["ab"], maxTokens: 1, images: "never" })).at(-1)).toMatchObject({ tokens: 1 });
  });
});

test.each<readonly [object, RegExp]>([
  [{ prompt: "ab" }, /a prompt is a list of parts/],
  [{ prompt: [7] }, /part 0 of the prompt is none/],
  [{ prompt: [] }, /nothing that a token could follow/],
  [{ prompt: [{ ids: [400] }] }, /text\.id .* 400/],
  [
    { prompt: [{ grid: new Float32Array(3) }] },
    /an image of 3 numbers was given, and the rows of image\.patch have 48/,
  ],
  [{ prompt: ["a"], maxTokens: -1 }, /maxTokens is -1/],
  [{ prompt: ["a"], ahead: 0 }, /ahead is 0/],
  [{ prompt: ["a"], images: "some" }, /images is "some"/],
  [{ prompt: ["a"], steps: 0 }, /steps/],
  [{ prompt: ["a"], ends: [999] }, /the token 999 of `ends`/],
])("%j is refused", async (options, reason) => {
  await expect(all(options as GenerateOptions)).rejects.toThrow(reason);
});
