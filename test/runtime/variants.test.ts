// Which kernels a device takes: by its features and limits, by whether it is hardware, and by what it is asked for.
import { expect, test } from "vitest";
import type { Kernel, Plan, Step } from "../../runtime/plan.ts";
import type { Adapter } from "../../runtime/webgpu/adapter.ts";
import { cut, type Dispatch } from "../../runtime/webgpu/cut.ts";
import type { Spaces } from "../../runtime/webgpu/layout.ts";
import { ALONE, capabilitiesOf, waysOf } from "../../runtime/webgpu/variants.ts";

const kernel = (template: string, more: Partial<Kernel> = {}): Kernel => ({
  template,
  wgsl: template,
  heaps: [],
  tile: [1, 1, 1],
  invocations: 64,
  workgroupMemory: 0,
  features: [],
  ...more,
});
const step = (of: number, more: Partial<Step> = {}): Step => ({
  name: "it",
  at: "",
  kernel: of,
  grid: [1, 1, 1],
  operands: [],
  parameters: [],
  work: 1,
  ...more,
});
const kernels = [
  kernel("alone"),
  kernel("a part"),
  kernel("memory", { workgroupMemory: 16_384 }),
  kernel("subgroups", { workgroupMemory: 1024, features: ["subgroups"], without: 2 }),
  kernel("many", { invocations: 256 }),
  kernel("only subgroups", { features: ["subgroups"] }),
];
const plan = { kernels } as unknown as Plan;

interface Device {
  readonly software?: boolean;
  readonly subgroups?: boolean;
  readonly memory?: number;
  readonly invocations?: number;
}
const adapter = ({ software = false, subgroups = false, memory = 16_384, invocations = 128 }: Device) =>
  ({
    info: { software },
    features: new Set(subgroups ? ["subgroups"] : []),
    limits: { maxComputeWorkgroupStorageSize: memory, maxComputeInvocationsPerWorkgroup: invocations },
  }) as unknown as Adapter;

/** The templates of each way in turn. */
const ways = (of: Step, device: Device, together?: boolean, keys = 1): readonly string[] =>
  waysOf(plan, of, capabilitiesOf(adapter(device), together), new Map([["keys", keys]])).map((way) =>
    way.map((each) => each.kernel.template).join(" + "),
  );

const whole = step(0, { instead: [step(1), step(1)], together: [{ steps: [step(3)] }] });

test.each<readonly [string, Device, boolean | undefined, readonly string[]]>([
  ["hardware with subgroups", { subgroups: true }, undefined, ["subgroups", "alone", "a part + a part"]],
  ["hardware without subgroups", {}, undefined, ["memory", "alone", "a part + a part"]],
  ["little memory, and no subgroups", { memory: 16_383 }, undefined, ["alone", "a part + a part"]],
  [
    "little memory, and subgroups",
    { memory: 1024, subgroups: true },
    undefined,
    ["subgroups", "alone", "a part + a part"],
  ],
  ["few invocations", { invocations: 63, subgroups: true }, undefined, ["alone", "a part + a part"]],
  ["a processor", { software: true, subgroups: true }, undefined, ["alone", "a part + a part"]],
  [
    "a processor that is asked to",
    { software: true, subgroups: true },
    true,
    ["subgroups", "alone", "a part + a part"],
  ],
  ["hardware that is asked not to", { subgroups: true }, false, ["alone", "a part + a part"]],
])("%s", (_, device, together, wanted) => expect(ways(whole, device, together)).toEqual(wanted));

test("all steps of a way can be taken, or none is", () => {
  expect(ways(step(0, { together: [{ steps: [step(3), step(4)] }] }), { invocations: 128 })).toEqual(["alone"]);
  expect(ways(step(0, { together: [{ steps: [step(3), step(4)] }] }), { invocations: 256 })).toEqual([
    "memory + many",
    "alone",
  ]);
});
test("a kernel that has no other without its features is left", () => {
  expect(ways(step(0, { together: [{ steps: [step(5)] }] }), {})).toEqual(["alone"]);
  expect(ways(step(0, { together: [{ steps: [step(5)] }] }), { subgroups: true })).toEqual(["only subgroups", "alone"]);
});
test("what pays off from some size on is taken from there on", () => {
  const from = { of: [[2, "keys"]] as const, least: 100 };
  const large = step(0, { together: [{ steps: [step(1), step(1)], from }, { steps: [step(3)] }] });
  expect(ways(large, {}, undefined, 49)).toEqual(["memory", "alone"]);
  expect(ways(large, {}, undefined, 50)).toEqual(["a part + a part", "memory", "alone"]);
});
test("of a plan without others there is nothing to choose", () => {
  expect(ways(step(0), { subgroups: true })).toEqual(["alone"]);
  expect(waysOf(plan, whole, ALONE, new Map()).map((way) => way.length)).toEqual([1, 2]);
});

test("no workgroup has units of two tiles, however small a grid is cut", () => {
  const tile = [8, 64, 1] as const;
  for (const [groups, work] of [
    [65_535, 1e9],
    [3, 1e9],
    [64, 700],
    [64, 5],
    [1, 1],
  ] as const) {
    const one = { ...step(0), grid: [45, 130, 3] as const, work: 45 * 130 * 3 };
    const limits = { binding: 1 << 20, groups, alignment: 256, work };
    const spaces = {} as Spaces;
    const made = cut({ step: one, kernel: kernel("it", { tile }), placed: [], sizes: new Map(), spaces, limits });
    let units = 0;
    for (const { first, end } of made as readonly Dispatch[]) {
      units += first.reduce((all, from, axis) => all * (end[axis]! - from), 1);
      for (const [axis, from] of first.entries()) {
        const size = tile[axis]!;
        expect(from % size === 0 || Math.floor(from / size) === Math.floor((end[axis]! - 1) / size)).toBe(true);
      }
    }
    expect(units).toBe(one.work);
  }
});
