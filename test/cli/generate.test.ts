// `generate` and `verify`: what one pass prints and draws, on folders and specifications, and what it refuses.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { steerless } from "../../runtime/quote.ts";
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
  readonly device: { readonly is: string; readonly why: string };
  readonly text: string;
  readonly end: string;
  readonly tokens: number;
  readonly images: readonly { readonly path: string; readonly width: number; readonly height: number }[];
}
const generate = async (args: readonly string[]): Promise<Generated> => {
  const { status, stdout } = await run(["generate", ...args, "--json"]);
  expect(status).toBe(0);
  return JSON.parse(stdout) as Generated;
};
/** The picture's pixels, three levels each. */
const pixels = (path: string): Promise<Buffer> => sharp(join(folder, path)).removeAlpha().raw().toBuffer();
const few = ["--max-tokens", "6"];

describe("text", () => {
  test("as it comes on stdout, what it took on stderr, and all of it as JSON", async () => {
    const found = await generate(["dual", "--prompt", "A photograph of", ...few]);
    expect(found).toMatchObject({ schema: "graftwerk/generate@2", tokens: 6, end: "length", images: [] });
    expect(found.device).toEqual({ is: "cpu", why: "the folder was compiled for onnx" });
    const { stdout, stderr } = await run(["generate", "dual", "--prompt", "A photograph of", ...few]);
    expect(stdout).toBe(`${steerless(found.text)}\n`);
    expect(stderr).toMatch(
      /on ONNX Runtime, CPU: the folder was compiled for onnx\nread: 14 rows in .*\ntext: 6 tokens in /,
    );
  });
  test("depends on the picture before it, and by a temperature on the seed", async () => {
    const text = async (...more: string[]) => (await generate(["dual", "--prompt", "A", ...few, ...more])).text;
    expect(await text("--image", photo)).not.toBe(await text());
    const drawn = (seed: string) => text("--temperature", "1", "--seed", seed);
    expect(await drawn("1")).toBe(await drawn("1"));
    expect(await drawn("1")).not.toBe(await drawn("2"));
  });
  test("from a specification, that of its compiled folder", async () => {
    const args = [
      xfusion,
      "--model",
      "DualTower",
      "--seed",
      "1",
      "--prompt",
      "A photograph of",
      "--device",
      "cpu",
      ...few,
    ];
    const { text, device } = await generate(args);
    expect(text).toBe((await generate(["dual", "--prompt", "A photograph of", ...few])).text);
    expect(device).toEqual({ is: "cpu", why: "asked for by --device" });
    expect(readdirSync(folder).sort()).toEqual(["dual", "tiny.graft"]);
  });
  test("that would steer a terminal is shown, and does not", () => {
    expect(steerless("a\u001b[2J\tb\n\u202e")).toBe("a\\u001b[2J\tb\n\\u202e");
  });
});

describe("images", () => {
  test("behind the prompt, drawn by the seed, and the same again", async () => {
    const draw = (name: string, ...more: string[]) =>
      generate(["dual", "--prompt", "A", "--out", `${name}.png`, "--steps", "2", "--max-tokens", "0", ...more]);
    expect((await draw("a")).images).toEqual([{ path: "a.png", width: 32, height: 32 }]);
    await draw("b", "--seed", "0");
    await draw("c", "--seed", "1");
    await draw("d", "--images", "2");
    const [a, b, c, d, e] = await Promise.all(["a.png", "b.png", "c.png", "d.png", "d-2.png"].map(pixels));
    expect(a!.length).toBe(32 * 32 * 3);
    expect(a!.equals(b!)).toBe(true);
    expect(a!.equals(c!)).toBe(false);
    expect(a!.equals(d!)).toBe(true);
    expect(e!.length).toBe(32 * 32 * 3);
    for (const name of ["a", "b", "c", "d", "d-2"]) rmSync(join(folder, `${name}.png`));
  });
  test("of a DDPM too, with guidance", async () => {
    const drawing = ["--out", "d.png", "--steps", "2", "--guidance", "3", "--max-tokens", "1", "--device", "cpu"];
    const args = [xfusion, "--model", "DualTowerDiT", "--seed", "1", "--prompt", "A", ...drawing];
    expect((await generate(args)).images).toHaveLength(1);
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
    ["images without a file", ["dual", "--prompt", "A", "--images", "2"], 2, /--images needs --out OUT\.png/],
    ["another device", ["dual", "--prompt", "A", "--device", "webgpu"], 2, /compiled for onnx[^]*--target webgpu/],
    ["a sampler of another process", ["dual", "--prompt", "A", "--out", "x.png", "--sampler", "ddim"], 2, /take euler/],
    ["a temperature that is none", ["dual", "--prompt", "A", "--temperature", "hot"], 2, /--temperature is "hot"/],
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
      { colour: false, note: () => {}, write: () => {} },
    );
    expect(exit).toBe(4);
    expect(text).toMatch(
      /wrong: text\.logits of forward\(text\)[^]*NMSE 5\.0e-1[^]*first layer that differs: fuse\[1\], rows of text/,
    );
  });
});
