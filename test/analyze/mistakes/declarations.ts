// Files, names and templates.
import { alone, change, dual, own, wrong, type Mistake } from "./written.ts";

const chain = (n: number): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: n }, (_, i) => [
      `f${i}.graft`,
      `${i + 1 < n ? `import { A${i + 1} } from "f${i + 1}"\n` : ""}contract A${i} { D }\n`,
    ]),
  );
const many = (n: number): string => Array.from({ length: n }, (_, i) => `import { A${i} } from "g${i}"\n`).join("");

export const declarationMistakes: readonly Mistake[] = [
  { name: "no such file", text: 'import { A } from «"parts"»\n' },
  { name: "a path that leads outside", text: 'import { A } from «"../parts"»\n' },
  { name: "a file that imports itself", text: 'import { A } from «"main"»\n' },
  {
    name: "files that import each other",
    text: 'import { A } from "a"\n',
    files: { "a.graft": 'import { B } from «"main"»\ncontract A { D }\n' },
  },
  { name: "imports too deep", text: 'import { A0 } from "f0"\n', files: chain(20) },
  {
    name: "too many files",
    text: many(70),
    files: Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`g${i}.graft`, `contract A${i} { D }\n`])),
  },
  {
    name: "a broken file that is imported",
    text: 'import { A } from "a"\nmodel X(l: A) { }\n',
    files: { "a.graft": "contract A" },
  },
  wrong("a name declared twice", alone, ["model Alone(", "tower «Small» = Llama(L: 3)\n\nmodel Alone("]),
  wrong("two loops of one name", alone, [
    "  mask =",
    "  layers «fuse» l in language.layers {\n    h = l(h)\n  }\n  mask =",
  ]),
  wrong("a misspelled slot", alone, ["(vocab: language.vocab)", "(vocab: «langauge».vocab)"]),
  wrong("an undeclared function", own, ["rms_norm(x, norm)", "«rmsnorm»(x, norm)"]),
  wrong("no such contract", alone, ["(language: Language =", "(language: «Languages» ="]),
  wrong("a template where a contract stands", alone, ["(language: Language =", "(language: «Llama» ="]),
  wrong("no such segment", dual, ["text, image.open, image.close", "text, image.«opening», image.close"]),
  wrong("a segment of tokens", dual, ["group und = text,", "group und = text.«added»,"]),
  wrong("a member of a number", own, ["half = D / 2", "half = D.«size» / 2"]),
  wrong("a constant made of itself", own, ["half = D / 2", "half = «half» / 2"]),
  { name: "a tower in itself", text: change(own, ["half = D / 2", "part deep = «T()»"]) },
  { name: "a function that calls itself", text: change(own, ["{ linear(x, embed) }", "{ «logits(x)» }"]) },
  {
    name: "parts that hold each other by default",
    text: "part A(a = A()) { forward(x) -> [3] { x } }\nmodel M {\n  part p = A()\n}\n",
  },
  { name: "a tower that is a number", text: "tower A = «3»\n" },
  {
    name: "a model that is a tower",
    text: change(alone, [
      "  head text = next_token(language.logits(h))\n}\n",
      "  head text = next_token(language.logits(h))\n}\nmodel Other = «Small»\n",
    ]),
  },
  { name: "a bridge on a tower", text: 'import { Llama } from "std/llama"\ntower A = «Llama(L: 3) with { bridge }»\n' },
  wrong("another option of with", dual, ["patch: 12))\n", "patch: 12)) with { «expand» }\n"]),
  wrong("a bridge that starts from a number", dual, ["patch: 12))\n", "patch: 12)) with { bridge(init: «3») }\n"]),
  wrong("an option of a bridge that is no flag", dual, ["patch: 12))\n", "patch: 12)) with { bridge(bias: «1») }\n"]),
  wrong("an option that a bridge lacks", dual, ["patch: 12))\n", "patch: 12)) with { bridge(«onse») }\n"]),
  wrong("several results", own, ["[vocab] { linear", "[vocab], «[D]» { linear"]),
  {
    name: "a tower that is no Language",
    text: change(
      own,
      ["(language = T())", "(language: Language = «T()»)"],
      ["block B(", 'import { Language } from "std/contracts"\nblock B('],
      ["logits(x: [D]) -> [vocab] { linear(x, embed) }", "features(x: [D]) -> [D] { x }"],
      ["  head text = next_token(language.logits(h))\n", ""],
    ),
  },
  {
    name: "a tower whose function takes other arguments",
    text: change(
      own,
      ["(language = T())", "(language: Language = «T()»)"],
      ["block B(", 'import { Language } from "std/contracts"\nblock B('],
      ["logits(x: [D])", "logits(x: [D], y: [D])"],
    ),
  },
  wrong("a number in a slot", alone, ["= Small) {", "= «3») {"]),
  { name: "a number as a part", text: change(alone, ["  mask =", "  part p = «3»\n  mask ="]) },
  { name: "a number as layers", text: change(own, ["B(D) * L", "«D * L»"]) },
  { name: "a tower as layers", text: change(alone, ["l in language.layers", "l in «language»"]) },
  { name: "an undeclared name as layers", text: change(own, ["B(D) * L", "«[Block]»"]) },
  wrong("no layers at all", own, ["B(D) * L", "«B(D) * 0»"]),
  {
    name: "a block without forward",
    text: "block «B» { weight w: [3] }\ntower T {\n  layers: B()\n}\nmodel M(l = T()) { }\n",
  },
  {
    name: "a block whose forward takes nothing",
    text: "block B {\n  weight w: [3]\n  «forward»() -> [3] { w }\n}\ntower T {\n  layers: B()\n}\nmodel M(l = T()) { }\n",
  },
  wrong("a part that cannot be called", dual, ["vision.enter(z, c)", "«vision(z, c)»"]),
  wrong("a call of a number", own, ["linear(x, embed) }", "«half»(x) }"]),
];
