// Runs documents through the oracle and through ONNX Runtime, layer by layer, for comparison with vectors made elsewhere.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check, onnx, programs, type Model } from "../../compiler/index.ts";
import type { Document, Seq } from "../../compiler/analyze/model.ts";
import { evaluate } from "../../compiler/oracle/index.ts";
import { renderAll, type Source } from "../../grammar/index.ts";
import { memorySource, openProgram, readF32, readSafetensors, safetensorsBytes } from "../../runtime/index.ts";
import { pack, unpack } from "../../runtime/document.ts";
import { entryOf, forwardFor } from "../entry.ts";

/** row of a document -> numbers */
export type Rows = ReadonlyMap<number, ArrayLike<number>>;
/** What one document gives: `steps[i]` after layer i, and each head's rows. */
export interface Traced {
  readonly steps: readonly Rows[];
  readonly heads: Readonly<Record<string, Rows>>;
}
export interface Specified {
  readonly model: Model;
  readonly sources: readonly Source[];
}

/** A model of a specification given as text. */
export const specify = (text: string, name: string): Specified => {
  const checked = check("test.graft", (path) => (path === "test.graft" ? text : undefined));
  const model = checked.model(name);
  if (!model) throw new Error(renderAll(checked.sources, checked.report));
  return { model, sources: checked.sources };
};

/** All tensors of a file as f32, by name. */
export const readAll = async (path: string): Promise<ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>> => {
  const source = memorySource(path, readFileSync(path));
  const file = await readSafetensors(source);
  const entries = [...file.tensors.values()].map(async (tensor) => {
    const data = tensor.dtype === "I32" ? Float32Array.from(new Int32Array(Uint8Array.from(await source.read(tensor.offset, tensor.length)).buffer)) : await readF32(source, tensor);
    return [tensor.name, { shape: tensor.shape, data }] as const;
  });
  return new Map(await Promise.all(entries));
};

export type WeightOf = (path: string) => Float32Array;

export const runOracle = ({ model }: Specified, weight: WeightOf, document: Document): Traced => {
  const result = evaluate(model, (w) => weight(w.path), document);
  const rowsOf = (rows: readonly (Float64Array | undefined)[]): Rows => new Map(rows.flatMap((row, i) => (row ? [[i, row] as const] : [])));
  return { steps: result.steps.map((step) => rowsOf(step.rows)), heads: Object.fromEntries(result.heads.map((head) => [head.modality, head.rows])) };
};

/** The same by the program for the modalities that the documents have, all of them in one call. */
export const runOnnx = async ({ model, sources }: Specified, weight: WeightOf, documents: readonly Document[], profile: "ort-cpu" | "portable"): Promise<Traced[]> => {
  const folder = mkdtempSync(join(tmpdir(), "graftwerk-"));
  try {
    const module = programs(model, sources, true);
    const bytes = safetensorsBytes(model.weights.map((w) => ({ name: w.path, dtype: "F32", shape: w.shape, data: weight(w.path) })));
    writeFileSync(join(folder, "weights.safetensors"), bytes);
    const file = await readSafetensors(memorySource("weights", bytes));
    const program = forwardFor(module.programs, documents);
    const { name } = program;
    const place = ({ name: key }: { readonly name: string }) => {
      const { offset, length } = file.tensors.get(key)!;
      return { location: "weights.safetensors", offset, length, dtype: "f32" as const };
    };
    const made = onnx(module, program, { profile, place, constants: "constants.bin" });
    writeFileSync(join(folder, "model.onnx"), made.model);
    writeFileSync(join(folder, "constants.bin"), made.constants);
    const open = await openProgram(name, join(folder, "model.onnx"));
    const outputs = await open.run(pack(entryOf(model, program), documents));
    await open.close();
    return documents.map((document, d) => {
      /** The rows of an output of every stream, of the kinds that the sequence has. */
      const gather = (value: Seq, output: (stream: string) => string | undefined): Rows =>
        new Map(
          program.streams.flatMap(({ name: stream, kinds }) => {
            const tensor = outputs[output(stream) ?? ""];
            return tensor ? [...unpack(documents, kinds, tensor)[d]!].filter(([place]) => value.shapes.has(document.rows[place]!.kind)) : [];
          }),
        );
      const steps = model.steps.map((step) => gather(step.value, (stream) => `tap/${step.path}/${stream}`));
      const heads = model.heads.map((head) => {
        const what = head.kind === "next_token" ? "logits" : model.noise.find((n) => n.modality === head.modality)!.process.predicts;
        return [head.modality, gather(head.value, (stream) => `${stream}.${what}`)] as const;
      });
      return { steps, heads: Object.fromEntries(heads) };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** The largest absolute difference of rows that both have; `want` gives a row's numbers. Fails where `got` has no rows. */
export const maxDifference = (got: Rows, want: (row: number) => ArrayLike<number> | undefined): number => {
  let worst = 0;
  let rows = 0;
  for (const [row, numbers] of got) {
    const expected = want(row);
    if (!expected) continue;
    rows++;
    if (numbers.length !== expected.length) throw new Error(`row ${row} has ${numbers.length} numbers, not ${expected.length}`);
    for (let i = 0; i < numbers.length; i++) worst = Math.max(worst, Math.abs(numbers[i]! - expected[i]!));
  }
  if (rows === 0) throw new Error("no rows to compare");
  return Number.isNaN(worst) ? Infinity : worst;
};
