// Checkpoints on disk: single files, shards with an index, folders; and what is refused.
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { checkpointBytes, checkpointF32, openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { readWhole, writeWhole } from "../../runtime/weights/file.ts";
import { safetensorsPieces } from "../../runtime/weights/write.ts";

let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "graftwerk-checkpoint-"));
});
beforeEach(async () => {
  folder = await mkdtemp(join(root, "case-"));
});
afterAll(() => rm(root, { recursive: true }));

const shard = (name: string, tensors: Readonly<Record<string, readonly number[]>>): Promise<void> =>
  writeWhole(
    join(folder, name),
    safetensorsPieces(
      Object.entries(tensors).map(([key, values]) => ({
        name: key,
        dtype: "F32",
        shape: [values.length],
        data: Float32Array.from(values),
      })),
    ),
  );
const index = (map: unknown): Promise<void> =>
  writeFile(
    join(folder, "model.safetensors.index.json"),
    JSON.stringify({ metadata: { total_size: 1.5, nested: [{}, null] }, weight_map: map }),
  );

describe("reading", () => {
  test("a single file, by its path and by its folder", async () => {
    await shard("model.safetensors", { a: [1, 2], b: [3] });
    for (const path of [folder, join(folder, "model.safetensors")]) {
      const checkpoint = await openCheckpoint(path);
      expect([...(await checkpointF32(checkpoint, "a"))]).toEqual([1, 2]);
      expect((await checkpointBytes(checkpoint, "b")).length).toBe(4);
      await expect(checkpointF32(checkpoint, "c")).rejects.toThrow(/has no tensor "c"/);
      await checkpoint.close();
    }
  });

  test("shards, preferred to a single file", async () => {
    await shard("model.safetensors", { a: [9] });
    await shard("model-1.safetensors", { a: [1] });
    await shard("model-2.safetensors", { b: [2], c: [3] });
    await index({ a: "model-1.safetensors", b: "model-2.safetensors", c: "model-2.safetensors" });
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.files.length).toBe(2);
    const values = await Promise.all(["a", "b", "c"].map((key) => checkpointF32(checkpoint, key)));
    expect(values.map(([value]) => value)).toEqual([1, 2, 3]);
    expect(checkpoint.tensors.get("c")!.file.path).toBe(join(folder, "model-2.safetensors"));
    await checkpoint.close();
  });
});

describe("what is refused", () => {
  test.each(["bin", "pt", "pth", "ckpt", "pkl", "PT"])(
    "a pickle .%s, though it does not even exist",
    async (extension) => {
      await expect(openCheckpoint(join(folder, `model.${extension}`))).rejects.toThrow(
        /never read[^]*use the \.safetensors file/,
      );
    },
  );

  test("a folder of pickles, an empty folder, a missing file", async () => {
    await expect(openCheckpoint(folder)).rejects.toThrow(/holds no weights/);
    await expect(openCheckpoint(join(folder, "x.safetensors"))).rejects.toThrow(/there is no such file/);
    await writeFile(join(folder, "pytorch_model.bin"), "x");
    await expect(openCheckpoint(folder)).rejects.toThrow(/is a pickle/);
  });

  test.each(["../x.safetensors", "a/b.safetensors", "/x.safetensors", "..", ".", "", "a\\b", "c:x", "a\u0000b"])(
    "the shard %j",
    async (file) => {
      await index({ a: file });
      await expect(openCheckpoint(folder)).rejects.toThrow(/which is no plain file name/);
    },
  );

  test("a shard that is a pickle", async () => {
    await index({ a: "x.bin" });
    await expect(openCheckpoint(folder)).rejects.toThrow(/is a pickle/);
  });

  test("an index and shards that disagree", async () => {
    await shard("one.safetensors", { a: [1], b: [2] });
    await index({ a: "one.safetensors" });
    await expect(openCheckpoint(folder)).rejects.toThrow(
      /holds "b", which model.safetensors.index.json does not place there/,
    );
    await index({ a: "one.safetensors", b: "one.safetensors", c: "one.safetensors" });
    await expect(openCheckpoint(folder)).rejects.toThrow(/places "c" in one.safetensors, which does not hold it/);
  });

  test.each([
    ['{"weight_map": {"a": "x", "a": "y"}}', /"a" stands twice/],
    ["{}", /no object `weight_map`/],
    ['{"weight_map": []}', /no object `weight_map`/],
    ["[", /is not an object/],
    ["{", /not valid JSON/],
  ])("the index %s", async (text, reason) => {
    await writeFile(join(folder, "model.safetensors.index.json"), text);
    await expect(openCheckpoint(folder)).rejects.toThrow(reason);
  });
});

describe("writing", () => {
  test("replaces a file whole and leaves nothing else", async () => {
    await writeWhole(join(folder, "x"), [Uint8Array.of(1, 2)]);
    await writeWhole(join(folder, "x"), [Uint8Array.of(3), Uint8Array.of(4)]);
    expect([...(await readWhole(join(folder, "x"), 10))]).toEqual([3, 4]);
    await expect(readWhole(join(folder, "x"), 1)).rejects.toThrow(/has 2 bytes; at most 1/);
    const failing = function* (): Generator<Uint8Array> {
      yield Uint8Array.of(5);
      throw new Error("the source broke");
    };
    await expect(writeWhole(join(folder, "x"), failing())).rejects.toThrow(/the source broke/);
    expect(await readdir(folder)).toEqual(["x"]);
    expect([...(await readWhole(join(folder, "x"), 10))]).toEqual([3, 4]);
  });
});
