// A program for calls of given sizes, worked out before anything is made on a device: every value with its address, every
// step cut into dispatches, and the bytes that it all takes.
import { Failure } from "../failure.ts";
import { type Heap as HeapName, HEAPS, type Plan, type PlanProgram, type Step } from "../plan.ts";
import { arenaOf } from "./arena.ts";
import { checkBounds } from "./bounds.ts";
import { cut, type CutLimits, type Dispatch, type Placed, type TooMuch } from "./cut.ts";
import { alignUp, Allotter, type Space, type spaceOf } from "./heap.ts";
import { type Extent, extentOf, type Sizes } from "./sizes.ts";
import { ALONE, type Capabilities, type Chosen, waysOf } from "./variants.ts";

/** Where values lie that all programs have. */
export interface Residents {
  readonly weights: ReadonlyMap<string, number>;
  /** address of each whole table */
  readonly tables: ReadonlyMap<number, number>;
  /** first free addresses */
  readonly givenEnd: number;
  readonly matrixEnd: number;
  /** addresses of keys and values that are there, by port; else a call brings them */
  readonly keys?: ReadonlyMap<string, { readonly address: number }>;
}
export interface ValueAt {
  readonly address: number;
  readonly extent: Extent;
}
export interface LaidStep extends Chosen {
  readonly dispatches: readonly Dispatch[];
}
/** A program whose every value has its place. */
export interface Layout {
  readonly program: PlanProgram;
  readonly sizes: Sizes;
  readonly values: readonly ValueAt[];
  /** those of the program, or others in their stead */
  readonly steps: readonly LaidStep[];
  /** bytes of the arena, and those that are needed at one time */
  readonly stateBytes: number;
  readonly liveBytes: number;
  /** addresses of the given and keys heaps that belong to a call */
  readonly given: readonly [number, number];
  readonly keys: readonly [number, number];
  /** the heaps as they must be */
  readonly heaps: Readonly<Record<HeapName, ReturnType<typeof spaceOf>>>;
  /** bytes of a scratch buffer, for heaps that need one */
  readonly scratch: ReadonlyMap<HeapName, number>;
}

/** @throws Failure "device" where a step does not fit, with what it needs; "file" where the plan is not sound for such sizes */
export const layOut = (
  plan: Plan,
  program: PlanProgram,
  sizes: Sizes,
  residents: Residents,
  grown: (heap: HeapName, bytes: number) => ReturnType<typeof spaceOf>,
  limits: CutLimits,
  can: Capabilities = ALONE,
): Layout => {
  checkBounds(program, sizes);
  let ways = program.steps.map((step) => waysOf(plan, step, can, sizes));
  for (;;) {
    const steps = ways.flatMap(([way]) => way!);
    const placing = placingOf({ ...program, steps: steps.map(({ step }) => step) }, sizes, residents, {
      given: grown("given", 0).pageSize,
      keys: grown("keys", 0).pageSize,
    });
    const heaps = {
      state: grown("state", placing.stateBytes),
      matrix: grown("matrix", residents.matrixEnd),
      given: grown("given", placing.given[1]),
      keys: grown("keys", placing.keys[1]),
    };
    const cuts = steps.map(({ step, kernel }) => ({
      step,
      kernel,
      made: cut({ step, kernel, placed: placedOf(program, step, placing), sizes, spaces: heaps, limits }),
    }));
    const tooMuch = new Map(cuts.flatMap(({ step, made }) => (isCut(made) ? [] : [[step, made] as const])));
    if (tooMuch.size === 0) {
      const laid = cuts.map(({ step, kernel, made }) => ({ step, kernel, dispatches: made as readonly Dispatch[] }));
      return { program, sizes, ...placing, steps: laid, heaps, scratch: scratchOf(laid) };
    }
    ways = ways.map((own) => {
      const large = own[0]!.find(({ step }) => tooMuch.has(step))?.step;
      if (large === undefined) return own;
      if (own.length > 1) return own.slice(1);
      const { heap, bytes } = tooMuch.get(large)!;
      throw new Failure(
        "device",
        `program ${program.name}: the step ${large.name} needs ${bytes} bytes of ${WORDS[heap]} at once, and this GPU binds ${limits.binding}`,
        "use another GPU, or fewer rows in a call",
      );
    });
  }
};
const WORDS: Readonly<Record<HeapName, string>> = {
  state: "rows",
  matrix: "weights",
  given: "inputs",
  keys: "keys and values",
};
const isCut = (made: readonly Dispatch[] | TooMuch): made is readonly Dispatch[] => Array.isArray(made);

const placedOf = ({ values }: PlanProgram, step: Step, placing: Placing): Placed[] =>
  step.operands.map((operand) => ({
    operand,
    heap: values[operand.value]!.heap,
    ...placing.values[operand.value]!,
  }));

const scratchOf = (steps: readonly LaidStep[]): ReadonlyMap<HeapName, number> => {
  const found = new Map<HeapName, number>();
  for (const { dispatches } of steps)
    for (const { windows } of dispatches)
      for (const [heap, window] of windows)
        if (window.is === "scratch") found.set(heap, Math.max(window.size, found.get(heap) ?? 0));
  return found;
};

/** The addresses of a program's values in a call. */
type Placing = Pick<Layout, "values" | "stateBytes" | "liveBytes" | "given" | "keys">;
const placingOf = (
  program: PlanProgram,
  sizes: Sizes,
  { weights, tables, givenEnd, keys }: Residents,
  pages: { readonly given: number; readonly keys: number },
): Placing => {
  const arena = arenaOf(program, sizes);
  const calls = { given: new Allotter(pages.given, alignUp(givenEnd)), keys: new Allotter(pages.keys) };
  const values = program.values.map((value, i): ValueAt => {
    const extent = extentOf(value, sizes);
    const { origin, heap } = value;
    if (origin.is === "weight") return { address: weights.get(origin.weight)!, extent };
    if (origin.is === "table") return { address: tables.get(origin.table)!, extent };
    if (origin.is === "computed") return { address: arena.offsets[i] ?? 0, extent };
    if (origin.is === "input" && heap === "keys" && keys) return { address: keys.get(origin.port)!.address, extent };
    return { address: calls[heap === "keys" ? "keys" : "given"].take(extent.bytes), extent };
  });
  return {
    values,
    stateBytes: arena.bytes,
    liveBytes: arena.live,
    given: [alignUp(givenEnd), calls.given.end],
    keys: [0, calls.keys.end],
  };
};

/** Bytes on the device that a program of a layout needs, by what they hold. */
export const bytesOf = ({ heaps, scratch }: Layout): Readonly<Record<HeapName | "scratch", number>> => ({
  ...(Object.fromEntries(HEAPS.map((heap) => [heap, heaps[heap].bytes])) as Record<HeapName, number>),
  scratch: [...scratch.values()].reduce((sum, bytes) => sum + bytes, 0),
});
export type Spaces = Readonly<Record<HeapName, Space>>;
