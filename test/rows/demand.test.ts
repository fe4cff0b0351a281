// What is asked of a sequence, at which streams, and which past keys are read.
import { describe, expect, test } from "vitest";
import type { Mask, Model, Row, Seq } from "../../compiler/analyze/model.ts";
import { demandOf, hasRows, type Demand, type Present } from "../../compiler/rows/demand.ts";
import { streamsOf } from "../../compiler/rows/stream.ts";
import { model, project } from "../lower/build.ts";
import {
  all,
  add,
  attend,
  block,
  call,
  causal,
  h0,
  joint,
  key,
  linear,
  merge,
  not,
  number,
  or,
  parameter,
  patch,
  plainBlock,
  restrict,
  select,
  split,
  und,
  union,
  weight,
  within,
} from "../oracle/build.ts";

const language = (h: Seq, i = 0, sees?: Mask): Seq => call(plainBlock(`language.layers[${i}]`), h, sees);
const vision = (h: Seq, i = 0): Seq => call(plainBlock(`vision.layers[${i}]`), h);
const dual = (h: Seq, i = 0): Seq => select([und, language(h, i)], [patch, vision(h, i)]);
const mask = or(causal, within("image.patch"));
const text = (h: Seq): Seq => project("logits", h, 7, "text");
const image = (h: Seq): Seq => project("leave", h, 2, "image.patch");

/** What the heads ask for, where rows of the `fresh` streams are new and those of `past` may stand before them. */
const demanded = (of: Model, { fresh, past = [] }: { fresh?: string[]; past?: string[] } = {}): Demand => {
  const streams = streamsOf(of);
  const named = (names: readonly string[]) => names.map((name) => streams.find((stream) => stream.name === name)!);
  const present: Present = {
    fresh: fresh ? named(fresh) : streams,
    past: named(past),
    precedes: () => true,
    among: () => true,
  };
  const values = of.heads.flatMap(({ value }) =>
    present.fresh.filter((stream) => hasRows(value, stream)).map((stream) => ({ seq: value, stream })),
  );
  return demandOf(of, present, { values, keys: [] });
};
const asked = (of: Model, seq: Seq): string[] =>
  [...demanded(of).streams.get(seq)!].flatMap(({ kinds }) => kinds.map(({ name }) => name)).sort();
const every = [...h0.shapes.keys()].sort();

describe("what is asked of a sequence", () => {
  const first = dual(h0);
  /** markers that enter in a way of their own, so that they are streams of their own */
  const apart = {
    "image.open": linear(number(1), weight("open", [4, 1])),
    "image.close": linear(number(1), weight("close", [4, 1])),
  };
  const after = (h: Seq, by: Mask, embeds: Record<string, Row> = {}): string[] =>
    asked(model({ steps: [first, h], mask: by, text: text(h), embeds }), first);
  test("rows whose keys a mask lets be seen, and rows that ask", () => {
    expect(after(language(first, 1), causal)).toEqual(every);
    expect(after(language(first, 1, key(...und)), causal)).toEqual(und.toSorted());
    expect(after(language(first, 1), not(all))).toEqual(und.toSorted());
    expect(after(language(first, 1), not(all), apart)).toEqual(["text"]);
    expect(after(language(first, 1, key("text", "image.open")), causal, apart)).toEqual(["image.open", "text"]);
    expect(after(dual(first, 1), within("image.patch"), apart)).toEqual(["text"]);
  });
  test("the kinds of an arm", () => {
    const passed = joint([und, language(h0, 1)], [patch, first]);
    const of = model({ steps: [first, passed], mask, text: text(passed), image: image(passed) });
    expect(asked(of, first)).toEqual(patch);
    expect(asked(of, h0)).toEqual(every);
  });
  test("the kinds of a restriction and of a union's parts", () => {
    const own = restrict(h0, ...und);
    const other = restrict(h0, ...patch);
    const both = union(language(own), vision(other));
    const of = model({ steps: [both], mask, text: text(both) });
    expect(asked(of, own)).toEqual(und.toSorted());
    expect([...demanded(of).streams.get(other)!]).toEqual([]);
  });
  test("rows that only give keys to the second attend of a block are asked what the first one sees", () => {
    const x = parameter(0, 4);
    const project = (of: Row, name: string): Row => split(linear(of, weight(name, [4, 4])), 2);
    const one = attend(project(x, "q"), project(x, "k"), project(x, "v"), 0.5);
    const y = add(x, merge(one));
    const two = attend(project(y, "q2"), project(y, "k2"), project(y, "v2"), 0.5);
    // Text sees open markers, these see patches, patches see nothing of others.
    const chain: Mask = {
      op: "or",
      left: { op: "and", left: { op: "query", kinds: ["text"] }, right: key("image.open") },
      right: { op: "and", left: { op: "query", kinds: ["image.open"] }, right: key("image.patch") },
    };
    const read = (attends: (typeof one)[], body: Row): string[] => {
      const seen = call(block("twice", body, attends), first);
      return asked(model({ steps: [first, seen], mask: chain, text: text(seen) }), first);
    };
    expect(read([one], y)).toEqual(["image.open", "text"]);
    expect(read([one, two], add(y, merge(two)))).toEqual(["image.open", "image.patch", "text"]);
  });
});

describe("which past keys are read", () => {
  const two = dual(dual(h0), 1);
  const of = model({ steps: [two], mask, text: text(two), image: image(two) });
  const reads = (what: { fresh: string[]; past: string[] }, from = of): string[] =>
    demanded(from, what)
      .reads.map(({ call: { attrs }, stream }) => `${attrs.block.path}/${stream.name}`)
      .sort();
  test("those of the tower that asks, over all rows that it sees", () => {
    expect(reads({ fresh: ["text"], past: ["text", "image.patch"] })).toEqual([
      "language.layers[0]/image.patch",
      "language.layers[0]/text",
      "language.layers[1]/image.patch",
      "language.layers[1]/text",
    ]);
    expect(reads({ fresh: ["image.patch"], past: ["text"] })).toEqual([
      "vision.layers[0]/text",
      "vision.layers[1]/text",
    ]);
    expect(reads({ fresh: ["text"], past: [] })).toEqual([]);
  });
  test("not those that a mask hides", () => {
    const hidden = select([und, language(h0, 0, key(...und))], [patch, vision(h0)]);
    const from = model({ steps: [hidden], mask, text: text(hidden) });
    expect(reads({ fresh: ["text"], past: ["text", "image.patch"] }, from)).toEqual(["language.layers[0]/text"]);
  });
  test("not those that can only be seen by earlier rows", () => {
    const later = model({ steps: [two], mask: not(causal), text: text(two) });
    expect(reads({ fresh: ["text"], past: ["text"] }, later)).toEqual([]);
  });
  test("a joint's at the owner of each kind", () => {
    const h = joint([und, language(h0)], [patch, vision(h0)]);
    const from = model({ steps: [h], mask, text: text(h), image: image(h) });
    expect(reads({ fresh: ["image.patch"], past: ["text", "image.patch"] }, from)).toEqual([
      "language.layers[0]/text",
      "vision.layers[0]/image.patch",
    ]);
  });
});
