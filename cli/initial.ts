// The values that weights start from. What is drawn depends on the seed and the weight's path alone, so that adding a
// weight changes no other one.
import type { Weight } from "../compiler/analyze/model.ts";
import { normals } from "../runtime/random.ts";

/** Whether a weight starts from chance; a copy does if what it copies does. */
export const isDrawn = ({ init }: Weight): boolean => init.kind === "normal" || init.kind === "unset";

/** The standard deviation of a weight that says nothing: 1 / sqrt(inputs), where inputs are its last axis. */
const spreadOf = ({ shape }: Weight): number => 1 / Math.sqrt(shape.at(-1) ?? 1);

/** The initial value of a weight that is no copy, row major. `seed` is 0 .. 2^32 - 1. */
export const initialValue = (weight: Weight, seed: number): Float32Array => {
  const { init, shape, path } = weight;
  const size = shape.reduce((product, dim) => product * dim, 1);
  switch (init.kind) {
    case "zeros":
      return new Float32Array(size);
    case "ones":
      return new Float32Array(size).fill(1);
    case "value":
      return new Float32Array(size).fill(init.value);
    case "identity":
      return identity(shape, size);
    case "normal":
      return normals(seed, path, size, init.std);
    case "unset":
      return normals(seed, path, size, spreadOf(weight));
    case "copy":
      throw new Error(`${path} is a copy`);
    default:
      return init satisfies never;
  }
};

/** Ones on the diagonal of the last two axes. */
const identity = (shape: readonly number[], size: number): Float32Array => {
  const values = new Float32Array(size);
  const columns = shape.at(-1) ?? 1;
  const rows = shape.at(-2) ?? 1;
  for (let i = 0; i < size; i++) if (Math.floor(i / columns) % rows === i % columns) values[i] = 1;
  return values;
};
