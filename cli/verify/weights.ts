// Weights drawn from a seed: every one another, those declared zeros, ones or copies too, and of such sizes that nothing
// a model does is drowned or saturated.
import type { Model, Weight } from "../../compiler/analyze/model.ts";
import { type Stream, stream } from "../../runtime/random.ts";
import { type Role, rolesOf } from "./roles.ts";

/** Row-major numbers of a weight. */
export type WeightNumbers = (weight: Weight) => Float32Array;

/** The scale of some rows of token tables, where the eps of a norm decides. */
export const QUIET = 1e-3;
/** Every fourth token is quiet. */
export const isQuiet = (id: number): boolean => id % 4 === 3;

/** A weight is drawn when it is first asked for, and kept; `gains`, by path, are factors on top of what its role asks for. */
export const drawWeights = (
  model: Model,
  seed: number,
  gains: ReadonlyMap<string, number> = new Map(),
): WeightNumbers => {
  const roles = rolesOf(model);
  const drawn = new Map<Weight, Float32Array>();
  return (weight) => {
    const known = drawn.get(weight);
    if (known !== undefined) return known;
    const numbers = draw(
      weight,
      roles.get(weight) ?? { is: "factor" },
      stream(seed, weight.path),
      gains.get(weight.path) ?? 1,
    );
    drawn.set(weight, numbers);
    return numbers;
  };
};

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

const draw = ({ shape }: Weight, role: Role, numbers: Stream, gain: number): Float32Array => {
  const value = valueOf(shape, role, numbers);
  const result = new Float32Array(sizeOf(shape));
  for (let i = 0; i < result.length; i++) result[i] = gain * value(i);
  return result;
};

const valueOf = (shape: readonly number[], role: Role, numbers: Stream): ((i: number) => number) => {
  switch (role.is) {
    case "table": {
      const width = sizeOf(shape.slice(1));
      return (i) => (role.quiet && isQuiet(Math.floor(i / width)) ? QUIET : role.size) * numbers.spread(i);
    }
    case "matrix": {
      const size = role.gain / Math.sqrt(shape.at(-1)!);
      return (i) => size * numbers.spread(i);
    }
    case "norm":
      return (i) => 0.5 + numbers.unit(i);
    case "bias":
      return (i) => 0.1 * role.size * numbers.spread(i);
    case "factor":
      // 0.5 .. 0.9 or 1.1 .. 1.5: dropping it, or taking 1 or 0 for it, is seen.
      return (i) => {
        const x = 0.5 + 0.8 * numbers.unit(i);
        return x < 0.9 ? x : x + 0.2;
      };
    default:
      throw new Error(`no such role: ${String(role satisfies never)}`);
  }
};
