// The tree: every form of the language, operators by precedence, names that are keywords, docs.

import { describe, expect, test } from "vitest";
import type { Expr, File } from "../../grammar/index.ts";
import { bare, mustParse, readText } from "./reading.ts";
import { samples } from "./samples.ts";

/** An expression with all its parentheses. */
const show = (expr: Expr): string => {
  switch (expr.kind) {
    case "number":
      return expr.text;
    case "string":
      return JSON.stringify(expr.value);
    case "reference":
      return expr.name;
    case "member":
      return `${show(expr.of)}.${expr.name.text}`;
    case "call":
      return `${show(expr.callee)}(${expr.arguments.map(({ label, value }) => (label ? `${label.text}: ` : "") + show(value)).join(", ")})`;
    case "index":
      return `${show(expr.of)}[${expr.indices.map(show).join(", ")}]`;
    case "list":
      return `[${expr.items.map(show).join(", ")}]`;
    case "tuple":
      return `tuple(${expr.items.map(show).join(", ")})`;
    case "infix":
      return `(${show(expr.left)} ${expr.op} ${show(expr.right)})`;
    case "prefix":
      return `(${expr.op} ${show(expr.operand)})`;
    case "arms":
      return `${expr.name.text} {${expr.arms.map(({ state, kinds, value }) => `${state ? `${state} ` : ""}${show(kinds)}: ${show(value)}`).join(", ")}}`;
    case "sees":
      return `(${show(expr.call)} sees ${show(expr.mask)})`;
    case "with":
      return `${show(expr.model)} with {${expr.options.map(show).join(", ")}}`;
  }
};

const only = <T>(items: readonly T[]): T => {
  expect(items).toHaveLength(1);
  return items[0]!;
};
const expression = (text: string): Expr => {
  const model = only(mustParse(`model X { h = ${text} }`).declarations);
  const statement = model.kind === "model" ? only(model.statements) : undefined;
  if (statement?.kind !== "binding") throw new Error(`no binding: ${text}`);
  return statement.value;
};

describe("samples parse", () => {
  test.each(samples)("%s", (_, text) => {
    const file = mustParse(text);
    expect(bare(mustParse(text.replaceAll("\n", "\r\n")))).toEqual(bare(file));
    expect(bare(mustParse(`\ufeff${text}`))).toEqual(bare(file));
  });

  test("every kind of node occurs", () => {
    const kinds = new Set<string>();
    const visit = (node: unknown): void => {
      if (typeof node !== "object" || node === null) return;
      if ("kind" in node && typeof node.kind === "string") kinds.add(node.kind);
      Object.values(node).forEach(visit);
    };
    samples.forEach(([, text]) => visit(mustParse(text)));
    expect([...kinds].sort()).toEqual(
      (
        "alias any arms binding call checkpoint constant contract embed freeze function group guide head ignore index " +
        "infix input later layers list loop loss map marker mask member modality model name noise number part position " +
        "prefix reference require rest sees segments session shape size string template train tuple value weight with"
      )
        .split(" ")
        .sort(),
    );
  });

  test("spans are the text of their nodes", () => {
    const [, text] = samples[0]!;
    const file: File = mustParse(text);
    const model = file.declarations[0]!;
    if (model.kind !== "model") throw new Error("no model");
    const texts = model.statements.map(({ span }) => text.slice(span.from, span.to));
    expect(texts[2]).toBe("group und = text, image.open, image.close");
    expect(texts[6]).toBe("train  vision.**, text.added, fuse.**");
    expect(texts.at(-1)).toBe("loss = 0.2 * text + image");
    expect(text.slice(model.name.span.from, model.name.span.to)).toBe("XFusion");
    expect(text.slice(model.span.from).startsWith("model XFusion(")).toBe(true);
  });
});

describe("expressions", () => {
  test.each([
    ["a + b * c - d", "((a + (b * c)) - d)"],
    ["a * b / c", "((a * b) / c)"],
    ["(a + b) * c", "((a + b) * c)"],
    ["-a * -b[0].c", "((- a) * (- b[0].c))"],
    ["a | b + c", "(a | (b + c))"],
    ["8..64", "(8 .. 64)"],
    ["0 .. n - 1 | m", "(0 .. ((n - 1) | m))"],
    [
      "causal or within(look, image) and not key is drawn",
      "(causal or (within(look, image) and (not (key is drawn))))",
    ],
    ["not a before b and c", "((not (a before b)) and c)"],
    ["not not a or b", "((not (not a)) or b)"],
    ["a + not b is c", "(a + (not (b is c)))"],
    ["l(h) + v(h) sees und or causal", "((l(h) + v(h)) sees (und or causal))"],
    ["joint { und: l(h) sees und, image.patch: v(h) }", "joint {und: (l(h) sees und), image.patch: v(h)}"],
    ["count { given image: once, given: two }", "count {given image: once, given: two}"],
    ["axes { text: (0, 0, 0), image: (0, row, col) }", "axes {text: tuple(0, 0, 0), image: tuple(0, row, col)}"],
    ["chain(b1, b2)(e)[und, image.patch]", "chain(b1, b2)(e)[und, image.patch]"],
    ["f(mask: head, in: x.is, a)", "f(mask: head, in: x.is, a)"],
    ["select + joint(count)[axes]", "(select + joint(count)[axes])"],
    ["spread(vision.layers, 16)[2..4]", "spread(vision.layers, 16)[(2 .. 4)]"],
    ['"a\\"b\\\\\\n\\t"', JSON.stringify('a"b\\\n\t')],
    ["[1_000, 1e-5, []]", "[1_000, 1e-5, []]"],
  ])("%s", (text, shown) => {
    expect(show(expression(text))).toBe(shown);
  });

  test("a span covers parentheses", () => {
    const value = expression("(a + b) * c");
    expect(value.span).toEqual({ from: 14, to: 25 });
    expect(value.kind === "infix" && value.left.span).toEqual({ from: 14, to: 21 });
  });

  test("a bracket is an index unless a list is bound to it", () => {
    const model = only(mustParse("model X { h = x [a, b] [c, d] = f(x) y = z[0] }").declarations);
    const statements = model.kind === "model" ? model.statements : [];
    const shown = statements.map((each) =>
      each.kind === "binding" ? `${each.names.map(({ text }) => text).join()} = ${show(each.value)}` : "",
    );
    expect(shown).toEqual(["h = x[a, b]", "c,d = f(x)", "y = z[0]"]);
  });

  test("with stands at the end of a model's alias", () => {
    const alias = only(mustParse("model Y = X(a: B) with { bridge once, expand, bridge(bias: true) }").declarations);
    expect(alias.kind === "alias" && show(alias.value)).toBe("X(a: B) with {bridge(once), expand, bridge(bias: true)}");
    expect(readText("tower Y = X(a: B) with { bridge }").codes).toEqual([]);
  });
});

test("docs belong to what follows them", () => {
  const text = `/// One.
///   Two.
tower T {
  /// Weight a.
  weight a: [D],
    /// Weight b.
    b: [D]
  // A remark.
  /// Function f.
  f(x) -> [D] { x } /// beside: no doc
  g(x) -> [D] { x }
  /// lost

  // parts it
  k(x) -> [D] { x }
}
/// Model.
model M {
  /// Text.
  modality text = tokens(vocab: 3)
  /// Time.
  input t: number
}`;
  const docs: string[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    if ("doc" in node && typeof node.doc === "string") docs.push(node.doc);
    Object.values(node).forEach(visit);
  };
  visit(mustParse(text));
  expect(docs.sort()).toEqual(["Function f.", "Model.", "One.\nTwo.", "Text.", "Time.", "Weight a.", "Weight b."]);
});

test("a session ends where the next statement begins", () => {
  const model = only(mustParse("model X { session = text image? look* h = x }").declarations);
  const session = model.kind === "model" ? model.statements[0] : undefined;
  expect(bare(session)).toMatchObject({
    terms: [
      { name: { text: "text" }, repeat: "" },
      { name: { text: "image" }, repeat: "?" },
      { name: { text: "look" }, repeat: "*" },
    ],
  });
});
