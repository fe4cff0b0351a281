// What invocations of a workgroup compute together is what one computes alone: every op that has such kernels, with
// subgroups and without, against its meaning in f64, on a device that checks no index, between guards.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { webgpu } from "../../compiler/index.ts";
import type { Op } from "../../compiler/ir/vocabulary.ts";
import { type Adapter, type Feature, FEATURES } from "../../runtime/webgpu/adapter.ts";
import { agrees, open, tensorsOf } from "./agree.ts";
import { edges } from "./cases/index.ts";
import { typical } from "./cases/typical.ts";
import { type Case, draw } from "./draw.ts";
import { ownGpu, TOGGLES } from "./gpu.ts";
import { type Guarded, guarded } from "./guarded.ts";
import { asHardware } from "./hardware.ts";

let guard: Guarded;
beforeAll(async () => {
  guard = guarded(await ownGpu({ toggles: { enable: [...TOGGLES.enable, "disable_robustness"] } }));
});
afterAll(() => guard.adapter.close());

/** The templates of the kernels that a case runs, by timestamps of a device. */
const kernelsOf = async (adapter: Adapter, one: Case): Promise<readonly string[]> => {
  const { module, given } = draw(one, one.dims[0]!, 1);
  const session = await open(adapter, webgpu(module), given);
  const times = await session.profile("it", tensorsOf(module, given)).finally(() => session.close());
  return times.map(({ kernel }) => kernel);
};
/** What one computes alone, and what computes the same together. */
const pairs = [
  ["linear.narrow", "linear.split"],
  ["linear.wide", "linear.tiled"],
  ["reduce", "reduce.split"],
  ["statistics", "statistics.split"],
  ["attention", "attention.split"],
  ["attention", "attention.part"],
  ["attention", "attention.merge"],
  ["attention", "attention.tiled"],
] as const;
test("who has them takes them, and a processor does not", async () => {
  const { adapter } = guard;
  for (const [template, one] of pairs) {
    expect(await kernelsOf(adapter, typical[one])).toContain(template);
    expect(await kernelsOf(asHardware(adapter, FEATURES), typical[one])).toContain(one);
  }
});

const seen = new Set<Case>();
const isTogether = (one: Case): boolean =>
  webgpu(draw(one, one.dims[0]!, 1).module).plan.programs.some(({ steps }) => steps.some((step) => step.together));
/** Attention of few queries has kernels of its own, at the same edges. */
const withFew = (op: Op): readonly Case[] =>
  op === "attention"
    ? edges[op].flatMap((each) => (each.kind === undefined ? [each, { ...each, kind: "decode" }] : [each]))
    : edges[op];
const cases = (Object.keys(edges) as Op[]).flatMap((op) =>
  withFew(op)
    .filter((each) => !seen.has(each) && seen.add(each) && isTogether(each))
    .map((each) => [`${op}: ${each.title}${each.kind === "decode" ? ", few" : ""}`, each] as const),
);

/** Here each case at one of its lengths in turn, and without subgroups every fourth; all by `npm run test:long`. */
const isLong = process.env["RUNS"] !== undefined;
const sampled = isLong
  ? cases
  : cases.map(([title, each], i) => [title, { ...each, dims: [each.dims[i % each.dims.length]!] }] as const);
describe.each<readonly [string, readonly Feature[], typeof cases]>([
  ["with subgroups", ["subgroups"], sampled],
  ["without subgroups", [], isLong ? cases : sampled.filter((_, i) => i % 4 === 0)],
])("%s", (_, features, own) => {
  test.each(own)("%s", async (_title, each) => {
    await agrees(asHardware(guard.adapter, features), each, async () => expect(await guard.trespassed()).toEqual([]));
  });
});
