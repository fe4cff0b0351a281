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

interface PlacedLife extends Life {
  readonly offset: number;
}
interface Arrangement {
  readonly placed: readonly PlacedLife[];
  readonly bytes: number;
}
/** Each in turn at the lowest place that is free all its life. */
const arranged = (order: readonly Life[]): Arrangement => {
  const placed: PlacedLife[] = [];
  let bytes = 0;
  for (const life of order) {
    const others = placed
      .filter(({ from, to }) => from <= life.to && life.from <= to)
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of others) {
      if (offset + life.bytes <= other.offset) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    placed.push({ ...life, offset });
    bytes = Math.max(bytes, offset + life.bytes);
  }
  return { placed, bytes };
};

/** The most bytes at one time, by what begins and ends at each step. */
const liveOf = (lives: readonly Life[], steps: number): number => {
  const change = new Float64Array(steps + 2);
  for (const { from, to, bytes } of lives) {
    change[from]! += bytes;
    change[to + 1]! -= bytes;
  }
  let now = 0;
  return change.reduce((most, each) => Math.max(most, (now += each)), 0);
};

const bySize = (a: Life, b: Life): number => b.bytes - a.bytes || a.from - b.from;
const byLength = (a: Life, b: Life): number => b.to - b.from - (a.to - a.from) || bySize(a, b);
/** How often what stands out is placed earlier. */
const ROUNDS = 24;
/** Above so many values one arrangement must do: time grows by their square. */
const FEW = 2000;

/** Largest first, or longest first; then, as long as that helps, with what stands out at the end placed before all else. */
const best = (lives: readonly Life[], live: number): Arrangement => {
  const starts = [bySize, byLength].map((order) => [...lives].sort(order));
  let found: Arrangement | undefined;
  for (const start of lives.length > FEW ? starts.slice(0, 1) : starts) {
    let order: readonly Life[] = start;
    for (let round = 0; round < (lives.length > FEW ? 1 : ROUNDS); round++) {
      const made = arranged(order);
      if (found === undefined || made.bytes < found.bytes) found = made;
      if (found.bytes <= live * CLOSE) return found;
      const top = made.placed.find(({ offset, bytes }) => offset + bytes === made.bytes)!.value;
      order = [...order.filter(({ value }) => value === top), ...order.filter(({ value }) => value !== top)];
    }
  }
  return found ?? { placed: [], bytes: 0 };
};
/** Nearer to what is needed nothing is looked for. */
const CLOSE = 1.04;

/** Where values lie: so close that little more is allocated than is needed at one time. */
export const arenaOf = (program: PlanProgram, sizes: Sizes): Arena => {
  const lives = livesOf(program, sizes);
  const live = liveOf(lives, program.steps.length);
  const { placed, bytes } = best(lives, live);
  const offsets: (number | undefined)[] = program.values.map(() => undefined);
  for (const { value, offset } of placed) offsets[value] = offset;
  return { offsets, bytes, live };
};
