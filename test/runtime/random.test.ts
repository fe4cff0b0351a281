// The generator is the published one, and a stream is a function of seed, name and number alone.
import { expect, test } from "vitest";
import { philox, stream } from "../../runtime/random.ts";

test("philox gives the known answers of Random123", () => {
  expect(philox(0, 0, 0)).toEqual([0xff1dae59, 0x6cd10df2]);
  expect(philox(0xffffffff, 0xffffffff, 0xffffffff)).toEqual([0x2c3f628b, 0xab4fd7ad]);
  expect(philox(0x243f6a88, 0x85a308d3, 0x13198a2e)).toEqual([0xdd7ce038, 0xf62a4c12]);
});

test("streams are repeatable, and differ by seed, name and number", () => {
  const first = Array.from({ length: 100 }, (_, i) => stream(1, "a").unit(i));
  expect(first).toEqual(Array.from({ length: 100 }, (_, i) => stream(1, "a").unit(i)));
  expect(new Set([...first, stream(2, "a").unit(0), stream(1, "b").unit(0)]).size).toBe(102);
});

test("numbers have the mean and deviation that they promise", () => {
  const numbers = stream(1, "spread");
  const all = Array.from({ length: 20_000 }, (_, i) => numbers.spread(i));
  const mean = all.reduce((sum, x) => sum + x, 0) / all.length;
  const square = all.reduce((sum, x) => sum + x * x, 0) / all.length;
  expect(Math.abs(mean)).toBeLessThan(0.02);
  expect(Math.abs(square - 1)).toBeLessThan(0.02);
  expect(all).not.toContain(0);
  const counts = [0, 0, 0];
  for (let i = 0; i < 3000; i++) counts[numbers.below(i, 3)]!++;
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(100);
});
