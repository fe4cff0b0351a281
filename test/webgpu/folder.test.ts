// A folder compiled for WebGPU, opened as any other: it gives what the one for ONNX Runtime gives, and a plan that is not
// sound is refused.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DocumentRow, openSession } from "../../runtime/index.ts";
import { inside } from "../cli/inside.ts";
import { gpu } from "./gpu.ts";

const folder = mkdtempSync(join(tmpdir(), "graftwerk-folder-"));
const spec = new URL("../../examples/llama/llama.graft", import.meta.url).pathname;
const compile = async (target: string, out: string): Promise<string> => {
  const path = join(folder, out);
  const args = ["compile", spec, "--model", "LlamaModel", "--target", target, "--seed", "3", "--out", path];
  expect((await inside(args)).status).toBe(0);
  return path;
};
let kernels: string;
beforeAll(async () => {
  kernels = await compile("webgpu", "kernels");
});
afterAll(() => rmSync(folder, { recursive: true }));

const rows = Array.from({ length: 9 }, (_, i): DocumentRow => ({
  kind: "text",
  span: 0,
  index: 0,
  values: { id: 40 + i },
}));

test("it gives what ONNX Runtime gives, phase by phase too", async () => {
  const graphs = await openSession(await compile("onnx", "graphs"));
  const wanted = (await graphs.forward([{ rows }])).rows("text.logits", 0).get(8)!;
  await graphs.close();
  const session = await openSession(kernels, { adapter: await gpu() });
  const near = (got: Float32Array): void =>
    expect(Math.max(...got.map((x, i) => Math.abs(x - wanted[i]!)))).toBeLessThan(1e-4);
  near((await session.forward([{ rows }])).rows("text.logits", 0).get(8)!);
  const context = session.start();
  await session.append(context, "prefill", [{ rows: rows.slice(0, 8) }]);
  const last = await session.append(context, "decode", [{ rows: rows.slice(8) }]);
  near(last.rows("text.logits", 0).get(8)!);
  await session.close();
});

test("a plan that is not sound is refused with its file", async () => {
  const refused = async (): Promise<string> => {
    const session = await openSession(kernels, { adapter: await gpu() });
    const message = await session.forward([{ rows }]).then(
      () => "nothing",
      (cause: Error) => cause.message,
    );
    await session.close();
    return message;
  };
  const path = join(kernels, "plan.json");
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace('"heap":"state"', '"heap":"matrix"'));
  expect(await refused()).toMatch(/plan\.json: not a sound plan: programs\[0\]\.values\[\d+\]\.heap/);
  writeFileSync(path, text);
  expect(await refused()).toBe("nothing");
});
