// Programs in ONNX Runtime: small graphs made here, every dtype in and out, and errors that name the program.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import proto from "onnx-proto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openProgram } from "../../runtime/onnx/session.ts";
import { loadPackage } from "../../runtime/package.ts";
import type { DType, Tensor } from "../../runtime/tensor.ts";

const { onnx } = proto;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graftwerk-session-"));
});
afterAll(() => rm(folder, { recursive: true }));

const codes: Readonly<Record<DType, number>> = { f32: 1, u8: 2, i32: 6, i64: 7, bool: 9, f16: 10, f64: 11 };
const value = (name: string, dtype: DType) => ({
  name,
  type: { tensorType: { elemType: codes[dtype], shape: { dim: [{ dimParam: "n" }] } } },
});
/** A graph of one operator on inputs of one dtype. */
const graph = async (opType: string, inputs: readonly string[], dtype: DType): Promise<string> => {
  const model = onnx.ModelProto.create({
    irVersion: 8,
    opsetImport: [{ domain: "", version: 17 }],
    graph: {
      name: "g",
      node: [{ opType, input: [...inputs], output: ["out"] }],
      input: inputs.map((name) => value(name, dtype)),
      output: [value("out", dtype)],
    },
  });
  const path = join(folder, `${opType}-${dtype}.onnx`);
  await writeFile(path, onnx.ModelProto.encode(model).finish());
  return path;
};

const samples: readonly Tensor[] = [
  { dtype: "f32", shape: [2], data: Float32Array.of(1.5, -2) },
  { dtype: "f64", shape: [2], data: Float64Array.of(0.1, NaN) },
  { dtype: "f16", shape: [2], data: Uint16Array.of(0x3c00, 0xfc00) },
  { dtype: "i32", shape: [2], data: Int32Array.of(-1, 2 ** 31 - 1) },
  { dtype: "i64", shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) },
  { dtype: "u8", shape: [2], data: Uint8Array.of(0, 255) },
  { dtype: "bool", shape: [2], data: Uint8Array.of(0, 1) },
];

describe("running", () => {
  test.each(samples)("$dtype goes through", async (sample) => {
    const program = await openProgram("same", await graph("Identity", ["x"], sample.dtype), { threads: 1 });
    expect(await program.run({ x: sample })).toEqual({ out: sample });
    await program.close();
  });

  test.each(["none", "basic", "extended", "all"] as const)("optimised: %s", async (optimize) => {
    const program = await openProgram("sum", await graph("Add", ["a", "b"], "f32"), { optimize, threads: 2 });
    expect([program.inputs, program.outputs]).toEqual([["a", "b"], ["out"]]);
    const [a] = samples as readonly [Tensor];
    expect((await program.run({ a, b: a }))["out"]!.data).toEqual(Float32Array.of(3, -4));
    await program.close();
    await program.close();
    await expect(program.run({ a, b: a })).rejects.toThrow(/program sum: is closed/);
  });
});

describe("errors name the program", () => {
  test("inputs that do not fit", async () => {
    const program = await openProgram("sum", await graph("Add", ["a", "b"], "f32"));
    const a: Tensor = { dtype: "f32", shape: [2], data: Float32Array.of(1, 2) };
    await expect(program.run({ a })).rejects.toThrow(/program sum: the input b is missing/);
    await expect(program.run({ a, b: a, c: a })).rejects.toThrow(/program sum: has no input c[^]*its inputs are a, b/);
    await expect(program.run({ a, b: { ...a, shape: [3] } })).rejects.toThrow(
      /the input b is \[3\], but has 2 elements/,
    );
    const odd = { dtype: "f32", shape: [2], data: Int32Array.of(1, 2) } as unknown as Tensor;
    await expect(program.run({ a, b: odd })).rejects.toThrow(/the input b is f32, but its data is a Int32Array/);
    const whole: Tensor = { dtype: "i32", shape: [2], data: Int32Array.of(1, 2) };
    await expect(program.run({ a, b: whole })).rejects.toThrow(/program sum: failed: .*type/i);
    await expect(program.run({ a, b: { ...a, shape: [3], data: new Float32Array(3) } })).rejects.toThrow(
      /program sum: failed/,
    );
    await program.close();
  });

  test("files that are no graph", async () => {
    await writeFile(join(folder, "no.onnx"), "no graph");
    await expect(openProgram("p", join(folder, "no.onnx"))).rejects.toThrow(/program p: .*no\.onnx cannot be opened/);
    await expect(openProgram("p", join(folder, "none.onnx"))).rejects.toThrow(
      /program p: .*none\.onnx cannot be opened/,
    );
  });
});

describe("a package that is not there", () => {
  test("is named with the command that installs it", async () => {
    const missing = "graftwerk-test-missing";
    const load = loadPackage(missing, "testing", () => import(/* @vite-ignore */ `node_modules/${missing}`));
    await expect(load).rejects.toThrow(
      /needed for testing and is not installed[^]*npm install --ignore-scripts graftwerk-test-missing/,
    );
  });
  test("that is there and broken gives its own reason", async () => {
    const load = loadPackage("x", "testing", () => Promise.reject(new Error("wrong architecture")));
    await expect(load).rejects.toThrow(/x does not load on this machine: wrong architecture/);
  });
});
