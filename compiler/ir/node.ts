// Nodes of the tensor graph: immutable, and, made by one `Graph`, interned, so equal nodes are the same object.
import type { Attrs, DType, None, Op, Type } from "./vocabulary.ts";

/** Where a node comes from, for people: not part of what it is. */
export interface Origin {
  /** `language/layers.3/q` */
  readonly path: string;
  /** `xfusion.graft:12:5` */
  readonly at: string;
}
export interface NodeOf<K extends Op> {
  readonly id: number;
  readonly op: K;
  readonly src: readonly Node[];
  readonly attrs: Attrs[K];
  readonly type: Type;
  /** that of whoever first made the node */
  readonly origin: Origin | undefined;
}
/** A discriminated union: testing `node.op` narrows `node.attrs`. */
export type Node = { [K in Op]: NodeOf<K> }[Op];

/** Attributes are an argument only where the op has any. */
export type Rest<K extends Op> = None extends Attrs[K] ? [attrs?: Attrs[K]] : [attrs: Attrs[K]];
export interface Builder {
  /** The node that applies `op`; throws, with the shapes, where the operands do not fit. */
  op<K extends Op>(op: K, src: readonly Node[], ...attrs: Rest<K>): NodeOf<K>;
  /** The op of `n` over other sources, of the types that its own have. */
  copy(n: Node, src: readonly Node[]): Node;
  /** A scalar; f32 unless told. A bool is 0 or 1. */
  constant(value: number, dtype?: DType): NodeOf<"constant">;
  /** Runs `make`; the nodes first made in it have this origin. */
  under<R>(origin: Origin | undefined, make: () => R): R;
}

/** Every node reachable from `roots`, sources first. An explicit stack: a deep model must not overflow the JavaScript one. */
export const toposort = (roots: readonly Node[]): Node[] => {
  const done = new Set<Node>();
  const stack = roots.map((node) => ({ node, ready: false })).reverse();
  for (let top = stack.pop(); top; top = stack.pop()) {
    if (done.has(top.node)) continue;
    if (top.ready) done.add(top.node);
    else stack.push({ node: top.node, ready: true }, ...top.node.src.map((node) => ({ node, ready: false })).reverse());
  }
  return [...done];
};
