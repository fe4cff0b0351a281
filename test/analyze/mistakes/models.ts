// Statements of a model: modalities, inputs, masks, positions, noise, embeds and heads.
import { alone, dual, own, wrong, type Mistake } from "./written.ts";

const grid = "grid(2, 2, of: vision.patch)";
const noise = "noise image = vision.noise { given: t = clean  drawn: t ~ logit_normal(0, 1)  after: given }";
const numbers = Array.from({ length: 7 }, (_, i) => i + 1);
const films =
  numbers.map((n) => `  modality film${n} = span { p: ${grid} }\n`).join("") +
  `  group film = ${numbers.map((n) => `film${n}.p`).join(", ")}\n`;
const both = (text: string): readonly [string, string] => [text, text];
const entries = numbers.map((n) => `  embed film${n}.p(z) = vision.enter(z, vision.condition(0))\n`).join("");

export const modelMistakes: readonly Mistake[] = [
  wrong("a mask that is rows", dual, ["mask = causal or", "mask = «image.patch» or"]),
  wrong("a predicate of neither side", dual, ["mask = causal or", "mask = causal and «row» is text or"]),
  wrong("two masks", alone, ["  mask = causal\n", "  mask = causal\n  «mask = all»\n"]),
  wrong("an unknown rule of positions", alone, ["position = running", "position = «learned»"]),
  wrong("a limit of positions", alone, ["position = running", "position = running(limit: «0»)"]),
  wrong("a tower as a noise process", dual, ["= vision.noise {", "= «vision» {"], ["= clean ", "= 0 "]),
  wrong("a number as a distribution", dual, ["t ~ logit_normal(0, 1)", "t ~ «3»"]),
  wrong(
    "a head that draws without noise",
    dual,
    [`  ${noise}\n`, ""],
    ["vision.condition(clean)", "vision.condition(0)"],
    ["head image = denoise", "head «image» = denoise"],
  ),
  wrong("a session of an unknown modality", alone, ["  mask =", "  session = text «img»?\n  mask ="]),
  wrong("a guide that is no such call", dual, [
    "  mask =",
    "  guide text = «0»\n  mask =",
    "  guide text = without(text before image)\n  mask =",
  ]),
  wrong(
    "a guide that hides what changes with the image",
    dual,
    ["input t: number per image", "input t: number per document", "input t: number per document"],
    [
      "select { und: vision.condition(clean), image.patch: vision.condition(t) }",
      "vision.condition(t)",
      "vision.condition(t)",
    ],
    ["vision: Copied(Small, patch: 12))", "vision: Paint) with { bridge }", "vision: Paint) with { bridge }"],
    ["train vision.**, text.added", "train **", "train **"],
    ["freeze language.**", "", ""],
    [
      "  mask =",
      "  guide text = «hide(text before image)»\n  mask =",
      "  guide text = without(text before image)\n  mask =",
    ],
  ),
  wrong("a guide without a modality that there is", dual, [
    "  mask =",
    "  guide text = without(text before «img»)\n  mask =",
    "  guide text = without(text before image)\n  mask =",
  ]),
  wrong("a guide by an input that there is not", dual, [
    "  mask =",
    "  guide label = replace(«label»: 3)\n  mask =",
    "  input label: number per document\n  guide label = replace(label: 3)\n  mask =",
  ]),
  wrong("a loss by the name of a head", dual, ["  mask =", "  loss «text» = 0\n  mask =", "  loss = text\n  mask ="]),
  wrong("a loss before the layers", dual, [
    "  layers fuse",
    "  loss size = «mean(h * h)»\n  layers fuse",
    "  layers fuse",
  ]),
  wrong("a loss of many numbers", alone, [
    "  mask =",
    "  loss size = «h * h»\n  loss = text + size\n  mask =",
    "  loss size = mean(h * h)\n  loss = text + size\n  mask =",
  ]),
  wrong("a loss that is no sum", dual, [
    "  mask =",
    "  loss = «text» * image\n  mask =",
    "  loss = text + image\n  mask =",
  ]),
  wrong("a loss of nothing that there is", dual, [
    "  mask =",
    "  loss = text + «imag»\n  mask =",
    "  loss = text + image\n  mask =",
  ]),
  wrong("a loss that stands twice", dual, [
    "  mask =",
    "  loss = text + 0.5 * «text»\n  mask =",
    "  loss = 1.5 * text\n  mask =",
  ]),
  wrong("a loss that nothing adds", alone, [
    "  mask =",
    "  loss «size» = mean(h * h)\n  mask =",
    "  loss size = mean(h * h)\n  loss = text + 0.1 * size\n  mask =",
  ]),
  wrong(
    "a name that a layer does not give",
    alone,
    ["    h = l(h)\n", "    let left = l(h)\n    h = left\n", "    let left = l(h)\n    h = left\n"],
    [
      "  mask =",
      "  loss size = mean(fuse[1].«lft» * h)\n  loss = text + size\n  mask =",
      "  loss size = mean(fuse[1].left * h)\n  loss = text + size\n  mask =",
    ],
  ),
  wrong("a modality behind the layers", alone, [
    "  mask =",
    "  modality «more» = tokens(vocab: 3)\n  mask =",
    "  mask =",
  ]),
  wrong("two sessions", alone, ["  mask =", "  session = text\n  «session = text»\n  mask ="]),
  wrong("a modality of a reserved name", dual, ["  input t", "  modality «past» = tokens(vocab: 3)\n  input t"]),
  wrong("an input of each row that has the name of a place", dual, [
    "  embed text(id)",
    "  input «order»: number per image.patch\n  embed text(id)",
    "  input rank: number per image.patch\n  embed text(id)",
  ]),
  wrong("a row's own value that has the name of a place", dual, [
    "embed image.patch(z) = vision.enter(z, c)",
    "embed image.patch(«position») = vision.enter(position, c)",
    "embed image.patch(z) = vision.enter(z, c)",
  ]),
  wrong(
    "more sorts of rows than there may be programs for",
    dual,
    ["model Dual(", "model «Dual»("],
    ["  input t", `${films}  input t`, `${films}  session = text image*\n  input t`],
    ["  layers fuse", `${entries}  layers fuse`, `${entries}  layers fuse`],
    ["let c = select { ", ...both("let c = select { film: vision.condition(clean), ")],
    ["h = select { ", ...both("h = select { film: v(h, c: c), ")],
  ),
  wrong("noise of tokens", dual, ["noise image =", "noise «text» ="]),
  wrong("noise of no input", dual, ["given: t = clean", "given: «s» = clean"]),
  wrong("no such time of a drawing", dual, ["after: given", "after: «later»"]),
  wrong(
    "a last step whose time is the document's",
    dual,
    ["input t: number per image", "input t: number per document", "input t: number per image"],
    ["after: given", "after: «last»"],
  ),
  wrong(
    "a last step that changes what stands before it",
    dual,
    [
      "select { und: vision.condition(clean), image.patch: vision.condition(t) }",
      "select { text: vision.condition(clean), image: vision.condition(t) }",
      "select { und: vision.condition(clean), image.patch: vision.condition(t) }",
    ],
    ["vision: Copied(Small, patch: 12))", "vision: Paint) with { bridge }", "vision: Paint) with { bridge }"],
    ["train vision.**, text.added", "train **", "train **"],
    ["freeze language.**", "", ""],
    ["after: given", "after: «last»", "after: last"],
  ),
  wrong("clean without noise", dual, [`  ${noise}\n`, ""], ["vision.condition(clean)", "vision.condition(«clean»)"]),
  wrong(
    "clean of two processes",
    dual,
    ["vision.condition(clean)", "vision.condition(«clean»)"],
    [
      `  ${noise}\n`,
      `  modality film = span { p: ${grid} }\n  embed film.p(z) = vision.enter(z, vision.condition(0))\n  ${noise}\n  noise film = vision.noise { given: t = 0 }\n`,
    ],
  ),
  wrong("a modality of another form", alone, ["= tokens(vocab: language.vocab)", "= «words(language.vocab)»"]),
  wrong("a span of nothing", dual, ["  input t", "  modality none = «span { }»\n  input t"]),
  wrong("a segment of another form", dual, [grid, "«patches(2, 2)»"]),
  wrong("a grid without a width", dual, [grid, "«grid(2, 2)»"]),
  wrong("a grid of too many rows", dual, [grid, "«grid(4096, 4096, of: vision.patch)»"]),
  wrong("two tokens of one text", dual, ['["<boi>", "<eoi>"]', '«["<boi>", "<eoi>", "<boi>"]»']),
  wrong("a marker of a span", dual, ['close: text "<eoi>"', 'close: «images» "<eoi>"']),
  wrong("an id beyond the vocabulary", dual, ['close: text "<eoi>"', "close: text «32»"]),
  wrong("a patch that is not square", dual, [grid, '«grid(2, 2, of: vision.patch, order: "p q c", channels: 5)»']),
  wrong("an order of other letters", dual, [grid, 'grid(2, 2, of: vision.patch, order: «"h w c"», channels: 3)']),
  wrong("an input of another type", dual, ["t: number per", "t: «float» per"]),
  wrong("an input per number", dual, ["per image", "per «und»"]),
  wrong("an embed of a marker", dual, ["embed image.patch(z)", "embed «image.open»(z)"]),
  wrong("an embed of two names", dual, ["embed image.patch(z)", "embed «image.patch»(z, c)"]),
  wrong("an embed of a number", alone, ["= language.enter(id)", "= «3»"]),
  wrong("no embed", dual, ["  embed image.patch(z) = vision.enter(z, c)\n", ""], ["patch: grid", "«patch»: grid"]),
  wrong("a head of no modality", alone, ["head text =", "head «txt» ="]),
  wrong(
    "a head of a span without a grid",
    dual,
    ["  group und = text", '  modality gap = span { open: text "<boi>" }\n  group und = text, gap.open'],
    ["  head image =", "  head «gap» = denoise(vision.leave(h))\n  head image ="],
  ),
  wrong("a head of another kind", dual, [
    "head text = next_token(language.logits(h))",
    "head text = «denoise(language.logits(h))»",
  ]),
  wrong("a head of another width", own, ["= next_token(language.logits(h))", "= «next_token(h)»"]),
  wrong("a head of another width, of a grid", dual, ["= denoise(vision.leave(h, c: c))", "= «denoise(h)»"]),
  wrong("added tokens beside no tower", dual, ["vocab: language.vocab", "vocab: «32»"]),
  wrong("added tokens beside a tower without features", own, [
    "vocab: language.vocab)",
    'vocab: «language.vocab», add: ["<boi>"])',
  ]),
  {
    name: "too many kinds of rows",
    text: `model M {\n  modality a = span {${Array.from({ length: 1030 }, (_, i) => ` s${i}: grid(1, 1, of: [1])`).join(",")} }\n}\n`,
  },
];
