// What compiling models of real size takes from a cold process: time on the wall, the median of five, and memory.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { figure, large, withHoles } from "../test/cli/large.ts";

const ROUNDS = 5;
const folder = mkdtempSync(join(tmpdir(), "graftwerk-bench-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.skipIf(!withHoles).each(large.map((each) => [each.name, each] as const))("%s", (name, { run, seconds, bytes }) => {
  const all = Array.from({ length: ROUNDS }, (_, i) => run(join(folder, `${name} ${i}`)));
  const median = all.sort((a, b) => a.wallMs - b.wallMs)[ROUNDS >> 1]!;
  const peak = Math.max(...all.map(({ peakBytes }) => peakBytes));
  console.log(`${name}: median ${figure(median)}; at most ${(peak / 1e6).toFixed(0)} MB`);
  expect(peak).toBeLessThan(bytes);
  expect(median.wallMs / 1000).toBeLessThan(seconds);
});
