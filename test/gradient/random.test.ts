// Random graphs: their gradients against central differences, and as they are optimized. RUNS asks for more graphs, SEED
// for others.
import { expect, test } from "vitest";
import { evaluate } from "../../compiler/ir/evaluate.ts";
import { Random } from "../ir/random.ts";
import { randomGraph } from "./graphs.ts";
import { apart, errors, gradientsOf, moduleOf, ofSample } from "./subject.ts";

const RUNS = Number(process.env["RUNS"] ?? 100);
const SEED = Number(process.env["SEED"] ?? 1);

test(`${RUNS} random graphs from seed ${SEED}`, { timeout: 60_000 + 1000 * RUNS }, () => {
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const sample = randomGraph(new Random(seed));
    const subject = ofSample(sample, sample.dims[0]!, seed);
    const gradients = gradientsOf(subject);
    const wrong = errors(subject, gradients, seed, 1).filter(({ error }) => !(error <= 1e-6));
    expect(wrong, `SEED=${seed} RUNS=1`).toEqual([]);
    const optimized = moduleOf(subject)
      .programs[0]!.outputs.slice(2)
      .map(({ node }) => node);
    const [wanted, got] = [gradients, optimized].map((nodes) => evaluate(nodes, subject.given));
    expect(apart(got!, wanted!), `SEED=${seed} RUNS=1, optimized`).toBeLessThanOrEqual(1e-12);
  }
});
