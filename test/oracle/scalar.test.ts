// Scalar functions against values computed with mpmath at 40 digits and more, rounded to f64.
import { describe, expect, test } from "vitest";
import { erf, erfc, gelu, geluTanh, sigmoid, silu } from "../../compiler/oracle/scalar.ts";

/** x, erf(x), erfc(x) */
const errors = [
  [1e-10, 1.1283791670955126e-10, 0.999999999887162],
  [0.1, 0.1124629160182849, 0.887537083981715],
  [0.5, 0.5204998778130465, 0.4795001221869535],
  [0.9375, 0.8151024010343998, 0.1848975989656002],
  [0.999, 0.8422852702064969, 0.15771472979350307],
  [1, 0.8427007929497149, 0.15729920705028513],
  [1.25, 0.9229001282564583, 0.07709987174354177],
  [2, 0.9953222650189527, 0.004677734981047266],
  [2.5, 0.999593047982555, 0.0004069520174449589],
  [3.5, 0.9999992569016276, 7.430983723414128e-7],
  [5, 0.9999999999984626, 1.537459794428035e-12],
  [10, 1, 2.088487583762545e-45],
  [7.123456789, 1, 7.192406315803931e-24],
  [24.6913578, 1, 3.847536728787992e-267],
  [26, 1, 5.663192408856143e-296],
] as const;
/** x, gelu(x), its tanh approximation */
const gelus = [
  [-30, -1.472014178144456e-196, 0],
  [-10, -7.619853024160526e-23, -1.204092348209806e-37],
  [-5, -1.4332578593959695e-6, -2.291796196629506e-7],
  [-3, -0.0040496940948902835, -0.003637392081773019],
  [-1.5, -0.1002108019032871, -0.10042842301976708],
  [-0.1, -0.0460172162722971, -0.04601724895456484],
  [1e-8, 5.000000039894228e-9, 5.000000039894228e-9],
  [0.3, 0.1853734266566858, 0.18537092354275925],
  [1, 0.8413447460685429, 0.8411919906082767],
  [3, 2.99595030590511, 2.996362607918227],
  [6, 5.999999994080474, 5.9999999999156035],
] as const;

const relative = (got: number, want: number): number => (got === want ? 0 : Math.abs(got - want) / Math.abs(want));

describe("scalar", () => {
  test.each(errors)("erf and erfc of %d and of its negative", (x, whole, rest) => {
    expect(relative(erf(x), whole)).toBeLessThan(1e-15);
    expect(erf(-x)).toBe(-erf(x));
    expect(relative(erfc(x), rest)).toBeLessThan(4e-15);
    expect(relative(erfc(-x), 1 + whole)).toBeLessThan(1e-15);
  });

  test.each(gelus)("gelu of %d", (x, exact, approximate) => {
    expect(relative(gelu(x), exact)).toBeLessThan(2e-15 * (1 + x * x));
    expect(Math.abs(geluTanh(x) - approximate)).toBeLessThan(1e-14 * Math.abs(approximate) * (1 + x * x) + 1e-300);
  });

  test("ends and values that are not numbers", () => {
    expect([erf(0), erf(Infinity), erf(-Infinity), erfc(Infinity)]).toEqual([0, 1, -1, 0]);
    expect([erf(NaN), erfc(NaN), gelu(NaN), geluTanh(NaN), silu(NaN)]).toEqual([NaN, NaN, NaN, NaN, NaN]);
    expect([gelu(Infinity), silu(Infinity), sigmoid(-800), sigmoid(800)]).toEqual([Infinity, Infinity, 0, 1]);
    expect(silu(2)).toBe(2 / (1 + Math.exp(-2)));
  });
});
