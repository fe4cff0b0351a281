// Which kinds are one stream, and what tells kinds apart.
import { describe, expect, test } from "vitest";
import type { Seq } from "../../compiler/analyze/model.ts";
import { streamsOf } from "../../compiler/rows/stream.ts";
import { model, project } from "../lower/build.ts";
import {
  add,
  call,
  causal,
  h0,
  key,
  linear,
  map,
  mul,
  not,
  number,
  or,
  parameter,
  patch,
  plainBlock,
  query,
  restrict,
  row,
  select,
  und,
  weight,
  within,
} from "../oracle/build.ts";

const language = (h: Seq): Seq => call(plainBlock("language.layers[0]"), h);
const vision = (h: Seq): Seq => call(plainBlock("vision.layers[0]"), h);
const h = select([und, language(h0)], [patch, vision(h0)]);
const mask = or(causal, within("image.patch"));
const text = project("logits", h, 7, "text");

const streams = (parts: Parameters<typeof model>[0]): string[] =>
  streamsOf(model({ steps: [h], text, ...parts })).map(({ kinds }) => kinds.map((kind) => kind.name).join(" "));
const ONE = ["text image.open image.close", "image.patch"];
const EVERY = ["text", "image.open", "image.patch", "image.close"];

describe("what is one", () => {
  test("text and markers, in the model's order, named by the first", () => {
    expect(streams({ mask, image: project("leave", h, 2, "image.patch") })).toEqual(ONE);
    expect(streamsOf(model({ steps: [h], mask, text })).map(({ name }) => name)).toEqual(["text", "image.patch"]);
  });
  test("whatever a head reads", () => {
    expect(streams({ mask, text: project("logits", h, 7, "image.close") })).toEqual(ONE);
    expect(streams({ mask, text: project("logits", h, 7, ...und) })).toEqual(ONE);
  });
});

describe("what tells kinds apart", () => {
  test("masks: only rows of one modality share a span", () => {
    expect(streams({ mask: or(causal, within("image.open", "image.patch", "image.close")) })).toEqual([
      "text",
      "image.open image.close",
      "image.patch",
    ]);
    expect(streams({ mask: within("text", "image.open") })).toEqual(EVERY);
    expect(streams({ mask: not(key("image.open")) })).toEqual(["text image.close", "image.open", "image.patch"]);
    expect(streams({ mask: or(causal, query("text")) })).toEqual(["text", "image.open image.close", "image.patch"]);
  });
  test("the mask of one call", () => {
    const seen = call(plainBlock("language.layers[0]"), h0, key("text"));
    expect(streams({ steps: [select([und, seen], [patch, h0])] })).toEqual([
      "text",
      "image.open image.close",
      "image.patch",
    ]);
  });
  test("how they enter", () => {
    expect(streams({ embeds: { "image.open": linear(number(1), weight("w", [4, 1])) } })).toEqual([
      "text image.close",
      "image.open",
      "image.patch",
    ]);
  });
  test("routes through the layers", () => {
    const some = map(parameter(0, 4), restrict(h, "image.open"));
    const routed = select([["image.open"], some], [["text", "image.close", "image.patch"], h]);
    expect(streams({ steps: [routed], text: routed })).toEqual(["text image.close", "image.open", "image.patch"]);
  });
  test("coordinates", () => {
    const indexed = map(mul(parameter(0, 4), row("coordinate", [], { axis: "index" }, [])), h0);
    expect(streams({ steps: [indexed], text: project("logits", indexed, 7, "text", "image.open") })).toEqual(EVERY);
  });
  test("a head in which rows meet, but not one that only reads them", () => {
    const own = restrict(h, "text", "image.patch");
    expect(streams({ mask, text: project("logits", own, 7, "text") })).toEqual(ONE);
    const met = project("logits", call(plainBlock("last"), own), 7, "text");
    expect(streams({ mask, text: met })).toEqual(["text", "image.open image.close", "image.patch"]);
  });
  test("the arms of a head", () => {
    const arms = select([["text"], h], [["image.open"], map(add(parameter(0, 4), number(1)), h)]);
    expect(streams({ mask, text: arms })).toEqual(["text", "image.open", "image.patch", "image.close"]);
  });
});
