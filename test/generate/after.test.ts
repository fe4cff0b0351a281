// What later rows see of a drawing, where documents are at different things: in a batch some are at the last step of an image
// while others are in the middle of one, write text or have read an image of the prompt. The oracle judges every call.
import { expect, test } from "vitest";
import { compiled, judged, louder, shapeOf } from "./judged.ts";

/** Two in each of three documents. */
const IMAGES = 6;

const run = async (after: "last" | "never") => {
  const edited = (text: string): string => text.replaceAll("after: given", `after: ${after}`);
  const model = await compiled("DualTower", "onnx", louder(2.5), {}, edited);
  try {
    const prompt = [["ab"], ["a longer one", { grid: new Float32Array(48).fill(0.5) }, "q"], ["xyz"]];
    const options = { prompt, images: 2, maxTokens: 4, steps: 3, seed: 4 };
    const { events, documents, errors } = await judged(model, options);
    for (const { nmse } of Object.values(errors)) expect(nmse).toBeLessThan(1e-10);
    const { phases } = events.find((event) => event.is === "usage")!;
    const drawn = documents.map(
      (_, d) => events.filter((event) => event.is === "image" && event.document === d).length,
    );
    return { phases, drawn, errors, shapes: documents.map(shapeOf) };
  } finally {
    await model.close();
  }
};

test("last: documents of a batch end their images in calls of their own", async () => {
  const { phases, errors } = await run("last");
  // The document that reads an image first is a step behind the others.
  expect(phases.last).toMatchObject({ calls: 4, rows: 4 * IMAGES });
  expect(phases.denoise.rows).toBe(2 * 4 * IMAGES);
  expect(errors["last"]!.rows).toBe(4 * IMAGES);
});
test("never: drawings take places, and the image of the prompt is seen", async () => {
  const { phases, errors } = await run("never");
  expect(phases.draft.rows).toBe(4 * IMAGES);
  expect(phases.last.calls).toBe(0);
  expect(errors["denoise"]!.rows).toBe(3 * 4 * IMAGES);
});
