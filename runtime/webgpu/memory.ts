// What a program would take is compared with what a device may give before anything is allocated.
import { Failure } from "../failure.ts";
import { type Heap as HeapName, HEAPS } from "../plan.ts";
import { bytesOf, type Layout } from "./layout.ts";
import type { Sizes } from "./sizes.ts";

/** Bytes on the device, by what they hold. */
export interface Memory {
  readonly weights: number;
  /** small weights, and the inputs of calls */
  readonly given: number;
  readonly state: number;
  readonly keys: number;
  /** for programs that are ready: numbers of dispatches, copies, and what is read back */
  readonly calls: number;
}

export interface MemoryLimits {
  /** bytes of a buffer */
  readonly buffer: number;
  /** bytes of all buffers together; nothing tells what a device has, so without it the buffers of a heap are counted */
  readonly budget: number;
}
/** Buffers of one heap. A heap of more is many times what its device was made for. */
const MOST_PAGES = 64;

const WORDS: Readonly<Record<HeapName | "scratch", string>> = {
  matrix: "weights",
  given: "inputs and small weights",
  state: "rows",
  keys: "keys and values",
  scratch: "copies",
};
const text = (bytes: number): string =>
  bytes < 1 << 20 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** @throws Failure "device" that says for what, and how much of each there would be */
export const checkMemory = (
  what: string,
  needed: Readonly<Partial<Record<HeapName | "scratch", number>>>,
  { buffer, budget }: MemoryLimits,
): void => {
  const parts = [...HEAPS, "scratch" as const].filter((part) => (needed[part] ?? 0) > 0);
  const total = parts.reduce((sum, part) => sum + needed[part]!, 0);
  const large = parts.find((part) => needed[part]! > MOST_PAGES * buffer);
  if (large === undefined && total <= budget) return;
  const limit =
    total > budget
      ? `and ${text(budget)} may be used`
      : `and this GPU has room for ${text(MOST_PAGES * buffer)} of ${WORDS[large!]}`;
  throw new Failure(
    "device",
    `${what} needs ${text(total)} (${parts.map((part) => `${text(needed[part]!)} of ${WORDS[part]}`).join(", ")}), ${limit}`,
    "use another GPU, fewer documents or rows in a call, or a smaller model",
  );
};

/** `program decode(text) of batch 1, text 1` */
export const callText = (program: string, sizes: Sizes): string => {
  const list = [...sizes].map(([name, size]) => `${name} ${size}`).join(", ");
  return list === "" ? `program ${program}` : `program ${program} of ${list}`;
};

/** @throws Failure "device" */
export const checkLayout = (
  layout: Layout,
  /** bytes of keys and values that the call has nothing to do with */
  others: number,
  limits: MemoryLimits,
): void => {
  const bytes = bytesOf(layout);
  checkMemory(callText(layout.program.name, layout.sizes), { ...bytes, keys: bytes.keys + others }, limits);
};
