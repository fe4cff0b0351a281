// What a plan says once the sizes of a call are known: that every number is one that a device can count with, and that what
// is reached is there. A plan may be a stranger's, so this is checked before anything is made of it.
import { Failure } from "../failure.ts";
import type { Axis, Operand, PlanProgram, Reach, Size, Step } from "../plan.ts";
import { at, extentOf, type Sizes } from "./sizes.ts";

/** Rows, columns and units are counted by u32 in kernels, and their sums must not wrap. */
const MOST_UNITS = 2 ** 31;
const MOST_BYTES = 2 ** 40;

/** @throws Failure "file" with the place in the plan, "call" where sizes are not exact */
export const checkBounds = (program: PlanProgram, sizes: Sizes): void => {
  const fail = (where: string, what: string): never => {
    throw new Failure("file", `program ${program.name}: not a sound plan: ${where} ${what}`, "compile the model again");
  };
  const within = (where: string, size: Size, least: number, most: number): number => {
    const number = at(size, sizes);
    return number >= least && number <= most ? number : fail(where, `is ${number}, not from ${least} to ${most}`);
  };
  for (const [i, { shape }] of program.values.entries()) {
    let elements = 1;
    for (const size of shape) elements *= within(`values[${i}]`, size, 1, MOST_UNITS);
    if (!(elements * 16 <= MOST_BYTES)) fail(`values[${i}]`, `has ${elements} numbers`);
  }
  for (const [i, { shape, value }] of program.outputs.entries()) {
    const { rows, width } = extentOf(program.values[value]!, sizes);
    const count = shape.reduce<number>((all, size) => all * within(`outputs[${i}]`, size, 1, MOST_UNITS), 1);
    if (count !== rows * width) fail(`outputs[${i}]`, `has ${count} numbers, and its value ${rows * width}`);
  }
  const checkStep = (where: string, step: Step): void => {
    const grid = step.grid.map((size, axis) => within(`${where}.grid[${axis}]`, size, 1, MOST_UNITS));
    within(`${where}.work`, step.work, 0, Number.MAX_SAFE_INTEGER);
    for (const [i, parameter] of step.parameters.entries())
      if (parameter.is === "size") within(`${where}.parameters[${i}]`, parameter.size, 0, 2 ** 32 - 1);
    for (const [i, operand] of step.operands.entries()) checkReach(`${where}.operands[${i}].reach`, operand, grid);
    for (const [i, other] of (step.instead ?? []).entries()) checkStep(`${where}.instead[${i}]`, other);
    for (const [i, { steps, from }] of (step.together ?? []).entries()) {
      if (from !== undefined) within(`${where}.together[${i}].from`, from.of, 0, Number.MAX_SAFE_INTEGER);
      for (const [j, other] of steps.entries()) checkStep(`${where}.together[${i}].steps[${j}]`, other);
    }
  };
  const checkReach = (where: string, { value, reach }: Operand, grid: readonly number[]): void => {
    if (reach.is === "all") return;
    const { rows } = extentOf(program.values[value]!, sizes);
    within(`${where}.rows`, reach.rows, 1, MOST_UNITS);
    let last = within(`${where}.first`, reach.first, 0, MOST_UNITS);
    for (const { axis, per, times } of reach.terms) {
      const by = within(`${where}.per`, per, 1, MOST_UNITS);
      last +=
        Math.floor((unitsOf(reach, axis, grid, within, where) - 1) / by) *
        within(`${where}.times`, times, 0, MOST_UNITS);
    }
    if (!(last < rows)) fail(where, `begins at row ${last} of ${rows}`);
  };
  for (const [i, step] of program.steps.entries()) checkStep(`steps[${i}]`, step);
};

type Within = (where: string, size: Size, least: number, most: number) => number;
/** The units of an axis that reach an operand. */
const unitsOf = (
  { part }: Extract<Reach, { is: "rows" }>,
  axis: Axis,
  grid: readonly number[],
  within: Within,
  where: string,
): number => {
  if (part?.axis !== axis) return grid[axis]!;
  const to = within(`${where}.part.to`, part.to, 1, grid[axis]!);
  return to - within(`${where}.part.from`, part.from, 0, to - 1);
};
