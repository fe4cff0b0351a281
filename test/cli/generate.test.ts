// `generate` and `verify`: what one pass prints and draws, on folders and specifications, and what it refuses.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { root } from "./built.ts";
import { inside } from "./inside.ts";
import { reference, tiny } from "./specs.ts";

const xfusion = join(root, "examples", "xfusion", "xfusion.graft");
const photo = join(root, "examples", "photo.jpg");
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-cli-"));
  writeFileSync(join(folder, "tiny.graft"), tiny);
  const compiled = ["compile", xfusion, "--model", "DualTower", "--target", "onnx", "--seed", "1", "--out", "dual"];
  expect((await run(compiled)).status).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true }));
const run = (args: readonly string[], input?: string) =>
  inside(args, { cwd: folder, ...(input !== undefined && { input }) });
interface Generated {
  readonly schema: string;
  readonly tokens: number;
  readonly next: readonly { readonly id: number; readonly text: string; readonly probability: number }[];
  readonly image?: Readonly<Record<string, unknown>>;
}
const generate = async (args: readonly string[]): Promise<Generated> => {
  const { status, stdout, stderr } = await run(["generate", ...args, "--json"]);
  expect([status, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as Generated;
};
/** The picture's pixels, three levels each. */
const pixels = (path: string): Promise<Buffer> => sharp(join(folder, path)).removeAlpha().raw().toBuffer();

describe("the next token", () => {
  test("the five likeliest, in order", async () => {
    const { schema, tokens, next } = await generate(["dual", "--prompt", "A photograph of"]);
    expect([schema, tokens, next.length]).toEqual(["graftwerk/generate@1", 15, 5]);
    const probabilities = next.map(({ probability }) => probability);
    expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));
    expect(probabilities.every((p) => p > 0 && p < 1)).toBe(true);
    const { stdout } = await run(["generate", "dual", "--prompt", "A photograph of"]);
    expect(stdout).toContain(`${probabilities[0]!.toFixed(4)}  ${JSON.stringify(next[0]!.text)}  (${next[0]!.id})`);
  });
  test("depends on the picture before it", async () => {
    const without = await generate(["dual", "--prompt", "A"]);
    expect(await generate(["dual", "--prompt", "A", "--image", photo])).not.toEqual(without);
  });
  test("from a specification, that of its compiled folder", async () => {
    const args = [xfusion, "--model", "DualTower", "--seed", "1", "--prompt", "A photograph of"];
    expect(await generate(args)).toEqual(await generate(["dual", "--prompt", "A photograph of"]));
    expect(readdirSync(folder).sort()).toEqual(["dual", "tiny.graft"]);
  });
});

describe("the picture", () => {
  test("is an estimate from noise: drawn by the seed, and the same again", async () => {
    const draw = async (name: string, ...more: string[]) =>
      (await generate(["dual", "--prompt", "A", "--out", `${name}.png`, ...more])).image;
    expect(await draw("a")).toEqual({
      path: "a.png",
      width: 32,
      height: 32,
      process: "flow",
      predicts: "velocity",
      input: "t",
      t: 1,
    });
    await draw("b", "--seed", "0");
    await draw("c", "--seed", "1");
    const [a, b, c] = await Promise.all(["a.png", "b.png", "c.png"].map(pixels));
    expect(a!.length).toBe(32 * 32 * 3);
    expect(a!.equals(b!)).toBe(true);
    expect(a!.equals(c!)).toBe(false);
    for (const name of ["a.png", "b.png", "c.png"]) rmSync(join(folder, name));
  });
  test("of a DDPM too", async () => {
    const args = [xfusion, "--model", "DualTowerDiT", "--seed", "1", "--prompt", "A", "--out", "d.png"];
    expect((await generate(args)).image).toMatchObject({ process: "ddpm", predicts: "noise", t: 999 });
    rmSync(join(folder, "d.png"));
  });
});

describe("what is refused", () => {
  test.each<[string, readonly string[], number, RegExp]>([
    ["an empty prompt", ["dual", "--prompt="], 2, /--prompt needs a value/],
    ["options of a specification", ["dual", "--prompt", "A", "--model", "X"], 2, /leave out --model/],
    [
      "a picture for a model of text",
      ["tiny.graft", "--seed", "1", "--prompt", "A", "--out", "x.png"],
      2,
      /has no images/,
    ],
    ["something else for a picture", ["dual", "--prompt", "A", "--image", "tiny.graft"], 3, /neither a PNG nor a JPEG/],
    ["no weights", ["tiny.graft", "--prompt", "A"], 3, /has no weights[^]*--seed N for initial values/],
    ["no such folder", ["none", "--prompt", "A"], 3, /no such file/],
  ])("%s", async (_, args, status, reason) => {
    const ran = await run(["generate", ...args]);
    expect([ran.status, ran.stdout]).toEqual([status, ""]);
    expect(ran.stderr).toMatch(reason);
    expect(readdirSync(folder).sort()).toEqual(["dual", "tiny.graft"]);
  });
  test("a vocabulary without a tokenizer", async () => {
    const { status, stderr } = await run(["generate", "-", "--seed", "1", "--prompt", "A"], reference());
    expect(status).toBe(3);
    expect(stderr).toMatch(/a vocabulary of 97 is not one of bytes[^]*--tokenizer PATH/);
  });
  test("a manifest that was tampered with", async () => {
    const path = join(folder, "dual", "manifest.json");
    const whole = readFileSync(path, "utf8");
    const changes: readonly (readonly [from: string | RegExp, to: string, reason: RegExp])[] = [
      ['"forward.text.onnx"', '"../forward.text.onnx"', /must be a file name without a folder/],
      ['"width": 48', '"width": 47', /are no picture/],
      [/"(rows|cols)": 8/g, '"$1": 65536', /are no picture/],
      ['"graftwerk/manifest@2"', '"graftwerk/manifest@9"', /compile the model again/],
    ];
    for (const [from, to, reason] of changes) {
      expect(whole).toMatch(from);
      writeFileSync(path, whole.replace(from, to));
      const { status, stderr } = await run(["generate", "dual", "--prompt", "A", "--image", photo, "--out", "x.png"]);
      expect([status, stderr.match(reason) === null ? stderr : ""]).toEqual([3, ""]);
    }
    writeFileSync(path, whole);
  });
  test("weights of another size than the manifest says", async () => {
    const weights = join(folder, "dual", "weights.safetensors");
    const whole = readFileSync(weights);
    writeFileSync(weights, whole.subarray(0, 1000));
    const { status, stderr } = await run(["generate", "dual", "--prompt", "A"]);
    writeFileSync(weights, whole);
    expect(status).toBe(3);
    expect(stderr).toMatch(/weights\.safetensors: has 1000 bytes, and had \d+ when[^]*compile the model again/);
  });
});

describe("verify", () => {
  test("a sound model passes", async () => {
    const { status, stdout } = await run(["verify", "tiny.graft", "--json", "--seed", "3"]);
    expect(status).toBe(0);
    const json = JSON.parse(stdout) as { schema: string; ok: boolean; models: { model: string; verdict: string }[] };
    expect([json.schema, json.ok]).toEqual(["graftwerk/verify@1", true]);
    expect(json.models).toMatchObject([{ model: "Tiny4", verdict: "passed", seed: 3 }]);
    expect((await run(["verify", "tiny.graft"])).stdout).toMatch(
      /^Tiny4: passed, \d+ outputs from seed 1; error \(NMSE\) at most /,
    );
  });
  test("a large one is named as skipped", async () => {
    const { status, stdout } = await run([
      "verify",
      join(root, "examples", "llama", "llama.graft"),
      "--model",
      "Llama1B",
    ]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Llama1B: skipped: [\d,]+ parameters/);
  });
  test("one that fails ends with 4, and says where", async () => {
    // Last of this file: from here on modules are other ones than those imported above.
    vi.resetModules();
    vi.doMock("../../cli/verify/verify.ts", () => ({
      verify: async () => ({
        model: "M",
        verdict: "failed",
        parameters: 1,
        seed: 1,
        limit: 1e-10,
        dull: [],
        checks: [
          {
            program: "forward(text)",
            output: "text.logits",
            profile: "ort-cpu",
            optimize: "all",
            case: "c",
            nmse: 0.5,
            ok: false,
          },
        ],
        batches: [],
        divergence: { step: "fuse[1]", kind: "text", towers: ["language"] },
      }),
    }));
    const { run: verify } = await import("../../cli/verify.ts");
    vi.doUnmock("../../cli/verify/verify.ts");
    const none = { values: () => [], value: () => undefined, flag: () => false };
    const { exit, text } = await verify(
      { operand: join(folder, "tiny.graft"), ...none },
      { colour: false, note: () => {} },
    );
    expect(exit).toBe(4);
    expect(text).toMatch(
      /wrong: text\.logits of forward\(text\)[^]*NMSE 5\.0e-1[^]*first layer that differs: fuse\[1\], rows of text/,
    );
  });
});
