// Which of the ways that a plan has to do a step a device takes: by what it can do, never by who made it.
import type { Kernel, KernelFeature, Plan, Step } from "../plan.ts";
import type { Adapter } from "./adapter.ts";
import { at, type Sizes } from "./sizes.ts";

export interface Capabilities {
  /** whether invocations of a workgroup are to work together, where a plan has kernels for that */
  readonly together: boolean;
  readonly features: ReadonlySet<KernelFeature>;
  /** the most that a workgroup may have: invocations, and bytes of memory */
  readonly invocations: number;
  readonly workgroupMemory: number;
}
/** Each invocation by itself, which any device can do. */
export const ALONE: Capabilities = { together: false, features: new Set(), invocations: 0, workgroupMemory: 0 };

/** Where a processor acts as a GPU, waiting for each other costs more than it saves: only who asks for it is given that. */
export const capabilitiesOf = (
  { info, features, limits }: Pick<Adapter, "info" | "features" | "limits">,
  together = !info.software,
): Capabilities => ({
  together,
  features: new Set(features.has("subgroups") ? (["subgroups"] as const) : []),
  invocations: limits.maxComputeInvocationsPerWorkgroup,
  workgroupMemory: limits.maxComputeWorkgroupStorageSize,
});

export interface Chosen {
  readonly step: Step;
  readonly kernel: Kernel;
}
/** Steps that do what one step of a plan is for, each with the kernel that it runs. */
export type Way = readonly Chosen[];

/** A step and all that may be done in its stead. */
export const allOf = (step: Step): readonly Step[] => [
  step,
  ...(step.instead ?? []),
  ...(step.together ?? []).flatMap(({ steps }) => steps),
];

/** All that a device can take in a call of these sizes, the best first; what every device can do is among them. */
export const waysOf = (plan: Plan, step: Step, can: Capabilities, sizes: Sizes): readonly Way[] => {
  const plain = (of: Step): Chosen => ({ step: of, kernel: plan.kernels[of.kernel]! });
  const together = (can.together ? (step.together ?? []) : []).flatMap(({ steps, from }): Way[] => {
    if (from !== undefined && at(from.of, sizes) < from.least) return [];
    const way = steps.map((of) => chosen(plan, of, can));
    return way.every((each) => each !== undefined) ? [way] : [];
  });
  return [...together, [plain(step)], ...(step.instead === undefined ? [] : [step.instead.map(plain)])];
};

const chosen = (plan: Plan, step: Step, can: Capabilities): Chosen | undefined => {
  const best = plan.kernels[step.kernel]!;
  const kernels = [best, ...(best.without === undefined ? [] : [plan.kernels[best.without]!])];
  const kernel = kernels.find(
    ({ features, invocations, workgroupMemory }) =>
      features.every((feature) => can.features.has(feature)) &&
      invocations <= can.invocations &&
      workgroupMemory <= can.workgroupMemory,
  );
  return kernel && { step, kernel };
};
