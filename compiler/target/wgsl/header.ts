// What stands above a kernel, for people who read it: what it computes, and for whom. Names come from specifications: in
// WGSL they are comments only, and cannot end one.
import type { Node } from "../../ir/node.ts";

/** What the kernels of a template have in common. */
export const templates = {
  "linear.wide": "products of many rows with matrices, with what is done to rows before and to results after",
  "linear.narrow": "products of few rows with matrices, with what is done to rows before and to results after",
  "linear.split": "products of few rows with matrices; invocations of a workgroup share the sum of each result",
  "linear.tiled": "products of many rows with matrices; a workgroup brings tiles of both to its memory",
  attention: "softmax of scores over all streams of keys, times values, of one query and head to an invocation",
  "attention.over": "the same of some keys, kept as a running softmax for the keys that follow",
  "attention.end": "what a running softmax over all keys has come to",
  "attention.split": "the same of few queries: invocations of a workgroup share the keys of one query and head",
  "attention.tiled": "the same of many queries; a workgroup brings keys and values to its memory",
  "attention.part": "the same of a part of many keys, kept for the step that puts the parts together",
  "attention.merge": "what parts of the keys of one query and head have come to, together",
  product: "products of two computed values",
  reduce: "one axis, summed or its largest value taken",
  statistics: "the factor and the mean of a norm, of each row",
  "reduce.split": "one axis, summed or its largest value taken; invocations of a workgroup share a long row",
  "statistics.split": "the factor and the mean of a norm; invocations of a workgroup share a long row",
  pointwise: "a value of which each number stands by itself, with all that it is made of",
} as const satisfies Record<string, string>;
export type Template = keyof typeof templates;

/** A step that runs a kernel. */
export interface User {
  readonly program: string;
  readonly step: string;
  readonly at: string;
  /** sources first */
  readonly ops: readonly string[];
}

const LONGEST = 200;
/** On one line of a comment: of what WGSL takes as an end of a line, and of what looks like nothing, nothing is left. */
const printable = (text: string): string => {
  const plain = text.replace(/[^\x20-\x7e]/g, "?");
  return plain.length <= LONGEST ? plain : `${plain.slice(0, LONGEST)}...`;
};

export const headerOf = (template: Template, first: User, users: number): string => {
  const others = users > 1 ? `, and ${users - 1} more ${users > 2 ? "steps" : "step"}` : "";
  const lines = [
    `${template}: ${templates[template]}`,
    `ops: ${first.ops.join(", ")}`,
    `for: ${first.step}`,
    `in ${first.program}${first.at === "" ? "" : ` at ${first.at}`}${others}`,
  ];
  return lines.map((line) => `// ${printable(line)}\n`).join("");
};

/** The ops that are written in place from `tips` down to what is loaded, each once. */
export const opsOf = (tips: readonly Node[], isLoaded: (n: Node) => boolean): readonly string[] => {
  const found = new Set<string>();
  const seen = new Set<Node>();
  const visit = (n: Node, isTip: boolean): void => {
    if (seen.has(n) || ["input", "param", "table", "constant"].includes(n.op) || (!isTip && isLoaded(n))) return;
    seen.add(n);
    for (const s of n.src) visit(s, false);
    found.add(n.op);
  };
  for (const tip of tips) visit(tip, true);
  return [...found];
};
