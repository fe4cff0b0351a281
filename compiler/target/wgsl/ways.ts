// The ways to compute a group: the kernel that any device runs, and others that may stand in its stead.
import type { Dim } from "../../ir/dim.ts";
import type { Code } from "./code.ts";
import type { Values } from "./emission.ts";
import type { Group } from "./partition.ts";
import { attentionKernel } from "./templates/attention.ts";
import { attentionMerge, manyKeys, partsShape } from "./templates/attentionMerge.ts";
import { attentionEnd, attentionOver, runningShape } from "./templates/attentionParts.ts";
import { attentionSplit } from "./templates/attentionSplit.ts";
import { attentionTiled } from "./templates/attentionTiled.ts";
import { linearKernel } from "./templates/linear.ts";
import { linearTiled } from "./templates/linearTiled.ts";
import { pointwiseKernel } from "./templates/pointwise.ts";
import { productKernel } from "./templates/product.ts";
import { isLong, reduceKernel, statisticsKernel } from "./templates/reduce.ts";

/** Each invocation computes its results alone. */
export const kernelOf = (values: Values, group: Group): Code => {
  switch (group.is) {
    case "linear":
      return linearKernel(values, group);
    case "product":
      return productKernel(values, group);
    case "attention":
      return attentionKernel(values, group);
    case "reduce":
      return reduceKernel(values, group.node);
    case "statistics":
      return statisticsKernel(values, group.norm);
    case "pointwise":
      return pointwiseKernel(values, group.tip);
    default:
      throw new Error(`no such kernel: ${String(group satisfies never)}`);
  }
};
/** Kernels that do the same where a device binds less at once than one unit of the group's own reads. */
export const insteadOf = (values: Values, group: Group): readonly Code[] => {
  if (group.is !== "attention") return [];
  const running = values.kept(runningShape(group.node));
  return [attentionOver(values, group, running), attentionEnd(values, group, running)];
};

export interface Way {
  readonly kernels: readonly Code[];
  readonly from?: { readonly of: Dim; readonly least: number };
}
/** Kernels that do the same by invocations that work together, the best first. */
export const togetherOf = (values: Values, group: Group): readonly Way[] => {
  const one = (code: Code): readonly Way[] => [{ kernels: [code] }];
  switch (group.is) {
    case "linear":
      return one(group.narrow ? linearKernel(values, group, true) : linearTiled(values, group));
    case "attention": {
      if (!group.narrow) return one(attentionTiled(values, group));
      const parts = values.kept(partsShape(group.node));
      return [
        {
          kernels: [attentionSplit(values, group, parts), attentionMerge(values, group, parts)],
          from: manyKeys(group),
        },
        { kernels: [attentionSplit(values, group)] },
      ];
    }
    case "reduce":
      return isLong(group.node.src[0]!, group.node.attrs.axis) ? one(reduceKernel(values, group.node, true)) : [];
    case "statistics":
      return isLong(group.norm.src[0]!) ? one(statisticsKernel(values, group.norm, true)) : [];
    default:
      return [];
  }
};
