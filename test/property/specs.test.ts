// Random valid specifications through everything: `check` accepts them, printing and parsing agree, and ONNX Runtime
// gives what the oracle gives. A failure is made smaller and printed with its seed; SEED=7 repeats one, RUNS=5000 widens.
import { describe, expect, test } from "vitest";
import { draw } from "./draw.ts";
import { print } from "./print.ts";
import { faultOf, tally } from "./judge.ts";
import { shrink } from "./shrink.ts";

const first = Number(process.env["SEED"] ?? 1);
const runs = Number(process.env["RUNS"] ?? (process.env["SEED"] === undefined ? 200 : 1));
describe("random specifications", () => {
  const chunk = 25;
  for (let from = 0; from < runs; from += chunk)
    test(`seeds ${first + from} to ${first + Math.min(from + chunk, runs) - 1}`, { timeout: 300_000 }, async () => {
      for (let seed = first + from; seed < first + Math.min(from + chunk, runs); seed++) {
        const spec = draw(seed);
        const found = await faultOf(spec, seed);
        if (!found) continue;
        const small = await shrink(spec, async (s) => (await faultOf(s, seed))?.kind);
        const words = await faultOf(small, seed);
        expect.fail(`SEED=${seed}: ${found.kind}\n${words?.text}\n\nin\n\n${print(small)}`);
      }
    });
  test("few results are more sensitive than f32", () => {
    expect(tally.documents).toBeGreaterThanOrEqual(2 * runs);
    expect(tally.sensitive / tally.documents).toBeLessThan(0.05);
  });
});
