// What an image is pushed away from: a document without text, rows that see none, or another value of an input, as the model's
// guide says. Both branches of every step are judged by the oracle, and are one call.
import { expect, test } from "vitest";
import { compiled, judged, louder } from "./judged.ts";
import { all, costOf, idsOf, rowsOf } from "./told.ts";

const labelled =
  (guides: string, per = " per image") =>
  (text: string): string =>
    text
      .replaceAll("  input t: number per image", `  input t: number per image\n  input label: number${per}`)
      .replaceAll(
        "embed image.patch(z) = vision.enter(z, c)",
        "embed image.patch(z) = vision.enter(z, c) * (1 + label)",
      )
      .replaceAll("  position = running", `${guides}  position = running`);
const drawing = { prompt: ["ab"], images: 1, maxTokens: 0, steps: 3, seed: 2, inputs: { label: 0.5 } } as const;

interface Edited {
  /** of what the input is */
  readonly per?: string;
  readonly edited?: (specification: string) => string;
}
const drawn = async (
  guides: string,
  options: { readonly guidance?: number; readonly guide?: string },
  { per, edited = (specification) => specification }: Edited = {},
) => {
  const model = await compiled("DualTower", "onnx", louder(1), {}, (each) => edited(labelled(guides, per)(each)));
  try {
    const { events, errors } = await judged(model, { ...drawing, ...options });
    const image = events.find((event) => event.is === "image")!;
    expect(errors["denoise"]!.nmse).toBeLessThan(1e-10);
    const { last = { rows: 0, nmse: 0 } } = errors;
    expect(last.nmse).toBeLessThan(1e-10);
    const predictions = errors["denoise"]!.rows + last.rows;
    const { guides: said } = model.session.manifest;
    return { rows: [...image.rows], predictions, guides: said, cost: costOf(events) };
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
  // A step asks once for each of 4 rows, and with guidance twice, by one call.
  expect([plain.predictions, own.predictions, said.predictions]).toEqual([12, 24, 24]);
  expect([plain.cost["denoise"], own.cost["denoise"], said.cost["denoise"]]).toEqual([
    [3, 12],
    [3, 24],
    [3, 24],
  ]);
  // The document without text has one row before the image.
  expect([plain.cost["prefill"], own.cost["prefill"]]).toEqual([
    [1, 3],
    [2, 4],
  ]);
});

test("with another value of an input", { timeout: 60_000 }, async () => {
  const found = await drawn(label, { guidance: 3 });
  expect(found.guides).toEqual([{ is: "replace", name: "label", input: "label", value: 0 }]);
  expect(found.predictions).toBe(24);
  expect(found.cost).toMatchObject({ denoise: [3, 24], prefill: [1, 3] });
  expect(found.rows).not.toEqual((await drawn(text, { guidance: 3 })).rows);
  expect(found.rows).not.toEqual((await drawn("", {})).rows);
});

test("by rows that do not see the text, each at its place", async () => {
  const found = await drawn(hidden, { guidance: 3 });
  expect(found.guides).toEqual([{ is: "hide", name: "text", modality: "text", before: "image" }]);
  expect(found.predictions).toBe(24);
  // It is the same document twice, of which nothing is computed anew.
  expect(found.cost).toMatchObject({ denoise: [3, 24], prefill: [1, 3] });
  expect(found.rows).not.toEqual((await drawn(text, { guidance: 3 })).rows);
  expect(found.rows).not.toEqual((await drawn("", {})).rows);
});

test("of a last step that stays, before it is appended", { timeout: 60_000 }, async () => {
  const lasting = (specification: string): string => specification.replaceAll("after: given", "after: last");
  // Two steps of both branches, by one call or by two; then the other branch alone, and the step that stays.
  for (const [guides, per, calls] of [
    [text, " per image", 3],
    [label, " per image", 3],
    [label, "", 5],
    [hidden, " per image", 3],
  ] as const) {
    const found = await drawn(guides, { guidance: 3 }, { per, edited: lasting });
    expect(found.predictions).toBe(24);
    expect(found.cost).toMatchObject({ denoise: [calls, 20], last: [1, 4], read: [0, 0] });
    // What stays changes nothing of the image itself. ONNX Runtime sums in another order for a batch of another size.
    near(found.rows, (await drawn(guides, { guidance: 3 }, { per })).rows);
  }
});

test("of several the one that is named", async () => {
  await expect(drawn(text + label, { guidance: 3 })).rejects.toThrow(/several guides[^]*text, label/);
  await expect(drawn(text, { guidance: 3, guide: "style" })).rejects.toThrow(/no guide style[^]*it has text/);
  const named = await drawn(text + label, { guidance: 3, guide: "label" });
  expect(named.rows).toEqual((await drawn(label, { guidance: 3 })).rows);
});

test("with another value of an input of whole calls, which takes two of them", async () => {
  const found = await drawn(label, { guidance: 3 }, { per: "" });
  expect(found.predictions).toBe(24);
  expect(found.cost).toMatchObject({ denoise: [6, 24], prefill: [1, 3] });
  const each = await drawn(label, { guidance: 3 });
  near(found.rows, each.rows);
});

test("documents that draw at the same time share the call, and are what each is alone", async () => {
  const model = await compiled("DualTower", "onnx", louder(4), {}, labelled(text));
  try {
    const options = { maxTokens: 7, steps: 2, guidance: 3, inputs: { label: 0.5 }, sampling: { temperature: 1 } };
    const prompt = [["ab"], ["a longer one", { grid: new Float32Array(48).fill(0.5) }, "of two"], ["c"], ["d"]];
    const seed = [12, 22, 32, 42];
    const { events: together, errors } = await judged(model, { ...options, prompt, seed });
    expect(errors["denoise"]!.nmse).toBeLessThan(1e-10);
    let [calls, images] = [0, 0];
    for (const [d, alone] of prompt.entries()) {
      const events = await all(model.session, { ...options, prompt: alone, seed: seed[d]! });
      expect(idsOf(together, d)).toEqual(idsOf(events));
      const [own, wanted] = [rowsOf(together, d), rowsOf(events)];
      expect(own.length).toBe(wanted.length);
      wanted.forEach((x, i) => expect(own[i]).toBeCloseTo(x, 3));
      calls += costOf(events)["denoise"]![0];
      images += wanted.length / 48;
    }
    // They begin at different tokens, and some draw side by side.
    expect(images).toBeGreaterThan(2);
    expect(calls).toBe(2 * images);
    expect(costOf(together)["denoise"]![0]).toBeLessThan(calls);
    expect(costOf(together)["denoise"]![1]).toBe(8 * calls);
  } finally {
    await model.close();
  }
});

const near = (got: readonly number[], want: readonly number[]): void => {
  expect(got.length).toBe(want.length);
  got.forEach((x, i) => expect(x).toBeCloseTo(want[i]!, 4));
};
