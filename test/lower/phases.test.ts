// Every phase equals the oracle's rows of the whole document: random schedules of random documents, one and two at a time.
import { afterAll, describe, expect, test } from "vitest";
import type { Document, Input, Mask, Row, Seq, SessionTerm } from "../../compiler/analyze/model.ts";
import type { Random } from "../ir/random.ts";
import {
  add,
  and,
  at,
  attend,
  block,
  call,
  causal,
  document,
  h0,
  joint,
  key,
  linear,
  map,
  merge,
  mul,
  not,
  number,
  or,
  parameter,
  patch,
  plainBlock,
  query,
  row,
  select,
  seq,
  split,
  und,
  weight,
  within,
} from "../oracle/build.ts";
import { condition, model, type Parts, project, read, t } from "./build.ts";
import { followAll, type Ran } from "./schedule.ts";

const language = (h: Seq, i = 0, sees?: Mask): Seq => call(plainBlock(`language.layers[${i}]`), h, sees);
const vision = (h: Seq, i = 0, sees?: Mask): Seq => call(plainBlock(`vision.layers[${i}]`, { scale: 0.25 }), h, sees);
const dual = (h: Seq, i = 0): Seq => select([und, language(h, i)], [patch, vision(h, i)]);
const fused = (h: Seq, i = 0): Seq => {
  const seen = vision(h, i);
  const mixed = add(mul(weight("alpha", []), parameter(0, 4)), mul(weight("beta", []), parameter(1, 4)));
  return select([und, map(mixed, language(h, i), seen)], [patch, seen]);
};
const gated = (h: Seq, i = 0): Seq =>
  map(add(parameter(0, 4), mul(weight("gamma", []), parameter(1, 4))), language(h, i), vision(h, i));
const met = (h: Seq, i = 0): Seq => joint([und, language(h, i)], [patch, vision(h, i)]);
const two = (layer: (h: Seq, i: number) => Seq): Seq[] => [layer(h0, 0), layer(layer(h0, 0), 1)];
const spanMask = or(causal, within("image.patch"));
const imageMask = or(causal, within("image.open", "image.patch", "image.close"));

const SEEDS = Number(process.env["SCHEDULES"] ?? 5);
const FIRST = Number(process.env["SEED"] ?? 1);
const seeds = Array.from({ length: SEEDS }, (_, i) => FIRST + i);

/** Documents that differ in length; each image has a `t` of its own, or all one. */
const finals =
  (shared: boolean) =>
  (random: Random, batch: number): Document[] => {
    // What belongs to the call is one for all documents.
    const given = 0.125 * random.below(8);
    return Array.from({ length: batch }, () => {
      const parts = Array.from(
        { length: 1 + random.below(3) },
        () => "t".repeat(random.below(4)) + (random.below(3) > 0 ? "[pppppp]" : ""),
      );
      const letters = `${parts.join("")}${"t".repeat(random.below(3))}` || "t";
      const images = [...letters].filter((letter) => letter === "[").length;
      return document(letters, {
        spans: { image: Array.from({ length: images }, () => ({ t: 0.125 * random.below(8) })) },
        ...(shared && { inputs: { t: given } }),
        start: random.below(3),
      });
    });
  };

const check = (parts: Parts, finalsOf = finals(false), near = 1e-9): Ran[] => {
  const steps = parts.steps!;
  const of = model({
    mask: spanMask,
    text: project("logits", steps.at(-1)!, 7, "text"),
    image: project("leave", steps.at(-1)!, 2, "image.patch"),
    limit: 64,
    ...parts,
  });
  const ran = followAll(of, seeds, finalsOf, near);
  expect(ran.reduce((n, { compared }) => n + compared.heads, 0)).toBeGreaterThan(0);
  expect(ran.reduce((n, { compared }) => n + compared.caches, 0)).toBeGreaterThan(0);
  for (const kind of ["prefill", "decode", "read", "denoise"])
    expect(ran.flatMap(({ calls }) => calls).filter((name) => name.startsWith(kind)).length, kind).toBeGreaterThan(0);
  return ran;
};
// oxlint-disable-next-line no-console -- the seeds, to repeat a run
afterAll(() => console.log(`schedules of seeds ${seeds[0]} to ${seeds.at(-1)}; SEED and SCHEDULES choose others`));

describe("designs", () => {
  test("one tower", () => void check({ steps: two(language) }));
  test("gated", () => void check({ steps: two(gated) }));
  test("dual tower", () => void check({ steps: two(dual) }));
  test("dual tower, text and image fused", () => void check({ steps: two(fused) }));
  test("joint", () => void check({ steps: two(met) }));
  test("joint, one-way", () =>
    void check({ steps: two((h, i) => joint([und, language(h, i, key(...und))], [patch, vision(h, i)])) }));
  test("dual tower, one-way", () =>
    void check({ steps: two((h, i) => select([und, language(h, i, key(...und))], [patch, vision(h, i)])) }));
  test("dual tower, other-way", () =>
    void check({ steps: two((h, i) => select([und, language(h, i)], [patch, vision(h, i, key(...patch))])) }));
  test("a joint with an identity arm, then a dual", () => {
    const first = joint([und, language(h0)], [patch, h0]);
    check({ steps: [first, dual(first, 1)] });
  });
  test("a block that attends twice", () => {
    const x = parameter(0, 4);
    const q = (of: Row, name: string): Row => split(linear(of, weight(name, [4, 4])), 2);
    const first = attend(q(x, "q"), q(x, "k"), q(x, "v"), 0.5);
    const y = add(x, merge(first));
    const second = attend(q(y, "q2"), q(y, "k2"), q(y, "v2"), 0.25);
    const twice = (h: Seq): Seq => call(block("language.layers[0]", add(y, merge(second)), [first, second]), h);
    check({ steps: [dual(twice(h0), 1)] });
    check({ steps: [select([und, twice(h0)], [patch, vision(h0)])] });
  });
  test("foreign rows evolve", () =>
    void check({ steps: [select([und, language(language(h0), 1)], [patch, vision(vision(h0), 1)])] }));
  test("a head that attends", () => {
    const steps = two(dual);
    check({ steps, text: project("logits", language(steps.at(-1)!, 9), 7, "text") });
  });
  test("heads of all kinds", () => {
    const steps = two(dual);
    check({ steps, text: project("logits", steps.at(-1)!, 7, ...und) });
  });
});

describe("sessions", () => {
  const sessions: Readonly<Record<string, readonly SessionTerm[]>> = {
    "t[": [term("text"), term("image")],
    "[t": [term("image"), term("text")],
    "t[t": [term("text"), term("image"), term("text")],
    "t[t[": [term("text"), term("image"), term("text"), term("image")],
    "t[*": [term("text"), term("image", "*")],
    "t?[": [term("text", "?"), term("image")],
  };
  for (const [letters, session] of Object.entries(sessions)) {
    const some = (random: Random, batch: number): Document[] =>
      Array.from({ length: batch }, () =>
        document(session.map((each) => drawn(random, each)).join("") || "t", { start: random.below(3) }),
      );
    for (const [name, layer] of Object.entries({ dual, met, fused }))
      test(`${name}: ${letters}`, () => void check({ steps: two(layer), session }, some));
    test(`dual: ${letters}, an image with its markers`, () =>
      void check({ steps: two(dual), session, mask: imageMask }, some));
    test(`dual: ${letters}, an image with the marker before it`, () =>
      void check({ steps: two(dual), session, mask: or(causal, within("image.open", "image.patch")) }, some));
  }
});
function term(modality: string, repeat: SessionTerm["repeat"] = ""): SessionTerm {
  return { modality, repeat };
}
const drawn = (random: Random, { modality, repeat }: SessionTerm): string => {
  if (modality === "text") return "t".repeat(random.below(3) + (repeat === "?" ? 0 : 1));
  return "[pppppp]".repeat(repeat === "*" ? random.below(3) : 1);
};

describe("masks", () => {
  const masks: Readonly<Record<string, Mask>> = {
    "an image with its markers is one": imageMask,
    "patches alone, causal for the rest": causal,
    "markers unseen": and(spanMask, not(key("image.open", "image.close"))),
    "markers of the same image only": or(
      and(causal, not(key("image.open"))),
      or(within("image.open", "image.patch"), within("text")),
    ),
    "text sees no image": and(spanMask, not(and(query("text"), key("image.patch")))),
    "other spans only": and(not(within("image.patch")), causal),
    "own span only": or(within("image.open", "image.patch", "image.close"), within("text")),
  };
  for (const [name, mask] of Object.entries(masks)) {
    test(`dual tower: ${name}`, () => void check({ steps: two(dual), mask }));
    test(`joint: ${name}`, () => void check({ steps: two(met), mask }));
  }
});

describe("rotary and grouped heads", () => {
  test("positions run on", () => {
    const x = parameter(0, 4);
    const turn = (name: string, heads: number): Row =>
      row(
        "rotary",
        [split(linear(x, weight(name, [heads * 2, 4])), heads)],
        { theta: 100, scaling: undefined, interleaved: false },
        [heads, 2],
      );
    const turned = (path: string, h: Seq): Seq => {
      const seen = attend(
        turn(`${path}.q`, 2),
        turn(`${path}.k`, 1),
        split(linear(x, weight(`${path}.v`, [3, 4])), 1),
        0.7,
        5,
      );
      return call(block(path, add(x, linear(merge(seen), weight(`${path}.o`, [4, 6]))), [seen]), h);
    };
    const steps = two((h, i) =>
      select([und, turned(`language.layers[${i}]`, h)], [patch, turned(`vision.layers[${i}]`, h)]),
    );
    // Angles are rounded to f32 once.
    check({ steps }, finals(false), 1e-6);
  });
});

describe("conditions", () => {
  const at4 = (kinds: readonly string[]): Map<string, readonly number[]> => new Map(kinds.map((kind) => [kind, [4]]));
  /** what depends on `noisy` at these kinds, and is constant at the others */
  const c = (noisy: Input, kinds: readonly string[]): Seq => {
    const rest = [...h0.shapes.keys()].filter((kind) => !kinds.includes(kind));
    const drawn = seq("map", { body: condition(read(noisy)), arguments: [] }, at4(kinds));
    if (rest.length === 0) return drawn;
    return select([rest, seq("map", { body: condition(number(0.5)), arguments: [] }, at4(rest))], [kinds, drawn]);
  };
  const modulated = (h: Seq, by: Seq, i: number): Seq => {
    const path = `vision.layers[${i}]`;
    const x = mul(parameter(0, 4), linear(parameter(1, 4), weight(`${path}.scale`, [4, 4])));
    const seen = attend(
      split(linear(x, weight(`${path}.q`, [4, 4])), 2),
      split(linear(x, weight(`${path}.k`, [4, 4])), 2),
      split(x, 2),
      0.5,
    );
    return seq(
      "call",
      { block: block(path, add(parameter(0, 4), merge(seen)), [seen], 2), arguments: [h, by], sees: undefined },
      h.shapes,
    );
  };
  const layers = (by: Seq): Seq[] => two((h, i) => select([und, language(h, i)], [patch, modulated(h, by, i)]));
  const mixed = (by: Seq): Seq[] => two((h, i) => joint([und, language(h, i)], [patch, modulated(h, by, i)]));
  const everywhere = (by: Seq): Seq[] =>
    two((h, i) => map(add(parameter(0, 4), parameter(1, 4)), language(h, i), modulated(h, by, i)));

  for (const [name, make] of Object.entries({ dual: layers, joint: mixed, gated: everywhere })) {
    test(`${name}: t of an image, at its patches`, () =>
      void check({ steps: make(c(t, patch)), inputs: [t], noisy: t }));
    test(`${name}: t of an image, at its markers too`, () => {
      const own = ["image.open", "image.patch", "image.close"];
      check({ steps: make(c(t, own)), inputs: [t], noisy: t });
      check({ steps: make(c(t, own)), inputs: [t], noisy: t, mask: imageMask });
    });
    for (const per of ["document", "call"] as const) {
      const input: Input = { name: "t", per, type: { kind: "number", shape: [] }, doc: "how noisy", at };
      const some = per === "call" ? (random: Random): Document[] => finals(true)(random, 1) : finals(true);
      test(`${name}: t of a ${per}, at patches`, () =>
        void check({ steps: make(c(input, patch)), inputs: [input], noisy: input }, some));
      test(`${name}: t of a ${per}, at all rows`, () =>
        void check({ steps: make(c(input, [...h0.shapes.keys()])), inputs: [input], noisy: input }, some));
    }
  }
});
