// `generate --input`: numbers, vectors and indices of a document and of each image reach the model; wrong ones are refused.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "./built.ts";
import { inside } from "./inside.ts";
import { tiny } from "./specs.ts";

const photo = join(root, "examples", "photo.jpg");
let folder: string;
const run = (...args: string[]) => inside(args, { cwd: folder });
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-inputs-"));
  const inputs =
    "input style: number per document\n  input topic: index(3) per document\n  input shift: [4] per document\n  weight topics: [3, 4]\n  train topics\n";
  writeFileSync(
    join(folder, "tiny.graft"),
    tiny
      .replace("  embed text", `  ${inputs}  embed text`)
      .replace("language.enter(id)", "language.enter(id) * style + topics[topic] + shift"),
  );
  const spec = readFileSync(join(root, "examples", "xfusion", "xfusion.graft"), "utf8")
    .replaceAll(
      "  input t: number per image",
      "  input t: number per image\n  input label: index(10) per image\n  input mark: number per image.patch",
    )
    .replaceAll("embed image.patch(z) = vision.enter(z, c)", "embed image.patch(z) = vision.enter(z, c) * (1 + label)");
  writeFileSync(join(folder, "x.graft"), spec);
  const compile = (file: string, ...more: string[]) =>
    run("compile", file, "--target", "onnx", "--seed", "1", "--out", file.replace(".graft", ""), ...more);
  for (const { status, stderr } of [await compile("tiny.graft"), await compile("x.graft", "--model", "DualTower")])
    expect([status, stderr]).toEqual([0, ""]);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

const sound = ["style=0.5", "topic=2", "shift=1,0,-1,0.5"];
const given = (...inputs: string[]): string[] => [
  "generate",
  "tiny",
  "--prompt",
  "Hi",
  "--max-tokens",
  "60",
  "--temperature",
  "1",
  ...inputs.flatMap((each) => ["--input", each]),
];

describe("of a document", () => {
  test("they reach the model", async () => {
    const first = await run(...given(...sound));
    expect(first.status).toBe(0);
    expect((await run(...given(...sound))).stdout).toBe(first.stdout);
    for (const [i, other] of ["style=0.25", "topic=0", "shift=1,0,-1,-5"].entries())
      expect((await run(...given(...sound.with(i, other)))).stdout, other).not.toBe(first.stdout);
  });
  test.each([
    [sound.slice(0, 2), /asks for `shift` of each document[^]*--input shift=VALUE/],
    [[...sound, "style=1"], /given twice for style/],
    [[...sound, "stile=1"], /Tiny4 has no input stile[^]*did you mean style/],
    [sound.with(0, "style=much"), /--input style is "much"[^]*give a number/],
    [sound.with(0, "style="), /--input style is ""/],
    [sound.with(0, "style"), /--input is "style"[^]*NAME=VALUE/],
    [sound.with(0, "style=1,2"), /the input style of document 0 has 1 number, and 2 were given/],
    [sound.with(1, "topic=3"), /the input topic of document 0 is 3[^]*whole number from 0 to 2/],
    [sound.with(1, "topic=0.5"), /the input topic of document 0 is 0\.5/],
    [sound.with(2, "shift=1"), /the input shift of document 0 has 4 numbers, and one was given/],
  ])("%j is refused", async (inputs, reason) => {
    const { status, stderr } = await run(...given(...inputs));
    expect(stderr).toMatch(reason);
    expect(status).toBe(2);
  });
});

describe("of each image", () => {
  const draw = (...more: string[]) =>
    run("generate", "x", "--prompt", "A", "--out", "out.png", "--max-tokens", "60", "--temperature", "1", ...more);
  test("an index reaches the model; how noisy an image is, and what each row has, is refused", async () => {
    const said: string[] = [];
    for (const label of [3, 9]) {
      const { status, stdout } = await draw("--image", photo, "--input", `label=${label}`);
      expect(status).toBe(0);
      said.push(stdout);
    }
    expect(said[0]).not.toBe(said[1]);
    expect((await draw()).stderr).toMatch(/asks for `label` of each image[^]*--input label=VALUE/);
    expect((await draw("--input", "label=3", "--input", "t=0.5")).stderr).toMatch(/says how noisy an image is/);
    expect((await draw("--input", "label=3", "--input", "mark=1")).stderr).toMatch(/asked of each row of image\.patch/);
  });
});
