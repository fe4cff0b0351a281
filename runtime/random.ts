// Numbers drawn by counting: number i of a named stream depends on the seed, the name and i alone, so what is drawn does
// not depend on the order of drawing, and is the same on every machine. The generator is Philox2x32-10 (Salmon, Moraes,
// Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011), in 32-bit integer arithmetic.

const MULTIPLIER = 0xd256d193;
const WEYL = 0x9e3779b9;
const ROUNDS = 10;

/** The upper 32 bits of the product of two u32: what is added stays below 2^53, in which doubles are exact. */
export const high = (a: number, b: number): number =>
  Math.floor((a * (b >>> 16) + Math.floor((a * (b & 0xffff)) / 0x1_0000)) / 0x1_0000);

/** Two u32 for a counter of two u32 and a key. */
export const philox = (first: number, second: number, key: number): readonly [number, number] => {
  let [left, right, now] = [first >>> 0, second >>> 0, key >>> 0];
  for (let round = 0; round < ROUNDS; round++) {
    const next = high(left, MULTIPLIER) ^ now ^ right;
    right = Math.imul(left, MULTIPLIER) >>> 0;
    left = next >>> 0;
    now = (now + WEYL) >>> 0;
  }
  return [left, right];
};

/** FNV-1a over the UTF-16 units of a name. */
const keyOf = (name: string): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
};

/** Number i of a stream; i is a whole number from 0 to 2^32 - 1. */
export interface Stream {
  /** in 0 .. 1, ends left out */
  unit(i: number): number;
  /** evenly spread with mean 0 and standard deviation 1; never 0 */
  spread(i: number): number;
  /** a whole number in 0 .. below - 1 */
  below(i: number, below: number): number;
}

/** `seed` is a whole number from 0 to 2^32 - 1. */
export const stream = (seed: number, name: string): Stream => {
  const key = keyOf(name);
  const unit = (i: number): number => ((philox(i, seed, key)[0] >>> 8) + 0.5) / 2 ** 24;
  return {
    unit,
    spread: (i) => (2 * unit(i) - 1) * Math.sqrt(3),
    below: (i, below) => Math.floor(unit(i) * below),
  };
};

/** Normal numbers, two from each two of the stream, by Box and Muller. */
export const normals = (seed: number, name: string, size: number, std: number): Float32Array => {
  const { unit } = stream(seed, name);
  const values = new Float32Array(size);
  for (let i = 0; i < size; i += 2) {
    const radius = std * Math.sqrt(-2 * Math.log(unit(i)));
    const angle = 2 * Math.PI * unit(i + 1);
    values[i] = radius * Math.cos(angle);
    if (i + 1 < size) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
};
