// `graftwerk train`: a folder of samples in, checkpoints out, and what is said about folders and options that are wrong.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { memorySource, readF32, readSafetensors, safetensorsBytes, writeImage } from "../../runtime/index.ts";
import { normals } from "../../runtime/random.ts";
import { specify } from "../reference/run.ts";
import { specification } from "../train/compiled.ts";
import { inside } from "./inside.ts";

let folder: string;
const at = (...path: string[]): string => join(folder, ...path);
const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
const text = specification("DualTower");
const trainedPaths = (of: string): string[] =>
  specify(of, "DualTower")
    .model.weights.filter(({ trained }) => trained)
    .map(({ path }) => path)
    .sort();

const train = (data: string, out: string, ...more: string[]) =>
  inside(["train", at("model.graft"), "--model", "DualTower", "--data", at(data), "--out", at(out), ...more]);
const FEW = ["--steps", "3", "--batch", "2", "--every", "2", "--threads", "1", "--rate", "1e-3"];
const tensorsOf = async (path: string): Promise<ReadonlyMap<string, Float32Array>> => {
  const source = memorySource(path, readFileSync(path));
  const found = [...(await readSafetensors(source)).tensors.values()];
  return new Map(await Promise.all(found.map(async (each) => [each.name, await readF32(source, each)] as const)));
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-train-"));
  writeFileSync(at("model.graft"), text);
  mkdirSync(at("data"));
  const data = normals(3, "picture", 4 * 4 * 3, 0.3);
  await writeImage(at("data", "small.png"), { width: 4, height: 4, channels: 3, data });
  await writeImage(at("data", "large.png"), {
    width: 8,
    height: 8,
    channels: 3,
    data: normals(4, "picture", 192, 0.3),
  });
  const grids = [{ name: "latent", dtype: "F32" as const, shape: [4, 12], data: normals(5, "grid", 48, 1) }];
  writeFileSync(at("data", "samples.safetensors"), safetensorsBytes(grids));
  const lines = [
    [
      { text: "a small one: ", learn: false },
      { image: "small.png", drawn: true },
    ],
    { parts: [{ image: "large.png" }, "a large one"] },
    [{ grid: "latent" }, { ids: [104, 105] }],
    ["only text"],
  ];
  writeFileSync(at("data", "samples.jsonl"), `${lines.map((line) => JSON.stringify(line)).join("\n\n")}\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

test("leaves checkpoints that compile takes, and nothing else", async () => {
  const ran = await train("data", "out", ...FEW, "--validation", at("data"), "--json");
  expect(ran.status, ran.stderr).toBe(0);
  expect(readdirSync(at("out")).sort()).toEqual(["log.jsonl", "loss.svg", "step-000002", "step-000003"]);
  const json = JSON.parse(ran.stdout) as { steps: number; checkpoint: string; validation: { step: number } };
  expect(json).toMatchObject({ schema: "graftwerk/train@1", steps: 3, validation: { step: 3 } });
  const log = readFileSync(at("out", "log.jsonl"), "utf8").trim().split("\n");
  expect(log.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual([1, 2, 2, 3, 3]);

  const weights = await tensorsOf(join(json.checkpoint, "weights.safetensors"));
  expect([...weights.keys()].sort()).toEqual(trainedPaths(text));
  const args = ["compile", at("model.graft"), "--model", "DualTower", "--target", "onnx", "--seed", "0", "--json"];
  const average = join(json.checkpoint, "average.safetensors");
  const again = await inside([...args, "--weights", average, "--out", at("compiled")]);
  expect(again.status, again.stderr).toBe(0);
  expect(JSON.parse(again.stdout)).toMatchObject({ loaded: [{ count: weights.size }] });
});

test("goes on only with what it began with", async () => {
  const begin = await train("data", "more", ...FEW);
  expect(begin.status, begin.stderr).toBe(0);
  expect((await train("data", "more", ...FEW)).stderr).toContain("holds a training already");
  expect((await train("data", "more", "--resume", "--steps", "9")).stderr).toContain("steps is 9");
  mkdirSync(at("others"));
  writeFileSync(at("others", "samples.jsonl"), '["another"]\n');
  expect((await train("others", "more", "--resume")).stderr).toContain("has learnt from other samples");
  expect((await train("data", "more", "--resume", "--recompute")).stderr).toContain("of another specification");
  const done = await train("data", "more", "--resume");
  expect([done.status, done.stdout]).toEqual([0, expect.stringContaining("nothing was left to do")]);
});

test("layers computed anew leave the same bytes", async () => {
  for (const [out, more] of [
    ["kept", []],
    ["anew", ["--recompute"]],
  ] as const) {
    const ran = await train("data", out, ...FEW, ...more);
    expect(ran.status, ran.stderr).toBe(0);
  }
  for (const name of ["weights", "average", "state"])
    expect(sha256(at("anew", "step-000003", `${name}.safetensors`)), name).toBe(
      sha256(at("kept", "step-000003", `${name}.safetensors`)),
    );
});

describe("frozen weights", () => {
  const base = "language.safetensors";
  /** What a training must not have changed, and has; by the specification as it should be. */
  const faultsOf = async (checkpoint: string, before: string): Promise<string[]> => {
    const meant = new Set(trainedPaths(text));
    const through = [...(await tensorsOf(join(checkpoint, "weights.safetensors"))).keys()].filter(
      (path) => !meant.has(path),
    );
    return [...through, ...(sha256(at(base)) === before ? [] : [base])];
  };
  beforeAll(async () => {
    const out = at("language");
    const ran = await inside([
      "compile",
      at("model.graft"),
      "--model",
      "DualTower",
      "--target",
      "onnx",
      "--seed",
      "7",
      "--out",
      out,
    ]);
    expect(ran.status, ran.stderr).toBe(0);
    const all = await tensorsOf(join(out, "weights.safetensors"));
    const shapes = new Map(specify(text, "DualTower").model.weights.map(({ path, shape }) => [path, shape]));
    const own = [...all].filter(([name]) => name.startsWith("language."));
    writeFileSync(
      at(base),
      safetensorsBytes(own.map(([name, data]) => ({ name, dtype: "F32" as const, shape: shapes.get(name)!, data }))),
    );
  });

  test("lie in a file that stays as it was", async () => {
    const before = sha256(at(base));
    const ran = await train("data", "frozen", ...FEW, "--weights", `language=${at(base)}`);
    expect(ran.status, ran.stderr).toBe(0);
    expect(await faultsOf(at("frozen", "step-000003"), before)).toEqual([]);
  });
  test("are missed where one is let through", async () => {
    const before = sha256(at(base));
    const own = text.indexOf("model DualTower");
    const mutated =
      text.slice(0, own) +
      text.slice(own).replace("freeze language.**", "freeze language.layers.**, language.embed\n  train language.norm");
    writeFileSync(at("mutated.graft"), mutated);
    const args = ["train", at("mutated.graft"), "--model", "DualTower", "--data", at("data"), "--out", at("mutated")];
    const ran = await inside([...args, ...FEW, "--weights", `language=${at(base)}`]);
    expect(ran.status, ran.stderr).toBe(0);
    expect(await faultsOf(at("mutated", "step-000003"), before)).toEqual(["language.norm"]);
  });
});

describe("a folder of samples that is none", () => {
  const faults: readonly (readonly [string, string, RegExp])[] = [
    ["nothing", "\n\n", /holds no samples/],
    ["no JSON", '["a"]\n{', /line 2: not valid JSON/],
    ["no parts", "[]", /line 1: is no sample: it must be a list of 1 to/],
    ["an unknown part", '[{"sound": "a.wav"}]', /parts\[0\] must be a text, or an object with/],
    ["an unknown member", '[{"text": "a", "more": 1}]', /"more" must be absent/],
    ["an unknown member of the sample", '{"parts": ["a"], "more": 1}', /"more" must be absent/],
    ["a key twice", '[{"text": "a", "text": "b"}]', /the key "text" stands twice/],
    ["a path up", '[{"image": "../data/small.png"}]', /image must be a file name without a folder/],
    ["an absolute path", '[{"image": "/etc/passwd"}]', /image must be a file name without a folder/],
    ["a picture that is not there", '[{"image": "none.png"}]', /none\.png: the picture of .*line 1 cannot be found/],
    ["a link", '[{"image": "link.png"}]', /link\.png: is not a file itself/],
    ["no picture", '[{"image": "samples.jsonl"}]', /is neither a PNG nor a JPEG/],
    ["no such tensor", '[{"grid": "x"}]', /names the tensor "x", which needs a samples\.safetensors/],
    ["a token of none", '[{"ids": [300]}]', /is 300/],
    ["a token below 0", '[{"ids": [-1]}]', /ids\[0\] must be a whole number/],
    ["an input of nothing", '[{"text": "a", "inputs": {"label": 1}}]', /the model has no input label/],
  ];
  test.each(faults)("%s", async (name, lines, message) => {
    const data = `hostile ${name}`;
    mkdirSync(at(data));
    symlinkSync(at("data", "small.png"), at(data, "link.png"));
    writeFileSync(at(data, "samples.jsonl"), lines);
    const ran = await train(data, `of ${name}`, ...FEW);
    expect(ran.stderr).toMatch(message);
    expect([2, 3]).toContain(ran.status);
    // Neither the compiled model nor a checkpoint is left.
    expect(
      existsSync(at(`of ${name}`)) ? readdirSync(at(`of ${name}`)).filter((each) => each !== "log.jsonl") : [],
    ).toEqual([]);
  });
  test("no folder", async () => {
    const ran = await train("nowhere", "of nowhere", ...FEW);
    expect([ran.status, ran.stderr]).toEqual([3, expect.stringContaining("the samples cannot be found")]);
  });
});

test.each([
  [["--data", "x"], "train needs --out"],
  [["--out", "x"], "train needs --data"],
  [["--data", "x", "--out", "y", "--steps", "0"], "steps is 0"],
  [["--data", "x", "--out", "y", "--betas", "0.9"], "--betas"],
  [["--data", "x", "--out", "y", "--threads", "0"], "--threads"],
])("%j has no meaning", async (options, message) => {
  const ran = await inside(["train", at("model.graft"), ...options], { cwd: folder });
  expect([ran.status, ran.stderr]).toEqual([2, expect.stringContaining(message)]);
  expect(existsSync(at("y"))).toBe(false);
});

test.each([
  [["--target", "webgpu", "--train"], "--train is for --target onnx"],
  [["--target", "onnx", "--recompute"], "--recompute is for --train"],
])("compile %j has no meaning", async (options, message) => {
  const ran = await inside(["compile", at("model.graft"), "--out", at("never"), ...options]);
  expect([ran.status, ran.stderr]).toEqual([2, expect.stringContaining(message)]);
});

test("a model that trains nothing is refused", async () => {
  writeFileSync(at("none.graft"), text.replaceAll("train vision.**", "freeze vision.**"));
  const args = ["train", at("none.graft"), "--model", "DualTower", "--data", at("data"), "--out", at("none")];
  const ran = await inside(args);
  expect([ran.status, ran.stderr]).toEqual([2, expect.stringContaining("trains nothing")]);
});
