// What an image is pushed away from: a document without text, rows that see none, or another value of an input, as the model's
// guide says. Both branches of every step are judged by the oracle.
import { expect, test } from "vitest";
import { compiled, judged, louder } from "./judged.ts";

const labelled =
  (guides: string) =>
  (text: string): string =>
    text
      .replaceAll("  input t: number per image", "  input t: number per image\n  input label: number per image")
      .replaceAll(
        "embed image.patch(z) = vision.enter(z, c)",
        "embed image.patch(z) = vision.enter(z, c) * (1 + label)",
      )
      .replaceAll("  position = running", `${guides}  position = running`);
const drawing = { prompt: ["ab"], images: 1, maxTokens: 0, steps: 3, seed: 2, inputs: { label: 0.5 } } as const;

const drawn = async (
  guides: string,
  options: { readonly guidance?: number; readonly guide?: string },
  edited: (text: string) => string = (specification) => specification,
) => {
  const model = await compiled("DualTower", "onnx", louder(1), {}, (each) => edited(labelled(guides)(each)));
  try {
    const { events, errors } = await judged(model, { ...drawing, ...options });
    const image = events.find((event) => event.is === "image")!;
    expect(errors["denoise"]!.nmse).toBeLessThan(1e-10);
    const { last = { rows: 0, nmse: 0 } } = errors;
    expect(last.nmse).toBeLessThan(1e-10);
    const predictions = errors["denoise"]!.rows + last.rows;
    return { rows: [...image.rows], predictions, guides: model.session.manifest.guides };
  } finally {
    await model.close();
  }
};
const text = "  guide text = without(text before image)\n";
const hidden = "  guide text = hide(text before image)\n";
const label = "  guide label = replace(label: 0)\n";

test("without text, which is what a model without guides does too", async () => {
  const [own, said, plain] = [
    await drawn("", { guidance: 3 }),
    await drawn(text, { guidance: 3 }),
    await drawn("", {}),
  ];
  expect(own.guides).toBeUndefined();
  expect(said.guides).toEqual([{ is: "without", name: "text", modality: "text", before: "image" }]);
  expect(said.rows).toEqual(own.rows);
  expect(plain.rows).not.toEqual(own.rows);
  // A step asks once for each of 4 rows, and with guidance twice.
  expect([plain.predictions, own.predictions, said.predictions]).toEqual([12, 24, 24]);
});

test("with another value of an input", { timeout: 60_000 }, async () => {
  const found = await drawn(label, { guidance: 3 });
  expect(found.guides).toEqual([{ is: "replace", name: "label", input: "label", value: 0 }]);
  expect(found.predictions).toBe(24);
  expect(found.rows).not.toEqual((await drawn(text, { guidance: 3 })).rows);
  expect(found.rows).not.toEqual((await drawn("", {})).rows);
});

test("by rows that do not see the text, each at its place", async () => {
  const found = await drawn(hidden, { guidance: 3 });
  expect(found.guides).toEqual([{ is: "hide", name: "text", modality: "text", before: "image" }]);
  expect(found.predictions).toBe(24);
  expect(found.rows).not.toEqual((await drawn(text, { guidance: 3 })).rows);
  expect(found.rows).not.toEqual((await drawn("", {})).rows);
});

test("of a last step that stays, before it is appended", async () => {
  const lasting = (specification: string): string => specification.replaceAll("after: given", "after: last");
  for (const guides of [text, label, hidden]) {
    const found = await drawn(guides, { guidance: 3 }, lasting);
    expect(found.predictions).toBe(24);
    // What stays changes nothing of the image itself.
    expect(found.rows).toEqual((await drawn(guides, { guidance: 3 })).rows);
  }
});

test("of several the one that is named", async () => {
  await expect(drawn(text + label, { guidance: 3 })).rejects.toThrow(/several guides[^]*text, label/);
  await expect(drawn(text, { guidance: 3, guide: "style" })).rejects.toThrow(/no guide style[^]*it has text/);
  const named = await drawn(text + label, { guidance: 3, guide: "label" });
  expect(named.rows).toEqual((await drawn(label, { guidance: 3 })).rows);
});
