// Functions of one number that JavaScript lacks. `erf` is right to 1e-15 of its value and `erfc` to 4e-15, tails
// included; in their tails the others lose what rounding their argument costs, x^2 times that.

/** e^(-x^2) without the error of rounding x^2, which would grow with x: the square of a 24-bit head is exact. */
function bell(x: number): number {
  const head = Math.fround(x);
  return Math.exp(-head * head) * Math.exp(-(x - head) * (x + head));
}

/** erf for |x| < 1: 2 / sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!, whose terms share one sign (DLMF 7.6.2). */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; sum + term !== sum; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * bell(x) * sum;
}

/**
 * erfc for x >= 1 by the continued fraction e^(-x^2) / sqrt(pi) / (x + (1/2)/(x + 1/(x + (3/2)/(x + ...)))), DLMF
 * 7.9.1, from its tail; the terms needed for a given accuracy fall as 1 / x^2, and 200 suffice at 1.
 */
function erfcFraction(x: number): number {
  if (x > 28) return 0; // below the least f64
  let tail = x;
  for (let n = Math.ceil(200 / (x * x)) + 8; n >= 1; n--) tail = x + n / 2 / tail;
  return bell(x) / Math.sqrt(Math.PI) / tail;
}

/** The error function. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) < 1) return erfSeries(x);
  return x < 0 ? erfcFraction(-x) - 1 : 1 - erfcFraction(x);
}

/** 1 - erf(x), accurate where it is tiny. */
export function erfc(x: number): number {
  return x >= 1 ? erfcFraction(x) : 1 - erf(x);
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

export function silu(x: number): number {
  return x * sigmoid(x);
}

/** x (1 + erf(x / sqrt 2)) / 2, by erfc so that the lower tail keeps its digits. */
export function gelu(x: number): number {
  return 0.5 * x * erfc(-x / Math.SQRT2);
}

/** x (1 + tanh u) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3); (1 + tanh u) / 2 is sigmoid(2 u). */
export function geluTanh(x: number): number {
  return x * sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x));
}
