// Weights: their first values, what becomes of them, where checkpoints have them.
import { alone, change, dual, own, wrong, type Mistake } from "./written.ts";

const add = (line: string): readonly [string, string] => ["  half = D / 2\n", `  half = D / 2\n  ${line}\n`];
export const weightMistakes: readonly Mistake[] = [
  wrong("share of nothing", own, add("weight w: [D] = «share()»")),
  wrong("share of a number", own, add("weight w: [D] = share(«D»)")),
  wrong("share of another shape", own, add("weight «w: [D] = share(embed)»")),
  wrong("copy of another shape", own, add("weight «w: [D] = copy(embed)»")),
  wrong("an identity that is not square", own, add("weight w: [D, 3] = «identity»")),
  wrong("share in an expression", own, ["linear(x, embed)", "linear(x, «share(embed)»)"]),
  wrong("a mask as a first value", own, add("weight w: [D] = «causal»")),
  wrong(
    "one weight that is neither frozen nor trained",
    alone,
    ["model Alone", "model «Alone»"],
    [
      "freeze language.**",
      "freeze language.layers[0].**, language.layers[1].q, language.layers[1].k, language.layers[1].v, language.layers[1].gate, language.layers[1].up, language.layers[1].down, language.layers[*].mlp_norm, language.layers[*].attn_norm, language.embed, language.norm",
      "freeze language.layers[0].**, language.layers[1].q, language.layers[1].k, language.layers[1].v, language.layers[1].gate, language.layers[1].up, language.layers[1].down, language.layers[*].mlp_norm, language.layers[*].attn_norm, language.embed, language.norm train language.layers[1].o",
    ],
  ),
  wrong("a weight that is frozen and trained", alone, [
    "freeze language.**",
    "freeze language.**\n  train «language.norm»",
  ]),
  wrong("a misspelled path", alone, ["freeze language.**", "freeze «langauge.**»"]),
  wrong("a misspelled path further down", dual, [
    "train vision.**",
    "train vision.**, «vision.layer.**»",
    "train vision.**, vision.layers.**",
  ]),
  wrong("a path of nothing", alone, ["freeze language.**", "freeze language.**\n  train «painter.**»"]),
  wrong("a weight mapped twice", own, ['embed <- "embed"', 'embed <- "embed"\n    «embed» <- "wte"']),
  wrong("another index in a map", own, ["layers[i].q <-", "«layers[j].q» <-"]),
  wrong("another index in a key", own, ['"layers.{i}.q"', '«"layers.{j}.q"»']),
  wrong("a number as a key", own, ['<- "layers.{i}.q"', "<- «3»"]),
  wrong("no such layout", own, ['<- "layers.{i}.q"', '<- «transposed("layers.{i}.q")»']),
  wrong("a shape that is none", own, ['<- "embed"', '<- reshape("embed", D, «ones»)']),
  {
    name: "a bridge's weight that nobody trains",
    text: change(
      dual,
      ["model Dual(", "model «Dual»("],
      ["vision: Copied(Small, patch: 12))", "vision: Paint) with { bridge }"],
    ),
  },
];
