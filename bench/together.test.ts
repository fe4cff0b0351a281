// Kernels whose invocations work together against those of invocations alone, on one adapter, call by call in turn: says by
// how much either is faster, and demands nothing but the same numbers.
import { afterAll, beforeAll, expect, test } from "vitest";
import { webgpu } from "../compiler/index.ts";
import { type Adapter, nameOf, openAdapter } from "../runtime/webgpu/adapter.ts";
import { openPlan } from "../runtime/webgpu/session.ts";
import { inTurn } from "./gpu/measure.ts";
import { modelRows } from "./gpu/models.ts";
import { kernelRows, numbers, type Row } from "./gpu/rows.ts";

const ROUNDS = 9;
let adapter: Adapter;
beforeAll(async () => {
  adapter = await openAdapter();
  console.log(`on ${nameOf(adapter.info)}, with ${[...adapter.features].join(", ")}`);
});
afterAll(() => adapter.close());

const apart = (got: ArrayLike<number>, wanted: ArrayLike<number>): number => {
  let [error, power] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    error += (wanted[i]! - got[i]!) ** 2;
    power += wanted[i]! ** 2;
  }
  return error / power;
};

const compared = async ({ name, module, program, inputs }: Row): Promise<void> => {
  const sizes = module.params.map(({ type }) => type.shape.reduce<number>((n, d) => n * (d as number), 1));
  const weights = new Map(module.params.map((param, i) => [param.name, numbers(sizes[i]!, 0.05)]));
  const { plan, tables } = webgpu(module);
  const files = { tables, weight: async (weight: { readonly name: string }) => weights.get(weight.name)! };
  const together = await openPlan(adapter, plan, files, { together: true });
  const alone = await openPlan(adapter, plan, files, { together: false });
  try {
    const [got, wanted] = [await together.run(program, inputs), await alone.run(program, inputs)];
    for (const [output, { data }] of Object.entries(got))
      expect(apart(data as Float32Array, wanted[output]!.data as Float32Array), output).toBeLessThan(1e-9);
    const found = await inTurn(
      () => together.run(program, inputs),
      () => alone.run(program, inputs),
      ROUNDS,
    );
    const [ours, theirs] = [found.ours, found.theirs].map(({ median }) => `${median.toFixed(1)} ms`);
    console.log(`${name}: together ${ours}, alone ${theirs}; ${found.ratio.toFixed(2)} times as fast`);
  } finally {
    together.close();
    alone.close();
  }
};

test.each([...kernelRows, ...modelRows()])("$name", { timeout: 600_000 }, compared);
