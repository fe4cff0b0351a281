// What a newcomer gets wrong who has read the reference and nothing else.
import { alone, change, dual, own, wrong, type Mistake } from "./written.ts";

const swap = "model Swap = Dual(language: Small, vision: Copied(Small, patch: 12))";
const paint = "model Swap = Dual(language: Small, vision: Paint)";
const many = "tower Paint = DiT(L: 2,";
export const newcomer: readonly Mistake[] = [
  wrong(
    "towers of unlike width without a bridge",
    dual,
    [swap, paint, `${paint} with { bridge }`],
    ["und: l(h)", "und: «l(h)»", "und: l(h)"],
    ["text.added", "text.added", "text.added, fuse.**"],
  ),
  wrong(
    "towers of unlike depth",
    dual,
    [many, "tower Paint = DiT(L: 5,", "tower Paint = DiT(L: 5,"],
    [swap, `${paint} with { bridge }`, `${paint} with { bridge }`],
    ["text.added", "text.added, fuse.**", "text.added, fuse.**"],
    ["v in vision.layers", "v in «vision.layers»", "v in spread(vision.layers, 2)"],
  ),
  wrong(
    "joint attention of towers with unlike heads",
    dual,
    [swap, paint, paint],
    [
      "h = select { und: l(h), image.patch: v(h, c: c) }",
      "h = joint { und: l(h), image.patch: «v(h, c: c)» }",
      "h = joint { und: l(h), image.patch: v(h, c: c) }",
    ],
    ["D: 12, heads: 3", "D: 12, heads: 3", "D: 8, heads: 2"],
  ),
  wrong("a marker that `add` lacks", dual, ['open: text "<boi>"', 'open: text «"<bio>"»']),
  wrong(
    "a marker where nothing is added",
    dual,
    [', add: ["<boi>", "<eoi>"]', "", ', add: ["<boi>", "<eoi>"]'],
    ['open: text "<boi>"', 'open: text «"<boi>"»'],
    ["vision.**, text.added", "vision.**", "vision.**, text.added"],
  ),
  wrong(
    "added tokens that nobody trains",
    dual,
    ["model Dual(", "model «Dual»("],
    ["train vision.**, text.added", "train vision.**"],
  ),
  wrong(
    "a vision tower that nobody trains",
    dual,
    ["model Dual(", "model «Dual»("],
    ["train vision.**, text.added", "train text.added"],
  ),
  wrong("the image's time at rows of text", dual, ["und: l(h),", "und: l(h) + «t»,"]),
  wrong(
    "the image's time as a condition of all",
    dual,
    [
      "let c = select { und: vision.condition(clean), image.patch: vision.condition(t) }",
      "let c = vision.condition(t)",
    ],
    ["v(h, c: c)", "v(h, c: «c»)"],
    [swap, paint, paint],
    ["D: 12, heads: 3", "D: 8, heads: 2", "D: 8, heads: 2"],
  ),
  wrong("the image's time in an arm of text", dual, ["und: vision.condition(clean)", "und: «vision.condition(t)»"]),
  wrong("a name that hides another", dual, [
    "let c = select { und: vision.condition(clean), image.patch: vision.condition(t) }",
    "let c = select { und: vision.condition(clean), image.patch: vision.condition(t) }\n  let «t» = 3",
  ]),
  wrong("a misspelled member", alone, ["vocab: language.vocab", "vocab: language.«vocabulary»"]),
  wrong("the arguments of linear swapped", own, ["linear(x, embed)", "«linear(embed, x)»"]),
  wrong(
    "a head before the layers",
    alone,
    ["  layers fuse", "  head «text» = next_token(language.logits(h))\n  layers fuse"],
    ["  head text = next_token(language.logits(h))\n}", "}"],
  ),
  wrong("a mask with a misspelled kind", dual, ["within(image.patch)", "within(image.«pacth»)"]),
  wrong("a checkpoint line for no weight", own, ["layers[i].q <-", "«layers[i].w» <-"]),
  wrong("a share of no weight", dual, [
    swap,
    "model Swap = Dual(language: Small, vision: Copied(Small, patch: 12, share: [«atn_norm»]))",
  ]),
  wrong(
    "an unknown import",
    alone,
    ["import { Llama,", "import { «Lama»,"],
    ["tower Small = Llama(", "tower Small = Lama(", "tower Small = Llama("],
  ),
  wrong("no such file of the library", alone, ['"std/llama"', '«"std/lama"»']),
  wrong("h outside of layers", alone, ["  mask =", "  let last = language.logits(«h»)\n  mask ="]),
  wrong("h in a function", own, ["linear(x, embed)", "linear(«h», embed)"]),
  wrong("no mask", alone, ["model Alone", "model «Alone»"], ["  mask = causal\n", ""]),
  wrong("no position", alone, ["model Alone", "model «Alone»"], ["  position = running\n", ""]),
  wrong("no head", alone, ["model Alone", "model «Alone»"], ["  head text = next_token(language.logits(h))\n", ""]),
  wrong(
    "no layers",
    alone,
    ["model Alone", "model «Alone»"],
    ["  layers fuse l in language.layers {\n    h = l(h)\n  }\n", ""],
    ["  head text = next_token(language.logits(h))\n", ""],
  ),
  { name: "no modality", text: "model «Empty» {\n  mask = causal\n  position = running\n}\n" },
  wrong("a misspelled name in a tower that no model uses", own, [
    "\nmodel Own",
    "\ntower Unused(D) {\n  weight w: [D, «DD»]\n}\n\nmodel Own",
  ]),
  wrong(
    "a misspelled function in a model that needs arguments",
    dual,
    ["model Swap = Dual(language: Small, vision: Copied(Small, patch: 12))\n", ""],
    ["= denoise(", "= «denoize»("],
  ),
  {
    name: "a tower of the library made with sizes that do not fit",
    text: change(alone, ["D: 8, heads: 2", "D: 9, heads: 2"]),
    fixed: alone,
  },
];
