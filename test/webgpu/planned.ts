// Plans of the small models with weights and calls drawn from a seed: for tests that compare runs of the same numbers, and
// need no oracle.
import { type Model, programs, webgpu } from "../../compiler/index.ts";
import type { Plan, PlanProgram } from "../../runtime/plan.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { PlanFiles } from "../../runtime/webgpu/session.ts";
import { at, type Sizes } from "../../runtime/webgpu/sizes.ts";
import { type SmallModel, smallExample } from "../verify/examples.ts";

export interface Planned {
  readonly model: Model;
  readonly plan: Plan;
  readonly files: PlanFiles;
}
export type Tensors = Readonly<Record<string, Tensor>>;

/** Numbers from 0 to 1 (mulberry32). */
const dice = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};
const seedOf = (text: string): number => [...text].reduce((sum, c) => (Math.imul(sum, 31) + c.charCodeAt(0)) | 0, 7);

const weightOf = (name: string, shape: readonly number[]): Float32Array => {
  const next = dice(seedOf(name));
  const count = shape.reduce((product, d) => product * d, 1);
  const spread = shape.length > 1 ? Math.sqrt(3 / shape.at(-1)!) : 0.5;
  const middle = name.endsWith("norm") ? 1 : 0;
  return Float32Array.from({ length: count }, () => middle + spread * (2 * next() - 1));
};

const planned = new Map<SmallModel, Planned>();
export const plannedModel = (name: SmallModel): Planned => {
  const known = planned.get(name);
  if (known !== undefined) return known;
  const { model, sources } = smallExample(name);
  const { plan, tables } = webgpu(programs(model, sources));
  const made = {
    model,
    plan,
    files: {
      tables,
      weight: async ({ name: path, shape }: { name: string; shape: readonly number[] }) => weightOf(path, shape),
    },
  };
  planned.set(name, made);
  return made;
};

/** Rows of a call: so many that small limits do not suffice for all of them at once. */
export const SIZES: Readonly<Record<string, number>> = {
  batch: 2,
  text: 7,
  image: 1,
  "image.patch": 64,
  "past.text": 40,
  "past.image.patch": 64,
};

/** Inputs that a program takes: places in order, with a row in the last document that is not there. */
export const callOf = ({ model }: Planned, program: PlanProgram, sizes = SIZES): Tensors => {
  const given: Sizes = new Map(Object.entries(sizes));
  const tokens = model.modalities.find((each) => each.kind === "tokens");
  return Object.fromEntries(
    program.inputs.map(({ name, dtype, shape: planned }) => {
      const shape = planned.map((size) => at(size, given));
      const count = shape.reduce((product, d) => product * d, 1);
      const next = dice(seedOf(`${program.name} ${name}`));
      const rows = shape[1] ?? 1;
      const number = (i: number): number => {
        const row = i % rows;
        const last = name.endsWith(".order") && rows > 1 && i === count - 1;
        if (last) return -1;
        if (name.endsWith(".order")) return name.startsWith("past.") ? 2 * row : 200 + 2 * row;
        if (name.endsWith(".id")) return Math.floor(next() * (tokens?.vocab ?? 8));
        if (name.endsWith(".span")) return Math.floor((row * (sizes["image"] ?? 1)) / rows);
        return name.endsWith(".position") ? row : row % 8;
      };
      const data =
        dtype === "i32"
          ? Int32Array.from({ length: count }, (_, i) => number(i))
          : Float32Array.from({ length: count }, () => next());
      return [name, { dtype, shape, data } as Tensor];
    }),
  );
};

/** Outputs with their numbers as bits, so that equal means equal. */
export const bitsOf = (tensors: Tensors): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [
      name,
      { shape, bits: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64") },
    ]),
  );
