// Random numbers by a counter: Philox-4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// A number depends on its key and its place alone, so that draws may be made in any order, on any device, and again.

import { high } from "../random.ts";

/** What numbers are for: with it in the counter, no two purposes see the same numbers under one seed. */
export const PURPOSE = { tokens: 0 } as const;

export type Words2 = readonly [number, number];
export type Words4 = readonly [number, number, number, number];

const ROUNDS = 10;
/** 2^32 divided by the golden ratio, and the fraction of the root of 3. */
const WEYL: Words2 = [0x9e3779b9, 0xbb67ae85];
const FACTORS: Words2 = [0xd2511f53, 0xcd9e8d57];

/** Four random u32 of a counter and a key, all words u32, the lowest first. */
export const philox = (counter: Words4, key: Words2): Words4 => {
  let [a, b, c, d] = counter;
  let [k, l] = key;
  for (let round = 0; round < ROUNDS; round++) {
    [a, b, c, d] = [
      (high(FACTORS[1], c) ^ b ^ k) >>> 0,
      Math.imul(FACTORS[1], c) >>> 0,
      (high(FACTORS[0], a) ^ d ^ l) >>> 0,
      Math.imul(FACTORS[0], a) >>> 0,
    ];
    k = (k + WEYL[0]) >>> 0;
    l = (l + WEYL[1]) >>> 0;
  }
  return [a, b, c, d];
};

/** A whole number from 0 as two u32, the lower first. */
export const halves = (number: number): Words2 => [number % 0x1_0000_0000, Math.floor(number / 0x1_0000_0000)];
