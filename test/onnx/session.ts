// Runs an emitted model in ONNX Runtime, with its weights and constants in a folder of the test's own.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { at, type Binding } from "../../compiler/ir/dim.ts";
import type { Given, Values } from "../../compiler/ir/evaluate.ts";
import type { Module, Param, Program } from "../../compiler/ir/module.ts";
import type { DType } from "../../compiler/ir/vocabulary.ts";
import { emit, type Emitted } from "../../compiler/target/onnx/emit.ts";
import type { ProfileName } from "../../compiler/target/onnx/profile.ts";

export const levels = ["all", "disabled"] as const;
export type Level = (typeof levels)[number];
export const profileNames: readonly ProfileName[] = ["ort-cpu", "portable", "ort-webgpu"];

/** Weights one after another in f32. */
const packed = (
  params: readonly Param[],
): ((param: Param) => { location: string; offset: number; length: number; dtype: DType }) => {
  const places = new Map<string, { location: string; offset: number; length: number; dtype: DType }>();
  let offset = 0;
  for (const { name, type } of params) {
    const length = 4 * type.shape.reduce<number>((p, d) => p * (d as number), 1);
    places.set(name, { location: "weights.bin", offset, length, dtype: "f32" });
    offset += length;
  }
  return (param) => places.get(param.name)!;
};

export const emitted = (module: Module, program: Program, profile: ProfileName): Emitted =>
  emit(module, program, { profile, place: packed(module.params), constantsLocation: "constants.bin" });

/** The outputs of `program`, by the program's order. */
export const run = async (
  module: Module,
  program: Program,
  given: Given,
  profile: ProfileName,
  level: Level,
): Promise<Values[]> => {
  const { model, constants } = emitted(module, program, profile);
  const weights = module.params.flatMap((p) => [...given.params[p.name]!.data]);
  const files = {
    "weights.bin": Uint8Array.from(Buffer.from(Float32Array.from(weights).buffer)),
    "constants.bin": constants,
  };
  return runModel(model, files, program, given, level);
};

export const runModel = async (
  model: Uint8Array,
  files: Readonly<Record<string, Uint8Array>>,
  program: Program,
  given: Given,
  level: Level,
): Promise<Values[]> => {
  const folder = mkdtempSync(join(tmpdir(), "graftwerk-onnx-"));
  try {
    for (const [name, bytes] of Object.entries({ ...files, "model.onnx": model }))
      writeFileSync(join(folder, name), bytes);
    const session = await InferenceSession.create(join(folder, "model.onnx"), {
      graphOptimizationLevel: level,
      logSeverityLevel: 3,
      intraOpNumThreads: 1,
    });
    const feeds = program.inputs.map((port) => [port.name, tensor(port.type.dtype, given.inputs[port.name]!)] as const);
    const results = await session.run(Object.fromEntries(feeds));
    await session.release();
    return program.outputs.map((o) =>
      numbers(
        results[o.name]!,
        o.node.type.shape.map((d) => at(d, given.dims as Binding)),
      ),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const tensor = (dtype: DType, { shape, data }: Values): Tensor => {
  if (dtype === "f32") return new Tensor("float32", Float32Array.from(data), shape);
  if (dtype === "i32") return new Tensor("int32", Int32Array.from(data), shape);
  if (dtype === "bool") return new Tensor("bool", Uint8Array.from(data), shape);
  throw new Error(`no test feeds ${dtype}`);
};
const numbers = (result: Tensor, shape: readonly number[]): Values => {
  if (result.dims.join() !== shape.join()) throw new Error(`got [${result.dims.join()}], not [${shape.join()}]`);
  return { shape, data: Float64Array.from(result.data as Float32Array) };
};

/** Sum of squared errors over sum of squares; NaN or Infinity where a value is off by that much. */
export const nmse = (got: Values, wanted: Values): number => {
  let error = 0;
  let power = 0;
  for (const [i, w] of wanted.data.entries()) {
    error += (got.data[i]! - w) ** 2;
    power += w ** 2;
  }
  return error === 0 ? 0 : error / power;
};
