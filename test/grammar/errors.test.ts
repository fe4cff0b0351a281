// Every mistake of syntax, with the sentence that answers it: the golden holds source and message side by side.

import { describe, expect, test } from "vitest";
import { syntaxMessages } from "../../grammar/index.ts";
import { readText } from "./reading.ts";

const mistakes: readonly (readonly [name: string, text: string])[] = [
  ["missing brace after a name", "tower Llama(L) = 3"],
  ["missing opening", "tower Llama weight embed: [D]"],
  ["missing equals", "model X {\n  modality text tokens(vocab: 3)\n}"],
  ["missing name", "block (D) { }"],
  ["stray token in a model", "model X {\n  h = l(h)\n  ) mask = causal\n}"],
  ["stray token at the top", "tower A = B(3)\n= 4"],
  ["stray closing brace", "model X { }\n}"],
  ["unclosed brace", "model X {\n  layers fuse l in language.layers {\n    h = l(h)\n\n// end\n"],
  ["unclosed parenthesis", "model X {\n  h = l(h, c: c\n}"],
  ["unclosed bracket", "part P {\n  weight w: [D, E = zeros\n}"],
  ["unclosed string", 'import { Llama } from "std/llama\ntower T = Llama(3)'],
  ["unknown escape", 'import { Llama } from "std\\llama"'],
  ["unknown character", "model X { h = l(h) § }"],
  ["semicolon", "model X {\n  h = l(h);\n}"],
  ["single quotes", "import { Llama } from 'std/llama'"],
  ["letters beyond ASCII", "tower Größe = Llama(3)"],
  ["hash comment", "# a comment\nmodel X { }"],
  ["malformed number", "tower T = Llama(heads: 16x)"],
  ["trailing underscore", "tower T = Llama(vocab: 128_)"],
  ["integer too large", "tower T = Llama(vocab: 9007199254740993)"],
  ["decimal too large", "tower T = Llama(eps: 1e999)"],
  ["decimal too long", "tower T = Llama(eps: 0.123456789012345678901)"],
  ["mistyped statement", "model X {\n  modalty text = tokens(vocab: 3)\n}"],
  ["mistyped declaration", "Tower Llama(L) { }"],
  ["mistyped item", "tower T {\n  wieght w: [D]\n}"],
  ["unknown statement", "model X {\n  elephant text\n}"],
  ["mistyped noise entry", "model X { noise image = vision.noise { givn: t = clean } }"],
  ["noise entry twice", "model X { noise image = vision.noise { after: given after: last } }"],
  ["statement of a model in a tower", "tower T {\n  modality text = tokens(vocab: 3)\n}"],
  ["declaration in a model", "model X {\n  contract Y { D }\n}"],
  ["item of a tower in a model", "model X { checkpoint hf { } }"],
  ["import after a declaration", 'model X { }\nimport { Llama } from "std/llama"'],
  ["statement at the top", "mask = causal"],
  ["statement in layers", "model X { layers f l in a.layers { head text = l(h) } }"],
  ["keyword without its name", "model X {\n  group = text\n  head (text) = x\n}"],
  ["operator as a name", "model X {\n  h = l(in)\n}"],
  ["operator as a declared value", "model X {\n  let is = 3\n}"],
  ["missing operand", "model X {\n  h = l(h) +\n  mask = causal\n}"],
  ["two operators", "model X {\n  h = l(h) + * 3\n}"],
  ["power operator", "tower T = Llama(hidden: 2 ** 3)"],
  ["comparison", "tower T {\n  require(D == heads * head_dim)\n}"],
  ["double equals", "model X { h == 3 }"],
  ["argument with equals", "model X {\n  h = v(h, c = c)\n}"],
  ["missing comma", "model X { h = v(h c: c) }"],
  ["trailing comma", "model X { h = v(h, ) }"],
  ["missing arm value", "model X { h = select { und, image: v(h) } }"],
  ["function without a result", "block B {\n  forward(x: [D]) -> [D] {\n    y = x\n  }\n}"],
  ["function without a shape", "block B { forward(x: [D]) { x } }"],
  ["parameter with a number for a contract", "block B(D: 3) { }"],
  ["shape without brackets", "part P { weight w: D }"],
  ["checkpoint without an arrow", 'tower T { checkpoint hf { embed = "a" } }'],
  ["layers without in", "model X { layers fuse l of language.layers { } }"],
  ["layers without a name", "model X { layers l in language.layers { } }"],
  ["import without braces", 'import Llama from "std/llama"'],
  ["number of a session", "model X { session = 3 }"],
  ["contract member without a type", "contract C { layers: 3 }"],
  ["contract function without a result", "contract C { enter(id) }"],
  ["empty index", "model X { h = e[] }"],
  ["brackets crossed", "model X { h = f([a) ] }"],
  ["name too long", `tower ${"a".repeat(257)} = B(3)`],
  ["nested too deep", `model X { h = ${"(".repeat(128)}a${")".repeat(128)} }`],
  ["expression too long", `model X { h = ${"a + ".repeat(513)}a }`],
  ["layers with a name in a tower", "tower T { layers l in B }"],
  ["mask without equals", "model X { mask causal }"],
  ["ignore without a string", "tower T { checkpoint hf { ignore embed } }"],
  ["argument beside a block", "model X { h l(h) }"],
  ["with in the middle", "model X { h = a with { bridge } }"],
  ["only a comment", "/// a doc of nothing\nmodel"],
];

describe("syntax errors", () => {
  const results = mistakes.map(([name, text]) => ({ name, text, ...readText(text) }));

  test.each(results)("$name: one error, no tree", ({ file, codes }) => {
    expect(file).toBeUndefined();
    expect(codes).toHaveLength(1);
  });

  test("golden", async () => {
    const shorten = (text: string): string => text.replace(/(\S.{0,3}?)\1{40,}/g, "$1...");
    const texts = results.map(({ name, text, errors }) => `== ${name}\n${shorten(text)}\n--\n${shorten(errors)}\n`);
    await expect(texts.join("\n")).toMatchFileSnapshot("goldens/errors.txt");
  });

  test("a file of more than 1 MiB", () => {
    const { errors, codes } = readText("/".repeat((1 << 20) + 1));
    expect(codes).toEqual(["file-too-large"]);
    expect(errors).toContain("This file has 1048577 characters; the limit is 1048576.");
  });

  test("every message is produced", () => {
    const seen = new Set([...results.flatMap(({ codes }) => codes), "file-too-large"]);
    expect([...seen].sort()).toEqual(Object.keys(syntaxMessages).sort());
  });
});
