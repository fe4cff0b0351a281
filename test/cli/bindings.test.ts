// `compile --bindings`: the module lies in the folder with the graphs, is replaced with them, and gives the numbers that a
// session gives.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bindings } from "../../compiler/bindings/index.ts";
import { openSession, readManifest, type Tensor } from "../../runtime/index.ts";
import { described } from "../bindings/manifests.ts";
import { command, graftwerk, root } from "./built.ts";
import { reference, tiny } from "./specs.ts";

const BINDINGS = ["model.d.mts", "model.mjs"];
let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "graftwerk-bindings-"));
  const installed = join(home, "node_modules", "graftwerk");
  mkdirSync(installed, { recursive: true });
  cpSync(join(root, "package.json"), join(installed, "package.json"));
  symlinkSync(dirname(dirname(command())), join(installed, "dist"), "junction");
  cpSync(join(root, "examples", "xfusion", "xfusion.graft"), join(home, "xfusion.graft"));
  writeFileSync(join(home, "tiny.graft"), tiny);
  writeFileSync(join(home, "reference.graft"), reference());
});
afterAll(() => rmSync(home, { recursive: true }));

const compile = (spec: string, out: string, ...options: readonly string[]) =>
  graftwerk(["compile", spec, "--target", "onnx", "--out", out, ...options], { cwd: home });
const must = (...call: Parameters<typeof compile>): string => {
  const { status, stdout, stderr } = compile(...call);
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
};
const modules = (folder: string): string[] =>
  readdirSync(join(home, folder))
    .filter((name) => name.endsWith("mts") || name.endsWith("mjs"))
    .sort();
/** What a module prints. */
const node = (script: string): string => {
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: home,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return stdout;
};

describe("the module", () => {
  beforeAll(() => void must("xfusion.graft", "dual", "--model", "DualTower", "--seed", "1", "--bindings"));

  test("is that of the manifest, which has its hashes", async () => {
    const manifest = await readManifest(join(home, "dual"), "manifest.json");
    const { notes } = described("xfusion", "DualTower");
    const made = bindings(manifest, notes);
    const texts = BINDINGS.map((name) => readFileSync(join(home, "dual", name), "utf8"));
    expect(texts).toEqual([made.declarations, made.module]);
    const hashes = texts.map((text) => createHash("sha256").update(text).digest("hex"));
    const named = [...manifest.bindings!].sort((a, b) => (a.file < b.file ? -1 : 1));
    expect(named).toEqual(BINDINGS.map((file, i) => ({ file, sha256: hashes[i] })));
  });

  test("gives the numbers of a session, by a program and by phases", async () => {
    const session = await openSession(join(home, "dual"), { threads: 1 });
    const [ids, places] = [Int32Array.of(72, 101, 108), Int32Array.of(0, 1, 2)];
    const shape = [1, 3];
    const inputs: Record<string, Tensor> = {
      "text.id": { dtype: "i32", shape, data: ids },
      "text.order": { dtype: "i32", shape, data: places },
      "text.position": { dtype: "i32", shape, data: places },
    };
    const parts = (some: readonly number[]) => [
      { rows: some.map((id) => ({ kind: "text", span: 0, index: 0, values: { id } })) },
    ];
    const wanted = await session.run("forward(text)", inputs);
    const context = session.start();
    await session.append(context, "prefill", parts([72, 101]));
    const decoded = await session.append(context, "decode", parts([108]));
    await session.close();

    const found = node(`
      import { open } from "./dual/model.mjs";
      const model = await open({ threads: 1 });
      const places = Int32Array.of(0, 1, 2);
      const tensor = (data) => ({ dtype: "i32", shape: [1, 3], data });
      const { "text.logits": logits } = await model.forwardText({
        "text.id": tensor(Int32Array.of(72, 101, 108)), "text.order": tensor(places), "text.position": tensor(places),
      });
      const parts = (ids) => [{ rows: ids.map((id) => ({ kind: "text", span: 0, index: 0, values: { id } })) }];
      const context = model.start();
      await model.append(context, "prefill", parts([72, 101]));
      const decoded = await model.append(context, "decode", parts([108]));
      const row = decoded.rows("text.logits", 0).get(2);
      await model.close();
      console.log(JSON.stringify([model.manifest.model, logits.shape, [...logits.data], [...row]]));
    `);
    const row = decoded.rows("text.logits", 0).get(2)!;
    const { shape: sizes, data } = wanted["text.logits"] as Tensor & { readonly data: Float32Array };
    expect(JSON.parse(found)).toEqual(["DualTower", sizes, [...data], [...row]]);
    expect(data.some((x) => x !== 0)).toBe(true);
  });

  test("has a method for each program, and hides nothing of a session", async () => {
    const found = JSON.parse(
      node('import { open } from "./dual/model.mjs"; console.log(JSON.stringify(Object.keys(await open())))'),
    ) as string[];
    const session = await openSession(join(home, "dual"));
    const own = Object.keys(session);
    expect(found.slice(0, own.length)).toEqual(own);
    expect(found.slice(own.length)).toHaveLength(session.manifest.programs.length);
    await session.close();
  });

  test("says what is wrong with its folder", () => {
    must("xfusion.graft", "bare", "--model", "DualTower", "--bindings");
    const found = node(
      'import { open } from "./bare/model.mjs"; await open().catch(({ name, kind, message }) => console.log(name, kind, message))',
    );
    expect(found).toMatch(/^Failure file .*bare.*has no weights/);
  });
});

describe("a folder with bindings", () => {
  test("is replaced by one without, and the other way round", () => {
    expect(must("tiny.graft", "tiny", "--seed", "1", "--bindings")).toMatch(/ {2}bindings +model\.mjs\n/);
    expect(modules("tiny")).toEqual(BINDINGS);
    must("tiny.graft", "tiny", "--seed", "1");
    expect(modules("tiny")).toEqual([]);
    must("tiny.graft", "tiny", "--seed", "1", "--bindings");
    expect(modules("tiny")).toEqual(BINDINGS);
  });

  test("is left alone where somebody else's module lies in it", () => {
    must("tiny.graft", "mine", "--seed", "1");
    writeFileSync(join(home, "mine", "model.mjs"), "// mine");
    const ran = compile("tiny.graft", "mine", "--seed", "1", "--bindings");
    expect([ran.status, ran.stderr]).toEqual([3, expect.stringContaining("holds model.mjs, which graftwerk compile")]);
    expect(readFileSync(join(home, "mine", "model.mjs"), "utf8")).toBe("// mine");
  });

  test("may be that of the checkpoint: then their names have the tag of the graphs", () => {
    mkdirSync(join(home, "hub"));
    const checkpoint = join(root, "test", "reference", "llama_tied", "model.safetensors");
    copyFileSync(checkpoint, join(home, "hub", "model.safetensors"));
    writeFileSync(join(home, "hub", "model.mjs"), "// mine");
    must("reference.graft", "hub", "--weights", "language=hub", "--bindings");
    const [declarations, module, mine] = modules("hub");
    expect(module).toMatch(/^model\.[0-9a-f]{8}\.mjs$/);
    expect([declarations, mine]).toEqual([module!.replace(".mjs", ".d.mts"), "model.mjs"]);
    const found = node(`
      import { open } from "./hub/${module}";
      const model = await open();
      console.log(model.manifest.model, typeof model.decodeText);
    `);
    expect(found).toBe("Alone function\n");
    must("reference.graft", "hub", "--weights", "language=hub");
    expect(modules("hub")).toEqual(["model.mjs"]);
  });
});

test.each([
  [1, "broken.graft", tiny.replace("causal", "causa")],
  [3, "none.graft", undefined],
])("a compilation that fails with %d does not wait for the thread", (status, name, text) => {
  if (text !== undefined) writeFileSync(join(home, name), text);
  expect(compile(name, "never", "--bindings").status).toBe(status);
  expect(readdirSync(home)).not.toContain("never");
});
