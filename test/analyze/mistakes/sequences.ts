// Sequences of rows: kinds, arms, widths, groups of blocks.
import { alone, change, dual, own, wrong, type Mistake } from "./written.ts";

const step = "h = select { und: l(h), image.patch: v(h, c: c) }";
const h = (expr: string): readonly [string, string] => [step, expr.replace(/^/, "h = ")];
const deep: readonly [string, string] = ["vision: Copied(Small, patch: 12)", "vision: Paint"];
export const sequenceMistakes: readonly Mistake[] = [
  wrong("a number as rows", alone, ["    h = l(h)", "    h = l(«causal»)"]),
  wrong("a mask as the new rows", alone, ["    h = l(h)", "    h = «causal»"]),
  wrong("a restriction by a number", dual, h("l(h[«3»]) | v(h[image.patch])")),
  wrong("a mask as the kinds of an arm", dual, h("select { «causal»: l(h), image.patch: v(h, c: c) }")),
  wrong("sides of unlike kinds", dual, h("«l(h[text]) + v(h[image])»")),
  wrong("a restriction to absent rows", dual, h("l(h[und])[«image.patch»]")),
  {
    name: "inputs that are never known together",
    text: change(
      alone,
      [
        "  freeze",
        "  modality a = span { p: grid(2, 2, of: [3]) }\n  modality b = span { p: grid(2, 2, of: [3]) }\n  input s: number per a\n  input t: number per b\n  weight p: [8, 3] = zeros\n  train p\n  embed a.p(z) = linear(z, p)\n  embed b.p(z) = linear(z, p)\n  freeze",
      ],
      ["    h = l(h)", "    h = l(«s + t»)"],
    ),
  },
  wrong("rows of both sides", dual, h("«l(h) | v(h)»")),
  wrong("a kind in two arms", dual, h("select { und: l(h), «image»: v(h, c: c) }")),
  {
    name: "a condition without a value at some rows",
    text: change(dual, deep, ["D: 12, heads: 3", "D: 8, heads: 2"], ["v(h, c: c)", "v(h, c: «c[image.patch]»)"]),
  },
  { name: "rows in heads", text: change(own, ["    h = l(h)", "    h = «l(split(h, 2))»"]) },
  {
    name: "a spread over more groups than layers",
    text: change(dual, ["v in vision.layers", "v in spread(vision.layers, «3»)"]),
  },
  {
    name: "a group of a tower where no rows are at home",
    text: change(
      dual,
      deep,
      ["D: 12, heads: 3", "D: 8, heads: 2"],
      ["v in vision.layers", "v in spread(vision.layers, 1)"],
      ["l in language.layers", "l in spread(language.layers, 1)"],
      [
        "embed image.patch(z) = vision.enter(z, c)",
        "weight p: [8, 12] = zeros\n  train p\n  embed image.patch(z) = linear(z, p)",
      ],
      ["l(h)", "h"],
      ["v(h, c: c)", "«v(h, c: c)»"],
    ),
    messages: 1,
  },
  {
    name: "a joint of a block that attends twice",
    text: change(own, ["merge(y)", "merge(attend(y, y, y))"], ["    h = l(h)", "    h = joint { text: «l(h)» }"]),
  },
  wrong("a joint of more than a call", dual, h("joint { und: «l(h) + 1», image.patch: v(h) }")),
  wrong("a joint without a call", dual, h("«joint { und: h, image.patch: h }»")),
  wrong("sees without a call", alone, ["    h = l(h)", "    h = «h» sees text"]),
  wrong("rows that are lost", dual, h("«l(h[und])»")),
  { name: "a width that changes", text: change(own, ["    h = l(h)", "    h = «language.logits(l(h))»"]) },
  wrong("an embed that reads other rows", dual, ["vision.enter(z, c)", "«language.layers[0](z)»"]),
  wrong("an argument of another width", dual, ["v(h, c: c)", "v(h, c: «language.logits(h)»)"], deep, [
    "D: 12, heads: 3",
    "D: 8, heads: 2",
  ]),
];
