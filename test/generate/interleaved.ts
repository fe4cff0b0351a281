// Interleaved runs of small models: text, image, text, image, text. Each call is judged on the whole document, with later
// rows seeing of each image what the model says: its clean rows, those of its last step, or nothing.
import { expect } from "vitest";
import { generate } from "../../runtime/generate/generate.ts";
import { byteTokenizer, type GenerateEvent, type GenerateOptions, type Phases } from "../../runtime/index.ts";
import type { SessionOptions } from "../../runtime/session.ts";
import { type Compiled, compiled, judged, louder, shapeOf } from "./judged.ts";

export interface Interleaving {
  readonly name: string;
  readonly factor: number;
  readonly guidance: number;
  readonly after: "given" | "last" | "never";
  /** what guidance pushes away from, where it is not a document without text */
  readonly guide?: string;
  /** from which on one is looked for that interleaves; those below it were found not to */
  readonly seed: number;
  /** it is run on a GPU by every test run */
  readonly isQuick: boolean;
}
export const interleaving: readonly Interleaving[] = [
  { name: "DualTower", factor: 2.5, guidance: 1, after: "given", seed: 9, isQuick: false },
  { name: "XFuse", factor: 2.5, guidance: 3, after: "given", seed: 7, isQuick: false },
  { name: "LMFusion", factor: 2.5, guidance: 2, after: "given", seed: 2, isQuick: true },
  { name: "DualTowerDiT", factor: -4, guidance: 1, after: "given", seed: 5, isQuick: false },
  { name: "DualTower", factor: 2.5, guidance: 1, after: "last", seed: 18, isQuick: true },
  { name: "XFuse", factor: 2.5, guidance: 3, after: "last", seed: 7, isQuick: false },
  { name: "LMFusion", factor: 2.5, guidance: 2, after: "last", seed: 2, isQuick: false },
  { name: "DualTowerDiT", factor: -4, guidance: 1, after: "last", seed: 5, isQuick: false },
  { name: "DualTower", factor: 2.5, guidance: 3, after: "never", seed: 2, isQuick: false },
  {
    name: "LMFusion",
    factor: 2.5,
    guidance: 2,
    after: "never",
    seed: 2,
    guide: "hide(text before image)",
    isQuick: true,
  },
];

const STEPS = 3;
const TOKENS = 14;
/** Squared errors over squares: DESIGN's for whole models; 60 dB, which images need, are 1e-6. */
const MOST = 1e-10;

/** The first seed whose run opens an image after text, and another after more text, and writes on: the last token is not appended. */
const seedFor = async ({ session }: Compiled, first: number, options: GenerateOptions): Promise<number> => {
  for (let seed = first; seed < first + 60; seed++) {
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
  { name, factor, guidance, after, guide, seed }: Interleaving,
  target: "onnx" | "webgpu",
  opening?: SessionOptions,
): Promise<void> => {
  const guides = guide === undefined ? "" : `  guide text = ${guide}\n`;
  const edited = (text: string): string =>
    text.replaceAll("after: given", `after: ${after}`).replaceAll("  position =", `${guides}  position =`);
  const model = await compiled(name, target, louder(factor), opening, edited);
  try {
    const drawing = { prompt: ["ab"], maxTokens: TOKENS, steps: STEPS, guidance, sampling: { temperature: 1 } };
    const options = { ...drawing, seed: await seedFor(model, seed, drawing) };
    const run = await judged(model, options);
    const [document] = run.documents;
    const images = run.events.filter((event) => event.is === "image").length;
    expect(shapeOf(document!)).toMatch(/^t+(?:op{4}c)+t+(?:op{4}c)+t/);
    const none = { nmse: 0, rows: 0 };
    const { decode = none, denoise = none, last = none } = run.errors;
    for (const { nmse } of [decode, denoise, last]) expect(nmse).toBeLessThan(MOST);
    // Every token has its logits, and every step of both branches its predictions.
    expect(decode.rows).toBe(TOKENS);
    const lasting = after === "last" ? images : 0;
    expect(last.rows).toBe(4 * lasting);
    expect(denoise.rows).toBe(4 * (images * STEPS * (guidance === 1 ? 1 : 2) - lasting));
    const { phases, ...usage } = run.events.find((event) => event.is === "usage")!;
    expect(usage).toEqual({ is: "usage", tokens: TOKENS, images });
    // A drawn image is read, kept from its last step or passed over, and in one way alone. A document without text is made
    // for each, with the images before: a draft stays one there, and what a last step has left is read.
    const others = guidance === 1 || guide !== undefined ? 0 : (images * (images - 1)) / 2;
    const ends = { read: phases.read.calls, last: phases.last.calls, draft: phases.draft.calls };
    const own = { given: "read", last: "last", never: "draft" } as const;
    const wanted = { read: after === "never" ? 0 : others, last: 0, draft: after === "never" ? others : 0 };
    expect(ends).toEqual({ ...wanted, [own[after]]: wanted[own[after]] + images });
    // Both branches of a step are one call; of a last one that stays, the other branch is a call before it.
    expect(phases.denoise.calls).toBe(images * STEPS - (guidance === 1 ? lasting : 0));
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
