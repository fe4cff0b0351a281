// The peer: ONNX Runtime's WebGPU provider, on our own graph, in the same process and on the same adapter.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { onnx } from "../../compiler/index.ts";
import type { ModelModule } from "../../compiler/ir/module.ts";
import type { Tensor } from "../../runtime/tensor.ts";

export interface Peer {
  run(program: string, inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, ort.Tensor>>>;
  close(): Promise<void>;
}

const TYPES = { f32: "float32", i32: "int32" } as const;

/** The graphs of a module by the profile that is made for it, with `weight` giving the numbers of each weight. */
export const openPeer = async (
  module: ModelModule,
  weight: (name: string) => Float32Array,
  only: readonly string[],
  enableRobustness: boolean,
): Promise<Peer> => {
  const folder = mkdtempSync(join(tmpdir(), "graftwerk-bench-"));
  let size = 0;
  const places = new Map<string, { readonly offset: number; readonly length: number }>();
  for (const { name } of module.params) {
    const { byteLength } = weight(name);
    places.set(name, { offset: size, length: byteLength });
    size += Math.ceil(byteLength / 64) * 64;
  }
  const all = new Uint8Array(size);
  for (const { name } of module.params) {
    const { buffer, byteOffset, byteLength } = weight(name);
    all.set(new Uint8Array(buffer, byteOffset, byteLength), places.get(name)!.offset);
  }
  writeFileSync(join(folder, "weights.bin"), all);
  const sessions = new Map<string, ort.InferenceSession>();
  for (const [i, program] of module.programs.filter(({ name }) => only.includes(name)).entries()) {
    const place = ({ name }: { readonly name: string }) => ({
      location: "weights.bin",
      ...places.get(name)!,
      dtype: "f32" as const,
    });
    const made = onnx(module, program, { profile: "ort-webgpu", place, constants: `${i}.bin` });
    writeFileSync(join(folder, `${i}.onnx`), made.model);
    writeFileSync(join(folder, `${i}.bin`), made.constants);
    sessions.set(
      program.name,
      await ort.InferenceSession.create(join(folder, `${i}.onnx`), {
        executionProviders: [{ name: "webgpu", enableRobustness } as ort.InferenceSession.ExecutionProviderConfig],
        logSeverityLevel: 4,
      }),
    );
  }
  return {
    run: async (program, inputs) => {
      const feeds = Object.fromEntries(
        Object.entries(inputs).map(([name, { dtype, shape, data }]) => [
          name,
          new ort.Tensor(TYPES[dtype as keyof typeof TYPES], data as Float32Array, [...shape]),
        ]),
      );
      return sessions.get(program)!.run(feeds);
    },
    close: async () => {
      for (const session of sessions.values()) await session.release();
      rmSync(folder, { recursive: true });
    },
  };
};
