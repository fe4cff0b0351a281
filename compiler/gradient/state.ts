// What training keeps of each trained weight: the weight, the sum of its gradients, the two moments of AdamW and the moving
// average. A program takes them as `weight/<path>` and gives what becomes of them as `new.weight/<path>`.
import type { Param, Port } from "../ir/module.ts";
import type { Builder, Node } from "../ir/node.ts";

/** What an update changes. */
export const CHANGED = ["weight", "moment1", "moment2", "average"] as const;
export type State = (typeof CHANGED)[number] | "gradient";

export const portOf = (what: State, { name, type, doc }: Param): Port => ({ name: `${what}/${name}`, type, doc });
export const inputOf = (g: Builder, { name, type }: Port): Node => g.op("input", [], { name, type });
