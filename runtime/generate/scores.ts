// Scores of ids and their weights, as docs/generation.md defines them ("Sampling tokens"): by whole numbers and by
// operations on doubles that are exact, so that a device which has neither doubles nor a defined rounding gives the same.

/** Weights are multiples of 2^-30 of the largest one. */
const WEIGHT_BITS = 30;
export const LARGEST_WEIGHT = 2 ** WEIGHT_BITS;
/** Exponents of two are multiples of 2^-18: 8 bits name an entry of the table, 10 lie between two. */
const [ENTRY_BITS, BETWEEN_BITS] = [8, 10];
/** Scores are clamped to this in the unit of the setting. */
const CLAMP = 2 ** 62;
/** Differences from here on weigh nothing: 2^29 units are 32 powers of two or more. */
const FAR = 2 ** 29;

/**
 * 2^30 * 2^(-i / 256) for i from 0 to 256, rounded to the nearest. None of them is nearer than 2^-10 to the middle of two
 * whole numbers, while powers of doubles are wrong by 2^-20 at most: every engine makes the same table.
 */
export const TABLE = Uint32Array.from({ length: 2 ** ENTRY_BITS + 1 }, (_, i) =>
  Math.round(2 ** (WEIGHT_BITS - i / 2 ** ENTRY_BITS)),
);

/** How differences become exponents of two: 1 / temperature in whole numbers. */
export interface Slope {
  /** scores are taken in units of 2^-shift */
  readonly shift: number;
  /** the 32 leading bits of log2(e) / temperature */
  readonly scale: number;
}
/** For a temperature from 2^-20 to 2^20; the shift is from 4 to 44. */
export const slopeOf = (temperature: number): Slope => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.LOG2E / temperature);
  const bits = view.getBigUint64(0);
  const exponent = Number(bits >> 52n) - 1023;
  return { shift: 24 + exponent, scale: Number((1n << 31n) | ((bits & 0xf_ffff_ffff_ffffn) >> 21n)) };
};

/** The weights of scores; that of -Infinity is 0. `largest` is the largest of them, and finite. */
export const weightsOf = (scores: Float32Array, largest: number, { shift, scale }: Slope): Uint32Array => {
  const unit = 2 ** shift;
  const fixed = (score: number): number => Math.max(-CLAMP, Math.min(CLAMP, Math.floor(score * unit)));
  const top = fixed(largest);
  const [upper, lower] = [scale >>> 16, scale & 0xffff];
  const weights = new Uint32Array(scores.length);
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id]!;
    if (score === -Infinity) continue;
    const difference = top - fixed(score);
    if (difference >= FAR) continue;
    // floor(difference * scale / 2^37), of products that stay below 2^53.
    const exponent = Math.floor((difference * upper + Math.floor((difference * lower) / 0x1_0000)) / 0x20_0000);
    const whole = exponent >>> (ENTRY_BITS + BETWEEN_BITS);
    if (whole > WEIGHT_BITS) continue;
    const entry = (exponent >>> BETWEEN_BITS) & (2 ** ENTRY_BITS - 1);
    const between = exponent & (2 ** BETWEEN_BITS - 1);
    const from = TABLE[entry]!;
    weights[id] = (from - (((from - TABLE[entry + 1]!) * between) >>> BETWEEN_BITS)) >>> whole;
  }
  return weights;
};

/** Keys in the order of scores, as u32; that of -Infinity, which nothing draws, is 0, and both zeros have one. */
export const keysOf = (scores: Float32Array): Uint32Array => {
  const bits = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  return bits.map((each) => {
    if (each === 0xff80_0000) return 0;
    if (each === 0x8000_0000) return each;
    return each >= 0x8000_0000 ? ~each : each | 0x8000_0000;
  });
};

const LARGEST = 2 ** 128 - 2 ** 104;
const NORMAL = 2 ** -126;
const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);
/**
 * A score under a repetition penalty: the product with a factor, both f32, cut to the 24 leading bits; 0 where the score
 * or the product is smaller than every normal number, and the largest f32 where it is larger.
 */
export const penalized = (score: number, factor: number): number => {
  if (score === -Infinity) return score;
  const exact = score * factor;
  if (Math.abs(score) < NORMAL || Math.abs(exact) < NORMAL) return 0;
  if (Math.abs(exact) > LARGEST) return Math.sign(exact) * LARGEST;
  float[0] = exact;
  if (Math.abs(float[0]) > Math.abs(exact)) word[0]!--;
  return float[0]!;
};
