// `train` killed at random moments and resumed: what lies there in the end is what lies there without, byte for byte.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { safetensorsBytes } from "../../runtime/index.ts";
import { normals } from "../../runtime/random.ts";
import { graftwerk, start } from "../cli/built.ts";
import { drawn } from "../phases/schedule.ts";
import { specification } from "./compiled.ts";

/** Kills anywhere, and kills inside of the writing of a checkpoint. */
const [ANYWHERE, INSIDE] = process.env["RUNS"] === undefined ? [1, 1] : [15, 5];
const SEED = Number(process.env["SEED"] ?? Date.now() % 100_000);
const SLOW = ["--import", fileURLToPath(new URL("slow.mjs", import.meta.url))];

let folder: string;
let whole: ReadonlyMap<string, string>;
let lasts: number;
const at = (...path: string[]): string => join(folder, ...path);
const SETTINGS = "--model DualTower --steps 24 --every 3 --batch 3 --rate 1e-3 --threads 1".split(" ");
const argumentsOf = (out: string): string[] =>
  ["train", at("model.graft"), ...SETTINGS, "--data", at("data"), "--validation", at("data")].concat("--out", out);

/** Of every file below a folder, its hash. */
const filesIn = (out: string): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(out, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(out.length), createHash("sha256").update(readFileSync(path)).digest("hex")] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-killed-"));
  mkdirSync(at("data"));
  writeFileSync(at("model.graft"), specification("DualTower"));
  const names = Array.from({ length: 7 }, (_, i) => `image ${i}`);
  const grids = names.map((name, i) => ({
    name,
    dtype: "F32" as const,
    shape: [4, 12],
    data: normals(i, "grid", 48, 1),
  }));
  writeFileSync(at("data", "samples.safetensors"), safetensorsBytes(grids));
  const lines = names.map((grid, i) =>
    i % 2 === 0 ? [{ text: grid }, { grid, drawn: true }] : [{ grid }, "is it? ".slice(i)],
  );
  writeFileSync(at("data", "samples.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const began = performance.now();
  const { status, stderr } = graftwerk(argumentsOf(at("whole")));
  lasts = performance.now() - began;
  if (status !== 0) throw new Error(stderr);
  whole = filesIn(at("whole"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const ended = (child: ReturnType<typeof start>): Promise<boolean> =>
  new Promise((done) => child.on("exit", (_, signal) => done(signal === "SIGKILL")));
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

const killedAt = async (out: string, ms: number): Promise<boolean> => {
  const child = start([...argumentsOf(out), "--resume"]);
  const timer = setTimeout(() => child.kill("SIGKILL"), ms);
  const killed = await ended(child);
  clearTimeout(timer);
  return killed;
};
const partsIn = (out: string): string[] => readdirSync(out).filter((name) => /^\.step-.*\.part$/.test(name));
/** Killed some time after the writing of one of the next checkpoints began; whether it was not over. */
const killedInside = async (out: string, skipped: number, ms: number): Promise<boolean> => {
  const child = start([...argumentsOf(out), "--resume"], SLOW);
  const exit = ended(child);
  const seen = new Set(partsIn(out));
  const most = seen.size + skipped;
  while (child.exitCode === null && seen.size <= most) {
    await pause(2);
    for (const part of partsIn(out)) seen.add(part);
  }
  await pause(ms);
  child.kill("SIGKILL");
  return (await exit) && partsIn(out).length > 0;
};
const finished = (out: string): ReadonlyMap<string, string> => {
  const { status, stderr } = graftwerk([...argumentsOf(out), "--resume"]);
  expect(status, stderr).toBe(0);
  return filesIn(out);
};

test("an uninterrupted run leaves two checkpoints, a log and its picture", () => {
  const names = ["average.safetensors", "state.safetensors", "train.json", "weights.safetensors"];
  expect([...whole.keys()]).toEqual([
    "/log.jsonl",
    "/loss.svg",
    ...["/step-000021", "/step-000024"].flatMap((step) => names.map((name) => `${step}/${name}`)),
  ]);
});

test("what follows the last checkpoint is made up for", () => {
  cpSync(at("whole"), at("behind"), { recursive: true });
  writeFileSync(at("behind", "loss.svg"), "of another step");
  writeFileSync(at("behind", ".loss.svg.0123456789ab.part"), "half of it");
  cpSync(at("whole", "step-000021"), at("behind", "step-000018"), { recursive: true });
  cpSync(at("whole", "step-000021"), at("behind", ".step-000018.0123456789ab.part"), { recursive: true });
  expect(finished(at("behind"))).toEqual(whole);
});

test(
  `killed ${ANYWHERE} times anywhere and ${INSIDE} inside of a checkpoint, SEED=${SEED}`,
  { timeout: 3_600_000 },
  async () => {
    const random = drawn(SEED);
    let [anywhere, inside] = [0, 0];
    for (let round = 0; anywhere < ANYWHERE || inside < INSIDE; round++) {
      const out = at(`out${round}`);
      mkdirSync(out);
      // Several times in one folder, the last of them perhaps inside of a checkpoint.
      for (let n = 0; n < 3 && anywhere < ANYWHERE; n++)
        anywhere += Number(await killedAt(out, lasts * (0.2 + 0.8 * random())));
      const last = inside < INSIDE && (await killedInside(out, Math.floor(2 * random()), 200 * random()));
      inside += Number(last);
      expect(finished(out), `SEED=${SEED}, round ${round}`).toEqual(whole);
      rmSync(out, { recursive: true });
      if (round > 60) throw new Error(`only ${anywhere} and ${inside} runs could be killed`);
    }
  },
);
