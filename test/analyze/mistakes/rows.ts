// Rows: shapes, heads, and what acts on them.
import { change, dual, own, wrong, type Mistake } from "./written.ts";

const result = (expr: string): readonly [string, string] => ["{ linear(x, embed) }", `{ ${expr} }`];
const enter = (expr: string): readonly [string, string] => ["{ embed[id] }", `{ ${expr} }`];
export const rowMistakes: readonly Mistake[] = [
  wrong("rows of unlike width added", own, result("«x + linear(x, embed)»")),
  wrong("a norm of a number", own, ["n = rms_norm(x, norm)", "n = «rms_norm(3, norm)»"]),
  wrong("a sinusoid of a row", own, result("linear(«sinusoid(x, D)», embed)")),
  wrong("a sinusoid of odd width", own, enter("embed[id] + «sinusoid(col, D - 1)»")),
  wrong("heads joined that were never split", own, ["merge(y)", "«merge(x)»"]),
  wrong("a coordinate of a number", own, enter("embed[id] + «coordinates(3, D, limit: 4)»")),
  wrong("heads that do not divide the width", own, ["split(linear(n, q), heads)", "«split(linear(n, q), 3)»"]),
  wrong(
    "a norm's weight of another width",
    own,
    ["norm: [D] = ones", "norm: [2 * D] = ones"],
    ["rms_norm(x, norm)", "«rms_norm(x, norm)»"],
  ),
  wrong("a matrix of another width", own, ["o: [D, D]", "o: [D, 3]"], ["linear(merge(y), o)", "«linear(merge(y), o)»"]),
  wrong("a bias of another width", own, result("«linear(x, embed, bias)»")),
  wrong("other letters", own, result('linear(«reorder(x, "a b", "a c", a: 2, b: 4)», embed)')),
  wrong("letters of other sizes", own, result('linear(«reorder(x, "a b", "b a", a: 2, b: 3)», embed)')),
  wrong(
    "queries and keys of unlike width",
    own,
    ["split(linear(n, k), heads)", "split(linear(n, k), 4)"],
    ["attend(split(linear(n, q), heads)", "attend(split(linear(n, q), heads)"],
    ["y = ", "y = "],
  ),
  wrong("keys and values of unlike number", own, ["split(concat(a, b), heads)", "split(concat(a, b), 4)"]),
  wrong("query heads that key heads do not divide", own, [
    "attend(split(linear(n, q), heads), split(linear(n, k), heads), split(concat(a, b), heads))",
    "«attend(split(concat(n, n), 4), split(concat(n, concat(n, n)), 3 * heads), split(concat(n, concat(n, n)), 6))»",
  ]),
  wrong(
    "attention outside of a block",
    own,
    result("linear(merge(«attend(split(x, 2), split(x, 2), split(x, 2))»), embed)"),
  ),
  wrong("heads of unlike number joined", own, ["split(concat(a, b), heads)", "«concat(split(a, 2), split(b, 4))»"]),
  wrong("a row and a number joined", own, ["split(concat(a, b), heads)", "split(«concat(a, 1)», heads)"]),
  wrong("a mask for a row", own, ["language.logits(h)", "language.logits(«causal»)"]),
  wrong("a text for a row", own, result('linear(«"x"», embed)')),
  { name: "a text added to a row", text: change(own, result('linear(x, embed) + «"x"»')) },
  {
    name: "an absent condition used",
    text: change(
      dual,
      [
        "und: vision.condition(clean), image.patch: vision.condition(t) }",
        "und: vision.condition(clean), image.patch: vision.condition(t) }\n  let d = 1 + «c»",
      ],
      ["v(h, c: c)", "v(h)"],
      ["vision.leave(h, c: c)", "vision.leave(h)"],
      ["vision.enter(z, c)", "vision.enter(z)"],
      [
        "tower Paint =",
        "tower Plain(L = 2, D = 8, patch = 12) {\n  layers: LlamaBlock(D, heads: 2, hidden: 8, rope: PlainRope()) * L\n  weight w: [D, patch]\n  enter(z: [patch]) -> [D] { linear(z, w) }\n  leave(x: [D]) -> [patch] { x }\n  noise = flow(clean: 0, noise: 1, predicts: x)\n}\ntower Paint =",
      ],
      ["Llama, PlainRope }", "Llama, LlamaBlock, PlainRope }"],
      ["vision: Copied(Small, patch: 12)", "vision: Plain()"],
    ),
  },
  wrong("rows of another width for a function", dual, [
    "next_token(language.logits(h))",
    "next_token(language.logits(«vision.leave(h)»))",
  ]),
  wrong("a function that gives another width", own, result("«x»")),
  wrong("a function that is not called", own, result("linear(«silu», embed)")),
  wrong("a row that is indexed", own, enter("«x»[id]".replace("x", "half"))),
  wrong(
    "a number of a row as an index",
    own,
    ["  embed text", "  input t: number\n  embed text"],
    ["language.enter(id)", "language.enter(t)"],
    enter("embed[«id»]"),
  ),
  wrong("two indices", own, enter("«embed[id, id]»")),
  wrong("an index beyond the table", own, enter("embed[«99»]")),
  wrong("an index beyond a list", own, [
    "[a, b] = chunk(linear(n, v), 2)",
    "[a, b] = chunk(linear(n, v), 2)\n    c = chunk(n, 2)[«2»]",
  ]),
  wrong("a list indexed by a row", own, [
    "[a, b] = chunk(linear(n, v), 2)",
    "[a, b] = chunk(linear(n, v), 2)\n    c = chunk(n, 2)[«n»]",
  ]),
];
