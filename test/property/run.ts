// Runs a specification's text: checked, evaluated by the oracle, compiled, and run by ONNX Runtime from one folder.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Document, Weight } from "../../compiler/analyze/model.ts";
import { check, onnx, programs, type Model } from "../../compiler/index.ts";
import type { ModelModule as Module } from "../../compiler/ir/module.ts";
import { evaluate } from "../../compiler/oracle/index.ts";
import type { ProfileName } from "../../compiler/target/onnx/profile.ts";
import { renderAll, type Source } from "../../grammar/index.ts";
import { pack, unpack } from "../../runtime/document.ts";
import { entryOf, forwardFor } from "../entry.ts";
import { memorySource, readSafetensors, safetensorsBytes } from "../../runtime/index.ts";
import type { Tensors } from "../../runtime/tensor.ts";
import { openProgram, type Program } from "../../runtime/onnx/session.ts";

export type WeightOf = (weight: Weight) => Float32Array;
/** Head by modality -> row of the document -> numbers. */
export type Result = ReadonlyMap<string, ReadonlyMap<number, ArrayLike<number>>>;

export class Refused extends Error {
  readonly codes: readonly string[];
  constructor(codes: readonly string[], text: string) {
    super(text);
    this.codes = codes;
  }
}
/** @throws Refused with what `check` says */
export const analyse = (text: string): { readonly model: Model; readonly sources: readonly Source[] } => {
  const checked = check("drawn.graft", (path) => (path === "drawn.graft" ? text : undefined));
  const model = checked.model("M");
  const codes = checked.report.found.map((d) => d.code);
  if (!model || codes.length > 0)
    throw new Refused(codes.length ? codes : ["no model"], renderAll(checked.sources, checked.report));
  return { model, sources: checked.sources };
};

export const oracle = (model: Model, weights: WeightOf, document: Document): Result =>
  new Map(evaluate(model, weights, document).heads.map(({ modality, rows }) => [modality, rows]));
/** The largest root mean square of a step of the layers. */
export const scaleOf = (model: Model, weights: WeightOf, document: Document): number =>
  Math.max(
    ...evaluate(model, weights, document).steps.map(({ rows }) => {
      const numbers = rows.flatMap((row) => (row ? [...row] : []));
      return Math.sqrt(numbers.reduce((sum, x) => sum + x * x, 0) / Math.max(1, numbers.length));
    }),
  );

/** The programs of one model, opened when first needed. */
export class Compiled {
  readonly model: Model;
  readonly module: Module;
  readonly #folder = mkdtempSync(join(tmpdir(), "graftwerk-property-"));
  readonly #open = new Map<string, Promise<Program>>();
  readonly #places: ReadonlyMap<string, { readonly offset: number; readonly length: number }>;

  private constructor(
    model: Model,
    module: Module,
    bytes: Uint8Array,
    places: ReadonlyMap<string, { readonly offset: number; readonly length: number }>,
  ) {
    this.model = model;
    this.module = module;
    this.#places = places;
    writeFileSync(join(this.#folder, "weights.safetensors"), bytes);
  }
  static async make(text: string, weights: WeightOf): Promise<Compiled> {
    const { model, sources } = analyse(text);
    const module = programs(model, sources);
    const bytes = safetensorsBytes(
      model.weights.map((w) => ({ name: w.path, dtype: "F32", shape: w.shape, data: weights(w) })),
    );
    const file = await readSafetensors(memorySource("weights", bytes));
    return new Compiled(model, module, bytes, file.tensors);
  }

  /** The documents in one call of the program for the modalities that they have. */
  async run(documents: readonly Document[], profile: ProfileName = "ort-cpu"): Promise<Result[]> {
    const { model, module } = this;
    const program = forwardFor(module.programs, documents);
    const outputs = await this.call(program, pack(entryOf(model, program), documents), profile);
    return documents.map(
      (document, d) =>
        new Map(
          model.heads.map((head) => [
            head.modality,
            new Map(
              Object.entries(outputs).flatMap(([output, tensor]) => {
                const stream = program.streams.find((each) => each.name === output.slice(0, output.lastIndexOf(".")))!;
                if (output.endsWith(".logits") !== (head.kind === "next_token")) return [];
                return [...unpack(documents, stream.kinds, tensor)[d]!].filter(([place]) =>
                  head.value.shapes.has(document.rows[place]!.kind),
                );
              }),
            ),
          ]),
        ),
    );
  }
  async call(program: Module["programs"][number], inputs: Tensors, profile: ProfileName = "ort-cpu"): Promise<Tensors> {
    const key = `${profile} ${program.name}`;
    const opened = this.#open.get(key) ?? this.#opened(program, profile);
    this.#open.set(key, opened);
    return (await opened).run(inputs);
  }
  async #opened(program: Module["programs"][number], profile: ProfileName): Promise<Program> {
    const stem = `${profile}-${program.name.replaceAll(/\W+/g, "-")}`;
    const place = ({ name }: { readonly name: string }) => ({
      location: "weights.safetensors",
      dtype: "f32" as const,
      offset: this.#places.get(name)!.offset,
      length: this.#places.get(name)!.length,
    });
    const made = onnx(this.module, program, { profile, place, constants: `${stem}.bin` });
    writeFileSync(join(this.#folder, `${stem}.onnx`), made.model);
    writeFileSync(join(this.#folder, `${stem}.bin`), made.constants);
    return openProgram(program.name, join(this.#folder, `${stem}.onnx`), { threads: 1 });
  }
  async close(): Promise<void> {
    for (const program of this.#open.values())
      await program.then(
        (p) => p.close(),
        () => undefined,
      );
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export interface Distance {
  /** sum of squared differences over sum of squares */
  readonly nmse: number;
  /** largest difference, and over the root mean square */
  readonly worst: number;
  readonly max: number;
  readonly rms: number;
}
/** How far `got` is from `want`, which has the same heads and rows; for each head. @throws where rows or widths differ */
export const distances = (got: Result, want: Result): Map<string, Distance> =>
  new Map(
    [...want].map(([modality, rows]) => {
      const own = got.get(modality);
      if (own?.size !== rows.size) throw new Error(`head ${modality}: ${own?.size} rows, not ${rows.size}`);
      let [error, power, max, count] = [0, 0, 0, 0];
      for (const [row, numbers] of rows) {
        const found = own.get(row);
        if (found?.length !== numbers.length)
          throw new Error(`head ${modality}, row ${row}: ${found?.length} numbers, not ${numbers.length}`);
        for (let i = 0; i < numbers.length; i++) {
          const difference = Math.abs(found[i]! - numbers[i]!);
          error += difference ** 2;
          power += numbers[i]! ** 2;
          max = Math.max(max, Number.isNaN(difference) ? Infinity : difference);
          count++;
        }
      }
      const rms = Math.sqrt(power / Math.max(1, count));
      return [modality, { nmse: error === 0 ? 0 : error / power, worst: max, max: max === 0 ? 0 : max / rms, rms }];
    }),
  );
