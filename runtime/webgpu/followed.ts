// Which of the numbers that the runtime computes for a call follow the ids of its rows, and how: so that ids which are drawn
// on a device need not come back before the next call. Such a number is the id of a row, something added, and kept between
// two bounds: a row of a table, counted from where a part of the vocabulary begins. Anything else follows no id on a device.
import type { HostStep, PlanProgram } from "../plan.ts";
import type { HostTensor } from "./hostValues.ts";

/** The id of the row `of`, and `shift`, kept between `least` and `most`. */
export interface Followed {
  readonly of: number;
  readonly shift: number;
  readonly least: number;
  readonly most: number;
}
/** `lost`: it follows ids in another way; undefined: it follows none. */
type Trace = readonly Followed[] | "lost" | undefined;

/**
 * By the index of each value of a program that follows ids its numbers; undefined where one does so in another way.
 * `computed` is what the host computes for the call, whatever the `count` ids of its port are.
 */
export const followedOf = (
  { host, values }: PlanProgram,
  computed: readonly HostTensor[],
  port: string,
  count: number,
): ReadonlyMap<number, readonly Followed[]> | undefined => {
  const ids = Array.from({ length: count }, (_, of) => idOf(of));
  const traces: Trace[] = [];
  for (const [i, step] of host.entries()) {
    const isPort = step.is === "input" && step.port === port;
    traces.push(isPort ? ids : traceOf(step, computed, i, traces));
  }
  const found = new Map<number, readonly Followed[]>();
  for (const [i, { origin, stored, shape }] of values.entries()) {
    const isPort = origin.is === "input" && origin.port === port;
    const own = isPort ? ids : "of" in origin ? traces[origin.of] : undefined;
    if (own === undefined) continue;
    const isNumbers = (origin.is === "host" || isPort) && stored === "i32" && shape.at(-1) === 1;
    if (own === "lost" || !isNumbers) return undefined;
    found.set(i, own);
  }
  return found;
};

const traceOf = (step: HostStep, computed: readonly HostTensor[], own: number, traces: readonly Trace[]): Trace => {
  if (!("of" in step)) return undefined;
  const operands = step.of.map((of) => traces[of]);
  if (operands.every((operand) => operand === undefined)) return undefined;
  const numbers = step.of.map((of) => computed[of]!);
  const count = computed[own]!.data.length;
  if (operands.includes("lost")) return "lost";
  /** Of an operand that has one number, or as many as the result and so the same. */
  const at = (operand: number, i: number): Followed | undefined => {
    const data = numbers[operand]?.data;
    if (data === undefined || (data.length !== 1 && data.length !== count)) return undefined;
    const place = data.length === 1 ? 0 : i;
    return (operands[operand] as readonly Followed[] | undefined)?.[place] ?? numberOf(data[place]!);
  };
  const found: Followed[] = [];
  for (let i = 0; i < count; i++) {
    const each = elementOf(step, at, numbers, i);
    if (each === undefined) return "lost";
    found.push(each);
  }
  return found;
};

const elementOf = (
  { is }: HostStep,
  at: (operand: number, i: number) => Followed | undefined,
  numbers: readonly HostTensor[],
  i: number,
): Followed | undefined => {
  const [first, second] = [at(0, i), at(1, i)];
  switch (is) {
    case "shaped":
      return first;
    case "gather": {
      // Of rows of one number, as they are named: none of them by an id.
      const [table, index] = numbers as readonly [HostTensor, HostTensor];
      const named = index.data[i];
      if (table.shape.length !== 1 || named === undefined || second === undefined || !isNumber(second))
        return undefined;
      return at(0, Math.min(Math.max(named, 0), table.data.length - 1));
    }
    case "where": {
      const third = at(2, i);
      return first !== undefined && isNumber(first) ? (first.least === 0 ? third : second) : undefined;
    }
    case "add":
      return shifted(first, second, 1) ?? shifted(second, first, 1);
    case "sub":
      return shifted(first, second, -1);
    case "min":
    case "max":
      return kept(Math[is], first, second) ?? kept(Math[is], second, first);
    default:
      return undefined;
  }
};

const idOf = (of: number): Followed => ({ of, shift: 0, least: -Infinity, most: Infinity });
/** A number that follows nothing has one value only. */
const numberOf = (number: number): Followed => ({ of: 0, shift: 0, least: number, most: number });
const isNumber = ({ least, most }: Followed): boolean => least === most;
const isWhole = (number: Followed | undefined): number is Followed =>
  number !== undefined && isNumber(number) && Number.isInteger(number.least);
/** Sums of ids, which are below 2^22, stay so far within 32 bits. */
const LARGEST = 2 ** 24;
const small = (followed: Followed): Followed | undefined =>
  [followed.shift, followed.least, followed.most].every((x) => Math.abs(x) < LARGEST || Math.abs(x) === Infinity)
    ? followed
    : undefined;

const shifted = (id: Followed | undefined, by: Followed | undefined, sign: 1 | -1): Followed | undefined => {
  if (id === undefined || !isWhole(by)) return undefined;
  const [number, { of, shift, least, most }] = [sign * by.least, id];
  return small({ of, shift: shift + number, least: least + number, most: most + number });
};
const kept = (
  which: (x: number, y: number) => number,
  id: Followed | undefined,
  bound: Followed | undefined,
): Followed | undefined => {
  if (id === undefined || !isWhole(bound)) return undefined;
  return small({ ...id, least: which(id.least, bound.least), most: which(id.most, bound.least) });
};

/** Numbers in words, as a sampler takes them; `first` leaves what follows nothing. */
export const wordsOf = (numbers: Iterable<readonly Followed[]>, first: number): Int32Array => {
  const word = (x: number): number => Math.min(Math.max(x, -LARGEST), LARGEST);
  return Int32Array.from(
    [...numbers].flat().flatMap((each) => {
      const { of, shift, least, most } = each;
      return [isNumber(each) ? first : of, shift, word(least), word(most)];
    }),
  );
};
