// The sampler on the host: against a slow one written from the definition, against softmax, and at the edges.
import { describe, expect, test } from "vitest";
import { philox, type Words2, type Words4 } from "../../runtime/generate/random.ts";
import { sampler, type Sampling } from "../../runtime/generate/sampling.ts";
import { slopeOf, TABLE, weightsOf } from "../../runtime/generate/scores.ts";
import { cases, judge, logitsOf, recentOf, table, uniform } from "./sampled.ts";

describe("random numbers", () => {
  // From the reference implementation, Random123: kat_vectors, philox4x32 10.
  test.each<[string, Words4, Words2, Words4]>([
    ["zeros", [0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [
      "ones",
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      "pi",
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])("of %s are those of the reference", (_, counter, key, words) => expect(philox(counter, key)).toEqual(words));
});

describe("weights", () => {
  test("the table is that of whole numbers, and far from where rounding would be in doubt", () => {
    expect([...TABLE].map(BigInt)).toEqual(table);
    const doubts = Array.from(TABLE, (_, i) => Math.abs((2 ** (30 - i / 256) % 1) - 0.5));
    expect(Math.min(...doubts)).toBeGreaterThan(2 ** -10);
  });

  test.each([2 ** -20, 0.01, 0.7, 1, 3, 2 ** 20])("at temperature %d are within 4e-6 and 2^-30", (temperature) => {
    const next = uniform(3);
    const scores = Float32Array.from({ length: 50_000 }, () => temperature * (next() * 30 - 15));
    const largest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
    const weights = weightsOf(scores, largest, slopeOf(temperature));
    let worst = 0;
    for (const [i, score] of scores.entries()) {
      const exact = Math.exp((score - largest) / temperature);
      worst = Math.max(worst, (Math.abs(weights[i]! / 2 ** 30 - exact) - 2 ** -30) / exact);
    }
    expect(worst).toBeLessThan(4e-6);
    expect(worst).toBeGreaterThan(1e-7);
  });
});

describe.each(Object.entries(cases))("%s", (_, { sampling, allowed }) => {
  /** Vocabulary, forms of logits, draws of each. */
  test.each([
    [17, 16, 625],
    [256, 16, 625],
    [128_256, 1, 500],
  ])("of %d ids, as the slow sampler", (count, kinds, draws) => {
    const { weigh, pick, draw } = sampler(sampling);
    for (let kind = 0; kind < kinds; kind++) {
      const logits = logitsOf(count, kind);
      const among = { recent: recentOf(count, kind), ...(allowed && { allowed: allowed(count)! }) };
      const slow = judge(sampling, logits, among);
      const weights = weigh(logits, among);
      const kept = [...weights.of.entries()].filter(([, weight]) => weight > 0);
      expect(new Map(kept.map(([id, weight]) => [id, BigInt(weight)]))).toEqual(slow.weights);
      const place = { counter: kind * 2 ** 40, stream: kind };
      expect(draw(logits, { ...place, ...among })).toBe(slow.pick(place));
      let wrong = 0;
      for (let i = 0; i < draws; i++) {
        const place = { counter: kind * 1_000_000_007 + i, stream: i % 7 };
        if (pick(weights, place) !== slow.pick(place)) wrong++;
      }
      expect(wrong).toBe(0);
    }
  });
});

/** Softmax in f64 of what a setting leaves: the largest `topK`, then the fewest that reach `topP`. */
const softmax = (logits: readonly number[], { temperature = 1, topK = Infinity, topP = 1 }: Sampling): number[] => {
  const largest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp((logit - largest) / temperature));
  const ranked = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, topK);
  const sum = (ids: readonly number[]): number => ids.reduce((all, id) => all + weights[id]!, 0);
  const kept = ranked.filter((_, i) => sum(ranked.slice(0, i)) < topP * sum(ranked));
  return logits.map((_, id) => (kept.includes(id) ? weights[id]! / sum(kept) : 0));
};

describe("100,000 draws are distributed as softmax", () => {
  const logits = Array.from({ length: 17 }, (_, id) => Math.sin(id * id) * 1.5);
  const penalty = 1.4;
  const recent = [2, 3, 3, 9];
  test.each<[string, Sampling, (readonly number[])?]>([
    ["plain", { seed: 1 }],
    ["temperature 0.6", { temperature: 0.6, seed: 2 }],
    ["temperature 4", { temperature: 4, seed: 3 }],
    ["top-k", { topK: 6, seed: 4 }],
    ["top-p", { topP: 0.8, seed: 5 }],
    ["top-k and top-p", { topK: 10, topP: 0.9, temperature: 2, seed: 6 }],
    ["penalty", { penalty, seed: 7 }, recent],
  ])("%s", (_, sampling, recent = []) => {
    const { weigh, pick } = sampler(sampling);
    const weights = weigh(Float32Array.from(logits), { recent });
    const punished = logits.map((logit, id) =>
      recent.includes(id) ? (logit > 0 ? logit / penalty : logit * penalty) : logit,
    );
    const expected = softmax(punished, sampling).map((share) => share * 100_000);
    const counts = logits.map(() => 0);
    for (let counter = 0; counter < 100_000; counter++) counts[pick(weights, { counter })]!++;
    expect(counts.map((count) => count > 0)).toEqual(expected.map((count) => count > 0));
    const alive = expected.flatMap((count, id) => (count > 0 ? [{ count, found: counts[id]! }] : []));
    const distance = alive.reduce((sum, { count, found }) => sum + (found - count) ** 2 / count, 0);
    // Wilson and Hilferty's bound of chi-square: one in a million is above it.
    const free = alive.length - 1;
    expect(distance).toBeLessThan(free * (1 - 2 / (9 * free) + 4.75 * Math.sqrt(2 / (9 * free))) ** 3);
    // Numbers that were too even would be wrong as well.
    expect(distance).toBeGreaterThan(0.05);
  });
});

describe("edges", () => {
  const draw = (sampling: Partial<Sampling>, logits: readonly number[], among: object = {}): number =>
    sampler({ seed: 5, ...sampling }).draw(Float32Array.from(logits), { counter: 3, ...among });
  const drawn = (sampling: Partial<Sampling>, logits: readonly number[], among: object = {}): readonly number[] => {
    const { weigh, pick } = sampler({ seed: 5, ...sampling });
    const weights = weigh(Float32Array.from(logits), among);
    return [...new Set(Array.from({ length: 300 }, (_, counter) => pick(weights, { counter })))].sort((a, b) => a - b);
  };

  test("ties go to the lowest id", () => {
    expect(draw({ temperature: 0 }, [1, 4, 4, 4, 2])).toBe(1);
    expect(draw({ temperature: 0 }, [-0, 0, -0])).toBe(0);
    expect(draw({ temperature: 0 }, [1, 4, 4, 4, 2], { allowed: [[2, 5]] })).toBe(2);
    expect(drawn({ topK: 2 }, [1, 4, 4, 4, 2])).toEqual([1, 2]);
    expect(drawn({ topK: 2 }, [-1, -0, 0, 0])).toEqual([1, 2]);
    expect(drawn({ topP: 0.5 }, [1, 1, 1, 1])).toEqual([0, 1]);
    expect(drawn({ topP: 0.5000001 }, [1, 1, 1, 1])).toEqual([0, 1, 2]);
    expect(drawn({ topK: 3, topP: 0.5 }, [1, 1, 1, 1])).toEqual([0, 1]);
  });
  test("one id is drawn where one is allowed, or has a score", () => {
    expect(drawn({}, [9, 1, 9], { allowed: [[1, 2]] })).toEqual([1]);
    expect(drawn({ topK: 2, topP: 0.1 }, [9, -300, 9], { allowed: [[1, 2]] })).toEqual([1]);
    expect(drawn({}, [-Infinity, -Infinity, -1e38])).toEqual([2]);
    expect(drawn({ topK: 3 }, [-Infinity, 2, -Infinity, 2])).toEqual([1, 3]);
  });
  test("settings that leave all ids leave all", () => {
    const logits = [0.5, 1, 0, 0.25];
    const plain = sampler({ seed: 1 }).weigh(Float32Array.from(logits));
    for (const sampling of [{ topP: 1 }, { topK: 4 }, { topK: 5 }, { topK: 2 ** 40 }, { penalty: 1 }])
      expect(sampler({ seed: 1, ...sampling }).weigh(Float32Array.from(logits), { recent: [1] })).toEqual(plain);
    expect(drawn({ topP: 1e-300 }, logits)).toEqual([1]);
    expect(drawn({ topK: 1 }, logits)).toEqual([1]);
  });
  test("temperatures without end leave the largest, or everything", () => {
    expect(drawn({ temperature: 1e-6 }, [1, 1.0001, 1])).toEqual([1]);
    expect(drawn({ temperature: 1e6 }, [1, 50, -200, 0])).toEqual([0, 1, 2, 3]);
    expect(drawn({}, [3e38, -3e38, 0])).toEqual([0]);
  });
  test("the penalty is for each recent id once", () => {
    expect(draw({ temperature: 0, penalty: 2 }, [3, 2, 1], { recent: [0, 0, 0] })).toBe(1);
    expect(draw({ temperature: 0, penalty: 2 }, [3, 2, 1], { recent: [0, 1, 0, 1, -1, 3, 0.5] })).toBe(0);
    expect(draw({ temperature: 0, penalty: 2 }, [-3, -2, -3.5], { recent: [1] })).toBe(0);
    expect(draw({ temperature: 0, penalty: 0.5 }, [3, 2, 1], { recent: [1] })).toBe(1);
    expect(draw({ temperature: 0, penalty: 2 ** 16 }, [-3e38, -3.4e38, -Infinity], { recent: [0, 2] })).toBe(1);
  });
  test("numbers are those of the seed, the counter and the stream", () => {
    const logits = new Float32Array(4096);
    const at = (seed: number | bigint, counter: number, stream: number) =>
      sampler({ seed }).draw(logits, { counter, stream });
    const places = [
      at(1, 0, 0),
      at(1 + 2 ** 40, 0, 0),
      at(1, 1, 0),
      at(1, 2 ** 32, 0),
      at(1, 0, 1),
      at(1n << 63n, 0, 0),
    ];
    expect(new Set(places).size).toBe(places.length);
    expect(at(1n, 0, 0)).toBe(places[0]);
  });

  test("the last unit of weight decides", () => {
    const { pick } = sampler({ seed: 1 });
    const of = Uint32Array.of(0, 1, 0, 1, 2, 0);
    const counts = Array.from(of, () => 0);
    for (let counter = 0; counter < 4000; counter++) counts[pick({ of, total: 4 }, { counter })]!++;
    expect(counts.map((count) => Math.round(count / 100))).toEqual([0, 10, 0, 10, 20, 0]);
  });

  const unsound = /^no id can be drawn: a logit is NaN or \+Infinity/;
  const none = /^no id can be drawn: all logits of ids that may be drawn are -Infinity/;
  test.each<[string, RegExp, readonly number[], object?]>([
    ["NaN", unsound, [1, NaN]],
    ["NaN among recent ids", unsound, [1, NaN], { recent: [1] }],
    ["+Infinity", unsound, [Infinity, 0]],
    ["-Infinity alone", none, [-Infinity, -Infinity]],
    ["no id that is allowed", none, [1, 2], { allowed: [] }],
    ["an allowed one that is -Infinity", none, [1, -Infinity], { allowed: [[1, 2]] }],
    [
      "a span beyond the end",
      /^a span of allowed ids is \[1, 3\), and must be within \[0, 2\)/,
      [1, 2],
      { allowed: [[1, 3]] },
    ],
    ["no logits", /^the number of logits is 0/, []],
    ["a counter below 0", /^the counter of a draw is -1/, [1], { counter: -1 }],
    ["a stream too large", /^the stream of a draw is 4294967296/, [1], { stream: 2 ** 32 }],
  ])("%s is refused", (_, message, logits, among) => {
    for (const sampling of [{}, { temperature: 0 }, { topK: 1, penalty: 2 }])
      expect(() => draw(sampling, logits, among)).toThrow(
        expect.objectContaining({ kind: "call", message: expect.stringMatching(message) as string }),
      );
  });
  test("what is not allowed may be anything", () =>
    expect(draw({ temperature: 0 }, [NaN, 1, Infinity], { allowed: [[1, 2]] })).toBe(1));

  test.each<[Partial<Sampling>, RegExp]>([
    [{ temperature: -1 }, /^temperature is -1, and must be 0 or from/],
    [{ temperature: NaN }, /^temperature is NaN/],
    [{ temperature: 1e-9 }, /help: 0 takes the largest score/],
    [{ temperature: Infinity }, /^temperature is Infinity/],
    [{ topK: 0 }, /^topK is 0, and must be a whole number above 0\n.*leave it out/],
    [{ topK: 1.5 }, /^topK is 1.5/],
    [{ topP: 0 }, /^topP is 0, and must be above 0 and at most 1/],
    [{ topP: 1.1 }, /^topP is 1.1/],
    [{ penalty: 0 }, /^penalty is 0/],
    [{ penalty: NaN }, /^penalty is NaN/],
    [{ seed: -1 }, /^seed is -1/],
    [{ seed: 2 ** 53 }, /^seed is 9007199254740992.*\n.*bigint/],
    [{ seed: 1n << 64n }, /^seed is 18446744073709551616/],
  ])("%o is refused", (sampling, message) =>
    expect(() => sampler({ seed: 1, ...sampling })).toThrow(
      expect.objectContaining({ kind: "call", message: expect.stringMatching(message) as string }),
    ),
  );
});
