// Places in a lowered graph, by what they are and not by their names.
import { type Node, toposort } from "../../compiler/ir/node.ts";
import type { Op } from "../../compiler/ir/vocabulary.ts";

/** Whether `node` is made of `op` by way of `through` alone. */
export const reaches = (node: Node, op: Op, through: readonly Op[]): boolean =>
  node.op === op || (through.includes(node.op) && node.src.some((each) => reaches(each, op, through)));

/** What an attention reads: queries, then keys, values and mask of one stream after the other. */
export const partsOf = <T>([q, ...rest]: readonly T[]): {
  readonly q: T;
  readonly parts: readonly (readonly [k: T, v: T, mask: T])[];
} => ({
  q: q!,
  parts: Array.from({ length: rest.length / 3 }, (_, n) => [rest[3 * n]!, rest[3 * n + 1]!, rest[3 * n + 2]!]),
});

/** The rotary embeddings that turn the queries, or the keys, of attentions. */
export const rotaries = (roots: readonly Node[], side: "queries" | "keys"): ReadonlySet<Node> => {
  const found = new Set<Node>();
  const visit = (node: Node): void => {
    if (node.op === "rotary") found.add(node);
    else if (node.op === "concat" || node.op === "split" || node.op === "merge") node.src.forEach(visit);
  };
  for (const node of toposort(roots)) {
    if (node.op !== "attention") continue;
    const { q, parts } = partsOf(node.src);
    if (side === "queries") visit(q);
    else parts.forEach(([k]) => visit(k));
  }
  return found;
};

/** The masks of attentions: bool [batch, 1, queries, keys], each for the keys of one stream. */
export const masks = (roots: readonly Node[]): ReadonlySet<Node> =>
  new Set(
    toposort(roots).flatMap((node) =>
      node.op === "attention" ? partsOf(node.src).parts.map(([, , mask]) => mask) : [],
    ),
  );

/** A comparison of the places, or the spans, of queries with those of keys. */
export const comparesRows = (node: Node, op: "less" | "equal"): boolean =>
  node.op === op && node.type.shape.length === 4 && node.src.every((each) => each.op === "split");

/** Whether a dimension of a shape counts rows of `kind`. */
export const counts = (node: Node, axis: number, kind: string): boolean => {
  const dim = node.type.shape[axis]!;
  return typeof dim !== "number" && dim.key.split("+").includes(kind);
};

/** The end of an attention's branch, or of an MLP's: what is added to the stream. */
export const isResidual = (node: Node, of: "attention" | "mlp"): boolean => {
  if (node.op !== "add") return false;
  const branch = node.src[1]!;
  const attends = reaches(branch, "attention", ["linear", "merge", "split", "mul"]);
  if (of === "attention") return attends;
  const gated = ["silu", "gelu", "geluTanh"] as const;
  return !attends && gated.some((op) => reaches(branch, op, ["linear", "mul"])) && reaches(branch, "linear", ["mul"]);
};
