// The order of samples, and documents as calls.
import { describe, expect, test } from "vitest";
import type { Document } from "../../runtime/document.ts";
import { microBatches, type Shape } from "../../runtime/train/batch.ts";
import { orderOf } from "../../runtime/train/order.ts";
import { allOf, sourceOf } from "../../runtime/train/source.ts";
import { drawn } from "../phases/schedule.ts";

describe("order", () => {
  test("every epoch goes through all samples once", () => {
    const at = orderOf(7, 23);
    const epochs = [0, 1, 2].map((epoch) => Array.from({ length: 23 }, (_, i) => at(epoch * 23 + i)));
    for (const epoch of epochs)
      expect(epoch.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 23 }, (_, i) => i));
    expect(epochs[0]).not.toEqual(epochs[1]);
  });
  test("a place alone says which", () => {
    const [once, again] = [orderOf(7, 23), orderOf(7, 23)];
    const want = Array.from({ length: 60 }, (_, place) => once(place));
    for (const place of [59, 3, 24, 0, 58]) expect(again(place)).toBe(want[place]);
    expect(Array.from({ length: 60 }, (_, place) => orderOf(8, 23)(place))).not.toEqual(want);
  });
  test("samples that come are let pass up to a place", async () => {
    const samples = ["a", "b", "c", "d"].map((text) => ({ parts: [text] }));
    const coming = async function* () {
      yield* samples;
    };
    const source = sourceOf(coming(), 0);
    expect(await source.take(2)).toBe(samples[2]);
    expect(await source.take(3)).toBe(samples[3]);
    expect(await source.take(4)).toBeUndefined();
    const all = [];
    for await (const sample of allOf(samples)) all.push(sample);
    expect(all).toEqual(samples);
  });
});

const TEXT = { name: "text", kinds: ["text", "image.open", "image.close"] };
const PATCH = { name: "image.patch", kinds: ["image.patch"] };
const shapes: readonly Shape[] = [
  { name: "text", streams: [TEXT], last: null },
  { name: "text, image", streams: [TEXT, PATCH], last: null },
  { name: "text then image", streams: [TEXT, PATCH], last: "image.patch" },
];
const documentOf = (layout: string): Document => {
  let span = -1;
  const rows = [...layout].map((letter) => {
    if (letter === "[") span++;
    const kind = { "[": "image.open", "]": "image.close", p: "image.patch" }[letter] ?? "text";
    return { kind, span: kind === "text" ? 0 : span, index: 0, values: {} };
  });
  return { rows, spans: {}, inputs: {} };
};
const micros = (layouts: readonly string[], most: number) =>
  microBatches(
    shapes,
    layouts.map((layout) => ({ document: documentOf(layout), counts: {} })),
    most,
  );

describe("calls", () => {
  test.each([
    ["ttt", "text", 3],
    ["tt[pp]", "text then image", 5],
    ["[pp]tt", "text, image", 6],
    ["[pp]t[pp]", "text, image", 9],
    ["[pp]", "text then image", 3],
    ["tt[pp]t", "text, image", 7],
  ])("%s is of the shape %s", (layout, shape, rows) => {
    expect(micros([layout], 8)).toMatchObject([{ shape, rows }]);
  });
  test("documents of a shape are together, those of like length side by side", () => {
    const found = micros(["tttttttt", "t[pp]", "tt", "ttttttt", "[pp]t", "t"], 2);
    expect(found.map(({ shape, documents }) => [shape, documents.map(({ rows }) => rows.length)])).toEqual([
      ["text", [1, 2]],
      ["text", [7, 8]],
      ["text, image", [5]],
      ["text then image", [4]],
    ]);
    expect(found.map(({ rows, room }) => [rows, room])).toEqual([
      [3, 4],
      [15, 16],
      [5, 5],
      [4, 4],
    ]);
  });
  test("no more is padded than where documents stand as they come", () => {
    const random = drawn(5);
    for (let run = 0; run < 50; run++) {
      const layouts = Array.from({ length: 16 }, () => "t".repeat(1 + Math.floor(40 * random())));
      const room = micros(layouts, 4).reduce((sum, micro) => sum + micro.room, 0);
      const plain = [0, 4, 8, 12].reduce(
        (sum, i) => sum + 4 * Math.max(...layouts.slice(i, i + 4).map(({ length }) => length)),
        0,
      );
      expect(room, `seed 5, run ${run}`).toBeLessThanOrEqual(plain);
    }
  });
});
