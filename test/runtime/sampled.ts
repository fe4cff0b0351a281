// A slow sampler by the definition in docs/generation.md ("Sampling tokens"), in BigInt and by sorting, which shares no code
// with the one that it judges; and the settings and logits that samplers are tried with.
import type { Among, Place, Sampling } from "../../runtime/generate/sampling.ts";
import type { Words2, Words4 } from "../../runtime/generate/random.ts";

const U32 = 0xffff_ffffn;

/** Philox-4x32-10 from its paper. */
const philox = (counter: Words4, key: Words2): bigint[] => {
  let x = counter.map(BigInt);
  let k = key.map(BigInt);
  for (let round = 0; round < 10; round++) {
    const [a, b] = [0xd2511f53n * x[0]!, 0xcd9e8d57n * x[2]!];
    x = [(b >> 32n) ^ x[1]! ^ k[0]!, b & U32, (a >> 32n) ^ x[3]! ^ k[1]!, a & U32];
    k = [(k[0]! + 0x9e3779b9n) & U32, (k[1]! + 0xbb67ae85n) & U32];
  }
  return x;
};

/** 2^30 * 2^(-i / 256), rounded: the largest t with (2 t - 1)^256 at most 2^(256 * 31 - i). */
export const table = Array.from({ length: 257 }, (_, i) => {
  const bound = 1n << BigInt(256 * 31 - i);
  let found = 0n;
  for (let step = 1n << 30n; step > 0n; step >>= 1n) if ((2n * (found + step) - 1n) ** 256n <= bound) found += step;
  return found;
});

/** A finite f32 in units of 2^-149. */
const exactOf = (value: number): bigint => {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
  const [exponent, fraction] = [(bits >>> 23) & 255, BigInt(bits & 0x7f_ffff)];
  const size = exponent === 0 ? fraction : (fraction | 0x80_0000n) << BigInt(exponent - 1);
  return bits >>> 31 ? -size : size;
};
const bitLength = (size: bigint): number => size.toString(2).length;

/** In units of 2^-149, as an f32. */
const penalized = (score: bigint, penalty: number): bigint => {
  const sign = score < 0n ? -1n : 1n;
  const smallest = 1n << 23n;
  const product = sign * score * exactOf(score > 0n ? 1 / penalty : penalty);
  const cut = Math.max(0, bitLength(product) - 24);
  const result = ((product >> BigInt(cut)) << BigInt(cut)) >> 149n;
  if (sign * score < smallest || product < smallest << 149n) return 0n;
  const largest = ((1n << 24n) - 1n) << 253n;
  return sign * (result > largest ? largest : result);
};

export interface Judge {
  readonly weights: ReadonlyMap<number, bigint>;
  pick(place: Place): number;
}
/** What a sampler must draw from logits of which at least one is not -Infinity, and none NaN or +Infinity. */
export const judge = (
  { temperature = 1, topK = Infinity, topP = 1, penalty = 1, seed }: Sampling,
  logits: Float32Array,
  { recent = [], allowed = [[0, logits.length]] }: Among = {},
): Judge => {
  const isRecent = new Set(recent);
  const scored = [...logits.keys()]
    .filter((id) => allowed.some(([from, to]) => from <= id && id < to) && logits[id] !== -Infinity)
    .map((id) => {
      const score = exactOf(logits[id]!);
      return { id, score: penalty !== 1 && isRecent.has(id) ? penalized(score, penalty) : score, weight: 0n };
    });
  const ranked = scored.toSorted((a, b) => (a.score === b.score ? a.id - b.id : a.score > b.score ? -1 : 1));
  let kept = ranked.slice(0, 1);
  if (temperature === 0) kept[0]!.weight = 1n << 30n;
  else {
    const slope = Math.LOG2E / temperature;
    let exponent = 0;
    while (slope / 2 ** exponent >= 2) exponent++;
    while (slope / 2 ** exponent < 1) exponent--;
    const scale = BigInt(Math.floor((slope / 2 ** exponent) * 2 ** 31));
    const shift = 24 + exponent - 149;
    const fixed = (score: bigint): bigint => {
      const value = shift < 0 ? score >> BigInt(-shift) : score << BigInt(shift);
      const clamp = 1n << 62n;
      return value > clamp ? clamp : value < -clamp ? -clamp : value;
    };
    const top = fixed(ranked[0]!.score);
    for (const each of ranked) {
      const power = ((top - fixed(each.score)) * scale) >> 37n;
      if (power >= 31n << 18n) continue;
      const [whole, entry, between] = [power >> 18n, Number((power >> 10n) & 255n), power & 1023n];
      each.weight = (table[entry]! - (((table[entry]! - table[entry + 1]!) * between) >> 10n)) >> whole;
    }
    kept = ranked.slice(0, topK);
    if (topP < 1) {
      const share = BigInt(Math.max(1, Math.floor(topP * 2 ** 32)));
      const total = kept.reduce((sum, { weight }) => sum + weight, 0n);
      let [sum, count] = [0n, 0];
      while (sum << 32n < share * total) sum += kept[count++]!.weight;
      kept = kept.slice(0, count);
    }
  }
  kept = kept.filter(({ weight }) => weight > 0n).toSorted((a, b) => a.id - b.id);
  let total = 0n;
  const ends = kept.map(({ weight }) => (total += weight));
  const key: Words2 = [Number(BigInt(seed) & U32), Number(BigInt(seed) >> 32n)];
  return {
    weights: new Map(kept.map(({ id, weight }) => [id, weight])),
    pick: ({ counter, stream = 0 }) => {
      const [low, high] = philox([Number(BigInt(counter) & U32), Number(BigInt(counter) >> 32n), stream, 0], key);
      const target = (((high! << 32n) | low!) * total) >> 64n;
      let [from, to] = [0, ends.length - 1];
      while (from < to) {
        const middle = (from + to) >> 1;
        if (ends[middle]! > target) to = middle;
        else from = middle + 1;
      }
      return kept[from]!.id;
    },
  };
};

/** A setting, and the ids that may be drawn where not all may. */
export interface Case {
  readonly sampling: Sampling;
  readonly allowed?: (count: number) => Among["allowed"];
}
const seed = 0x1234_5678_9abc_def0n;
export const cases: Readonly<Record<string, Case>> = {
  greedy: { sampling: { temperature: 0, seed } },
  "greedy with a penalty": { sampling: { temperature: 0, penalty: 1.3, seed } },
  plain: { sampling: { seed } },
  "temperature 0.7": { sampling: { temperature: 0.7, seed: 7 } },
  "top-k": { sampling: { topK: 9, seed } },
  "top-p": { sampling: { topP: 0.9, seed } },
  penalty: { sampling: { penalty: 1.3, seed: 0 } },
  all: { sampling: { temperature: 0.8, topK: 40, topP: 0.95, penalty: 1.1, seed } },
  "all, of some ids": {
    sampling: { temperature: 1.5, topK: 12, topP: 0.8, penalty: 0.7, seed },
    allowed: (count) => [
      [1, 5],
      [count >> 1, count - 1],
    ],
  },
  "hardly any temperature": { sampling: { temperature: 2 ** -20, topP: 0.5, seed } },
  "all temperature": { sampling: { temperature: 2 ** 20, topK: 100_000, topP: 0.999, seed } },
};

/** Numbers from 0 to 1 for tests, the same ones each time (Lehmer's generator modulo 2^31 - 1). */
export const uniform = (seed: number): (() => number) => {
  let state = seed + 1;
  return () => (state = (state * 48_271) % 0x7fff_ffff) / 0x7fff_ffff;
};
/** Logits of several forms in turn: as models give them, with ties, with gaps, tiny and huge ones, all alike. */
export const logitsOf = (count: number, kind: number): Float32Array => {
  const next = uniform(kind * 7919 + count);
  const normal = (): number => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
  const forms = [
    () => normal() * 3,
    () => Math.round(normal() * 2) / 2,
    () => (next() < 0.5 ? -Infinity : normal() * 4),
    () => normal() * 10 ** (next() * 80 - 45),
    () => 1.5,
    () => normal() * 1e4,
    () => (next() < 0.3 ? -0 : Math.max(0, normal() * 2 - 2)),
    () => normal() - 80,
  ];
  const form = forms[kind % forms.length]!;
  const logits = Float32Array.from({ length: count }, form).map((logit) => (logit === Infinity ? 1e38 : logit));
  // One that may be drawn, whichever are allowed.
  logits[count - 2] = Math.max(-1e30, logits[count - 2]!);
  return logits;
};
/** Ids of which some are repeated and some are no ids. */
export const recentOf = (count: number, kind: number): number[] => {
  const next = uniform(kind + 1);
  return Array.from({ length: 24 }, () => Math.floor(next() * next() * (count + 2)));
};
