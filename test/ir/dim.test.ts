// Dimensions obey the laws of integer polynomials, and their text is canonical.
import { describe, expect, test } from "vitest";
import { add, at, type Dim, divExact, mul, names, same, show, sub, sym } from "../../compiler/ir/dim.ts";
import { Random } from "./random.ts";

const [batch, text, patch] = [sym("batch"), sym("text"), sym("image.patch")];

describe("text", () => {
  test.each<[Dim, string]>([
    [add(text, patch), "image.patch+text"],
    [add(mul(2, text), 3), "2*text+3"],
    [sub(mul(text, batch), 1), "batch*text-1"],
    [sub(0, text), "-text"],
    [mul(add(text, 1), add(text, 1)), "text*text+2*text+1"],
    [sub(add(text, 5), text), "5"],
    [sub(text, text), "0"],
  ])("%#", (d, wanted) => expect(show(d)).toBe(wanted));
  test("names", () => expect(names(add(mul(text, batch), text))).toEqual(["batch", "text"]));
  test("a name is a name", () => expect(() => sym("2 rows")).toThrow("`2 rows` cannot name a dimension"));
});

describe("exact division", () => {
  test.each<[Dim, Dim, string | undefined]>([
    [12, 4, "3"],
    [12, 5, undefined],
    [12, 0, undefined],
    [mul(batch, text), text, "batch"],
    [add(mul(6, text), 4), 2, "3*text+2"],
    [add(mul(6, text), 3), 2, undefined],
    [mul(add(text, patch), add(batch, 2)), add(text, patch), "batch+2"],
    [text, patch, undefined],
    [0, text, "0"],
  ])("%#", (a, b, wanted) => {
    const quotient = divExact(a, b);
    expect(quotient === undefined ? undefined : show(quotient)).toBe(wanted);
  });
});

test("evaluation is a homomorphism, and the ring laws hold (seeded)", () => {
  const random = new Random(11);
  const draw = (depth: number): Dim =>
    depth === 0 || random.next() < 0.3
      ? random.pick<Dim>([batch, text, patch, random.below(7) - 3])
      : random.pick([add, sub, mul])(draw(depth - 1), draw(depth - 1));
  for (let i = 0; i < 500; i++) {
    const [a, b, c] = [draw(3), draw(3), draw(3)];
    const binding = { batch: 1 + random.below(4), text: 1 + random.below(9), "image.patch": 1 + random.below(9) };
    const value = (d: Dim): number => at(d, binding);
    expect(value(add(a, b))).toBe(value(a) + value(b));
    expect(value(sub(a, b))).toBe(value(a) - value(b));
    expect(value(mul(a, b))).toBe(value(a) * value(b) + 0);
    expect(show(mul(a, add(b, c)))).toBe(show(add(mul(c, a), mul(b, a))));
    expect(same(sub(add(a, b), b), a)).toBe(true);
    if (!same(b, 0)) expect(show(divExact(mul(a, b), b)!)).toBe(show(a));
  }
});

test("a dimension without a value is named", () => {
  expect(() => at(add(text, patch), { text: 3 })).toThrow("dimension image.patch is not bound");
});
