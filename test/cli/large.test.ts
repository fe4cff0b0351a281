// Models of real size compile from a cold process in little memory, and no byte of their weights is read or copied. How
// long they take is measured by the benchmark; here, beside other work, four times as much will do.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { figure, large, withHoles } from "./large.ts";

const folder = mkdtempSync(join(tmpdir(), "graftwerk-large-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.skipIf(!withHoles).each(large.map((each) => [each.name, each] as const))("%s", (name, { run, seconds, bytes }) => {
  const taken = run(join(folder, name));
  // Time of processors: the clock on the wall would judge what else the machine does.
  expect(taken.cpuMs / 1000, figure(taken)).toBeLessThan(4 * seconds);
  expect(taken.peakBytes, figure(taken)).toBeLessThan(bytes);
});
