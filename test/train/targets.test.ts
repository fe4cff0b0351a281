// What rows are held to, against formulas written down once more and plainly: next tokens, noisy rows, predictions.
import { describe, expect, test } from "vitest";
import { estimateClean, byteTokenizer, parseManifest } from "../../runtime/index.ts";
import type { Drawn, Manifest, Process, Training } from "../../runtime/manifest.ts";
import { normals, stream } from "../../runtime/random.ts";
import { learner } from "../../runtime/train/learn.ts";
import { mixed, mixer, timeOf } from "../../runtime/train/noise.ts";
import type { SamplePart } from "../../runtime/train/sample.ts";
import { drawn as chance } from "../phases/schedule.ts";
import { compiledToTrain } from "./compiled.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const RUNS = Number(process.env["RUNS"] ?? 200);
const SEED = 20_431;

const processes: readonly Process[] = [
  ...(["velocity", "x", "noise"] as const).flatMap((predicts): Process[] => [
    { is: "flow", clean: 0, noise: 1, predicts },
    { is: "flow", clean: 1, noise: 0, predicts },
    { is: "flow", clean: 0, noise: 1000, predicts },
  ]),
  ...(["noise", "v", "x"] as const).flatMap((predicts): Process[] => [
    { is: "ddpm", steps: 1000, schedule: "linear", predicts },
    { is: "ddpm", steps: 50, schedule: "cosine", predicts },
  ]),
];

describe.each(processes)("%o", (process) => {
  const x = normals(1, "x", 32, 1);
  const n = normals(1, "n", 32, 1);
  const mix = mixer(process);
  const times =
    process.is === "flow"
      ? [0.05, 0.3, 0.9].map((s) => process.clean + s * (process.noise - process.clean))
      : [0, 0.3, 0.95].map((s) => Math.floor(s * process.steps));

  test("the target is what generation takes for the clean rows", () => {
    for (const t of times) {
      const { z, target } = mix(t);
      const found = estimateClean(process, t, mixed(z, x, n), mixed(target, x, n));
      // A prediction of the noise is divided by what is left of the image.
      const near = process.is === "ddpm" && process.predicts !== "x" ? 1e-3 : 1e-4;
      found.forEach((value, i) => expect(Math.abs(value - x[i]!), `t ${t}`).toBeLessThan(near));
    }
  });
  test("the ends are the clean rows and noise alone", () => {
    if (process.is !== "flow") return;
    expect(mixed(mix(process.clean).z, x, n)).toEqual(x);
    expect(mixed(mix(process.noise).z, x, n)).toEqual(n);
  });
  test("a velocity is how the rows change with t", () => {
    if (process.is !== "flow" || process.predicts !== "velocity") return;
    const h = 1e-3 * (process.noise - process.clean);
    for (const t of times) {
      const [before, after] = [mix(t - h).z, mix(t + h).z];
      const rate = [0, 1].map((i) => (after[i]! - before[i]!) / (2 * h));
      expect(mix(t).target[0]).toBeCloseTo(rate[0]!, 9);
      expect(mix(t).target[1]).toBeCloseTo(rate[1]!, 9);
    }
  });
  test("noisy rows of clean ones with variance 1 have it too, of a DDPM", () => {
    if (process.is !== "ddpm") return;
    for (const t of times) expect(Math.hypot(...mix(t).z)).toBeCloseTo(1, 9);
  });
});

describe("times", () => {
  const flow: Process = { is: "flow", clean: 0, noise: 1, predicts: "velocity" };
  const times = (drawn: Drawn, process: Process): number[] =>
    Array.from({ length: 4000 }, (_, i) => timeOf(drawn, process, stream(3, `t${i}`))).sort((a, b) => a - b);

  test("are spread evenly", () => {
    const found = times({ modality: "image", distribution: "uniform", arguments: [0.2, 0.8] }, flow);
    for (const share of [0.1, 0.5, 0.9])
      expect(Math.abs(found[Math.floor(share * found.length)]! - (0.2 + 0.6 * share))).toBeLessThan(0.02);
  });
  test("have a logit that is normal", () => {
    const found = times({ modality: "image", distribution: "logit_normal", arguments: [0.5, 2] }, flow);
    const logits = found.map((t) => Math.log(t / (1 - t)));
    const mean = logits.reduce((a, b) => a + b) / logits.length;
    const deviation = Math.sqrt(logits.reduce((sum, l) => sum + (l - mean) ** 2, 0) / logits.length);
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.1);
    expect(Math.abs(deviation - 2)).toBeLessThan(0.1);
  });
  test("are steps, of a DDPM", () => {
    const ddpm: Process = { is: "ddpm", steps: 10, schedule: "linear", predicts: "noise" };
    const found = times({ modality: "image", distribution: "uniform", arguments: [0, 10] }, ddpm);
    expect([...new Set(found)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

/** What a document should teach, by its list of rows alone. */
interface Wanted {
  readonly kind: string;
  readonly id: number | undefined;
  readonly learn: boolean;
  readonly drawn: boolean;
}
const written = (parts: readonly SamplePart[]): Wanted[] =>
  parts.flatMap((part): Wanted[] => {
    const learn = typeof part === "string" || part.learn !== false;
    if (typeof part === "string" || "text" in part) {
      const text = typeof part === "string" ? part : part.text;
      return [...Buffer.from(text)].map((id) => ({ kind: "text", id, learn, drawn: false }));
    }
    const drawn = "drawn" in part && part.drawn === true;
    const patches = Array.from({ length: 4 }, () => ({ kind: "image.patch", id: undefined, learn, drawn }));
    return [{ kind: "image.open", id: 256, learn, drawn }, ...patches, { kind: "image.close", id: 257, learn, drawn }];
  });

test(`targets of ${RUNS} documents`, async () => {
  const compiled = await compiledToTrain("DualTower");
  const file = join(compiled.folder, "manifest.json");
  const manifest: Manifest = parseManifest(readFileSync(file, "utf8"), file);
  compiled.remove();
  const training: Training = manifest.training!;
  const learn = learner(manifest, training, byteTokenizer);
  const random = chance(SEED);
  const below = (n: number): number => Math.floor(random() * n);
  for (let run = 0; run < RUNS; run++) {
    const parts = Array.from({ length: 1 + below(5) }, (): SamplePart => {
      const own = { learn: random() < 0.7 };
      if (random() < 0.5) return { text: "abcdefgh".slice(below(4), 4 + below(4)) || "x", ...own };
      return { grid: normals(below(99), "grid", 48, 1), drawn: random() < 0.5, ...own };
    });
    const rows = written(parts);
    const { document, counts } = learn({ parts }, { seed: SEED, name: `run ${run}` });
    const where = `seed ${SEED}, run ${run}: ${JSON.stringify(parts.map((part) => Object.keys(part)))}`;
    expect(
      document.rows.map(({ kind }) => kind),
      where,
    ).toEqual(rows.map(({ kind }) => kind));
    const counted = rows.some(({ kind }) => kind !== "text") ? 258 : 256;
    let [texts, images] = [0, 0];
    for (const [i, { values }] of document.rows.entries()) {
      const [row, next] = [rows[i]!, rows[i + 1]];
      // The next row is what a token says, and what the marker behind an image says; patches say nothing of this.
      const isSaid = row.id !== undefined && next?.id !== undefined && next.learn;
      expect(values["logits.weight"], `${where}, row ${i}`).toBe(isSaid ? 1 : 0);
      if (isSaid) expect(values["logits.target"], `${where}, row ${i}`).toBe(next.id);
      expect(values["logits.below"], where).toBe(counted);
      texts += Number(isSaid);
      if (row.kind !== "image.patch") continue;
      const isDrawn = row.drawn && row.learn;
      expect(values["velocity.weight"], where).toBe(isDrawn ? 1 : 0);
      images += Number(isDrawn);
    }
    expect(counts, where).toEqual({ text: texts, image: images });
    const grids = parts.filter((part) => typeof part === "object" && "grid" in part);
    for (const [k, part] of grids.entries()) {
      const { grid, drawn } = part as { grid: Float32Array; drawn: boolean };
      const own = document.rows.filter(({ kind, span }) => kind === "image.patch" && span === k);
      const z = own.flatMap(({ values }) => [...(values["z"] as Float32Array)]);
      const t = document.spans["image"]![k]!["t"] as number;
      if (!drawn) {
        expect(t).toBe(0);
        expect(z).toEqual([...grid]);
        continue;
      }
      // z = (1 - t) x + t n and v = n - x, so x = z - t v.
      expect(t).toBeGreaterThan(0);
      const v = own.flatMap(({ values }) => [...(values["velocity.target"] as Float32Array)]);
      z.forEach((value, i) => expect(Math.abs(value - t * v[i]! - grid[i]!), where).toBeLessThan(1e-5));
    }
  }
});

test("chance is of the sample's name and the seed", async () => {
  const compiled = await compiledToTrain("DualTower");
  const file = join(compiled.folder, "manifest.json");
  const manifest = parseManifest(readFileSync(file, "utf8"), file);
  compiled.remove();
  const learn = learner(manifest, manifest.training!, byteTokenizer);
  const sample = { parts: [{ grid: normals(1, "grid", 48, 1), drawn: true as const }] };
  const z = (seed: number, name: string) => learn(sample, { seed, name }).document.rows[1]!.values["z"];
  expect(z(1, "a")).toEqual(z(1, "a"));
  expect(z(1, "a")).not.toEqual(z(1, "b"));
  expect(z(1, "a")).not.toEqual(z(2, "a"));
});
