// `compile` over a checkpoint: graphs use its bytes where they lie, whatever their type, and what is a user's is neither
// changed nor removed; where that cannot be, it says what a copy costs.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bringFiles, type Described, describe as describeFile } from "../../cli/external.ts";
import { decodeModel } from "../../compiler/target/onnx/proto.ts";
import {
  memorySource,
  openFile,
  openProgram,
  openSession,
  parseManifest,
  readF32,
  readSafetensors,
  safetensorsBytes,
  type WrittenTensor,
} from "../../runtime/index.ts";
import { inside } from "./inside.ts";
import { bytesAs, numbersOf, rounded, type Stored } from "./numbers.ts";
import { reference } from "./specs.ts";

/** A weight of each way to be made: turned, cut, rounded, initial; and two that lie in the file as they are. */
const making = `tower Tiny(D, vocab) {
  weight embed: [vocab, D], head: [vocab, D], a: [D, D], b: [D, D], c: [D, D]
  weight d: [D, D] = identity
  layers: Block(D) * 1
  enter(id) -> [D] { embed[id] }
  logits(x: [D]) -> [vocab] { linear(linear(linear(linear(linear(x, a), b), c), d), head) }
  checkpoint mine {
    embed <- "embed"
    head <- reshape("head", vocab, D)
    a <- transpose("turned")
    b <- split("joined", axis: 0, parts: 2, take: 1)
    c <- "f64"
  }
}
block Block(D) {
  weight scale: [D] = ones
  forward(x: [D]) -> [D] { x }
}
model Made(language = Tiny(D: 4, vocab: 8)) {
  modality text = tokens(vocab: language.vocab)
  freeze language.**
  embed text(id) = language.enter(id)
  layers step l in language.layers { h = l(h) }
  mask = causal
  position = running
  head text = next_token(language.logits(h))
}
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-zero-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (...path: string[]): string => join(folder, ...path);
const spec = (name: string): string =>
  reference(name === "llama_tied" ? "head_dim: 16, tied: true" : "head_dim: 24, tied: false");
const compile = (args: readonly string[], { name = "llama_tied", out = "out" } = {}) =>
  inside(["compile", "-", "--target", "onnx", "--out", out, ...args], { cwd: folder, input: spec(name) });
const manifestIn = (out: string) => parseManifest(readFileSync(at(out, "manifest.json"), "utf8"), "manifest.json");
const isOk = { status: 0, stderr: "" };

/** Writes a reference checkpoint in another type; `keep` gives f32 of the rounded numbers. */
const checkpoint = async (path: string, dtype: Stored, { name = "llama_tied", keep = false, shards = 1 } = {}) => {
  const tensors = (await numbersOf(name, "model.safetensors")).map((tensor): WrittenTensor => {
    const data = tensor.data as Float32Array;
    if (keep) return { ...tensor, dtype: "F32", data: rounded(dtype, data) };
    return { ...tensor, dtype, data: bytesAs(dtype, data) };
  });
  mkdirSync(at(path), { recursive: true });
  if (shards === 1) return writeFileSync(at(path, "model.safetensors"), safetensorsBytes(tensors));
  const file = (i: number): string => `model-0000${(i % shards) + 1}-of-0000${shards}.safetensors`;
  for (let s = 0; s < shards; s++)
    writeFileSync(at(path, file(s)), safetensorsBytes(tensors.filter((_, i) => i % shards === s)));
  const index = { metadata: {}, weight_map: Object.fromEntries(tensors.map((tensor, i) => [tensor.name, file(i)])) };
  writeFileSync(at(path, "model.safetensors.index.json"), JSON.stringify(index));
};
const logits = async (out: string, name = "llama_tied"): Promise<Float32Array> => {
  const vectors = await numbersOf(name, "vectors.safetensors");
  const entry = manifestIn(out).programs.find((each) => each.name === "forward(text)")!;
  const program = await openProgram(entry.name, at(out, entry.graph!.file));
  const places = Int32Array.from({ length: 80 }, (_, i) => i % 40);
  const i32 = (data: Int32Array) => ({ dtype: "i32" as const, shape: [2, 40], data });
  const all = {
    "text.id": i32(Int32Array.from(vectors.find((each) => each.name === "ids")!.data)),
    "text.order": i32(places),
    "text.position": i32(places),
    "text.span": i32(new Int32Array(80)),
  };
  const asked = Object.entries(all).filter(([input]) => program.inputs.includes(input));
  const outputs = await program.run(Object.fromEntries(asked));
  await program.close();
  return outputs["text.logits"]!.data as Float32Array;
};
const wanted = async (name: string): Promise<Float32Array> =>
  (await numbersOf(name, "vectors.safetensors")).find((each) => each.name === "logits")!.data as Float32Array;
const worst = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);
/** What a folder takes on disk apart from files that have another name elsewhere, in bytes. */
const ownSize = (out: string): number =>
  readdirSync(at(out))
    .map((name) => statSync(at(out, name)))
    .filter(({ nlink }) => nlink === 1)
    .reduce((sum, { size }) => sum + size, 0);
const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
const stateOf = (path: string) => ({ sha256: sha256(path), mtime: statSync(path).mtimeMs, ino: statSync(path).ino });
const locations = (out: string): ReadonlySet<string> =>
  new Set(
    manifestIn(out).programs.flatMap(({ graph }) =>
      decodeModel(readFileSync(at(out, graph!.file))).graph!.initializer!.flatMap((tensor) =>
        tensor.externalData!.filter(({ key }) => key === "location").map(({ value }) => value!),
      ),
    ),
  );

describe("a checkpoint in its own type", () => {
  test.each<[Stored, string, number]>([
    ["F32", "llama_tied", 1e-4],
    ["F32", "llama_untied", 1e-4],
    ["F16", "llama_tied", 0.03],
    ["BF16", "llama_tied", 0.2],
  ])("%s of %s is linked, and gives the logits of Hugging Face", async (dtype, name, limit) => {
    await checkpoint("hub", dtype, { name });
    const file = at("hub", "model.safetensors");
    const before = stateOf(file);
    expect(await compile(["--weights", "language=hub"], { name })).toMatchObject(isOk);
    expect(stateOf(file)).toEqual(before);
    expect(statSync(at("out", "model.safetensors")).ino).toBe(before.ino);
    expect(readdirSync(at("out"))).not.toContain("weights.safetensors");
    await compile([], { name, out: "bare" });
    expect(ownSize("out") - ownSize("bare")).toBeLessThan(20_000);
    const data = readFileSync(file);
    expect(manifestIn("out").weights[0]).toEqual({
      file: "model.safetensors",
      size: data.length,
      how: "linked",
      sha256: null,
      header: createHash("sha256")
        .update(data.subarray(0, 8 + Number(data.readBigUInt64LE(0))))
        .digest("hex"),
      mtime: Math.floor(before.mtime),
    });
    const got = await logits("out", name);
    expect(worst(got, await wanted(name))).toBeLessThanOrEqual(limit);
    await checkpoint("wide", dtype, { name, keep: true });
    await compile(["--weights", "language=wide"], { name, out: "again" });
    expect(worst(got, await logits("again", name))).toBeLessThanOrEqual(1e-5);
  });
  test.each<Stored>(["F32", "BF16"])("%s in three shards", async (dtype) => {
    await checkpoint("hub", dtype, { shards: 3 });
    await checkpoint("one", dtype);
    expect(await compile(["--weights", "language=hub", "--hash"])).toMatchObject(isOk);
    const files = [1, 2, 3].map((n) => `model-0000${n}-of-00003.safetensors`);
    const linked = manifestIn("out").weights.filter(({ how }) => how === "linked");
    expect(linked.map((each) => each.file).sort()).toEqual(files);
    for (const each of linked) expect(each.sha256).toBe(sha256(at("hub", each.file)));
    await compile(["--weights", "language=one"], { out: "whole" });
    expect(worst(await logits("out"), await logits("whole"))).toBe(0);
  });
  test("data at an odd byte", async () => {
    await checkpoint("hub", "BF16");
    const bytes = readFileSync(at("hub", "model.safetensors"));
    await compile(["--weights", "language=hub"]);
    const even = await logits("out");
    const dataStart = 8 + Number(bytes.readBigUInt64LE(0));
    const header = Buffer.concat([bytes.subarray(8, dataStart), Buffer.from(" ")]);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    writeFileSync(at("odd.safetensors"), Buffer.concat([length, header, bytes.subarray(dataStart)]));
    expect(await compile(["--weights", "language=odd.safetensors"], { out: "odd" })).toMatchObject(isOk);
    expect(worst(await logits("odd"), even)).toBe(0);
  });
  test("a weight that must be made is ours, and the rest lies where it lay", async () => {
    const D = 4;
    const tensor = (name: string, dtype: Stored, shape: readonly number[]): WrittenTensor => {
      const data = Float32Array.from({ length: shape.reduce((n, size) => n * size, 1) }, (_, i) => i / 8);
      return { name, dtype, shape, data: bytesAs(dtype, data) };
    };
    const f64 = {
      name: "f64",
      dtype: "F64" as const,
      shape: [D, D],
      data: Float64Array.from({ length: 16 }, () => 0.1),
    };
    const all = [
      tensor("embed", "BF16", [8, D]),
      tensor("head", "BF16", [8 * D]),
      tensor("turned", "F16", [D, D]),
      tensor("joined", "F32", [2 * D, D]),
      f64,
    ];
    writeFileSync(at("made.safetensors"), safetensorsBytes(all));
    const args = ["--weights", "language=made.safetensors", "--target", "onnx", "--out", "out"];
    expect(await inside(["compile", "-", ...args], { cwd: folder, input: making })).toMatchObject(isOk);
    const graph = decodeModel(readFileSync(at("out", "forward.text.onnx"))).graph!;
    const placed = graph.initializer!.map(({ name, externalData }) => [name, externalData?.[0]?.value] as const);
    const made = ["b", "c", "d", "a"].map((name) => [`language.${name}`, "weights.safetensors"]);
    const lying = ["embed", "head"].map((name) => [`language.${name}`, "made.safetensors"]);
    const weights = placed.filter(([name]) => name!.startsWith("language."));
    expect(new Map(weights)).toEqual(new Map([...made, ...lying] as [string, string][]));
    const source = memorySource("weights", readFileSync(at("out", "weights.safetensors")));
    const { tensors } = await readSafetensors(source);
    const numbers = async (name: string) => [...(await readF32(source, tensors.get(`language.${name}`)!))];
    expect([...tensors.keys()].sort()).toEqual(
      ["a", "b", "c", "d", "layers[0].scale"].map((name) => `language.${name}`),
    );
    expect((await numbers("a")).slice(0, 5)).toEqual([0, 0.5, 1, 1.5, 0.125]);
    expect((await numbers("b")).slice(0, 2)).toEqual([2, 2.125]);
    expect((await numbers("c"))[0]).toBe(Math.fround(0.1));
    await (await openSession(at("out"))).close();
  });
});

describe("the place of the file", () => {
  test("a link by path is followed, and keeps its name", async () => {
    await checkpoint("blobs", "F32");
    mkdirSync(at("hub"));
    symlinkSync(join("..", "blobs", "model.safetensors"), at("hub", "named.safetensors"));
    expect(await compile(["--weights", "language=hub/named.safetensors"])).toMatchObject(isOk);
    expect(statSync(at("out", "named.safetensors")).ino).toBe(statSync(at("blobs", "model.safetensors")).ino);
    expect(worst(await logits("out"), await wanted("llama_tied"))).toBeLessThanOrEqual(1e-4);
  });
  test("a name of ours, or one that graphs cannot say, is changed", async () => {
    await checkpoint("hub", "F32");
    for (const [name, become] of [
      ["weights.safetensors", "language.weights.safetensors"],
      ["my model", "my_model.safetensors"],
    ] as const) {
      copyFileSync(at("hub", "model.safetensors"), at(name));
      expect(await compile(["--weights", `language=${name}`])).toMatchObject(isOk);
      expect(locations("out")).toContain(become);
    }
  });
  test("its own folder: graphs lie beside it, and nothing in the folder changes", async () => {
    await checkpoint("hub", "F32", { shards: 3 });
    writeFileSync(at("hub", "notes.txt"), "mine");
    const kept = readdirSync(at("hub"));
    const before = kept.map((name) => stateOf(at("hub", name)));
    expect(await compile(["--weights", "language=hub"], { out: "hub" })).toMatchObject(isOk);
    const { weights } = manifestIn("hub");
    expect(weights.map(({ how }) => how)).toEqual(["beside", "beside", "beside", "written", "written", "written"]);
    expect(worst(await logits("hub"), await wanted("llama_tied"))).toBeLessThanOrEqual(1e-4);
    const first = readdirSync(at("hub"));
    expect(await compile(["--weights", "language=hub"], { out: "hub" })).toMatchObject(isOk);
    expect(readdirSync(at("hub"))).toEqual(first);
    const portable = ["--weights", "language=hub", "--profile", "portable"];
    expect(await compile(portable, { out: "hub" })).toMatchObject(isOk);
    expect(readdirSync(at("hub"))).toHaveLength(first.length);
    expect(readdirSync(at("hub"))).not.toEqual(first);
    expect(manifestIn("hub").profile).toBe("portable");
    expect(kept.map((name) => stateOf(at("hub", name)))).toEqual(before);
    const elsewhere = await compile([], { out: "hub" });
    expect(elsewhere).toMatchObject({ status: 3, stderr: expect.stringContaining("did not write") as string });
  });
  test("its own folder, of links by path: the file gets another name there", async () => {
    await checkpoint("blobs", "F32");
    mkdirSync(at("hub"));
    symlinkSync(join("..", "blobs", "model.safetensors"), at("hub", "model.safetensors"));
    expect(await compile(["--weights", "language=hub"], { out: "hub" })).toMatchObject(isOk);
    expect(locations("hub")).toContain("language.model.safetensors");
    const first = readdirSync(at("hub"));
    expect(await compile(["--weights", "language=hub"], { out: "hub" })).toMatchObject(isOk);
    expect(readdirSync(at("hub"))).toEqual(first);
    expect(manifestIn("hub").weights[0]).toMatchObject({ file: "language.model.safetensors", how: "linked" });
    expect(statSync(at("blobs", "model.safetensors")).nlink).toBe(2);
    expect(worst(await logits("hub"), await wanted("llama_tied"))).toBeLessThanOrEqual(1e-4);
  });
  test("its own folder with a manifest of somebody else", async () => {
    await checkpoint("hub", "F32");
    writeFileSync(at("hub", "manifest.json"), "{}");
    const ran = await compile(["--weights", "language=hub"], { out: "hub" });
    expect(ran).toMatchObject({ status: 3, stderr: expect.stringContaining("holds a manifest.json") as string });
    expect(readdirSync(at("hub")).sort()).toEqual(["manifest.json", "model.safetensors"]);
  });
});

describe("the folder", () => {
  test("is replaced, and the checkpoint stays", async () => {
    await checkpoint("hub", "F32");
    const before = stateOf(at("hub", "model.safetensors"));
    for (let n = 0; n < 2; n++) expect(await compile(["--weights", "language=hub"])).toMatchObject(isOk);
    expect(statSync(at("out", "model.safetensors")).nlink).toBe(2);
    expect(await compile([])).toMatchObject(isOk);
    expect(readdirSync(at("out"))).not.toContain("model.safetensors");
    expect(stateOf(at("hub", "model.safetensors"))).toEqual(before);
    expect(statSync(at("hub", "model.safetensors")).nlink).toBe(1);
  });
  test("that holds the last name of a checkpoint is not replaced", async () => {
    await checkpoint("hub", "F32");
    await compile(["--weights", "language=hub"]);
    rmSync(at("hub"), { recursive: true });
    const ran = await compile(["--seed", "1"]);
    expect(ran).toMatchObject({
      status: 3,
      stderr: expect.stringContaining("last name of model.safetensors") as string,
    });
    expect(existsSync(at("out", "model.safetensors"))).toBe(true);
    renameSync(at("out", "model.safetensors"), at("kept.safetensors"));
    linkSync(at("kept.safetensors"), at("out", "model.safetensors"));
    expect(await compile(["--seed", "1"])).toMatchObject(isOk);
    expect(existsSync(at("kept.safetensors"))).toBe(true);
  });
  test("whose checkpoint has changed since is not opened", async () => {
    await checkpoint("hub", "F32");
    await compile(["--weights", "language=hub"]);
    await (await openSession(at("out"))).close();
    truncateSync(at("hub", "model.safetensors"), 1000);
    await expect(openSession(at("out"))).rejects.toThrow(/model\.safetensors: has 1000 bytes, and had \d+ when/);
    rmSync(at("out", "model.safetensors"));
    await expect(openSession(at("out"))).rejects.toThrow(/cannot be found/);
    symlinkSync(at("hub", "model.safetensors"), at("out", "model.safetensors"));
    await expect(openSession(at("out"))).rejects.toThrow(/not a file itself/);
  });
});

describe("a file that cannot be linked", () => {
  const refusing = (code: string) => (): never => {
    throw Object.assign(new Error(code), { code });
  };
  const bringing = async (code: string, copying: "never" | "if needed") => {
    await checkpoint("hub", "F32");
    mkdirSync(at("to"));
    const source = await openFile(at("hub", "model.safetensors"));
    try {
      const described: Described = await describeFile({ source, slot: "language", headerSize: 64 });
      const options = { folder: at("to"), out: at("out"), kept: [], copying, hash: false, link: refusing(code) };
      return await bringFiles([described, { ...described, source: { ...source } }], options);
    } finally {
      await source.close();
    }
  };
  test.each([
    ["EXDEV", "they are on different file systems (EXDEV)"],
    ["EPERM", "the system does not allow a hard link to it"],
    ["EROFS", "the file system is read-only"],
    ["EIO", "EIO"],
  ])("%s says why, and what a copy would cost", async (code, reason) => {
    const thrown = await bringing(code, "never").catch((cause: unknown) => String(cause));
    expect(thrown).toContain(`cannot be linked into ${at("out")}: ${reason}`);
    const size = statSync(at("hub", "model.safetensors")).size.toLocaleString("en-US");
    expect(thrown).toContain(`or --out ${at("hub")}, or --copy to copy ${size} bytes`);
    expect(readdirSync(at("to"))).toEqual([]);
  });
  test("is copied where that was agreed, once", async () => {
    const { files, names } = await bringing("EXDEV", "if needed");
    expect([...names.values()]).toEqual(["model.safetensors", "model.safetensors"]);
    expect(files).toMatchObject([{ how: "copied", mtime: null, sha256: sha256(at("hub", "model.safetensors")) }]);
    expect(sha256(at("to", "model.safetensors"))).toBe(files[0]!.sha256);
  });
  test("--copy copies, and the copy may be replaced", async () => {
    await checkpoint("hub", "F16");
    const args = ["--weights", "language=hub", "--copy"];
    for (let n = 0; n < 2; n++) expect(await compile(args)).toMatchObject(isOk);
    expect(statSync(at("out", "model.safetensors")).nlink).toBe(1);
    expect(manifestIn("out").weights[0]).toMatchObject({
      how: "copied",
      sha256: sha256(at("hub", "model.safetensors")),
    });
    expect(worst(await logits("out"), await wanted("llama_tied"))).toBeLessThanOrEqual(0.03);
    expect(await compile([])).toMatchObject(isOk);
  });
  const memory = "/dev/shm";
  const other = existsSync(memory) && statSync(memory).dev !== statSync(tmpdir()).dev;
  test.skipIf(!other)("lies on another file system", async () => {
    await checkpoint("hub", "F32");
    const away = mkdtempSync(join(memory, "graftwerk-"));
    try {
      const ran = await compile(["--weights", "language=hub"], { out: join(away, "out") });
      expect(ran).toMatchObject({ status: 3, stderr: expect.stringContaining("(EXDEV)") as string });
      expect(readdirSync(away)).toEqual([]);
      expect(await compile(["--weights", "language=hub", "--copy"], { out: join(away, "out") })).toMatchObject(isOk);
    } finally {
      rmSync(away, { recursive: true });
    }
  });
});
