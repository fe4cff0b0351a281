// Estimates of a clean image: noise added by a process and predicted exactly is taken away again.
import { describe, expect, test } from "vitest";
import { estimateClean, noisiest } from "../../runtime/generate/process.ts";
import type { Process } from "../../runtime/manifest.ts";

const x = Float32Array.of(-0.7, 0, 0.4, 1);
const n = Float32Array.of(1.5, -0.3, 0.2, -2);
const mix = (a: number, b: number): Float32Array => x.map((value, i) => a * value + b * n[i]!);
const near = (found: Float32Array, wanted: Float32Array) =>
  found.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 4));

describe("flow", () => {
  const ends = [
    { clean: 0, noise: 1 },
    { clean: 1, noise: 0 },
    { clean: 0, noise: 1000 },
  ];
  test.each(ends.flatMap((end) => [0, 0.25, 0.9].map((s) => ({ ...end, s }))))("%j", ({ clean, noise, s }) => {
    const t = clean + s * (noise - clean);
    const z = mix(1 - s, s);
    const flow = (predicts: "velocity" | "x" | "noise"): Process => ({ is: "flow", clean, noise, predicts });
    near(
      estimateClean(
        flow("velocity"),
        t,
        z,
        n.map((value, i) => (value - x[i]!) / (noise - clean)),
      ),
      x,
    );
    near(estimateClean(flow("x"), t, z, x), x);
    near(estimateClean(flow("noise"), t, z, n), x);
  });
  test("where all is noise, a velocity still tells the image and the noise does not", () => {
    const flow = { is: "flow", clean: 0, noise: 1 } as const;
    near(
      estimateClean(
        { ...flow, predicts: "velocity" },
        1,
        n,
        n.map((value, i) => value - x[i]!),
      ),
      x,
    );
    expect(() => estimateClean({ ...flow, predicts: "noise" }, 1, n, n)).toThrow(/says nothing/);
    expect(noisiest({ ...flow, predicts: "x" })).toBe(1);
  });
});

describe("ddpm", () => {
  /** The product of 1 - beta, by the published tables' own rule. */
  const linear = (t: number): number => {
    let kept = 1;
    for (let step = 0; step <= t; step++) kept *= 1 - (1e-4 + (0.02 - 1e-4) * (step / 999));
    return kept;
  };
  test.each([0, 300, 999])("linear, step %i", (t) => {
    const kept = linear(t);
    const [a, b] = [Math.sqrt(kept), Math.sqrt(1 - kept)];
    const z = mix(a, b);
    const ddpm = (predicts: "noise" | "v" | "x"): Process => ({
      is: "ddpm",
      steps: 1000,
      schedule: "linear",
      predicts,
    });
    const digits = (found: Float32Array) =>
      found.forEach((value, i) => expect(value).toBeCloseTo(x[i]!, t === 999 ? 3 : 4));
    digits(estimateClean(ddpm("noise"), t, z, n));
    digits(
      estimateClean(
        ddpm("v"),
        t,
        z,
        n.map((value, i) => a * value - b * x[i]!),
      ),
    );
    digits(estimateClean(ddpm("x"), t, z, x));
  });
  test("known values of both schedules", () => {
    // z = 1, prediction 0: the estimate of v is sqrt(kept).
    const kept = (schedule: "linear" | "cosine", t: number): number =>
      estimateClean(
        { is: "ddpm", steps: 1000, schedule, predicts: "v" },
        t,
        Float32Array.of(1),
        Float32Array.of(0),
      )[0]! ** 2;
    expect(kept("linear", 999)).toBeCloseTo(4.036e-5, 7);
    expect(kept("cosine", 499)).toBeCloseTo(0.4938, 3);
    expect(kept("cosine", 999)).toBeLessThan(1e-8);
    expect(noisiest({ is: "ddpm", steps: 1000, schedule: "linear", predicts: "noise" })).toBe(999);
  });
});
