// Numbers that are not finite end a training with the name of the first tensor that is not, and nothing is lost.
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Failure, memorySource, readSafetensors } from "../../runtime/index.ts";
import { normals } from "../../runtime/random.ts";
import type { TrainOptions } from "../../runtime/train/options.ts";
import type { Sample } from "../../runtime/train/sample.ts";
import { compiledToTrain, specification } from "./compiled.ts";

const drawn = (noise = normals(1, "noise", 48, 1)): Sample => ({
  parts: ["a picture: ", { grid: normals(1, "grid", 48, 1), drawn: { t: 0.5, noise } }],
});
/** The place of a text in the specification. */
const placeOf = (text: string, line: RegExp, from: number): string => {
  const found = text.slice(from).search(line) + from;
  const before = text.slice(0, found).split("\n");
  return `${before.length}:${before.at(-1)!.length + 1}`;
};

interface Case {
  readonly name?: string;
  readonly edited?: (text: string) => string;
  /** an element of a weight, and what it becomes */
  readonly weight?: readonly [string, number];
  readonly samples?: readonly Sample[];
}
const failureOf = async (
  { name = "DualTower", edited = (text) => text, weight, samples = [drawn()] }: Case,
  options: Partial<TrainOptions> = {},
): Promise<Failure> => {
  const compiled = await compiledToTrain(name, { text: edited(specification(name)) });
  try {
    if (weight !== undefined) {
      const path = join(compiled.folder, "weights.safetensors");
      const bytes = readFileSync(path);
      const { tensors } = await readSafetensors(memorySource(path, bytes));
      new DataView(bytes.buffer, bytes.byteOffset).setFloat32(tensors.get(weight[0])!.offset, weight[1], true);
      writeFileSync(path, bytes);
    }
    const session = await compiled.open();
    try {
      for await (const _ of session.train({ samples, batch: 1, steps: 5, ...options }));
    } finally {
      await session.close();
    }
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
    throw thrown;
  } finally {
    compiled.remove();
  }
  throw new Error("nothing was found");
};

const model = specification("DualTower");
const own = model.indexOf("model DualTower");

describe("the first tensor that is not finite is", () => {
  test("what was given", async () => {
    const noise = normals(1, "noise", 48, 1);
    noise[7] = Infinity;
    const { kind, message } = await failureOf({ samples: [drawn(noise)] });
    expect(kind).toBe("numbers");
    expect(message).toMatch(/^step 1: the loss is (NaN|Infinity); the first .* is the input "image\.patch\.z"/);
  });
  test("a weight", async () => {
    const { message } = await failureOf({ weight: ["vision.layers[1].q", Infinity] });
    expect(message).toMatch(/is the weight "vision\.layers\[1\]\.q" \(std\/llama:\d+:\d+\)/);
  });
  test("what a layer leaves", async () => {
    const { message } = await failureOf({ weight: ["vision.layers[1].down", 3e38] });
    expect(message).toMatch(/is what a layer leaves: vision\/layers\.1\/add \(std\/llama:\d+:\d+\)/);
  });
  test("what the head gives", async () => {
    const { message } = await failureOf({ weight: ["vision.ends.patch_out", 3.4e38] });
    expect(message).toContain('is what the head gives of "image.patch.image" (');
    expect(message).toContain(`model.graft:${placeOf(model, /image = denoise/, own)})`);
  });
  test("what a loss gives", async () => {
    const { message } = await failureOf({ weight: ["vision.ends.patch_out", 1e25] });
    expect(message).toMatch(/is the loss "image" \(\S*model\.graft:\d+:\d+\)/);
  });
  test("a gradient", async () => {
    // A root of 0 is 0, and has no derivative.
    const steep = [
      "  weight steep: [1, 64] = zeros",
      "  train steep",
      "  loss near = sum(sqrt(linear(fuse[1].seen[image.patch], steep)))",
      "  loss = 0.2 * text + image + near",
    ].join("\n");
    const edited = (text: string): string => {
      const at = text.indexOf("  loss =", text.indexOf("weight beta"));
      return text.slice(0, at) + steep + text.slice(text.indexOf("\n", at));
    };
    const { message } = await failureOf({ name: "XFuse", edited });
    expect(message).toMatch(
      /^step 1: the norm is (NaN|Infinity); .* is the gradient of the weight "[^"]+" \(\S+:\d+:\d+\)/,
    );
  });
  test("none but the norm", async () => {
    const { message } = await failureOf({
      edited: (text) => text.replaceAll("0.2 * text + image", `0.2 * text + 1e25 * image`),
    });
    expect(message).toContain("the norm of all gradients, each of which is finite");
  });
});

test("the last checkpoint stays as it was", async () => {
  const out = mkdtempSync(join(tmpdir(), "graftwerk-finite-"));
  try {
    const hashes = (): string[] =>
      readdirSync(join(out, "step-000002")).map((name) =>
        createHash("sha256")
          .update(readFileSync(join(out, "step-000002", name)))
          .digest("hex"),
      );
    const noise = normals(1, "noise", 48, 1).fill(NaN);
    let before: string[] = [];
    const coming = async function* () {
      yield drawn();
      yield drawn();
      before = hashes();
      yield drawn(noise);
    };
    const { message } = await failureOf({}, { samples: coming(), out, every: 1 });
    expect(message).toMatch(/^step 3: /);
    expect(before.length).toBe(4);
    expect(hashes()).toEqual(before);
    expect(readdirSync(out).filter((name) => name.includes("step"))).toEqual(["step-000001", "step-000002"]);
  } finally {
    rmSync(out, { recursive: true });
  }
});
