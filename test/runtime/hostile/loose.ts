// A sound plan as JSON, to change anything in it, and all that is done with a plan until a device is asked.
import { parsePlan, printPlan } from "../../../runtime/planForm.ts";
import type { Adapter } from "../../../runtime/webgpu/adapter.ts";
import { spaceOf } from "../../../runtime/webgpu/heap.ts";
import { layOut } from "../../../runtime/webgpu/layout.ts";
import { checkLayout } from "../../../runtime/webgpu/memory.ts";
import { openPlan } from "../../../runtime/webgpu/session.ts";
import { placeWeights } from "../../../runtime/webgpu/weights.ts";
import { plannedModel, SIZES } from "../../webgpu/planned.ts";

/** Says that it was reached, whatever it is asked. */
const device = new Proxy({} as GPUDevice, {
  get: (_, key) => {
    throw new Error(`the device is asked for ${String(key)}`);
  },
});
const PAGE = 256 << 20;
const limits = {
  maxBufferSize: PAGE,
  maxStorageBufferBindingSize: 128 << 20,
  maxComputeWorkgroupsPerDimension: 65535,
  minStorageBufferOffsetAlignment: 256,
  minUniformBufferOffsetAlignment: 256,
};
export const adapter = {
  device,
  limits,
  info: { software: true, description: "none" },
  features: new Set(),
  lost: new Promise(() => undefined),
} as unknown as Adapter;

/** All that is done with a plan until a device is asked: read, opened, its programs laid out. */
export const take = async (text: string, sizes: Readonly<Record<string, number>> = SIZES): Promise<void> => {
  const plan = parsePlan(text, "plan.json");
  const resident = placeWeights(plan, { matrix: PAGE, given: PAGE });
  for (const program of plan.programs) {
    const cutting = { binding: 128 << 20, groups: 65535, alignment: 256, work: 1e9 };
    const own = new Map(Object.entries(sizes));
    checkLayout(
      layOut(plan, program, own, resident, (_, bytes) => spaceOf(bytes, PAGE), cutting),
      0,
      {
        buffer: PAGE,
        budget: Infinity,
      },
    );
  }
  await openPlan(adapter, plan, plannedModel("LlamaModel").files);
};

/** A plan as JSON, to change anything in it. */
interface Loose {
  [key: string]: Loose & Loose[];
}
/** The sound plan with one thing changed. */
export const changed = (change: (plan: Loose) => void) => (): string => {
  const plan = JSON.parse(printPlan(plannedModel("LlamaModel").plan)) as Loose;
  change(plan);
  return JSON.stringify(plan);
};
export const programOf = (plan: Loose): Loose => plan["programs"]![0]!;
export const stepOf = (plan: Loose, template: string): Loose =>
  programOf(plan)["steps"]!.find(
    ({ kernel }) => plan["kernels"]![kernel as never]!["template"] === (template as never),
  )!;
/** A step that has steps together whose kernels have features. */
export const togetherOf = (plan: Loose): Loose =>
  plan["programs"]!.flatMap((program) => program["steps"]! as Loose[]).find(
    ({ together }) => plan["kernels"]![together?.[0]!["steps"]![0]!["kernel"] as never]?.["features"]![0] !== undefined,
  )!;
/** A kernel with features. */
export const bestOf = (plan: Loose): Loose =>
  plan["kernels"]!.find(({ features }) => features!.length !== (0 as never))!;
export const valueOf = (plan: Loose, is: string): Loose =>
  programOf(plan)["values"]!.find(({ origin }) => origin!["is"] === (is as never))!;
export const set = (to: Loose, key: string, value: unknown): void => void (to[key] = value as never);
