// Sizes of a plan as numbers, once a call has said what its names are.
import { Failure } from "../failure.ts";
import type { PlanInput, PlanValue, Size } from "../plan.ts";
import type { Tensor } from "../tensor.ts";

/** Name -> number. */
export type Sizes = ReadonlyMap<string, number>;

/** @throws Failure "call" where the number is not exact */
export const at = (size: Size, sizes: Sizes): number => {
  if (typeof size === "number") return size;
  let sum = 0;
  for (const [factor, ...names] of size) {
    const product = names.reduce((all, name) => exact(all * sizes.get(name)!), factor);
    sum = exact(sum + product);
  }
  return sum;
};
/** Beyond 2^53 numbers are rounded: what is counted by them would be another thing. */
const exact = (x: number): number => {
  if (Number.isSafeInteger(x)) return x;
  throw new Failure("call", "a size is larger than 2^53", "call it with fewer documents or rows");
};
const nameIn = (size: Size): string | undefined => {
  if (typeof size === "number" || size.length !== 1) return undefined;
  const [factor, ...names] = size[0]!;
  return factor === 1 && names.length === 1 ? names[0] : undefined;
};

/** The sizes that inputs have. @throws Failure "call" where shapes do not fit */
export const sizesOf = (
  program: string,
  inputs: readonly PlanInput[],
  given: Readonly<Record<string, Pick<Tensor, "shape">>>,
): Sizes => {
  const sizes = new Map<string, number>();
  for (const { name, shape } of inputs)
    for (const [axis, size] of shape.entries()) {
      const free = nameIn(size);
      if (free !== undefined && !sizes.has(free)) sizes.set(free, given[name]!.shape[axis] ?? 0);
    }
  for (const { name, shape } of inputs) {
    const want = shape.map((size) => at(size, sizes));
    const have = given[name]!.shape;
    if (have.length !== want.length || have.some((d, axis) => d !== want[axis]))
      throw new Failure(
        "call",
        `program ${program}: the input ${name} is [${have.join(", ")}], and must be [${want.join(", ")}]`,
      );
    if (want.includes(0))
      throw new Failure("call", `program ${program}: the input ${name} is [${have.join(", ")}]: nothing may be empty`);
  }
  return sizes;
};

/** Bytes of a vec4 as it is stored. */
const QUAD = { f32: 16, i32: 16, f16: 8, bf16: 8 } as const;
/** How a value lies: `rows` of `rowBytes`, of which `width` numbers count. */
export interface Extent {
  readonly rows: number;
  readonly width: number;
  readonly quadBytes: number;
  readonly rowBytes: number;
  readonly bytes: number;
}
export const extentOf = ({ shape, stored }: Pick<PlanValue, "shape" | "stored">, sizes: Sizes): Extent => {
  const dims = shape.map((size) => at(size, sizes));
  const width = dims.at(-1) ?? 1;
  const rows = dims.slice(0, -1).reduce((product, d) => product * d, 1);
  const quadBytes = QUAD[stored];
  const rowBytes = Math.ceil(width / 4) * quadBytes;
  return { rows, width, quadBytes, rowBytes, bytes: rows * rowBytes };
};
