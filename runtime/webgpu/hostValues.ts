// What the runtime computes of a call's inputs, in f64: rows of tables by position, features of times. Numbers are written
// as kernels read them, in rows of whole vec4s.
import { Failure } from "../failure.ts";
import type { HostOp, HostValue, PlanTable } from "../plan.ts";
import type { Tensor } from "../tensor.ts";
import type { Extent } from "./sizes.ts";

type Inputs = Readonly<Record<string, Tensor>>;

const ops: Readonly<Record<HostOp, (x: number, y: number) => number>> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  min: Math.min,
  max: Math.max,
  neg: (x) => -x,
  trunc: Math.trunc,
};

/** The value at element `i` of inputs that have equally many. */
export const valueAt = (value: HostValue, inputs: Inputs, i: number): number => {
  if (value.is === "number") return value.value;
  if (value.is === "input") {
    const { data } = inputs[value.port]!;
    return Number(data.length === 1 ? data[0] : data[i]);
  }
  const [x, y] = value.of;
  return ops[value.is](valueAt(x!, inputs, i), y === undefined ? 0 : valueAt(y, inputs, i));
};

/** Rows of numbers into rows of whole vec4s. */
export const writeRows = (
  data: ArrayLike<number>,
  { rows, width, rowBytes }: Extent,
  into: Float32Array | Int32Array,
): void => {
  const stride = rowBytes / 4;
  if (stride === width) {
    into.set(data);
    return;
  }
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < width; column++) into[row * stride + column] = data[row * width + column]!;
};

export const writeLookup = (
  program: string,
  index: HostValue,
  table: PlanTable,
  numbers: Float32Array,
  inputs: Inputs,
  { rows, width, rowBytes }: Extent,
  into: Float32Array,
): void => {
  for (let row = 0; row < rows; row++) {
    const at = valueAt(index, inputs, row);
    if (!(at >= 0 && at < table.rows))
      throw new Failure(
        "call",
        `program ${program}: ${at} names no row of a table of ${table.rows}`,
        "positions and coordinates have the limits of the model",
      );
    const start = table.offset / 4 + at * table.columns;
    into.set(numbers.subarray(start, start + width), (row * rowBytes) / 4);
  }
};

export const writeSinusoid = (
  of: HostValue,
  frequencies: readonly number[],
  sineFirst: boolean,
  inputs: Inputs,
  { rows, rowBytes }: Extent,
  into: Float32Array,
): void => {
  const half = frequencies.length;
  for (let row = 0; row < rows; row++) {
    const x = valueAt(of, inputs, row);
    for (let k = 0; k < half; k++) {
      const start = (row * rowBytes) / 4 + k;
      const [sine, cosine] = [Math.sin(x * frequencies[k]!), Math.cos(x * frequencies[k]!)];
      into[start] = sineFirst ? sine : cosine;
      into[start + half] = sineFirst ? cosine : sine;
    }
  }
};
