// Recomputation: what the layers computed is computed anew where their gradients ask for it, so that between the way to the
// loss and the way back only what each layer left is kept (Chen et al., "Training Deep Nets with Sublinear Memory Cost",
// 2016).
import { type Builder, type Node, toposort } from "../ir/node.ts";
import { isZero } from "./zero.ts";

export interface Kept {
  /** what each layer leaves, from what enters the first one on */
  readonly layers: readonly (readonly Node[])[];
  /** the derivatives of the loss by these */
  readonly adjoints: readonly (readonly Node[])[];
}

/**
 * `gradients`, in which what lies between two layers is computed anew once the derivative by the later one is known.
 * `losses` and all that they are made of stay as they are.
 */
export const recomputed = (
  g: Builder,
  losses: readonly Node[],
  gradients: readonly Node[],
  { layers, adjoints }: Kept,
): readonly Node[] => {
  const stages = stagesOf(losses, layers);
  const kept = keptOf(stages, layers);
  /** a derivative that is known once the way back has come to a stage */
  const signals = adjoints.map((own) => own.find((each) => !isZero(each)));
  const again = new Map<Node, Node>();
  const anew = (n: Node): Node => {
    const stage = stages.get(n)!;
    const signal = signals[stage];
    if (stage === 0 || signal === undefined) return n;
    const isOwn = (s: Node): boolean => stages.get(s) === stage && !kept.has(s);
    for (const each of within(n, (s) => isOwn(s) && !again.has(s))) {
      // What is read again is told apart, so that no one takes what is made of it for what was computed before.
      const src = each.src.map((s) => (isOwn(s) ? again.get(s)! : kept.has(s) ? g.op("barrier", [s, signal]) : s));
      again.set(
        each,
        g.under(each.origin, () => g.copy(each, src)),
      );
    }
    return again.get(n)!;
  };
  const made = new Map<Node, Node>();
  for (const n of toposort(gradients)) {
    if (stages.has(n)) made.set(n, kept.has(n) ? n : anew(n));
    else {
      const src = n.src.map((s) => made.get(s)!);
      made.set(
        n,
        g.under(n.origin, () => g.copy(n, src)),
      );
    }
  }
  return gradients.map((n) => made.get(n)!);
};

/** After how many layers each node stands: 0 where it is made of nothing that one left. */
const stagesOf = (losses: readonly Node[], layers: Kept["layers"]): ReadonlyMap<Node, number> => {
  const left = new Map(layers.flatMap((own, i) => own.map((n) => [n, i + 1] as const)).toReversed());
  const stages = new Map<Node, number>();
  for (const n of toposort(losses)) stages.set(n, Math.max(0, ...n.src.map((s) => left.get(s) ?? stages.get(s)!)));
  return stages;
};
/** What layers leave, and what is read beyond the layer that makes it. */
const keptOf = (stages: ReadonlyMap<Node, number>, layers: Kept["layers"]): ReadonlySet<Node> => {
  const kept = new Set(layers.flat());
  for (const [n, stage] of stages) for (const s of n.src) if (stages.get(s)! > 0 && stages.get(s)! < stage) kept.add(s);
  return kept;
};

/** `root` and the nodes of some sort that lead to it, sources first. */
const within = (root: Node, isOf: (n: Node) => boolean): Node[] => {
  const found = new Set<Node>();
  const stack = [{ n: root, ready: false }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (found.has(top.n) || !isOf(top.n)) continue;
    if (top.ready) found.add(top.n);
    else stack.push({ n: top.n, ready: true }, ...top.n.src.map((n) => ({ n, ready: false })));
  }
  return [...found];
};
