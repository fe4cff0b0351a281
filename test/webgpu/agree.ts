// Runs cases on a GPU and compares each of their outputs with what the graph means, computed in f64 on the same numbers.
import { expect } from "vitest";
import { webgpu } from "../../compiler/index.ts";
import { evaluate, type Given, type Values } from "../../compiler/ir/evaluate.ts";
import type { ModelModule } from "../../compiler/ir/module.ts";
import type { Plan } from "../../runtime/plan.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Adapter } from "../../runtime/webgpu/adapter.ts";
import { openPlan, type PlanSession } from "../../runtime/webgpu/session.ts";
import { bytesAs } from "../cli/numbers.ts";
import { type Case, CHECKPOINT, draw, type Precision } from "./draw.ts";
import { validateByNaga } from "./wgsl.ts";

/** The most that the squares of errors may be, of the squares of values; and the most that one error may be, of their rms. */
export const LIMITS = { nmse: 1e-10, max: 1e-4 } as const;

export const tensorsOf = ({ programs: [program] }: ModelModule, { inputs }: Given): Record<string, Tensor> =>
  Object.fromEntries(
    program!.inputs.map(({ name, type }) => {
      const { shape, data } = inputs[name]!;
      const tensor: Tensor =
        type.dtype === "i32"
          ? { dtype: "i32", shape, data: Int32Array.from(data) }
          : { dtype: "f32", shape, data: Float32Array.from(data) };
      return [name, tensor];
    }),
  );

export const open = async (
  adapter: Adapter,
  { plan, tables }: { readonly plan: Plan; readonly tables: Float32Array },
  { params }: Given,
): Promise<PlanSession> =>
  openPlan(adapter, plan, {
    tables,
    weight: async ({ name, stored }) => bytesAs(CHECKPOINT[stored as Precision], Float32Array.from(params[name]!.data)),
  });

export interface Figures {
  readonly nmse: number;
  /** the largest error, of the rms of the values */
  readonly max: number;
  /** where a value is not finite and should be, or the other way round */
  readonly broken: number;
}
/** How far `got` is from `wanted`, which counts as f32 holds it: what is too large there may be infinite. */
export const figuresOf = (got: Tensor, wanted: Values): Figures => {
  let [error, power, most, broken] = [0, 0, 0, 0];
  for (const [i, exact] of wanted.data.entries()) {
    const value = Number(got.data[i]);
    const finite = Number.isFinite(Math.fround(exact));
    if (Number.isFinite(value) !== finite && finite) broken++;
    if (!finite || !Number.isFinite(value)) continue;
    error += (value - exact) ** 2;
    power += exact ** 2;
    most = Math.max(most, Math.abs(value - exact));
  }
  // In f64 a tail may be lost altogether that a kernel keeps: beside nothing, 1e-30 is nothing.
  const count = Math.max(1, wanted.data.length);
  const mean = Math.max(power / count, 1e-50);
  return { nmse: error / count / mean, max: most / Math.sqrt(mean), broken };
};

/** The numbers that are off by more than this share of what they should be. */
const apart = (got: Tensor, wanted: Values, share: number, floor: number): readonly string[] =>
  [...wanted.data].flatMap((exact, i) => {
    const value = Number(got.data[i]);
    const near = Math.abs(value - exact) <= Math.max(floor, share * Math.abs(exact));
    return near || !Number.isFinite(Math.fround(exact)) ? [] : [`number ${i}: ${value}, not ${exact}`];
  });

/** The worst figures of all outputs at all lengths; fails where they are above the limits. `inspect` follows each run. */
export const agrees = async (
  adapter: Adapter,
  test: Case,
  inspect: () => Promise<void> = async () => undefined,
): Promise<Figures> => {
  let session: PlanSession | undefined;
  let worst: Figures = { nmse: 0, max: 0, broken: 0 };
  try {
    for (const [i, dims] of test.dims.entries()) {
      const { module, roots, given } = draw(test, dims, i + 1);
      if (session === undefined) {
        const compiled = webgpu(module, { stored: () => test.stored ?? "f32" });
        for (const template of test.through ?? [])
          expect(compiled.plan.kernels.map((kernel) => kernel.template)).toContain(template);
        for (const { wgsl } of compiled.plan.kernels) expect(validateByNaga(wgsl), wgsl).toBeUndefined();
        session = await open(adapter, compiled, given);
      }
      const results = await session.run("it", tensorsOf(module, given));
      await inspect();
      for (const [output, wanted] of evaluate(roots, given).entries()) {
        const got = results[`result ${output}`]!;
        expect(got.shape).toEqual(wanted.shape);
        const found = figuresOf(got, wanted);
        const exact = roots[output]!.type.dtype !== "f32";
        const where = `${JSON.stringify(dims)}, output ${output}: ${JSON.stringify(found)}`;
        expect(found.broken, where).toBe(0);
        if (test.each !== undefined)
          expect(apart(got, wanted, test.each, test.floor ?? 1e-30), `output ${output}`).toEqual([]);
        expect(found.nmse, where).toBeLessThanOrEqual(exact ? 0 : LIMITS.nmse);
        expect(found.max, where).toBeLessThanOrEqual(LIMITS.max);
        worst = { nmse: Math.max(worst.nmse, found.nmse), max: Math.max(worst.max, found.max), broken: 0 };
      }
    }
  } finally {
    session?.close();
  }
  return worst;
};
