// What holds of every sampler: a model that knows the image leads to it, one step is the estimate, noise is counted, and
// what does not fit is refused.
import { describe, expect, test } from "vitest";
import { Failure } from "../../runtime/failure.ts";
import { guided } from "../../runtime/generate/guidance.ts";
import { type Ddpm, estimateClean, type Flow, keptAfter, noisiest } from "../../runtime/generate/process.ts";
import { samplerOf, type SamplerOptions } from "../../runtime/generate/sampler.ts";
import type { Process } from "../../runtime/manifest.ts";

const x = Float32Array.of(-0.7, 0, 0.4, 1);
const start = Float32Array.of(1.5, -0.3, 0.2, -2);
/** Numbers that look random, the same for the same i. */
const noiseAt = (i: number): Float32Array => x.map((_, j) => 1.5 * Math.sin(12.9898 * (i + 1) + 78.233 * (j + 1)));

/** The prediction that is right for z at t if x is the image, and how much of a rounding of it reaches the image. */
const knowing = (process: Process, t: number, z: Float32Array): { predicted: Float32Array; gain: number } => {
  const kept = process.is === "ddpm" ? keptAfter(process)[t]! : 0;
  const s = process.is === "flow" ? (t - process.clean) / (process.noise - process.clean) : 0;
  const [image, noise] = process.is === "flow" ? [1 - s, s] : [Math.sqrt(kept), Math.sqrt(1 - kept)];
  const n = (i: number): number => (z[i]! - image * x[i]!) / noise;
  switch (process.predicts) {
    case "x":
      return { predicted: x, gain: 1 };
    case "noise":
      return { predicted: z.map((_, i) => n(i)), gain: noise / image };
    case "v":
      return { predicted: z.map((_, i) => image * n(i) - noise * x[i]!), gain: 1 };
    case "velocity": {
      const span = process.is === "flow" ? process.noise - process.clean : 1;
      return { predicted: z.map((_, i) => (n(i) - x[i]!) / span), gain: 1 };
    }
    default:
      return process satisfies never;
  }
};

const flows: Flow[] = [
  [0, 1],
  [1, 0],
  [0, 1000],
  [-1, 1],
].flatMap(([clean, noise]) =>
  (["velocity", "x", "noise"] as const).map((predicts) => ({
    is: "flow" as const,
    clean: clean!,
    noise: noise!,
    predicts,
  })),
);
const ddpms: Ddpm[] = [1000, 50].flatMap((steps) =>
  (["linear", "cosine"] as const).flatMap((schedule) =>
    (["noise", "v", "x"] as const).map((predicts) => ({ is: "ddpm" as const, steps, schedule, predicts })),
  ),
);
const COUNTS = [1, 2, 3, 7, 50];
const runs: { process: Process; options: SamplerOptions }[] = [
  ...flows.flatMap((process) =>
    [1, 3, 0.2].flatMap((shift) => COUNTS.map((steps) => ({ process, options: { steps, shift } }))),
  ),
  ...ddpms.flatMap((process) =>
    (["trailing", "leading"] as const).flatMap((spacing) =>
      [
        { sampler: "ddim", eta: 0 } as const,
        { sampler: "ddim", eta: 0.5 } as const,
        { sampler: "ddpm" } as const,
      ].flatMap((chosen) => COUNTS.map((steps) => ({ process, options: { ...chosen, spacing, steps } }))),
    ),
  ),
];

test("a model that knows the image leads to it from any rows, by every sampler, in any number of steps", () => {
  for (const { process, options } of runs) {
    const sampler = samplerOf(process, options);
    let z: Float32Array = start;
    let last = 1;
    sampler.times.forEach((t, i) => {
      const { predicted, gain } = knowing(process, t, z);
      z = sampler.step(i, z, predicted, sampler.needsNoise(i) ? noiseAt(i) : undefined);
      last = gain;
    });
    const label = JSON.stringify({ process, options });
    z.forEach((value, i) => expect(Math.abs(value - x[i]!), label).toBeLessThanOrEqual(1e-6 * Math.max(1, last)));
  }
  expect(runs.length).toBe(540);
});

test("times are as many as steps, start at the noisiest and go on strictly to the clean end, which is not among them", () => {
  for (const { process, options } of runs) {
    const { times } = samplerOf(process, options);
    const clean = process.is === "flow" ? process.clean : -1;
    const from = noisiest(process);
    const label = JSON.stringify({ process, options });
    expect(times, label).toHaveLength(options.steps);
    if (options.spacing !== "leading" && process.predicts !== "noise") expect(times[0], label).toBe(from);
    const distances = [...times, clean].map((t) => (t - clean) / (from - clean));
    distances.slice(1).forEach((distance, i) => expect(distance, label).toBeLessThan(distances[i]!));
    if (process.is === "ddpm") expect(times.every(Number.isInteger), label).toBe(true);
  }
});

test("every number of steps of a DDPM has times of its own, and all of them are the trained ones", () => {
  const process: Process = { is: "ddpm", steps: 60, schedule: "linear", predicts: "x" };
  for (const spacing of ["trailing", "leading"] as const)
    for (let steps = 1; steps <= 60; steps++) {
      const { times } = samplerOf(process, { steps, spacing });
      expect(new Set(times).size).toBe(steps);
      expect(times[0]).toBeLessThanOrEqual(59);
      expect(times.at(-1)).toBeGreaterThanOrEqual(0);
      if (spacing === "trailing") expect(times[0]).toBe(59);
      else expect(times.at(-1)).toBe(0);
    }
});

test("one step is the estimate of the clean rows at its time", () => {
  const predicted = noiseAt(3);
  for (const { process, options } of runs.filter((run) => run.options.steps === 1)) {
    const sampler = samplerOf(process, options);
    expect(sampler.needsNoise(0)).toBe(false);
    expect(sampler.step(0, start, predicted)).toEqual(estimateClean(process, sampler.times[0]!, start, predicted));
  }
});

test("published times: BAGEL's shift of 3, JanusFlow's 30 steps times 1000, and 10 of 1,000 DDPM steps", () => {
  const shifted = samplerOf({ is: "flow", clean: 0, noise: 1, predicts: "velocity" }, { steps: 4, shift: 3 }).times;
  [1, 0.9, 0.75, 0.5].forEach((t, i) => expect(shifted[i]).toBeCloseTo(t, 15));
  const janus = samplerOf({ is: "flow", clean: 1, noise: 0, predicts: "velocity" }, { steps: 30 }).times;
  janus.forEach((t, i) => expect(t).toBeCloseTo(i / 30, 15));
  const ddpm: Process = { is: "ddpm", steps: 1000, schedule: "linear", predicts: "noise" };
  expect(samplerOf(ddpm, { steps: 10 }).times).toEqual([999, 899, 799, 699, 599, 499, 399, 299, 199, 99]);
  expect(samplerOf(ddpm, { steps: 10, spacing: "leading" }).times).toEqual([
    900, 800, 700, 600, 500, 400, 300, 200, 100, 0,
  ]);
});

test("a flow whose model predicts noise starts where that says something", () => {
  const process: Process = { is: "flow", clean: 0, noise: 1000, predicts: "noise" };
  for (const shift of [1, 3, 1000]) expect(samplerOf(process, { steps: 5, shift }).times[0]).toBeCloseTo(994, 9);
});

describe("noise", () => {
  const ddpm: Process = { is: "ddpm", steps: 1000, schedule: "cosine", predicts: "v" };
  test.each([
    [{ sampler: "ddpm" }, 9],
    [{ sampler: "ddim" }, 0],
    [{ sampler: "ddim", eta: 0 }, 0],
    [{ sampler: "ddim", eta: 0.3 }, 9],
  ] as const)("%j: all steps but the last, or none", (chosen, drawn) => {
    const sampler = samplerOf(ddpm, { ...chosen, steps: 10 });
    const needs = sampler.times.map((_, i) => sampler.needsNoise(i));
    expect(needs).toEqual(sampler.times.map((_, i) => i < drawn));
  });
  test("a step is given noise if it needs it, and only then", () => {
    const sampler = samplerOf(ddpm, { sampler: "ddpm", steps: 2 });
    expect(() => sampler.step(0, start, x)).toThrow("step 0 of ddpm needs noise");
    expect(() => sampler.step(1, start, x, start)).toThrow("step 1 of ddpm takes no noise");
  });
  test("rows that were noised keep the variance of their time", () => {
    // Image and noise of variance 1, independent: so is z at every step. Its parts add up to 1 in squares.
    const zero = new Float32Array(1);
    const one = Float32Array.of(1);
    const process: Process = { is: "ddpm", steps: 1000, schedule: "cosine", predicts: "x" };
    const kept = keptAfter(process);
    const sampler = samplerOf(process, { sampler: "ddpm", steps: 10 });
    sampler.times.slice(0, -1).forEach((t, i) => {
      const [now, next] = [kept[t]!, kept[sampler.times[i + 1]!]!];
      const keep = sampler.step(i, one, zero, zero)[0]!;
      const clean = sampler.step(i, zero, one, zero)[0]!;
      const fresh = sampler.step(i, zero, zero, one)[0]!;
      expect(keep * Math.sqrt(now) + clean).toBeCloseTo(Math.sqrt(next), 6);
      expect(keep ** 2 * (1 - now) + fresh ** 2).toBeCloseTo(1 - next, 6);
    });
  });
});

test("estimates are limited where that is asked for, in every step", () => {
  const process: Process = { is: "flow", clean: 0, noise: 1, predicts: "x" };
  const far = Float32Array.of(5, -5, 0.5, 0);
  expect(samplerOf(process, { steps: 1 }).step(0, start, far)).toEqual(far);
  const limited = samplerOf(process, { steps: 2, clip: 1 });
  expect(limited.step(1, start, far)).toEqual(Float32Array.of(1, -1, 0.5, 0));
  expect(limited.step(0, start, far)).toEqual(start.map((z, i) => (z + [1, -1, 0.5, 0][i]!) / 2));
});

test("nothing that was given is changed", () => {
  const [z, predicted] = [start.slice(), x.slice()];
  samplerOf(ddpms[0]!, { steps: 3 }).step(1, z, predicted);
  expect([z, predicted]).toEqual([start, x]);
});

describe("what is refused", () => {
  const flow: Process = { is: "flow", clean: 0, noise: 1, predicts: "velocity" };
  const ddpm: Process = { is: "ddpm", steps: 100, schedule: "linear", predicts: "noise" };
  const wrong = [
    [flow, { steps: 0 }, "steps is 0\n  help: it is a whole number from 1 to 10000"],
    [flow, { steps: 2.5 }, "steps is 2.5"],
    [flow, { steps: Number.NaN }, "steps is NaN"],
    [flow, { steps: 1e9 }, "steps is 1000000000"],
    [flow, { steps: 5, shift: 0 }, "shift is 0\n  help: it is a number from 0.001 to 1000"],
    [flow, { steps: 5, shift: -1 }, "shift is -1"],
    [flow, { steps: 5, shift: Number.NaN }, "shift is NaN"],
    [flow, { steps: 5, shift: Infinity }, "shift is Infinity"],
    [flow, { steps: 5, eta: 0 }, "euler has no eta\n  help: leave out eta"],
    [flow, { steps: 5, spacing: "trailing" }, "euler has no spacing"],
    [flow, { steps: 5, sampler: "ddim" }, "ddim is for a DDPM, and this process is a flow\n  help: take euler"],
    [flow, { steps: 5, sampler: "ddpm" }, "ddpm is for a DDPM"],
    [flow, { steps: 5, clip: 0 }, "clip is 0\n  help: it is a number above 0"],
    [flow, { steps: 5, clip: Number.NaN }, "clip is NaN"],
    [ddpm, { steps: 101 }, "it is a whole number from 1 to 100, the steps that the model was trained on"],
    [ddpm, { steps: 5, sampler: "euler" }, "euler is for a flow, and this process is a DDPM"],
    [ddpm, { steps: 5, shift: 3 }, "ddim has no shift"],
    [ddpm, { steps: 5, sampler: "ddpm", shift: 3 }, "ddpm has no shift"],
    [ddpm, { steps: 5, sampler: "ddpm", eta: 1 }, "ddpm has no eta"],
    [ddpm, { steps: 5, eta: 1.1 }, "eta is 1.1\n  help: it is a number from 0 to 1"],
    [ddpm, { steps: 5, eta: -0.1 }, "eta is -0.1"],
    [ddpm, { steps: 5, spacing: "even" as "leading" }, "spacing is even\n  help: it is one of trailing, leading"],
    [ddpm, { steps: 5, sampler: "heun" as "ddim" }, "there is no sampler heun\n  help: there are euler, ddim, ddpm"],
    [{ ...ddpm, steps: 1e12 }, { steps: 5 }, "a DDPM of 1000000000000 steps"],
  ] as const satisfies readonly (readonly [Process, SamplerOptions, string])[];
  test.each(wrong)("%j with %j", (process, options, message) => {
    expect(() => samplerOf(process, options)).toThrow(Failure);
    expect(() => samplerOf(process, options)).toThrow(message);
  });
  test("steps and rows that do not fit", () => {
    const sampler = samplerOf(ddpm, { steps: 5, eta: 0.5 });
    const short = new Float32Array(3);
    expect(() => sampler.step(5, start, x)).toThrow("there is no step 5\n  help: steps are 0 to 4");
    expect(() => sampler.step(0.5, start, x)).toThrow("there is no step 0.5");
    expect(() => sampler.needsNoise(-1)).toThrow("there is no step -1");
    expect(() => sampler.step(0, start, short, start)).toThrow(
      "the prediction has 3 numbers, and the rows that it belongs to have 4",
    );
    expect(() => sampler.step(0, start, x, short)).toThrow("the noise has 3 numbers");
  });
});

describe("guidance", () => {
  const [u, c] = [start, x];
  test("0 is the unconditional prediction, 1 the conditional, and more goes on beyond it", () => {
    expect(guided(u, c, 0)).toEqual(u);
    expect(guided(u, c, 1)).toEqual(c);
    expect(guided(u, c, 5)).toEqual(u.map((value, i) => value + 5 * (c[i]! - value)));
    // The forms that are published: s c - (s - 1) u, and (1 + w) c - w u with w = s - 1.
    guided(u, c, 2).forEach((value, i) => expect(value).toBeCloseTo(2 * c[i]! - u[i]!, 6));
  });
  test("is the same of the noise as of the estimates that the noise gives", () => {
    const process: Process = { is: "ddpm", steps: 1000, schedule: "linear", predicts: "noise" };
    const estimate = (predicted: Float32Array): Float32Array => estimateClean(process, 500, noiseAt(0), predicted);
    const [one, other] = [estimate(guided(u, c, 4)), guided(estimate(u), estimate(c), 4)];
    one.forEach((value, i) => expect(value).toBeCloseTo(other[i]!, 4));
  });
  test("refuses unlike lengths and scales that are no number", () => {
    expect(() => guided(u, new Float32Array(3), 2)).toThrow("the unconditional prediction has 4 numbers");
    expect(() => guided(u, c, Number.NaN)).toThrow("the scale of guidance is NaN");
  });
});
