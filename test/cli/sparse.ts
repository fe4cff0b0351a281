// Checkpoints of real size that take no room: safetensors files with their headers and a hole where the numbers would be.
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Model } from "../../compiler/index.ts";

export type Stored = "F32" | "F16" | "BF16";
const BYTES: Readonly<Record<Stored, number>> = { F32: 4, F16: 2, BF16: 2 };

interface Hole {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What the first checkpoint map of a model's towers asks for. */
const holesOf = (model: Model): Hole[] =>
  model.weights.flatMap(({ shape, sources }) => {
    const layout = sources[0]?.value;
    if (layout?.kind !== "key") throw new Error("only weights that lie in a checkpoint as they are can be a hole");
    return [{ name: layout.key, shape }];
  });

const writeHoles = (path: string, dtype: Stored, holes: readonly Hole[]): void => {
  let end = 0;
  const tensors = holes.map(({ name, shape }) => {
    const begin = end;
    end += BYTES[dtype] * shape.reduce((n, size) => n * size, 1);
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(tensors)));
  const length = new BigUint64Array([BigInt(header.length)]);
  const file = openSync(path, "w");
  writeSync(file, new Uint8Array(length.buffer));
  writeSync(file, header);
  ftruncateSync(file, 8 + header.length + end);
  closeSync(file);
};

/** Writes a folder as Hugging Face has it: one file, or shards with an index. */
export const writeSparse = (folder: string, model: Model, dtype: Stored, shards = 1): void => {
  mkdirSync(folder, { recursive: true });
  const holes = holesOf(model);
  if (shards === 1) return writeHoles(join(folder, "model.safetensors"), dtype, holes);
  const fileOf = (i: number): string => `model-0000${Math.floor((i * shards) / holes.length) + 1}-of-0000${shards}`;
  const map = Object.fromEntries(holes.map(({ name }, i) => [name, `${fileOf(i)}.safetensors`]));
  for (const file of new Set(Object.values(map)))
    writeHoles(
      join(folder, file),
      dtype,
      holes.filter(({ name }) => map[name] === file),
    );
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map: map }));
};
