// A step as dispatches that the limits of a device allow. A dispatch binds one window of each heap; where that is too
// much, the grid is halved, down to single units.
import { Failure } from "../failure.ts";
import type { Heap as HeapName, Kernel, Operand, Step } from "../plan.ts";
import type { Space } from "./heap.ts";
import { at, type Extent, type Sizes } from "./sizes.ts";
import { type Range, type Touched, type Window, windowOf } from "./window.ts";

export interface CutLimits {
  /** bytes of a binding */
  readonly binding: number;
  /** workgroups of a dispatch in one dimension */
  readonly groups: number;
  /** what offsets of bindings are multiples of */
  readonly alignment: number;
  /** multiplications of a dispatch */
  readonly work: number;
}
export type Triple = readonly [number, number, number];
export interface Grid {
  readonly first: Triple;
  readonly end: Triple;
}
export interface Dispatch extends Grid {
  readonly groups: Triple;
  readonly windows: ReadonlyMap<HeapName, Window>;
  /** of each operand, in its own vec4s from the window's beginning to its row 0, modulo 2^32 */
  readonly bases: readonly number[];
}
/** An operand of a step in its heap. */
export interface Placed {
  readonly operand: Operand;
  readonly heap: HeapName;
  readonly address: number;
  readonly extent: Extent;
}
/** What a step is cut by. */
export interface Cutting {
  readonly step: Step;
  readonly kernel: Kernel;
  readonly placed: readonly Placed[];
  readonly sizes: Sizes;
  readonly spaces: Readonly<Record<HeapName, Space>>;
  readonly limits: CutLimits;
}
/** One unit that needs more bytes of a heap than may be bound. */
export interface TooMuch {
  readonly heap: HeapName;
  readonly bytes: number;
}

const AXES = [0, 1, 2] as const;
/** Dispatches of one step: a plan that needs more on a device is not made for it. */
const MOST = 1 << 16;

/** In the order in which units follow each other along each axis. @throws Failure "device" where they are too many */
export const cut = (cutting: Cutting): readonly Dispatch[] | TooMuch => {
  const { step, kernel, sizes } = cutting;
  const end = step.grid.map((size) => at(size, sizes)) as unknown as Triple;
  const tooMany = (): never => {
    throw new Failure(
      "device",
      `the step ${step.name} would take more than ${MOST} dispatches`,
      "use another GPU, or fewer rows in a call",
    );
  };
  if (leastOf(cutting, { first: [0, 0, 0], end }) > MOST) tooMany();
  const found: Dispatch[] = [];
  const stack: Grid[] = [{ first: [0, 0, 0], end }];
  for (let grid = stack.pop(); grid !== undefined; grid = stack.pop()) {
    const made = dispatchOf(cutting, grid);
    if (!("excess" in made)) {
      found.push(made);
      if (found.length > MOST) tooMany();
      continue;
    }
    const halves = halved(cutting, grid, kernel);
    if (halves === undefined) return made.of ?? { heap: "state", bytes: 0 };
    stack.push(halves[1], halves[0]);
  }
  return found;
};

const tilesOf = ({ first, end }: Grid, { tile }: Kernel): Triple =>
  AXES.map((axis) => Math.ceil((end[axis] - first[axis]) / tile[axis])) as unknown as Triple;

/** How many dispatches there are at least: known before they are made one by one. */
const leastOf = ({ step, kernel, sizes, limits }: Cutting, grid: Grid): number => {
  const bySize = tilesOf(grid, kernel).reduce<number>((all, tiles) => all * Math.ceil(tiles / limits.groups), 1);
  return Math.max(bySize, at(step.work, sizes) / limits.work);
};

/** Along the axis that helps most; of those that help alike, the one with the most workgroups, and then units. */
const halved = (cutting: Cutting, grid: Grid, kernel: Kernel): readonly [Grid, Grid] | undefined => {
  const tiles = tilesOf(grid, kernel);
  const choices = AXES.flatMap((axis) => {
    const units = grid.end[axis] - grid.first[axis];
    if (units < 2) return [];
    const half = tiles[axis] > 1 ? Math.ceil(tiles[axis] / 2) * kernel.tile[axis] : Math.ceil(units / 2);
    const middle = grid.first[axis] + half;
    const halves = [
      { first: grid.first, end: grid.end.with(axis, middle) as unknown as Triple },
      { first: grid.first.with(axis, middle) as unknown as Triple, end: grid.end },
    ] as const;
    const made = dispatchOf(cutting, halves[0]);
    return [{ halves, excess: "excess" in made ? made.excess : 0, tiles: tiles[axis], units }];
  });
  choices.sort((a, b) => a.excess - b.excess || b.tiles - a.tiles || b.units - a.units);
  return choices[0]?.halves;
};

/** The bytes that a part of the grid touches of an operand; undefined: none. */
export const rangeOf = (
  { operand: { reach }, address, extent }: Placed,
  { first, end }: Grid,
  sizes: Sizes,
): Range | undefined => {
  if (reach.is === "all") return [address, address + extent.bytes];
  const units: (readonly [number, number])[] = AXES.map((axis) => [first[axis], end[axis]] as const);
  if (reach.part !== undefined) {
    const { axis, from, to } = reach.part;
    const [a, b] = [at(from, sizes), at(to, sizes)];
    units[axis] = [Math.max(first[axis], a) - a, Math.min(end[axis], b) - a];
  }
  if (units.some(([a, b]) => a >= b)) return undefined;
  let begin = at(reach.first, sizes);
  let last = begin;
  for (const { axis, per, times } of reach.terms) {
    const [by, each] = [at(per, sizes), at(times, sizes)];
    begin += Math.floor(units[axis]![0] / by) * each;
    last += Math.floor((units[axis]![1] - 1) / by) * each;
  }
  const row = (r: number): number => address + Math.max(0, Math.min(r, extent.rows)) * extent.rowBytes;
  const range: Range = [row(begin), row(last + at(reach.rows, sizes))];
  return range[0] < range[1] ? range : undefined;
};

/** Too much: by how much, as a factor. */
interface Excess {
  readonly excess: number;
  readonly of: TooMuch | undefined;
}
const dispatchOf = ({ step, kernel, placed, sizes, spaces, limits }: Cutting, grid: Grid): Dispatch | Excess => {
  const groups = tilesOf(grid, kernel);
  let excess = Math.max(...groups) / limits.groups;
  const whole = step.grid.reduce<number>((product, size) => product * at(size, sizes), 1);
  const units = AXES.reduce<number>((product, axis) => product * (grid.end[axis] - grid.first[axis]), 1);
  // A single unit takes what it takes.
  if (units > 1) excess = Math.max(excess, (at(step.work, sizes) * (units / whole)) / limits.work);
  let of: TooMuch | undefined;
  const windows = new Map<HeapName, Window>();
  const bases: number[] = placed.map(() => 0);
  for (const name of kernel.heaps) {
    const touched = placed.flatMap((each, i): Touched[] => {
      const range = each.heap === name ? rangeOf(each, grid, sizes) : undefined;
      return range === undefined ? [] : [{ ...each, i, range }];
    });
    const made = windowOf(spaces[name], touched, limits);
    if (typeof made === "number") {
      if (of === undefined || made > of.bytes) of = { heap: name, bytes: made };
      excess = Math.max(excess, made / limits.binding);
      continue;
    }
    windows.set(name, made.window);
    for (const [i, base] of made.bases) bases[i] = base >>> 0;
  }
  return excess > 1 ? { excess, of } : { ...grid, groups, windows, bases };
};
