// Functions whose accuracy WGSL leaves open, or which it leaves undefined for some arguments, in forms that hold for all
// f32: each is written for vec4, and a kernel contains those that it calls.
const TANH = `fn tanh4(x: vec4<f32>) -> vec4<f32> {
  // Near 0 by a polynomial (Cephes, tanhf); beyond it exp stays finite.
  let z = x * x;
  let near = x + x * z * (-0.333332819422 + z * (0.133314422036 + z * (-0.0537397155531 + z * (0.0206390887954 - z * 0.00570498872745))));
  let a = min(abs(x), vec4<f32>(10.0));
  let far = sign(x) * (1.0 - 2.0 / (exp(2.0 * a) + 1.0));
  return select(far, near, abs(x) < vec4<f32>(0.625));
}`;
const SIGMOID = `fn sigmoid4(x: vec4<f32>) -> vec4<f32> {
  return 1.0 / (1.0 + exp(-clamp(x, vec4<f32>(-80.0), vec4<f32>(80.0))));
}`;
const ERFC = `fn erfc4(x: vec4<f32>) -> vec4<f32> {
  // Chebyshev approximation of relative error 1.2e-7 (Numerical Recipes, erfcc).
  let z = min(abs(x), vec4<f32>(9.0));
  let t = 1.0 / (1.0 + 0.5 * z);
  let p = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 +
    t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let y = t * exp(-z * z + p);
  return select(2.0 - y, y, x >= vec4<f32>(0.0));
}`;
const ERF = `fn erf4(x: vec4<f32>) -> vec4<f32> {
  // Near 0 by its series, where 1 - erfc would lose digits.
  let z = x * x;
  let near = x * (1.1283791671 + z * (-0.37612638903 + z * (0.11283791671 + z * (-0.026866170645 + z * 0.0052239776254))));
  return select(1.0 - erfc4(x), near, abs(x) < vec4<f32>(0.3));
}`;
const LOG = `fn log4(x: vec4<f32>) -> vec4<f32> {
  // x = m * 2^e, sqrt(1/2) <= m < sqrt(2), and a polynomial in m - 1 (Cephes, logf).
  let f = frexp(x);
  let low = f.fract < vec4<f32>(0.70710678);
  let e = vec4<f32>(f.exp) - select(vec4<f32>(0.0), vec4<f32>(1.0), low);
  let m = select(f.fract - 1.0, 2.0 * f.fract - 1.0, low);
  let z = m * m;
  let p = 0.33333331174 + m * (-0.24999993993 + m * (0.20000714765 + m * (-0.16668057665 + m * (0.14249322787 +
    m * (-0.12420140846 + m * (0.11676998740 + m * (-0.11514610310 + m * 0.070376836292)))))));
  let y = m * z * p - 0.5 * z - 0.000212194440 * e;
  return m + y + 0.693359375 * e;
}`;
const POW = `fn pow4(x: vec4<f32>, y: vec4<f32>) -> vec4<f32> {
  let size = exp(y * log4(max(abs(x), vec4<f32>(1.1754944e-38))));
  let odd = abs(y - 2.0 * floor(y * 0.5)) == vec4<f32>(1.0);
  let signed = select(size, -size, odd & (x < vec4<f32>(0.0)));
  return select(select(signed, vec4<f32>(0.0), x == vec4<f32>(0.0)), vec4<f32>(1.0), y == vec4<f32>(0.0));
}`;
const HALF = `fn half4(x: vec2<u32>) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(x.x), unpack2x16float(x.y));
}`;
const BRAIN = `fn brain4(x: vec2<u32>) -> vec4<f32> {
  return bitcast<vec4<f32>>(vec4<u32>(x.x << 16u, x.x & 0xffff0000u, x.y << 16u, x.y & 0xffff0000u));
}`;
// WGSL refuses constants that are no finite number: these are read from variables, of which it knows nothing.
const special = (name: string, bits: string): string =>
  `var<private> ${name}_bits: u32 = ${bits};
fn ${name}() -> f32 { return bitcast<f32>(${name}_bits); }`;

/** Name -> its WGSL and the names of those that it calls. */
export const functions = {
  tanh4: { text: TANH, calls: [] },
  sigmoid4: { text: SIGMOID, calls: [] },
  erfc4: { text: ERFC, calls: [] },
  erf4: { text: ERF, calls: ["erfc4"] },
  log4: { text: LOG, calls: [] },
  pow4: { text: POW, calls: ["log4"] },
  half4: { text: HALF, calls: [] },
  brain4: { text: BRAIN, calls: [] },
  infinity: { text: special("infinity", "0x7f800000u"), calls: [] },
  none: { text: special("none", "0x7fc00000u"), calls: [] },
} as const satisfies Record<string, { readonly text: string; readonly calls: readonly string[] }>;
export type FunctionName = keyof typeof functions;
