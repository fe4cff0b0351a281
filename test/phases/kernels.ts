// The programs of a model as kernels on a GPU, as what judges phases takes them.
import { programs, webgpu } from "../../compiler/index.ts";
import type { Adapter } from "../../runtime/webgpu/adapter.ts";
import { openPlan, type PlanSession } from "../../runtime/webgpu/session.ts";
import { entryOf } from "../entry.ts";
import type { Specified, WeightOf } from "../reference/run.ts";
import type { Session } from "./session.ts";

export interface Kernels extends Session {
  readonly plan: PlanSession;
}
export const openKernels = async (
  { model, sources }: Specified,
  weight: WeightOf,
  adapter: Adapter,
): Promise<Kernels> => {
  const module = programs(model, sources);
  const kept = module.programs.filter(({ outputs }) => outputs.length > 0);
  const { plan, tables } = webgpu({ ...module, programs: kept });
  const session = await openPlan(adapter, plan, { tables, weight: async ({ name }) => weight(name) });
  return {
    programs: new Map(
      kept.map((lowered) => [
        lowered.name,
        { entry: entryOf(model, lowered), lowered, run: (inputs) => session.run(lowered.name, inputs) },
      ]),
    ),
    plan: session,
    close: async () => session.close(),
  };
};
