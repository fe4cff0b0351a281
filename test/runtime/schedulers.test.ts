// Samplers against the schedulers of diffusers (test/reference/make_schedulers.py): every step of every chain, each from our
// own rows before it, so that what one step does wrong the next ones show too.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Ddpm, keptAfter } from "../../runtime/generate/process.ts";
import { type Sampler, samplerOf } from "../../runtime/generate/sampler.ts";
import type { Process } from "../../runtime/manifest.ts";
import { readAll } from "../reference/run.ts";

interface FlowCase {
  readonly scheduler: "euler";
  readonly steps: number;
  readonly shift: number;
}
interface DdpmCase extends Pick<Ddpm, "schedule" | "predicts"> {
  readonly scheduler: "ddim" | "ddpm";
  readonly steps: number;
  readonly eta?: number;
  readonly spacing: "trailing" | "leading";
  readonly clip: number | null;
}

const folder = new URL("../reference/schedulers/", import.meta.url).pathname;
const { cases } = JSON.parse(readFileSync(`${folder}cases.json`, "utf8")) as { cases: (FlowCase | DdpmCase)[] };
const vectors = await readAll(`${folder}vectors.safetensors`);
const numbers = (name: string): Float32Array => vectors.get(name)!.data;
const WIDTH = 16;
const row = (name: string, i: number): Float32Array => numbers(name).slice(i * WIDTH, (i + 1) * WIDTH);

/** The largest difference, of the largest number that was wanted. */
const apart = (found: Float32Array, wanted: Float32Array): number =>
  Math.max(...found.map((value, j) => Math.abs(value - wanted[j]!))) / Math.max(...wanted.map(Math.abs));

/**
 * The worst of all steps. `states` and `noise` are names of vectors; `unit` is what one unit of the model's time is in
 * theirs, by which a velocity is smaller too.
 */
const worst = (sampler: Sampler, states: string, noise: string, unit = 1): number => {
  let z = row(states, 0);
  return Math.max(
    ...sampler.times.map((_, i) => {
      const push = row("push", i);
      const predicted = z.map((value, j) => (0.5 * value + push[j]!) * unit);
      z = sampler.step(i, z, predicted, sampler.needsNoise(i) ? row(noise, i) : undefined);
      return apart(z, row(states, i + 1));
    }),
  );
};

const numbered = cases.map((found, n) => ({ ...found, n }));
const flows = numbered.filter((found) => found.scheduler === "euler");
const ddpms = numbered.filter((found) => found.scheduler !== "euler");

test("there is something to compare", () => expect([flows.length, ddpms.length]).toEqual([7, 34]));

describe("flow", () => {
  const ends = [
    { clean: 0, noise: 1 },
    { clean: 1, noise: 0 },
    { clean: 0, noise: 1000 },
  ];
  test.each(flows.flatMap((found) => ends.map((end) => ({ ...found, ...end }))))(
    "$steps steps, shift $shift, clean at $clean, noise at $noise",
    ({ n, steps, shift, clean, noise }) => {
      const sampler = samplerOf({ is: "flow", clean, noise, predicts: "velocity" }, { steps, shift });
      // diffusers counts from 0 to 1000, and its f32 times are rounded.
      const times = numbers(`${n}.times`);
      expect(sampler.times).toHaveLength(times.length);
      sampler.times.forEach((t, i) => {
        const s = (t - clean) / (noise - clean);
        expect(Math.abs(s - times[i]! / 1000)).toBeLessThanOrEqual(3e-7);
      });
      // Its velocity is n - x, ours dz / dt.
      expect(worst(sampler, `${n}.z`, "", 1 / (noise - clean))).toBeLessThanOrEqual(1e-6);
    },
  );
});

describe("ddpm", () => {
  test.each([
    ["linear", 1e-6],
    // Betas near 1 are rounded in f32, and 1 - beta by more: 1.3e-5 at the noisiest step.
    ["cosine", 2e-5],
  ] as const)("what is kept by the %s schedule", (schedule, limit) => {
    const kept = keptAfter({ is: "ddpm", steps: 1000, schedule, predicts: "x" });
    const wanted = numbers(`kept.${schedule}`);
    expect(kept).toHaveLength(wanted.length);
    kept.forEach((value, t) => expect(Math.abs(value / wanted[t]! - 1)).toBeLessThanOrEqual(limit));
  });

  test.each(ddpms)(
    "$scheduler, $steps steps, $spacing, $schedule, predicts $predicts, eta $eta, clip $clip",
    ({ n, scheduler, steps, schedule, predicts, eta, spacing, clip }) => {
      const process: Process = { is: "ddpm", steps: 1000, schedule, predicts };
      const sampler = samplerOf(process, { sampler: scheduler, steps, spacing, eta, clip: clip ?? undefined });
      expect(sampler.times).toEqual([...numbers(`${n}.times`)]);
      // In f64 with an exact table.
      expect(worst(sampler, `${n}.exact.z`, `${n}.exact.noise`)).toBeLessThanOrEqual(1e-6);
      // As it comes, in f32. Close to the clean end 1 - kept has three digits left there: 3.1e-5 of the rows at worst.
      const rounded = schedule === "cosine" && predicts === "x" && spacing === "leading";
      expect(worst(sampler, `${n}.z`, `${n}.noise`)).toBeLessThanOrEqual(rounded ? 4e-5 : 1e-5);
    },
  );
});
