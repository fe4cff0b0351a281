// Which rows each matrix of a program is applied to: what row demand comes to, read off the lowered graph.
import type { Program } from "../ir/module.ts";
import { type Dim, terms } from "../ir/dim.ts";
import { toposort } from "../ir/node.ts";

/** Weight path -> the streams (or spans, or `once`) whose rows it is applied to, in order. */
export const appliedTo = (program: Program): ReadonlyMap<string, readonly string[]> => {
  const found = new Map<string, string[]>();
  for (const node of toposort(program.outputs.map((output) => output.node))) {
    if (node.op !== "linear") continue;
    const [x, matrix] = node.src;
    const w = matrix!.op === "stopGradient" ? matrix!.src[0]! : matrix!;
    if (w.op !== "param") continue;
    const { name } = w.attrs;
    const rows = rowsOf(x!.type.shape[0]!);
    const known = found.get(name) ?? [];
    if (!known.includes(rows)) found.set(name, [...known, rows]);
  }
  return found;
};
/** `batch*text` is text; 1 is once. */
const rowsOf = (dim: Dim): string => {
  const names = terms(dim).flatMap((term) => term.names.filter((name) => name !== "batch"));
  return [...new Set(names)].join(" ") || "once";
};
