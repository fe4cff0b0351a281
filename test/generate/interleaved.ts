// Interleaved runs of small models: text, image, text, image, text. Each call is judged on the whole document.
import { expect } from "vitest";
import { generate } from "../../runtime/generate/generate.ts";
import { byteTokenizer, type GenerateEvent, type GenerateOptions, type Phases } from "../../runtime/index.ts";
import type { SessionOptions } from "../../runtime/session.ts";
import { type Compiled, compiled, judged, louder, shapeOf } from "./judged.ts";
import { costOf } from "./told.ts";

export const interleaving = [
  { name: "DualTower", factor: 2.5, guidance: 1, isQuick: true },
  { name: "XFuse", factor: 2.5, guidance: 3, isQuick: false },
  { name: "LMFusion", factor: 2.5, guidance: 2, isQuick: true },
  { name: "DualTowerDiT", factor: -4, guidance: 1, isQuick: false },
] as const;

const STEPS = 3;
const TOKENS = 14;
/** Squared errors over squares: DESIGN's for whole models; 60 dB, which images need, are 1e-6. */
const MOST = 1e-10;

/** The first seed whose run opens an image after text, and another after more text, and writes on: the last token is not appended. */
const seedFor = async ({ session }: Compiled, options: GenerateOptions): Promise<number> => {
  for (let seed = 1; seed < 60; seed++) {
    let kinds = "t";
    for await (const event of session.generate({ ...options, seed }))
      kinds += event.is === "text" ? "t".repeat(event.ids.length) : event.is === "image" ? "i" : "";
    if (/^t+i+t+i+tt/.test(kinds)) return seed;
  }
  throw new Error("no seed interleaves");
};

/** Generation with as many tokens at once, and how many each call of the session drew. */
const paced = async (
  { session }: Compiled,
  options: GenerateOptions,
  most: number,
): Promise<{ readonly events: readonly GenerateEvent[]; readonly decoded: readonly number[] }> => {
  const decoded: number[] = [];
  const counting: Phases = {
    ...session,
    decode: async (...call) => {
      const ids = await session.decode(...call);
      decoded.push(ids[0]!.length);
      return ids;
    },
  };
  const events: GenerateEvent[] = [];
  for await (const event of generate(counting, byteTokenizer, options, { next: most, took: () => undefined }))
    events.push(event);
  return { events, decoded };
};
/** Without how long it took. */
const told = (event: GenerateEvent): object =>
  event.is === "usage"
    ? { ...event, phases: Object.values(event.phases).map(({ calls, rows }) => [calls, rows]) }
    : event;

export const interleaved = async (
  { name, factor, guidance }: (typeof interleaving)[number],
  target: "onnx" | "webgpu",
  opening?: SessionOptions,
): Promise<void> => {
  const model = await compiled(name, target, louder(factor), opening);
  try {
    const drawing = { prompt: ["ab"], maxTokens: TOKENS, steps: STEPS, guidance, sampling: { temperature: 1 } };
    const options = { ...drawing, seed: await seedFor(model, drawing) };
    const run = await judged(model, options);
    const [document] = run.documents;
    const images = run.events.filter((event) => event.is === "image").length;
    expect(shapeOf(document!)).toMatch(/^t+(?:op{4}c)+t+(?:op{4}c)+t/);
    const [decode, denoise] = [run.errors["decode"]!, run.errors["denoise"]!];
    expect(decode.nmse).toBeLessThan(MOST);
    expect(denoise.nmse).toBeLessThan(MOST);
    // Every token has its logits, and every step of both branches its predictions.
    expect(decode.rows).toBe(TOKENS);
    expect(denoise.rows).toBe(images * STEPS * 4 * (guidance === 1 ? 1 : 2));
    expect(costOf(run.events)["denoise"]).toEqual([images * STEPS, denoise.rows]);
    expect(run.events.at(-1)).toMatchObject({ is: "usage", tokens: TOKENS, images });
    // The calls that were judged drew from logits; the session draws as it does, and tells the same.
    for (const most of target === "webgpu" ? [1, 3, 8] : [8]) {
      const { events, decoded } = await paced(model, options, most);
      expect(events.map(told)).toEqual(run.events.map(told));
      expect(Math.max(...decoded)).toBe(target === "webgpu" ? most : 1);
    }
  } finally {
    await model.close();
  }
};
