// The plan of a compiled model for WebGPU: WGSL modules, values and where they lie, steps with their grids, all as data and
// with sizes that a call decides. The runtime owns this format and reads it as the input of a stranger; the compiler
// conforms to it.
//
// A value is rows of numbers: its last axis, padded with zeros to a multiple of 4, is one row, and the axes before it count
// the rows. Kernels read and write whole vec4s. Each value lies in one of four heaps, and a kernel binds a window of each
// heap it uses: so a stage never needs more than four storage buffers, however many values it touches.
export const PLAN_SCHEMA = "graftwerk/plan@1";

/** A number, or a polynomial over the names of sizes: the sum of each term's factor times the named sizes. */
export type Size = number | readonly SizeTerm[];
export type SizeTerm = readonly [factor: number, ...names: string[]];

/**
 * - `state`: what programs compute, read and written;
 * - `matrix`: weights that are matrices and tables, read a part at a time;
 * - `given`: small weights, inputs, and what the runtime computes of inputs;
 * - `keys`: keys and values of past rows, which are given as `[batch, heads, rows, width]` and lie as
 *   `[batch, rows, heads, width]`: so new rows of a document lie behind its old ones.
 */
export type Heap = "state" | "matrix" | "given" | "keys";
export const HEAPS: readonly Heap[] = ["state", "matrix", "given", "keys"];

/** How the numbers of a value are stored; computation is in f32 and i32 always. */
export type Stored = "f32" | "f16" | "bf16" | "i32";

/** Where a value comes from. */
export type Origin =
  | { readonly is: "input"; readonly port: string }
  | { readonly is: "weight"; readonly weight: string }
  /** what the runtime computes, by its index */
  | { readonly is: "host"; readonly of: number }
  /** each row is the row of a table, rounded once from f64, that the number at its index among the runtime's names */
  | { readonly is: "lookup"; readonly table: number; readonly of: number }
  /** features of a number, `[cos | sin]` or `[sin | cos]` of `x * frequency` in f64 */
  | {
      readonly is: "sinusoid";
      readonly of: number;
      readonly frequencies: readonly number[];
      readonly sineFirst: boolean;
    }
  /** a whole table, whose rows are named by what is computed */
  | { readonly is: "table"; readonly table: number }
  | { readonly is: "computed" };

/**
 * One step of what the runtime computes of inputs before a call, in f64: small things, such as the places of rows. `of` are
 * indices of earlier steps; shapes broadcast as in NumPy, and truth is 1.
 */
export type HostStep =
  | { readonly is: "input"; readonly port: string }
  | { readonly is: "number"; readonly value: number }
  | { readonly is: "iota"; readonly size: Size }
  | { readonly is: HostOp; readonly of: readonly number[] }
  /** the same numbers in another shape */
  | { readonly is: "shaped"; readonly of: readonly number[]; readonly shape: readonly Size[] }
  /** the largest along an axis, which stays, of one */
  | { readonly is: "amax"; readonly of: readonly number[]; readonly axis: number }
  /** rows along axis 0 that the second names */
  | { readonly is: "gather"; readonly of: readonly number[] };
export type HostOp =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "min"
  | "max"
  | "neg"
  | "trunc"
  | "less"
  | "equal"
  | "and"
  | "or"
  | "not"
  | "where";

export interface PlanValue {
  readonly origin: Origin;
  readonly heap: Heap;
  readonly stored: Stored;
  readonly shape: readonly Size[];
}

/** Which rows of an operand a part of the grid reads or writes; every unit of the grid reaches equally many. */
export type Reach =
  /** all of them, whatever the part */
  | { readonly is: "all" }
  /**
   * From `first` and the terms of the first units on, `rows` of them, and as many more as the terms of the last units are
   * larger. With `part`, the units of its axis count from `from`, and only those up to `to` reach the operand.
   */
  | {
      readonly is: "rows";
      readonly terms: readonly ReachTerm[];
      readonly first: Size;
      readonly rows: Size;
      readonly part?: { readonly axis: Axis; readonly from: Size; readonly to: Size };
    };
/** `times` the unit of an axis, or of as many as `per` units each. */
export interface ReachTerm {
  readonly axis: Axis;
  readonly per: Size;
  readonly times: Size;
}
export type Axis = 0 | 1 | 2;
export interface Operand {
  /** index into the program's values */
  readonly value: number;
  readonly reach: Reach;
  readonly writes: boolean;
}

/** One number of a kernel's uniform buffer. */
export type Parameter =
  /** vec4s from the beginning of the operand's window to its first one */
  | { readonly is: "base"; readonly operand: number }
  | { readonly is: "size"; readonly size: Size }
  /** first unit of this axis in the dispatch, and the end */
  | { readonly is: "first"; readonly axis: Axis }
  | { readonly is: "end"; readonly axis: Axis };

/**
 * Computes some values from others. Its grid has three axes, of as many units as the sizes say. A dispatch computes any
 * box of it: units from `first` up to `end`, also where that is less than one workgroup could; it reads and writes
 * nothing that those units do not reach. So whatever limits a device has, a grid is cut until a part of it fits. Along
 * each axis a box begins at a multiple of the kernel's tile, or lies between two: no workgroup has units of two tiles.
 */
export interface Step {
  /** where in the specification, for people */
  readonly name: string;
  readonly at: string;
  /** index into the plan's kernels */
  readonly kernel: number;
  readonly grid: readonly [Size, Size, Size];
  /** an operand that is written is the only one of its value, and of a value that is computed */
  readonly operands: readonly Operand[];
  readonly parameters: readonly Parameter[];
  /** multiplications of all units together, roughly */
  readonly work: Size;
  /** steps that do the same, where one unit of this one needs more than a device binds at once */
  readonly instead?: readonly Step[];
  /**
   * Ways to do the same by invocations that work together: through workgroup memory, and what else their kernels say that
   * they need. Better where hardware is made for it, worse where a processor acts as a GPU: the runtime takes the first that
   * suits the device and the call, or none.
   */
  readonly together?: readonly Together[];
}
export interface Together {
  readonly steps: readonly Step[];
  /** the call for which it is made: one in which `of` is at least so many; every one, if left out */
  readonly from?: { readonly of: Size; readonly least: number };
}

/** What not every device has. */
export type KernelFeature = "subgroups";

/** One WGSL module with the entry point `main`. */
export interface Kernel {
  /** `linear.wide` */
  readonly template: string;
  readonly wgsl: string;
  /** the heaps that it binds, in the order of their bindings from 1 on; 0 is the uniform buffer */
  readonly heaps: readonly Heap[];
  /** units of each axis of the grid that one workgroup computes; of an axis whose units follow each other, as many as 2^31 */
  readonly tile: readonly [number, number, number];
  readonly invocations: number;
  /** bytes */
  readonly workgroupMemory: number;
  readonly features: readonly KernelFeature[];
  /** with features: index of the kernel that does the same without them, in the same steps */
  readonly without?: number;
}

export interface PlanInput {
  readonly name: string;
  readonly dtype: "f32" | "i32";
  readonly shape: readonly Size[];
}
export interface PlanOutput {
  readonly name: string;
  readonly shape: readonly Size[];
  /** index into the program's values: the same numbers in another shape */
  readonly value: number;
}
export interface PlanProgram {
  readonly name: string;
  /** all that a call is given; every name of a size stands alone in one of their shapes */
  readonly inputs: readonly PlanInput[];
  readonly host: readonly HostStep[];
  readonly values: readonly PlanValue[];
  readonly steps: readonly Step[];
  readonly outputs: readonly PlanOutput[];
}
export interface PlanWeight {
  readonly name: string;
  readonly shape: readonly number[];
  /** how its numbers lie on the device */
  readonly stored: Exclude<Stored, "i32">;
  /** where they lie in a file beside the plan, row major; null: whoever opens the plan knows */
  readonly lies: WeightPlace | null;
}
export interface WeightPlace {
  readonly file: string;
  /** in bytes */
  readonly offset: number;
  readonly dtype: "f32" | "f16" | "bf16";
}
/** A table of the compiler: rows of f32, in a file beside the plan. */
export interface PlanTable {
  readonly rows: number;
  readonly columns: number;
  readonly offset: number;
}
export interface Plan {
  readonly schema: typeof PLAN_SCHEMA;
  readonly kernels: readonly Kernel[];
  readonly weights: readonly PlanWeight[];
  readonly tables: readonly PlanTable[];
  readonly programs: readonly PlanProgram[];
}
