// Arguments, sizes and other values that must be known when a model is compiled.
import { alone, dual, own, wrong, type Mistake } from "./written.ts";

export const argumentMistakes: readonly Mistake[] = [
  wrong("missing sizes", alone, [
    "Llama(L: 2, D: 8, heads: 2, hidden: 16, vocab: 32, rope: PlainRope())",
    "«Llama(L: 2, D: 8, hidden: 16, rope: PlainRope())»",
  ]),
  wrong("a misspelled argument", alone, ["hidden: 16", "«hiden»: 16"]),
  wrong("too many arguments", own, ["B(D) * L", "B(D, 2, «3») * L"]),
  wrong("too many arguments of a function", alone, ["language.logits(h)", "language.logits(h, «h»)"]),
  wrong("too many arguments of a block", alone, ["    h = l(h)", "    h = l(h, «h»)"]),
  wrong("an argument that a block lacks", alone, ["    h = l(h)", "    h = l(h, «c»: h)"]),
  wrong("an argument given twice", alone, ["D: 8, heads", "D: 8, «D»: 8, heads"]),
  wrong("an argument of a function given twice", alone, ["language.logits(h)", "language.logits(h, «x»: h)"]),
  wrong("a block without rows", alone, ["    h = l(h)", "    h = «l()»"]),
  wrong("rows under another name", alone, ["    h = l(h)", "    h = l(«rows»: h)"]),
  wrong("a text as a size", own, ["half = D / 2", 'half = D / 2\n  weight w: [«"8"»] = ones']),
  wrong("a size that is no whole number", own, ["half = D / 2", "half = D / 2\n  weight w: [«D / 3»] = ones"]),
  wrong("a size of zero", alone, ["vocab: language.vocab", "vocab: «0»"]),
  wrong("a division by zero", own, ["half = D / 2", "half = «D / 0»"]),
  wrong("the root of a negative number", own, ["half = D / 2", "half = «sqrt(-4)»"]),
  wrong("a number as a flag", own, ["zeros if tied", "zeros if «D»"]),
  wrong("a row where a number must be known", own, ["split(linear(n, q), heads)", "split(linear(n, q), «n»)"]),
  wrong("no such prediction", own, [
    "half = D / 2",
    "half = D / 2\n  noise = flow(clean: 0, noise: 1, predicts: «velocty»)",
  ]),
  {
    name: "sizes that must agree",
    text: 'part P(a, b) {\n  require(a, 2 * b, "a is twice b")\n}\nmodel M {\n  part p = «P(4, 3)»\n}\n',
  },
  wrong("more names than values", own, ["chunk(linear(n, v), 2)", "«chunk(linear(n, v), 4)»"]),
  wrong("several names for one value", own, ["[a, b] = chunk(linear(n, v), 2)", "[a, b] = «linear(n, v)»"]),
  wrong("too many layers", own, ["B(D) * L", "«B(D) * 2000»"]),
  wrong("too many parameters", own, ["half = D / 2", "half = D / 2\n  weight «w»: [2_000_000_000, 2_000_000_000]"]),
  {
    name: "too many operations",
    text: own
      .replace("half = D / 2", "half = D / 2\n  f(x) -> [D] { x }\n")
      .replace(
        "{ linear(x, embed) }",
        `{ f19(x) }\n${Array.from({ length: 20 }, (_, i) => `  f${i}(x) -> [vocab] { ${i ? `f${i - 1}(x) + f${i - 1}(x)` : "linear(x, embed)"} }\n`).join("")}`,
      ),
  },
  {
    name: "operations without end on each other",
    text: own.replace(
      "{ linear(x, embed) }",
      `{\n    y0 = linear(x, embed)\n${Array.from({ length: 2100 }, (_, i) => `    y${i + 1} = y${i} + 1\n`).join("")}    y2100\n  }`,
    ),
  },
  wrong("a list that is none", dual, ["patch: 12))", "patch: 12, share: 3))"]),
];
