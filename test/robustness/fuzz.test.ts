// The script of long runs: ranges are judged in processes of their own, a run that was stopped is taken up, and a fault is the
// script's.
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const script = fileURLToPath(new URL("../../scripts/fuzz.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "graftwerk-fuzz-"));
const log = join(folder, "log.jsonl");
afterAll(() => rmSync(folder, { recursive: true }));

const fuzz = (count: number, ...more: readonly string[]) => {
  const args = [script, "headers", "--count", String(count), "--processes", "2", "--log", log, ...more];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return { status, said: stdout + stderr };
};

test("a run, taken up, and with a fault", () => {
  const first = fuzz(10_500);
  expect(first.said).toContain("0 to 10499 of seed 2026: 2 ranges of 10000\n");
  expect(first.said).toContain("10,500 headers");
  expect(first.said).toContain("1 versions of the code");
  expect(first.status).toBe(0);
  expect(readFileSync(log, "utf8").trim().split("\n")).toHaveLength(2);
  appendFileSync(log, '{"what":"headers","from":20');
  const again = fuzz(10_500);
  expect(again.said).toContain("0 ranges of 10000, 2 are done already");
  expect(again.said).toContain("10,500 headers");
  expect(again.status).toBe(0);
  const other = fuzz(100, "--seed", "7", "--from", "5");
  expect(other.said).toContain("5 to 104 of seed 7: 1 ranges of 10000\n");
  expect(other.said).toContain("10,600 headers");
  const faulty = {
    what: "headers",
    seed: 1,
    from: 0,
    to: 1,
    counts: { faults: 1 },
    most: {},
    kinds: [],
    faults: ["it broke"],
  };
  appendFileSync(log, `\n${JSON.stringify(faulty)}\n`);
  const broken = fuzz(100);
  expect(broken.said).toContain("it broke");
  expect(broken.status).toBe(1);
});
