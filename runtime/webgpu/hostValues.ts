// What the runtime computes of a call's inputs, in f64: places of rows, rows of tables by position, features of times.
// Numbers are written as kernels read them, in rows of whole vec4s.
import { Failure } from "../failure.ts";
import type { HostOp, HostStep, PlanTable } from "../plan.ts";
import type { Tensor } from "../tensor.ts";
import { at, type Extent, type Sizes } from "./sizes.ts";

type Inputs = Readonly<Record<string, Tensor>>;
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}
/** Numbers of one step: they are to be few, as places of rows are. */
const MOST = 1 << 24;

const truth = (holds: boolean): number => (holds ? 1 : 0);
const ops: Readonly<Record<HostOp, (x: number, y: number, z: number) => number>> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  min: (x, y) => Math.min(x, y),
  max: (x, y) => Math.max(x, y),
  neg: (x) => -x,
  trunc: Math.trunc,
  less: (x, y) => truth(x < y),
  equal: (x, y) => truth(x === y),
  and: (x, y) => truth(x !== 0 && y !== 0),
  or: (x, y) => truth(x !== 0 || y !== 0),
  not: (x) => truth(x === 0),
  where: (x, y, z) => (x === 0 ? z : y),
};

const count = (shape: readonly number[]): number => shape.reduce((all, d) => all * d, 1);

/** Every step's numbers. @throws Failure "file" where shapes do not fit: the plan is not sound */
export const hostValues = (steps: readonly HostStep[], sizes: Sizes, inputs: Inputs): readonly HostTensor[] => {
  const found: HostTensor[] = [];
  for (const step of steps) found.push(valueOf(step, found, sizes, inputs));
  return found;
};
const fail = (what: string): never => {
  throw new Failure("file", `not a sound plan: what the runtime computes ${what}`, "compile the model again");
};
const room = (shape: readonly number[]): Float64Array => {
  if (!(count(shape) <= MOST)) fail(`has ${count(shape)} numbers`);
  return new Float64Array(count(shape));
};

const valueOf = (step: HostStep, found: readonly HostTensor[], sizes: Sizes, inputs: Inputs): HostTensor => {
  switch (step.is) {
    case "input": {
      const { shape, data } = inputs[step.port]!;
      return { shape, data: data as Float32Array | Int32Array };
    }
    case "number":
      return { shape: [], data: [step.value] };
    case "iota": {
      const shape = [at(step.size, sizes)];
      return { shape, data: room(shape).map((_, i) => i) };
    }
    case "shaped": {
      const { data } = found[step.of[0]!]!;
      const shape = step.shape.map((size) => at(size, sizes));
      return count(shape) === data.length
        ? { shape, data }
        : fail(`is ${data.length} numbers and [${shape.join(", ")}]`);
    }
    case "amax":
      return largest(found[step.of[0]!]!, step.axis);
    case "gather":
      return gathered(found[step.of[0]!]!, found[step.of[1]!]!);
    default:
      return pointwise(
        ops[step.is],
        step.of.map((i) => found[i]!),
      );
  }
};

const pointwise = (op: (x: number, y: number, z: number) => number, of: readonly HostTensor[]): HostTensor => {
  const rank = Math.max(...of.map(({ shape }) => shape.length));
  const aligned = of.map(({ shape }) => [...Array<number>(rank - shape.length).fill(1), ...shape]);
  const shape = Array.from({ length: rank }, (_, axis) => {
    const dims = aligned.map((each) => each[axis]!);
    const most = Math.max(...dims);
    return dims.every((d) => d === 1 || d === most) ? most : fail(`joins axes of ${dims.join(" and ")}`);
  });
  const data = room(shape);
  const strides = aligned.map((each) => {
    let stride = 1;
    return each
      .toReversed()
      .map((d) => {
        const own = d === 1 ? 0 : stride;
        stride *= d;
        return own;
      })
      .toReversed();
  });
  const coords = shape.map(() => 0);
  const numbers: [number, number, number] = [0, 0, 0];
  for (let i = 0; i < data.length; i++) {
    for (const [k, { data: from }] of of.entries()) {
      let place = 0;
      for (let axis = 0; axis < rank; axis++) place += coords[axis]! * strides[k]![axis]!;
      numbers[k] = from[place]!;
    }
    data[i] = op(...numbers);
    for (let axis = rank - 1; axis >= 0 && ++coords[axis]! === shape[axis]; axis--) coords[axis] = 0;
  }
  return { shape, data };
};

const largest = ({ shape, data }: HostTensor, axis: number): HostTensor => {
  if (axis >= shape.length) return fail(`takes the largest along axis ${axis} of ${shape.length}`);
  const made = shape.with(axis, 1);
  const [length, inner] = [shape[axis]!, count(shape.slice(axis + 1))];
  const most = room(made).fill(-Infinity);
  for (let i = 0; i < data.length; i++) {
    const to = Math.floor(i / (length * inner)) * inner + (i % inner);
    most[to] = Math.max(most[to]!, data[i]!);
  }
  return { shape: made, data: most };
};

const gathered = (table: HostTensor, index: HostTensor): HostTensor => {
  const [rows = 1, ...row] = table.shape;
  const width = count(row);
  const made = [...index.shape, ...row];
  const data = room(made);
  for (let i = 0; i < index.data.length; i++) {
    // Outside of the table kernels read its first or last row.
    const from = Math.min(Math.max(index.data[i]!, 0), rows - 1) * width;
    for (let k = 0; k < width; k++) data[i * width + k] = table.data[from + k]!;
  }
  return { shape: made, data };
};

/** Rows of numbers into rows of whole vec4s. */
export const writeRows = (
  data: ArrayLike<number>,
  { rows, width, rowBytes }: Extent,
  into: Float32Array | Int32Array,
): void => {
  if (data.length !== rows * width) fail(`has ${data.length} numbers, not ${rows * width}`);
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
  { data: index }: HostTensor,
  table: PlanTable,
  numbers: Float32Array,
  { rows, width, rowBytes }: Extent,
  into: Float32Array,
): void => {
  if (index.length !== rows) fail(`names ${index.length} rows, not ${rows}`);
  for (let row = 0; row < rows; row++) {
    const at = index[row]!;
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
  { data }: HostTensor,
  frequencies: readonly number[],
  sineFirst: boolean,
  { rows, rowBytes }: Extent,
  into: Float32Array,
): void => {
  if (data.length !== rows) fail(`has ${data.length} numbers, not ${rows}`);
  const half = frequencies.length;
  for (let row = 0; row < rows; row++) {
    const x = data[row]!;
    for (let k = 0; k < half; k++) {
      const start = (row * rowBytes) / 4 + k;
      const [sine, cosine] = [Math.sin(x * frequencies[k]!), Math.cos(x * frequencies[k]!)];
      into[start] = sineFirst ? sine : cosine;
      into[start + half] = sineFirst ? cosine : sine;
    }
  }
};
