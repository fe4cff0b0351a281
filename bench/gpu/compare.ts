// Our kernels against ONNX Runtime's WebGPU provider on our own graphs: one process, one adapter, call by call in turn. What
// the provider is set to stays for the life of a process, so each setting has a file of its own.
import { afterAll, beforeAll, expect, test } from "vitest";
import { webgpu } from "../../compiler/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { type Adapter, nameOf, openAdapter } from "../../runtime/webgpu/adapter.ts";
import { openPlan } from "../../runtime/webgpu/session.ts";
import { inTurn, type Spread } from "./measure.ts";
import { modelRows } from "./models.ts";
import { openPeer } from "./peer.ts";
import { kernelRows, numbers, type Row } from "./rows.ts";

const ROUNDS = 15;
/**
 * How many times as fast a row must be at least where a processor acts as a GPU; 1 where nothing is said. These are 0.8 of
 * what first hand-written kernels reached on such a GPU, in times of ONNX Runtime's there: a product at 0.8 GFLOP/s against
 * 0.25, a product of one row in 36 ms against 568.
 */
const LEAST: Readonly<Record<string, number>> = {
  "matmul 512 x 512 x 512": (0.8 * 0.8) / 0.25,
  "gemv 2048 x 2048": (0.8 * 568) / 36,
};

/** Whether shaders keep what they reach within their buffers, on both sides. */
export type Robustness = "on" | "off";

const shown = ({ median, low, high }: Spread): string =>
  `${median.toFixed(1)} ms (${low.toFixed(1)} to ${high.toFixed(1)})`;
const distance = (got: Tensor["data"], wanted: ArrayLike<number>): number => {
  let [error, power] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    error += (wanted[i]! - Number(got[i])) ** 2;
    power += wanted[i]! ** 2;
  }
  return error / power;
};

const faster = async (
  adapter: Adapter,
  robustness: Robustness,
  { name, module, program, inputs, work }: Row,
): Promise<void> => {
  const sizes = module.params.map(({ type }) => type.shape.reduce<number>((n, d) => n * (d as number), 1));
  const weights = new Map(module.params.map((param, i) => [param.name, numbers(sizes[i]!, 0.05)]));
  const { plan, tables } = webgpu(module);
  const files = { tables, weight: async (weight: { readonly name: string }) => weights.get(weight.name)! };
  const session = await openPlan(adapter, plan, files);
  const peer = await openPeer(module, (weight) => weights.get(weight)!, [program], robustness === "on");
  const [ours, theirs] = [() => session.run(program, inputs), () => peer.run(program, inputs)];
  try {
    const wanted = await theirs();
    for (const [output, { data }] of Object.entries(await ours()))
      expect(distance(data, wanted[output]!.data as Float32Array), output).toBeLessThan(1e-9);
    const found = await inTurn(ours, theirs, ROUNDS);
    const rate = work === 0 ? "" : `, ${((2 * work) / (found.ours.median * 1e6)).toFixed(2)} GFLOP/s`;
    const peers = `ONNX Runtime ${shown(found.theirs)}; ${found.ratio.toFixed(2)} times`;
    console.log(`${name}: ${shown(found.ours)}${rate}; ${peers}`);
    const { [name]: least = 1 } = adapter.info.software ? LEAST : {};
    expect(found.ratio).toBeGreaterThan(least);
  } finally {
    session.close();
    await peer.close();
  }
};

export const compare = (robustness: Robustness): void => {
  let adapter: Adapter;
  beforeAll(async () => {
    adapter = await openAdapter(robustness === "on" ? {} : { toggles: { enable: ["disable_robustness"] } });
    console.log(`on ${nameOf(adapter.info)}, robustness ${robustness}`);
  });
  afterAll(() => adapter.close());
  test.each([...kernelRows, ...modelRows()])("$name is faster than ONNX Runtime's", { timeout: 600_000 }, (row) =>
    faster(adapter, robustness, row),
  );
};
