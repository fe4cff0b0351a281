// Weights and tables of a plan: where they lie on a device, and how they come there.
import { allOf } from "./variants.ts";
import { Failure } from "../failure.ts";
import type { Plan, PlanValue, PlanWeight } from "../plan.ts";
import { Allotter } from "./heap.ts";
import type { Residents } from "./layout.ts";
import type { Heaps } from "./heap.ts";
import { type Extent, extentOf, type Sizes } from "./sizes.ts";

export interface PlanFiles {
  /** a weight's numbers as they are stored, row major: f32 as numbers, f16 and bf16 as their bits */
  weight(weight: PlanWeight): Promise<Float32Array | Uint16Array>;
  /** told when a device has all weights; another device may ask for them again */
  brought?(): Promise<void>;
  /** the numbers of all tables */
  readonly tables: Float32Array;
}
/** What of a plan lies on a device whatever is called. */
export interface Resident extends Residents {
  /** a value of each weight that a step reads */
  readonly values: ReadonlyMap<string, PlanValue>;
}

const NONE: Sizes = new Map();

/** Each weight in the order in which programs first read it, so that what a kernel reads lies together. */
export const placeWeights = (
  { programs }: Plan,
  pages: { readonly matrix: number; readonly given: number },
): Resident => {
  const allot = { matrix: new Allotter(pages.matrix), given: new Allotter(pages.given) };
  const weights = new Map<string, number>();
  const tables = new Map<number, number>();
  const values = new Map<string, PlanValue>();
  for (const program of programs)
    for (const step of program.steps)
      for (const { operands } of allOf(step))
        for (const operand of operands) {
          const value = program.values[operand.value]!;
          const { origin, heap } = value;
          if (origin.is === "table" && !tables.has(origin.table))
            tables.set(origin.table, allot.given.take(extentOf(value, NONE).bytes));
          if (origin.is !== "weight" || weights.has(origin.weight)) continue;
          values.set(origin.weight, value);
          weights.set(origin.weight, allot[heap === "matrix" ? "matrix" : "given"].take(extentOf(value, NONE).bytes));
        }
  return { weights, tables, values, givenEnd: allot.given.end, matrixEnd: allot.matrix.end };
};

/** @throws Failure "file" where the tables are not all there */
export const checkTables = ({ tables }: Plan, numbers: Float32Array): void => {
  for (const [i, { rows, columns, offset }] of tables.entries())
    if (offset / 4 + rows * columns > numbers.length)
      throw new Failure("file", `the table ${i} of the plan ends beyond its file`, "compile the model again");
};

/** Into heaps that have room for them. */
export const bringWeights = async (plan: Plan, files: PlanFiles, heaps: Heaps, placed: Resident): Promise<void> => {
  for (const weight of plan.weights) {
    const value = placed.values.get(weight.name);
    if (value === undefined) continue;
    const extent = extentOf(value, NONE);
    const numbers = await files.weight(weight);
    if (numbers.length !== extent.rows * extent.width)
      throw new Failure(
        "file",
        `the weight ${weight.name} has ${numbers.length} numbers, and must have ${extent.rows * extent.width}`,
      );
    heaps[value.heap].write(placed.weights.get(weight.name)!, bytesOf(rowsOf(numbers, extent)));
  }
  for (const [table, address] of placed.tables) {
    const { rows, columns, offset } = plan.tables[table]!;
    const numbers = files.tables.subarray(offset / 4, offset / 4 + rows * columns);
    heaps.given.write(address, bytesOf(rowsOf(numbers, extentOf({ shape: [rows, columns], stored: "f32" }, NONE))));
  }
  await files.brought?.();
};

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
/** In rows of whole vec4s. */
const rowsOf = (
  numbers: Float32Array | Uint16Array,
  { rows, width, rowBytes, quadBytes }: Extent,
): Float32Array | Uint16Array => {
  const row = (rowBytes / quadBytes) * 4;
  if (row === width) return numbers;
  const padded = new (numbers.constructor as { new (length: number): typeof numbers })(rows * row);
  for (let r = 0; r < rows; r++) padded.set(numbers.subarray(r * width, (r + 1) * width), r * row);
  return padded;
};
