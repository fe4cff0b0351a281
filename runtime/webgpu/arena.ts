// Where what a program computes lies while it is needed: values that are not needed at the same time share their room.
import type { PlanProgram } from "../plan.ts";
import { extentOf, type Sizes } from "./sizes.ts";

export interface Arena {
  /** by index of the value; undefined: it is not of this heap */
  readonly offsets: readonly (number | undefined)[];
  readonly bytes: number;
  /** the most bytes that are needed at one time: no arrangement needs less */
  readonly live: number;
}

const ALIGN = 64;
const aligned = (bytes: number): number => Math.ceil(bytes / ALIGN) * ALIGN;

interface Life {
  readonly value: number;
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** From the step that first writes a value to the last that reads it; what a program gives lives to its end. */
const livesOf = ({ values, steps, outputs }: PlanProgram, sizes: Sizes): Life[] => {
  const lives = new Map<number, { from: number; to: number }>();
  const touch = (value: number, step: number): void => {
    if (values[value]!.heap !== "state") return;
    const known = lives.get(value);
    lives.set(value, { from: known?.from ?? step, to: step });
  };
  for (const [i, step] of steps.entries()) for (const { value } of step.operands) touch(value, i);
  for (const { value } of outputs) touch(value, steps.length);
  return [...lives].map(([value, life]) => ({ value, bytes: aligned(extentOf(values[value]!, sizes).bytes), ...life }));
};

/** Largest first, each at the lowest place that is free all its life. */
export const arenaOf = (program: PlanProgram, sizes: Sizes): Arena => {
  const lives = livesOf(program, sizes);
  const placed: (Life & { readonly offset: number })[] = [];
  const offsets: (number | undefined)[] = program.values.map(() => undefined);
  for (const life of [...lives].sort((a, b) => b.bytes - a.bytes || a.from - b.from)) {
    const others = placed
      .filter(({ from, to }) => from <= life.to && life.from <= to)
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of others) {
      if (offset + life.bytes <= other.offset) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    placed.push({ ...life, offset });
    offsets[life.value] = offset;
  }
  const live = program.steps.map((_, i) =>
    lives.reduce((sum, { from, to, bytes }) => sum + (from <= i && i <= to ? bytes : 0), 0),
  );
  return {
    offsets,
    bytes: placed.reduce((most, { offset, bytes }) => Math.max(most, offset + bytes), 0),
    live: Math.max(0, ...live),
  };
};
