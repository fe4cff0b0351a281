// Products of a row with a matrix of weights. Nearly all of the oracle's time is spent in `matvec`, so this is the one
// place written for speed: no subarrays, no copies of weights, independent accumulators.

/** Numbers of one row or of one weight. Weights are read in place as f32; everything computed is f64. */
export type Numbers = Float32Array | Float64Array;

/** Inner product of `x[0 .. length)` with `w[offset ..]`; four sums, so that additions need not wait for each other. */
export function dot(w: Numbers, offset: number, x: Float64Array, length: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const whole = length - (length % 4);
  for (let i = 0; i < whole; i += 4) {
    a += w[offset + i]! * x[i]!;
    b += w[offset + i + 1]! * x[i + 1]!;
    c += w[offset + i + 2]! * x[i + 2]!;
    d += w[offset + i + 3]! * x[i + 3]!;
  }
  for (let i = whole; i < length; i++) a += w[offset + i]! * x[i]!;
  return a + b + (c + d);
}

/** `w x + bias`: `w` is [out, in] row-major, as checkpoints keep it; `out` is `w.length / x.length`. */
export function matvec(w: Numbers, x: Float64Array, out: number, bias?: Numbers): Float64Array {
  const y = new Float64Array(out);
  for (let o = 0; o < out; o++) y[o] = dot(w, o * x.length, x, x.length) + (bias === undefined ? 0 : bias[o]!);
  return y;
}

/** The same numbers as f64; an f64 array is passed as it is. */
export function wide(values: Numbers): Float64Array {
  return values instanceof Float64Array ? values : Float64Array.from(values);
}
