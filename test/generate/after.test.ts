// What later rows see of a drawing, where documents are at different things: in a batch some are at the last step of an image
// while others are in the middle of one, write text or have read an image of the prompt. The oracle judges every call.
import { expect, test } from "vitest";
import { compiled, judged, louder } from "./judged.ts";

/** Two in each of three documents. */
const IMAGES = 6;

const run = async (after: "last" | "never", guidance: number) => {
  const edited = (text: string): string => text.replaceAll("after: given", `after: ${after}`);
  const model = await compiled("DualTower", "onnx", louder(2.5), {}, edited);
  try {
    const prompt = [["ab"], ["a longer one", { grid: new Float32Array(48).fill(0.5) }, "q"], ["xyz"]];
    const options = { prompt, images: 2, maxTokens: 4, steps: 3, seed: 4, guidance };
    const { events, errors } = await judged(model, options);
    for (const { nmse } of Object.values(errors)) expect(nmse).toBeLessThan(1e-10);
    const { phases } = events.find((event) => event.is === "usage")!;
    return { phases, errors };
  } finally {
    await model.close();
  }
};

test("last: documents of a batch end their images in calls of their own", async () => {
  const { phases, errors } = await run("last", 1);
  // The document that reads an image first is a step behind the others.
  expect(phases.last).toMatchObject({ calls: 4, rows: 4 * IMAGES });
  expect(phases.denoise.rows).toBe(2 * 4 * IMAGES);
  expect(errors["last"]!.rows).toBe(4 * IMAGES);
});
test("last, with guidance: the other branch of a last step is asked with the steps of other documents", async () => {
  const { phases, errors } = await run("last", 3);
  expect(phases.last).toMatchObject({ calls: 4, rows: 4 * IMAGES });
  expect(phases.denoise.rows).toBe((2 * 2 + 1) * 4 * IMAGES);
  // Each of two images has three steps, and one document is a step behind the others.
  expect(phases.denoise.calls).toBe(2 * 3 + 1);
  expect(errors["last"]!.rows).toBe(4 * IMAGES);
  // Of a document without text nothing is drawn: it reads what is before the second image, as its last step has left it.
  expect(phases.read.rows).toBe(4 * (1 + 1 + 1 + 3));
});
test("never: drawings take places, and the image of the prompt is seen", async () => {
  const { phases, errors } = await run("never", 1);
  expect(phases.draft.rows).toBe(4 * IMAGES);
  expect(phases.last.calls).toBe(0);
  expect(errors["denoise"]!.rows).toBe(3 * 4 * IMAGES);
});
test("never, with guidance: drafts are drafts in documents without text too", async () => {
  const { phases, errors } = await run("never", 3);
  expect(phases.draft.rows).toBe(4 * (IMAGES + 3));
  expect(phases.read.rows).toBe(4 * (1 + 1 + 1));
  expect(errors["denoise"]!.rows).toBe(2 * 3 * 4 * IMAGES);
});
