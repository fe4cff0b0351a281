// `compile` and `expand`: what lies in the folder, that it is there whole or not at all, where weights come from, and that
// nothing of a user's is lost.
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { expand, type Expanded, expandedText } from "../../compiler/analyze/print.ts";
import { check } from "../../compiler/index.ts";
import {
  memorySource,
  openProgram,
  parseManifest,
  readBytes,
  readF32,
  readSafetensors,
  safetensorsBytes,
  type StoredTensor,
  type WrittenTensor,
} from "../../runtime/index.ts";
import { root } from "./built.ts";
import { inside } from "./inside.ts";
import { reference, tiny } from "./specs.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-cli-"));
  writeFileSync(join(folder, "tiny.graft"), tiny);
});
afterEach(() => rmSync(folder, { recursive: true }));

const compile = (args: readonly string[], input?: string) =>
  inside(["compile", input === undefined ? "tiny.graft" : "-", "--target", "onnx", "--out", "out", ...args], {
    cwd: folder,
    ...(input !== undefined && { input }),
  });
const read = (name: string): Buffer => readFileSync(join(folder, "out", name));
const manifest = () => parseManifest(read("manifest.json").toString(), "manifest.json");
const tensors = async (bytes: Uint8Array) => {
  const { source, tensors: found } = await readSafetensors(memorySource("w", bytes));
  const numbers = async (each: StoredTensor): Promise<Float32Array> => {
    if (each.dtype !== "I32") return readF32(source, each);
    const words = Uint8Array.from(await readBytes(source, each));
    return Float32Array.from(new Int32Array(words.buffer));
  };
  const all = [...found.values()].map(async (each) => [each.name, { ...each, data: await numbers(each) }] as const);
  return new Map(await Promise.all(all));
};

describe("what is written", () => {
  test("graphs, weights, and a manifest with their hashes", async () => {
    const { status, stdout, stderr } = await compile(["--seed", "5"]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("Tiny4: compiled for ort-cpu into out");
    const { programs, weights, missing, tool } = manifest();
    expect(tool).toMatch(/^graftwerk \d/);
    expect(missing).toEqual([]);
    const written = [...programs.map(({ graph }) => graph!), ...weights];
    const files = written.map(({ file }) => file);
    expect(readdirSync(join(folder, "out")).sort()).toEqual([...files, "manifest.json"].sort());
    for (const { file, sha256 } of written)
      expect(createHash("sha256").update(read(file)).digest("hex"), file).toBe(sha256);
    expect(readdirSync(folder).sort()).toEqual(["out", "tiny.graft"]);
  });
  test("programs are named for what they take", async () => {
    const spec = join(root, "examples", "xfusion", "xfusion.graft");
    const out = join(folder, "out");
    const { status, stdout } = await inside([
      "compile",
      spec,
      "--model",
      "DualTower",
      "--target",
      "onnx",
      "--out",
      out,
      "--json",
    ]);
    expect(status).toBe(0);
    const json = JSON.parse(stdout) as { schema: string; manifest: ReturnType<typeof manifest> };
    expect(json.schema).toBe("graftwerk/compile@1");
    expect(json.manifest).toEqual(manifest());
    expect(manifest().programs.map(({ name, graph, streams }) => [name, graph?.file, streams.length])).toEqual([
      ["forward(text)", "forward.text.onnx", 1],
      ["forward(text, image)", "forward.text+image.onnx", 2],
      ["prefill(text)", "prefill.text.onnx", 1],
      ["prefill(text, image)", "prefill.text+image.onnx", 2],
      ["decode(text)", "decode.text.onnx", 1],
      ["read(image)", "read.image.onnx", 1],
      ["denoise(image)", "denoise.image.onnx", 1],
    ]);
    expect(manifest().noise).toEqual([
      {
        modality: "image",
        input: "t",
        process: { is: "flow", clean: 0, noise: 1, predicts: "velocity" },
        after: "given",
      },
    ]);
    expect(manifest().conditions).toEqual([{ name: "t", per: "image", clean: 0 }]);
  });
  test("the same bytes each time, and for each seed others", async () => {
    const hashes: string[] = [];
    for (const seed of ["5", "5", "6"]) {
      await compile(["--seed", seed]);
      hashes.push(createHash("sha256").update(read("manifest.json")).digest("hex"));
    }
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[0]).not.toBe(hashes[2]);
  });
  test.each(["portable", "ort-webgpu"])("for %s", async (profile) => {
    expect((await compile(["--profile", profile])).status).toBe(0);
    expect(manifest().profile).toBe(profile);
  });
});

describe("without weights", () => {
  test("they are named, and their place is fixed", async () => {
    const { status, stdout } = await compile([]);
    expect(status).toBe(0);
    expect(stdout).toContain("no weights: 3 are missing");
    const { missing, weights, programs } = manifest();
    expect(missing).toEqual(["language.embed", "language.head", "language.layers[0].q"]);
    expect(readdirSync(join(folder, "out"))).not.toContain("weights.safetensors");
    const graph = read(programs[0]!.graph!.file);
    expect((await compile(["--seed", "1"])).status).toBe(0);
    expect(read(programs[0]!.graph!.file).equals(graph)).toBe(true);
    expect(manifest().weights[0]!.size).toBe(weights[0]!.size);
  });
  test("a file that a user put there since is not replaced", async () => {
    await compile([]);
    writeFileSync(join(folder, "out", "weights.safetensors"), "mine");
    const { status, stderr } = await compile([]);
    expect(status).toBe(3);
    expect(stderr).toContain("holds weights.safetensors, which graftwerk compile did not write");
    expect(read("weights.safetensors").toString()).toBe("mine");
  });
});

describe("the folder", () => {
  test("of an earlier compilation is replaced", async () => {
    await compile(["--seed", "1"]);
    expect((await compile(["--profile", "portable"])).status).toBe(0);
    expect(readdirSync(join(folder, "out"))).not.toContain("weights.safetensors");
    expect(readdirSync(folder).sort()).toEqual(["out", "tiny.graft"]);
  });
  test("of anything else is left alone", async () => {
    mkdirSync(join(folder, "out"));
    expect((await compile([])).status).toBe(0);
    writeFileSync(join(folder, "out", "notes.txt"), "mine");
    const kept = readdirSync(join(folder, "out"));
    expect(await compile([])).toMatchObject({
      status: 3,
      stderr: expect.stringContaining("holds notes.txt") as string,
    });
    expect(readdirSync(join(folder, "out"))).toEqual(kept);
    rmSync(join(folder, "out", "manifest.json"));
    expect((await compile([])).stderr).toContain("was not made by graftwerk compile");
    rmSync(join(folder, "out"), { recursive: true });
    writeFileSync(join(folder, "out"), "a file");
    expect(await compile([])).toMatchObject({ status: 3, stderr: expect.stringContaining("is a file") as string });
  });
  test("does not appear when something fails", async () => {
    expect((await compile(["--weights", "none.safetensors"])).status).toBe(3);
    expect(readdirSync(folder)).toEqual(["tiny.graft"]);
  });
  test("that cannot be written is a matter of files", async () => {
    if (process.platform === "win32" || process.getuid?.() === 0) writeFileSync(join(folder, "locked"), "");
    else {
      mkdirSync(join(folder, "locked"));
      chmodSync(join(folder, "locked"), 0o500);
    }
    const { status, stderr } = await inside(["compile", "tiny.graft", "--target", "onnx", "--out", "locked/out"], {
      cwd: folder,
    });
    expect(status).toBe(3);
    expect(stderr).toContain("cannot be written");
  });
});

describe("checkpoints", () => {
  const vectors = (name: string) => tensors(readFileSync(join(root, "test", "reference", name, "vectors.safetensors")));
  test.each([
    ["llama_tied", "head_dim: 16, tied: true"],
    ["llama_untied", "head_dim: 24, tied: false"],
  ])("%s of Hugging Face gives its logits", async (name, tower) => {
    const checkpoint = join(root, "test", "reference", name);
    const { status, stdout, stderr } = await compile(
      ["--weights", `language=${checkpoint}`, "--copy", "--json"],
      reference(tower),
    );
    expect([status, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toMatchObject({ loaded: [{ slot: "language", map: "huggingface" }], initial: 0 });
    const wanted = await vectors(name);
    const program = await openProgram("forward(text)", join(folder, "out", "forward.text.onnx"));
    const places = Int32Array.from({ length: 80 }, (_, i) => i % 40);
    const i32 = (data: Int32Array) => ({ dtype: "i32" as const, shape: [2, 40], data });
    const ids = Int32Array.from(wanted.get("ids")?.data ?? []);
    const all = {
      "text.id": i32(ids),
      "text.order": i32(places),
      "text.position": i32(places),
      "text.span": i32(new Int32Array(80)),
    };
    const asked = Object.entries(all).filter(([input]) => program.inputs.includes(input));
    const { "text.logits": logits } = await program.run(Object.fromEntries(asked));
    await program.close();
    const want = wanted.get("logits")!.data;
    const worst = want.reduce((most, x, i) => Math.max(most, Math.abs(x - (logits!.data as Float32Array)[i]!)), 0);
    expect(worst).toBeLessThanOrEqual(1e-4);
  });

  const tower = `tower Small = Llama(L: 3, D: 64, heads: 4, kv_heads: 2, hidden: 160, vocab: 97, rope: Llama3Rope())`;
  const dual = `${reference().split("tower Reference")[0]!}import { Copied } from "std/copied"\n${tower}
model Two(language: Language = Small, vision = Copied(language)) {
  modality text = tokens(vocab: language.vocab)
  freeze language.**
  train vision.**
  embed text(id) = language.enter(id)
  layers fuse l in language.layers, v in vision.layers { h = l(h) + v(h) }
  mask = causal
  position = running
  head text = next_token(language.logits(h))
}
`;
  const tied = join(root, "test", "reference", "llama_tied", "model.safetensors");
  test("a copy starts from what was read, and what starts from chance needs a seed", async () => {
    const without = await compile(["--weights", `language=${tied}`], dual);
    expect(without.status).toBe(2);
    expect(without.stderr).toMatch(
      /no file gives vision\.[^]*start from chance[^]*give --seed N[^]*--weights for vision/,
    );
    expect((await compile(["--weights", `language=${tied}`, "--seed", "1", "--copy"], dual)).status).toBe(0);
    const found = await tensors(read("weights.safetensors"));
    const file = await tensors(readFileSync(tied));
    expect([...found.keys()].filter((path) => path.startsWith("language."))).toEqual([]);
    const q = file.get("model.layers.2.self_attn.q_proj.weight")!.data;
    expect(found.get("vision.layers[2].q")!.data).toEqual(q);
  });
  test("what was written is read again by its own paths", async () => {
    await compile(["--seed", "4"]);
    const first = read("weights.safetensors");
    writeFileSync(join(folder, "mine.safetensors"), first);
    const { status, stdout } = await compile(["--weights", "mine.safetensors"]);
    expect(status).toBe(0);
    expect(stdout).toContain("3 weights of the model from mine.safetensors (own paths)");
    expect(read("mine.safetensors").equals(first)).toBe(true);
    expect(readdirSync(join(folder, "out"))).not.toContain("weights.safetensors");
  });
  test("the tokenizer beside a checkpoint comes along", async () => {
    mkdirSync(join(folder, "hub"));
    copyFileSync(tied, join(folder, "hub", "model.safetensors"));
    writeFileSync(join(folder, "hub", "tokenizer.json"), "{}");
    expect((await compile(["--weights", "language=hub"], reference())).status).toBe(0);
    expect(read("tokenizer.json").toString()).toBe("{}");
    expect((await compile(["--weights", "language=hub"], reference())).status).toBe(0);
  });

  test("one report says all that does not fit", async () => {
    const file = await tensors(readFileSync(tied));
    const changed = [...file.values()].flatMap(({ name, shape, data }): WrittenTensor[] => {
      if (name.endsWith("1.mlp.up_proj.weight")) return [];
      if (name === "model.norm.weight") return [{ name, dtype: "F32" as const, shape: [32, 2], data }];
      if (name.endsWith("0.mlp.up_proj.weight"))
        return [{ name, dtype: "I32" as const, shape, data: new Int32Array(data.length) }];
      return [{ name, dtype: "F32" as const, shape, data }];
    });
    const more = ["lm_head.weight", "model.layers.0.rotary_emb.inv_freq"].map((name) => ({
      name,
      dtype: "F32" as const,
      shape: [1],
      data: Float32Array.of(0),
    }));
    writeFileSync(join(folder, "wrong.safetensors"), safetensorsBytes([...changed, ...more]));
    const { status, stderr } = await compile(["--weights", "language=wrong.safetensors"], reference());
    expect(status).toBe(3);
    expect(stderr).toBe(
      [
        "error: wrong.safetensors: is no checkpoint of language (read by its map huggingface)",
        "  missing keys (1):",
        "    model.layers.1.mlp.up_proj.weight, for language.layers[1].up",
        "  keys that nothing uses (1):",
        "    lm_head.weight",
        "  keys of another shape (2):",
        '    language.layers[0].up is [160, 64], and there is "model.layers.0.mlp.up_proj.weight", which is I32 and no float',
        '    language.norm is [64], and there is [32, 2] ("model.norm.weight")',
        "help: give the checkpoint of this tower, correct the tower's sizes, or its `checkpoint` map",
        "",
      ].join("\n"),
    );
  });
  test.each<[readonly string[], number, RegExp]>([
    [["--weights", `langage=${tied}`], 2, /no weights of langage[^]*did you mean language\?/],
    [["--weights", `language=${tied}`, "--weights", `language=${tied}`], 2, /given twice for language/],
    [["--weights", tied], 3, /no checkpoint of the model \(read by the weights' own paths\)/],
  ])("%j", async (args, status, reason) => {
    const ran = await compile(args, reference());
    expect(ran.status).toBe(status);
    expect(ran.stderr).toMatch(reason);
  });
});

describe("expand", () => {
  const spec = join(root, "examples", "xfusion", "xfusion.graft");
  test("text shows towers, routing, adapters and weights", async () => {
    const { status, stdout } = await inside(["expand", spec, "--model", "DualTowerDiT"]);
    expect(status).toBe(0);
    for (const line of [
      /^model DualTowerDiT: 145,856 parameters frozen, \d+,\d+ trained$/m,
      /^ {2}vision: DiT, 5 layers of DiTBlock/m,
      /^ {2}fuse\[0\]: h = select \{ text, image\.open, image\.close: language\.layers\[0\]\(.*linear\(h\[image\.patch\], fuse\[0\]\.\S+\.w\)/m,
      /^ {2}language\.layers\[i\]\.q \[64, 64\] frozen, from unset; .*"model\.layers\.\{i\}\.self_attn\.q_proj\.weight" for i in 0 \.\. 2$/m,
      /^ {2}vision\.layers\[i\]\.modulation .*blocks\.\{i\}\.adaLN_modulation\.1\.weight" for i in 0 \.\. 4$/m,
      /^ {2}\(causal or within\(image\.patch\)\)$/m,
    ])
      expect(stdout).toMatch(line);
  });
  test("JSON folds nothing", async () => {
    const { stdout } = await inside(["expand", spec, "--model", "DualTower", "--json"]);
    const found = JSON.parse(stdout) as Expanded;
    expect(found.schema).toBe("graftwerk/expand@1");
    expect(found.towers.map(({ path, layers }) => [path, layers.length])).toEqual([
      ["language", 3],
      ["vision", 3],
    ]);
    expect(found.weights.find(({ path }) => path === "vision.layers[2].q")).toEqual({
      path: "vision.layers[2].q",
      shape: [64, 64],
      trained: true,
      init: "copy(language.layers[2].q)",
      aliases: [],
      sources: [],
    });
    expect(found.weights.find(({ path }) => path === "language.embed")!.aliases).toEqual(["language.head"]);
    expect(found.ignored).toEqual([{ slot: "language", map: "huggingface", pattern: "*.rotary_emb.inv_freq" }]);
    expect(found.steps).toHaveLength(3);
  });
  test("every model of the examples has a short text", async () => {
    for (const name of ["xfusion", "lmfusion", "llama"]) {
      const path = join(root, "examples", name, `${name}.graft`);
      const checked = check(path, (file) => readFileSync(file, "utf8"));
      for (const model of checked.models)
        expect(expandedText(expand(checked.model(model)!)).length, model).toBeLessThan(40_000);
    }
  });
});
