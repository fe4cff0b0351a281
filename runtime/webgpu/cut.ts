// A step as dispatches that the limits of a device allow. A dispatch binds one window of each heap. Where what it reads and
// writes lies too far apart for that, it is brought together in a scratch buffer first; where it is too much, the grid is
// halved.
import { Failure } from "../failure.ts";
import type { Heap as HeapName, Kernel, Operand, Step } from "../plan.ts";
import { alignUp, type Heap, type Piece } from "./heap.ts";
import { at, type Extent, type Sizes } from "./sizes.ts";

export interface CutLimits {
  /** bytes of a binding */
  readonly binding: number;
  /** workgroups of a dispatch in one dimension */
  readonly groups: number;
  /** what offsets of bindings are multiples of */
  readonly alignment: number;
}
/** The part of a heap that a dispatch binds. */
export type Window =
  | { readonly is: "page"; readonly page: number; readonly offset: number; readonly size: number }
  /** pieces, copied to the scratch buffer of the heap one after the other; those written go back after the dispatch */
  | { readonly is: "scratch"; readonly size: number; readonly copies: readonly Copy[] };
export interface Copy extends Piece {
  readonly to: number;
  readonly back: boolean;
}
export interface Dispatch {
  readonly first: readonly [number, number, number];
  readonly end: readonly [number, number, number];
  readonly groups: readonly [number, number, number];
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

type Range = readonly [from: number, to: number];
type Grid = { readonly first: readonly [number, number, number]; readonly end: readonly [number, number, number] };
const AXES = [0, 1, 2] as const;

export const cut = (
  name: string,
  step: Step,
  kernel: Kernel,
  placed: readonly Placed[],
  sizes: Sizes,
  heaps: Readonly<Record<HeapName, Heap>>,
  limits: CutLimits,
): Dispatch[] => {
  const end = step.grid.map((size) => at(size, sizes)) as unknown as [number, number, number];
  const found: Dispatch[] = [];
  const stack: Grid[] = [{ first: [0, 0, 0], end }];
  for (let grid = stack.pop(); grid !== undefined; grid = stack.pop()) {
    const made = dispatchOf(grid, kernel, placed, sizes, heaps, limits);
    if (made !== undefined) {
      found.push(made);
      continue;
    }
    const tiles = tilesOf(grid, kernel);
    const axis = AXES.reduce((best, each) => (tiles[each] > tiles[best] ? each : best));
    if (tiles[axis] < 2)
      throw new Failure(
        "device",
        `program ${name}: the step ${step.name} needs more of a buffer than the ${limits.binding} bytes that this GPU binds at once`,
        "use another GPU, or fewer rows in a call",
      );
    const middle = grid.first[axis] + Math.ceil(tiles[axis] / 2) * kernel.tile[axis];
    stack.push(
      { first: grid.first.with(axis, middle) as never, end: grid.end },
      { first: grid.first, end: grid.end.with(axis, middle) as never },
    );
  }
  return found;
};

const tilesOf = ({ first, end }: Grid, { tile }: Kernel): readonly [number, number, number] =>
  AXES.map((axis) => Math.ceil((end[axis] - first[axis]) / tile[axis])) as unknown as [number, number, number];

/** The bytes that a part of the grid touches of an operand; undefined: none. */
const rangeOf = (
  { operand: { reach }, address, extent }: Placed,
  { first, end }: Grid,
  sizes: Sizes,
): Range | undefined => {
  if (reach.is === "all") return [address, address + extent.bytes];
  const [from, to] = reach.part ?? [0, Infinity];
  const units = AXES.map((axis) => {
    if (axis !== 0 || reach.part === undefined) return [first[axis], end[axis]] as const;
    return [Math.max(first[0], from) - from, Math.min(end[0], to) - from] as const;
  });
  if (units.some(([a, b]) => a >= b)) return undefined;
  const begin = reach.terms.reduce(
    (sum, { axis, times }) => sum + units[axis]![0] * at(times, sizes),
    at(reach.first, sizes),
  );
  const last = reach.terms.reduce(
    (sum, { axis, times }) => sum + (units[axis]![1] - 1) * at(times, sizes),
    at(reach.first, sizes),
  );
  const row = (r: number): number => address + Math.max(0, Math.min(r, extent.rows)) * extent.rowBytes;
  const range: Range = [row(begin), row(last + at(reach.rows, sizes))];
  return range[0] < range[1] ? range : undefined;
};

const dispatchOf = (
  grid: Grid,
  kernel: Kernel,
  placed: readonly Placed[],
  sizes: Sizes,
  heaps: Readonly<Record<HeapName, Heap>>,
  limits: CutLimits,
): Dispatch | undefined => {
  const groups = tilesOf(grid, kernel);
  if (groups.some((count) => count > limits.groups)) return undefined;
  const windows = new Map<HeapName, Window>();
  const bases: number[] = placed.map(() => 0);
  for (const name of kernel.heaps) {
    const touched = placed.flatMap((each, i) => {
      const range = each.heap === name ? rangeOf(each, grid, sizes) : undefined;
      return range === undefined ? [] : [{ ...each, i, range }];
    });
    const made = windowOf(heaps[name], touched, limits);
    if (made === undefined) return undefined;
    windows.set(name, made.window);
    for (const [i, base] of made.bases) bases[i] = base >>> 0;
  }
  return { ...grid, groups, windows, bases };
};

type Touched = Placed & { readonly i: number; readonly range: Range };
const windowOf = (
  heap: Heap,
  touched: readonly Touched[],
  { binding, alignment }: CutLimits,
): { readonly window: Window; readonly bases: ReadonlyMap<number, number> } | undefined => {
  if (touched.length === 0)
    return { window: { is: "page", page: 0, offset: 0, size: Math.min(heap.page(0).size, binding) }, bases: new Map() };
  const pages = new Set(
    touched.flatMap(({ range: [a, b] }) => [Math.floor(a / heap.pageSize), Math.floor((b - 1) / heap.pageSize)]),
  );
  const [page] = pages;
  if (pages.size === 1) {
    const start = page! * heap.pageSize;
    const whole = heap.page(page!).size;
    const from =
      whole <= binding
        ? 0
        : Math.floor((Math.min(...touched.map(({ range }) => range[0])) - start) / alignment) * alignment;
    const to = whole <= binding ? whole : alignUp(Math.max(...touched.map(({ range }) => range[1])) - start, 16);
    if (to - from <= binding) {
      const bases = touched.map(({ i, address, extent }) => [i, (address - start - from) / extent.quadBytes] as const);
      return { window: { is: "page", page: page!, offset: from, size: to - from }, bases: new Map(bases) };
    }
  }
  const copies: Copy[] = [];
  const bases = new Map<number, number>();
  let size = 0;
  for (const { i, address, extent, range, operand } of touched) {
    bases.set(i, (size - (range[0] - address)) / extent.quadBytes);
    let to = size;
    for (const piece of heap.pieces(...range)) {
      copies.push({ ...piece, to, back: operand.writes });
      to += piece.size;
    }
    size = alignUp(to, 16);
  }
  return size > binding ? undefined : { window: { is: "scratch", size: alignUp(size), copies }, bases };
};
