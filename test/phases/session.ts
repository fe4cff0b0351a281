// The programs of a model in ONNX Runtime, and the contexts they append to.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onnx, programs } from "../../compiler/index.ts";
import type { PhaseProgram as Lowered } from "../../compiler/ir/module.ts";
import type { ProfileName } from "../../compiler/target/onnx/profile.ts";
import type { Appending } from "../../runtime/document.ts";
import {
  memorySource,
  openProgram,
  readSafetensors,
  safetensorsBytes,
  type Program,
  type Tensor,
} from "../../runtime/index.ts";
import { entryOf } from "../entry.ts";
import type { Specified, WeightOf } from "../reference/run.ts";

export interface Opened {
  readonly entry: Appending;
  readonly lowered: Lowered;
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
}
export interface Session {
  readonly programs: ReadonlyMap<string, Opened>;
  close(): Promise<void>;
}

export const openSession = async (
  specified: Specified,
  weight: WeightOf,
  profile: ProfileName = "ort-cpu",
  optimize: "none" | "all" = "all",
): Promise<Session> => {
  const { model, sources } = specified;
  const folder = mkdtempSync(join(tmpdir(), "graftwerk-"));
  const module = programs(model, sources);
  const bytes = safetensorsBytes(
    model.weights.map((w) => ({ name: w.path, dtype: "F32", shape: w.shape, data: weight(w.path) })),
  );
  writeFileSync(join(folder, "weights.safetensors"), bytes);
  const file = await readSafetensors(memorySource("weights", bytes));
  const place = ({ name }: { readonly name: string }) => {
    const { offset, length } = file.tensors.get(name)!;
    return { location: "weights.safetensors", offset, length, dtype: "f32" as const };
  };
  const opened = new Map<string, Opened>();
  const programsOpen: Program[] = [];
  for (const [i, lowered] of module.programs.entries()) {
    const entry = entryOf(specified.model, lowered);
    if (lowered.outputs.length === 0) {
      opened.set(lowered.name, { entry, lowered, run: () => Promise.resolve({}) });
      continue;
    }
    const made = onnx(module, lowered, { profile, place, constants: `constants.${i}.bin` });
    writeFileSync(join(folder, `${i}.onnx`), made.model);
    writeFileSync(join(folder, `constants.${i}.bin`), made.constants);
    const program = await openProgram(lowered.name, join(folder, `${i}.onnx`), { optimize });
    programsOpen.push(program);
    opened.set(lowered.name, {
      entry,
      lowered,
      run: (inputs) => program.run(inputs),
    });
  }
  return {
    programs: opened,
    close: async () => {
      for (const program of programsOpen) await program.close();
      rmSync(folder, { recursive: true });
    },
  };
};
