// Every rewriting of a module, in order. The order is the design: each entry says why it stands where it does.
import { Graph } from "../ir/graph.ts";
import type { Module, Program } from "../ir/module.ts";
import { rewrite, type Rule, type Trace } from "../ir/rewrite.ts";
import { fold } from "./fold.ts";
import { simplify } from "./simplify.ts";
import { spreads } from "./spread.ts";

export interface Pass {
  readonly name: string;
  readonly rules: readonly Rule[];
}
export const passes: readonly Pass[] = [
  // Together, since what folds may simplify again; simplify first, whose rules for 0 and 1 leave less to compute.
  { name: "simplify and fold", rules: [...simplify, ...spreads, ...fold] },
];

/** The same module with simpler graphs. All its programs share one new graph. */
export const optimize = <M extends Module>(module: M, on?: Trace): M => {
  const roots = module.programs.flatMap((p) => p.outputs.map((o) => o.node));
  const settled = passes.reduce((now, { rules }) => rewrite(new Graph(), now, rules, on), roots);
  const next = settled.values();
  const rebuilt = (p: Program): Program => ({
    ...p,
    outputs: p.outputs.map((o) => ({ ...o, node: next.next().value! })),
  });
  return { ...module, programs: module.programs.map(rebuilt) };
};
