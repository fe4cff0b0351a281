// Numbers that a caller gives: as many as an input has, whole where they are indices, and within their table. ONNX Runtime
// would read beside a table, or say so in words that name no row.
import { Failure } from "./failure.ts";

const NUMBERS = "give a number or a Float32Array";

/** `what` begins the message. @throws Failure "call" */
export const checkNumbers = (
  what: string,
  numbers: ArrayLike<number>,
  width: number,
  dtype: string,
  below: number | null,
): void => {
  if (typeof numbers !== "object" || numbers === null) throw new Failure("call", `${what} is no number`, NUMBERS);
  if (numbers.length !== width) {
    const given = numbers.length === 1 ? "one was" : `${String(numbers.length)} were`;
    throw new Failure("call", `${what} has ${width} ${width === 1 ? "number" : "numbers"}, and ${given} given`);
  }
  for (let i = 0; i < width; i++) {
    if (typeof numbers[i] !== "number") throw new Failure("call", `${what} is no number`, NUMBERS);
    if (dtype === "i32") checkIndex(what, numbers[i]!, below ?? undefined);
  }
};

/** A whole number from 0, below `below` where there is one. @throws Failure "call" */
export const checkIndex = (what: string, value: number, below: number | undefined): void => {
  if (Number.isSafeInteger(value) && value >= 0 && value < (below ?? 2 ** 31)) return;
  const most = below === undefined ? "" : ` to ${below - 1}`;
  throw new Failure("call", `${what} is ${String(value)}`, `it is a whole number from 0${most}`);
};
