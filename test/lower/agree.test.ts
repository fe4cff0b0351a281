// The lowered programs against the oracle, which shares no code with them.
import { describe, test } from "vitest";
import type { Input, Mask, Row, Seq } from "../../compiler/analyze/model.ts";
import {
  add,
  all,
  and,
  argument,
  at,
  attend,
  block,
  call,
  causal,
  document,
  h0,
  id,
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
  restrict,
  row,
  select,
  seq,
  split,
  und,
  union,
  weight,
  within,
} from "../oracle/build.ts";
import { agree, condition, model, project, read, t } from "./build.ts";

const language = (h: Seq, i = 0, sees?: Mask): Seq => call(plainBlock(`language.layers[${i}]`), h, sees);
const vision = (h: Seq, i = 0): Seq => call(plainBlock(`vision.layers[${i}]`, { scale: 0.25 }), h);
const dual = (h: Seq, i = 0): Seq => select([und, language(h, i)], [patch, vision(h, i)]);
const spanMask = or(causal, within("image.patch"));
const pair = [document("tt[pppppp]t[pppppp]"), document("t"), document("[pppppp]ttt")];
const texts = [document("ttttt"), document("t"), document("ttt")];

const heads = (steps: readonly Seq[]): { text: Seq; image: Seq } => ({
  text: project("logits", steps.at(-1)!, 7, "text"),
  image: project("leave", steps.at(-1)!, 2, "image.patch"),
});
const check = (steps: readonly Seq[], mask: Mask = spanMask): void => {
  const of = model({ steps, mask, ...heads(steps) });
  agree(of, pair);
  agree(of, texts);
  agree(of, [document("[pppppp]"), document("[pppppp][pppppp]")]);
};

describe("designs", () => {
  test("one tower", () => check([language(h0)]));
  test("gated", () => check([add2(language(h0), vision(h0))]));
  test("dual tower of two layers", () => check([dual(h0), dual(dual(h0), 1)]));
  test("joint", () => check([joint([und, language(h0)], [patch, vision(h0)])]));
  test("joint, one-way", () => check([joint([und, language(h0, 0, key(...und))], [patch, vision(h0)])]));
  test("joint with an identity arm", () => check([joint([und, language(h0)], [patch, h0])]));
  test("a call used alone and in a joint", () => {
    const l = language(h0);
    check([add2(l, joint([und, l], [patch, vision(h0)]))]);
  });
  test("a block that attends twice", () => {
    const x = parameter(0, 4);
    const q = (of: Row, name: string): Row => split(linear(of, weight(name, [4, 4])), 2);
    const first = attend(q(x, "q"), q(x, "k"), q(x, "v"), 0.5);
    const y = add(x, merge(first));
    const second = attend(q(y, "q2"), q(y, "k2"), q(y, "v2"), 0.25);
    check([call(block("language.layers[0]", add(y, merge(second)), [first, second]), h0)]);
  });
  test("foreign rows evolve", () => check([language(language(h0), 1)]));
  test("restricted and united", () =>
    check([union(call(plainBlock("a"), restrict(h0, ...und)), vision(restrict(h0, ...patch)))]));
  test("steps that pass some kinds on as they came", () => check([select([und, language(h0)], [patch, h0])]));
});
const add2 = (a: Seq, b: Seq): Seq => map(add(parameter(0, 4), mul(weight("gamma", []), parameter(1, 4))), a, b);

describe("masks", () => {
  const masks: Readonly<Record<string, Mask>> = {
    causal,
    all,
    spanMask,
    "image with its markers": or(causal, within("image.open", "image.patch", "image.close")),
    "within text and markers": within("text", "image.open", "image.close"),
    "within text and patches": within("text", "image.patch"),
    "markers unseen": and(spanMask, not(key("image.open", "image.close"))),
    "not causal": not(causal),
    "other spans only": and(not(within("image.patch")), causal),
    "text blind": and(spanMask, query("image.patch", "image.open", "image.close")),
    "later rows of the same image only": and(within("image.patch"), not(causal)),
    nothing: not(all),
  };
  for (const [name, mask] of Object.entries(masks)) test(name, () => check([dual(h0)], mask));
});

describe("conditions", () => {
  const c = select(
    [und, seq("map", { body: condition(number(0)), arguments: [] }, new Map(und.map((kind) => [kind, [4]])))],
    [patch, seq("map", { body: condition(read(t)), arguments: [] }, new Map(patch.map((kind) => [kind, [4]])))],
  );
  const modulated = (h: Seq): Seq => {
    const x = mul(parameter(0, 4), linear(parameter(1, 4), weight("vision.scale", [4, 4])));
    const seen = attend(
      split(linear(x, weight("vision.q", [4, 4])), 2),
      split(linear(x, weight("vision.k", [4, 4])), 2),
      split(x, 2),
      0.5,
    );
    const body = add(parameter(0, 4), merge(seen));
    return seq(
      "call",
      { block: block("vision.layers[0]", body, [seen], 2), arguments: [h, c], sees: undefined },
      h.shapes,
    );
  };
  const spans = (...ts: number[]): object => ({ spans: { image: ts.map((value) => ({ t: value })) } });

  test("one value a span, where rows of other kinds have a constant", () => {
    const step = select([und, language(h0)], [patch, modulated(h0)]);
    const of = model({ steps: [step], mask: spanMask, inputs: [t], ...heads([step]) });
    agree(of, [document("tt[pppppp]t[pppppp]", spans(0.25, 0.75)), document("t"), document("[pppppp]ttt", spans(0.5))]);
    agree(of, texts);
  });
  test("inputs of the call, of documents, of rows", () => {
    const inputs: Input[] = [
      { name: "gain", per: "call", type: { kind: "number", shape: [] }, doc: "", at },
      { name: "label", per: "document", type: { kind: "index", below: 3 }, doc: "", at },
      { name: "feature", per: { row: "image.patch" }, type: { kind: "number", shape: [4] }, doc: "", at },
      t,
    ];
    const [gain, label, feature] = inputs.map(read) as [
      ReturnType<typeof read>,
      ReturnType<typeof read>,
      ReturnType<typeof read>,
    ];
    const labelled = row("lookup", [weight("labels", [3, 4]), label], {}, [4]);
    const step = select(
      [und, map(add(parameter(0, 4), mul(gain, labelled)), h0)],
      [patch, map(row("concat", [feature, mul(read(t), labelled)], {}, [8]), restrict(h0, "image.patch"))],
    );
    const of = model({
      steps: [step],
      inputs,
      text: project("logits", step, 7, "text"),
      image: project("leave", step, 2, "image.patch"),
    });
    const features = (letters: string, gainIs: number, labelIs: number, ...ts: number[]) => {
      const bare = document(letters, { ...spans(...ts), inputs: { gain: gainIs, label: labelIs } });
      const rows = bare.rows.map((r, i) => ({
        ...r,
        values: { ...r.values, feature: Float32Array.of(i, 1, -i, 0.5) },
      }));
      return { ...bare, rows };
    };
    agree(of, [features("t[pppppp]", 2, 1, 0.5), features("[pppppp][pppppp]tt", 2, 2, 0.25, 0.75)]);
  });
});

describe("entry and exit", () => {
  const h = (steps: readonly Seq[]): Seq => steps.at(-1)!;
  test("added tokens, beyond the tower's table", () => {
    const own = mul(row("lookup", [weight("language.embed", [5, 4]), id], {}, [4]), number(3));
    const entered = row("extend", [id, own, weight("text.added", [2, 4])], { below: 5 }, [4]);
    const steps = [dual(h0)];
    const of = model({ steps, embeds: { text: entered }, ...heads(steps) });
    agree(of, pair);
    agree(of, [document("ttt")]);
  });
  test("coordinates of patches", () => {
    const coordinate = (axis: "row" | "col" | "index") =>
      ({ ...row("coordinate", [], { axis }, []), index: true }) as ReturnType<typeof number>;
    const place = row(
      "concat",
      (["col", "row"] as const).map((axis) =>
        row("coordinates", [coordinate(axis)], { dim: 2, period: 10, limit: 3 }, [2]),
      ),
      {},
      [4],
    );
    const z = linear(
      row("reorder", [argument("z", 2)], { from: "p q", to: "q p", sizes: { p: 2, q: 1 } }, [2]),
      weight("patch", [4, 2]),
    );
    const entered = add(add(z, place), mul(coordinate("index"), weight("slope", [4])));
    const steps = [dual(h0)];
    agree(model({ steps, embeds: { "image.patch": entered }, ...heads(steps) }), pair, 1e-6);
  });
  test("a head over markers too, and one over all rows", () => {
    const steps = [dual(h0)];
    agree(model({ steps, text: project("logits", h(steps), 7, "text", "image.close") }), pair);
    agree(model({ steps, text: project("logits", h(steps), 7, ...h0.shapes.keys()) }), pair);
  });
  test("a head that attends", () => {
    const steps = [dual(h0)];
    agree(model({ steps, mask: spanMask, text: project("logits", language(h(steps), 9), 7, "text") }), pair);
  });
  test("markers with an embed of their own", () => {
    const steps = [dual(h0)];
    const opened = row("lookup", [weight("markers", [7, 4]), id], {}, [4]);
    agree(model({ steps, embeds: { "image.open": opened }, ...heads(steps) }), pair);
  });
});

describe("rotary and grouped heads", () => {
  for (const interleaved of [false, true])
    test(interleaved ? "pairs" : "halves", () => {
      const x = parameter(0, 4);
      const turn = (name: string, heads: number) =>
        row(
          "rotary",
          [split(linear(x, weight(name, [heads * 2, 4])), heads)],
          { theta: 100, scaling: undefined, interleaved },
          [heads, 2],
        );
      const seen = attend(turn("q", 2), turn("k", 1), split(linear(x, weight("v", [3, 4])), 1), 0.7, 5);
      const body = add(x, linear(merge(seen), weight("o", [4, 6])));
      const steps = [call(block("language.layers[0]", body, [seen]), h0)];
      agree(
        model({ steps, limit: 32, ...heads(steps) }),
        [document("tt[pppppp]", { start: 3 }), document("ttttt")],
        1e-6,
      );
    });
});
