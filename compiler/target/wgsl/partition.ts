// A graph cut into kernels. Products, attention and reductions each begin a kernel; what follows one and reads nothing
// else at other places joins it as an epilogue; everything else is written where it is used, unless that would compute it
// again and again: then it is stored by a pointwise kernel of its own.
import { product, same, sameShape, show } from "../../ir/dim.ts";
import { type Node, type NodeOf, toposort } from "../../ir/node.ts";
import { inTable } from "../../ir/ops.ts";
import { view } from "../../ir/view.ts";
import type { Stored } from "../../../runtime/plan.ts";
import type { Looked } from "./host.ts";
import { isElementwise, isNorm, type Norm } from "./render.ts";
import { widthOf } from "./storage.ts";

/** Products over the same rows, one after the other in the columns of the grid. */
export interface Part {
  /** over the same rows: several are computed together, for an epilogue that reads them all */
  readonly linears: readonly [NodeOf<"linear">, ...NodeOf<"linear">[]];
  readonly tip: Node;
  /** width of the heads that the epilogue turns, or undefined */
  readonly turned: number | undefined;
}
export type Group =
  | { readonly is: "linear"; readonly narrow: boolean; readonly parts: readonly Part[] }
  | { readonly is: "product"; readonly node: NodeOf<"matmul">; readonly tip: Node }
  | { readonly is: "attention"; readonly narrow: boolean; readonly node: NodeOf<"attention">; readonly tip: Node }
  | { readonly is: "reduce"; readonly node: NodeOf<"sum" | "amax">; readonly tip: Node }
  | { readonly is: "statistics"; readonly norm: Norm }
  | { readonly is: "pointwise"; readonly tip: Node };

export interface Partition {
  /** in the order of execution */
  readonly groups: readonly Group[];
  /** the node, stored, whose numbers in their order are an output's */
  readonly outputs: readonly Node[];
}

type Anchor = NodeOf<"linear"> | NodeOf<"matmul"> | NodeOf<"attention"> | NodeOf<"sum"> | NodeOf<"amax">;
const isAnchor = (n: Node): n is Anchor => ["linear", "matmul", "attention", "sum", "amax"].includes(n.op);
const isReshape = (n: Node): boolean => n.op === "split" || n.op === "merge";
const isGiven = (n: Node): boolean => ["input", "param", "table", "constant", "iota"].includes(n.op);
/** Too dear to be computed anew for each column of a product. */
const isDear = (n: Node): boolean =>
  ["exp", "log", "pow", "tanh", "sigmoid", "erf", "silu", "gelu", "geluTanh", "rotary", "concat", "transpose"].includes(
    n.op,
  ) ||
  (n.op === "gather" && n.src[0]!.op === "param");

/** What the graph does not say of a program. */
export interface Facts {
  /** whether a product has few rows */
  isNarrow(product: Node): boolean;
  /** how a matrix's numbers are stored; a kernel reads matrices of one kind */
  storedAs(matrix: Node): Stored | undefined;
}

export const partition = (roots: readonly Node[], looked: Looked, facts: Facts): Partition =>
  new Partitioner(roots, looked, facts).partition();

class Partitioner {
  readonly #looked: Looked;
  readonly #facts: Facts;
  /** tables whose rows are read are stored in unlike ways */
  readonly #unlikeTables: boolean;
  readonly #order: readonly Node[];
  readonly #users = new Map<Node, Node[]>();
  readonly #outputs: readonly Node[];
  readonly #isOutput: ReadonlySet<Node>;
  /** of what belongs to a kernel that an anchor began */
  readonly #owner = new Map<Node, Group>();
  readonly #groups: Group[] = [];

  constructor(roots: readonly Node[], looked: Looked, facts: Facts) {
    this.#looked = looked;
    this.#facts = facts;
    const order = toposort(roots);
    const needed = new Set(roots);
    for (const n of order.toReversed())
      if (needed.has(n))
        for (const s of this.#sources(n)) {
          needed.add(s);
          this.#users.set(s, [...(this.#users.get(s) ?? []), n]);
        }
    this.#order = order.filter((n) => needed.has(n));
    const tables = this.#order.flatMap((n) => (n.op === "gather" ? [facts.storedAs(n.src[0]!)] : []));
    this.#unlikeTables = new Set(tables.filter((stored) => stored !== undefined)).size > 1;
    this.#outputs = roots.map(bare);
    this.#isOutput = new Set(this.#outputs);
  }

  #sources(n: Node): readonly Node[] {
    return this.#looked.sources(n);
  }

  partition(): Partition {
    for (const n of this.#order) if (isAnchor(n) && !this.#owner.has(n)) this.#begin(n);
    this.#storeTheRest();
    return { groups: this.#scheduled(), outputs: this.#outputs };
  }

  // Anchors and what joins them

  #begin(anchor: Anchor): void {
    const chain: Node[] = [anchor];
    const linears: NodeOf<"linear">[] = anchor.op === "linear" ? [anchor] : [];
    let turned: number | undefined;
    for (let next = this.#next(anchor, chain, linears); next !== undefined; next = this.#next(anchor, chain, linears)) {
      chain.push(next.node, ...next.also);
      linears.push(...next.also.filter((n) => n.op === "linear"));
      if (next.node.op === "rotary") turned = (next.node.type.shape[2] as number) / next.node.attrs.heads;
    }
    const tip = chain.findLast((n) => n.op !== "linear" || n === anchor)!;
    const group = groupOf(anchor, tip, linears, turned, this.#facts);
    this.#groups.push(group);
    for (const n of chain) this.#owner.set(n, group);
  }

  /** The one user of the chain's end, if it can join, and the chain of another product that it reads too. */
  #next(
    anchor: Anchor,
    chain: readonly Node[],
    linears: readonly NodeOf<"linear">[],
  ): { readonly node: Node; readonly also: readonly Node[] } | undefined {
    const tip = chain.findLast((n) => n.op !== "linear" || n === anchor)!;
    if (anchor.op === "sum" || anchor.op === "amax" || this.#isOutput.has(tip)) return undefined;
    const users = new Set(this.#users.get(tip));
    const [user] = users;
    if (user === undefined || users.size > 1 || user.type.dtype !== "f32" || this.#owner.has(user)) return undefined;
    if (isReshape(user)) return keepsColumns(user) ? { node: user, also: [] } : undefined;
    if (user.op === "rotary") {
      const turns = anchor.op === "linear" && linears.length === 1 && user.src[0] === tip && !user.attrs.interleaved;
      const half = (user.type.shape[2] as number) / user.attrs.heads / 2;
      return turns && half % 4 === 0 ? { node: user, also: [] } : undefined;
    }
    if (!isElementwise(user.op) || !sameShape(user.type.shape, tip.type.shape)) return undefined;
    const also: Node[] = [];
    for (const operand of user.src) {
      if (operand === tip || chain.includes(operand)) continue;
      const found = linears.length > 0 ? this.#beside(operand, linears[0]!) : undefined;
      if (found !== undefined) also.push(...found);
    }
    return { node: user, also };
  }

  /** The chain from another product over the same rows up to `end`, whose only use is this one. */
  #beside(end: Node, beside: NodeOf<"linear">): readonly Node[] | undefined {
    const chain: Node[] = [];
    for (let n = end; ; n = n.src[0]!) {
      if (this.#owner.has(n) || this.#isOutput.has(n) || new Set(this.#users.get(n)).size > 1) return undefined;
      chain.unshift(n);
      if (n.op === "linear")
        return n.src[0] === beside.src[0] && sameShape(n.type.shape, beside.type.shape) && this.#areAlike(n, beside)
          ? chain
          : undefined;
      if (!isElementwise(n.op) || n.src.length > 1) return undefined;
    }
  }

  #areAlike(a: NodeOf<"linear">, b: NodeOf<"linear">): boolean {
    return this.#facts.storedAs(a.src[1]!) === this.#facts.storedAs(b.src[1]!);
  }

  // What is stored by itself

  #storeTheRest(): void {
    // What several kernels read is stored; knowing that, what a product would compute again and again is found.
    const again = this.#stored(new Set()).stored;
    const forced = new Set(
      this.#groups.flatMap((group) => hotOperands(group).filter((n) => this.#isDearPath(n, group, again))),
    );
    const { stored, apart } = this.#stored(forced);
    for (const tip of stored) {
      const group: Group = { is: "pointwise", tip };
      this.#groups.push(group);
      this.#owner.set(tip, group);
    }
    for (const norm of apart.values()) this.#groups.push({ is: "statistics", norm });
  }

  /** What pointwise kernels store, and the norms whose numbers are worked out by kernels of their own. */
  #stored(forced: ReadonlySet<Node>): { readonly stored: Set<Node>; readonly apart: ReadonlyMap<string, Norm> } {
    const stored = new Set<Node>();
    const apart = new Map<string, Norm>();
    /** what reads a node where it is written in place; products over the same rows count once */
    const readers = new Map<Node, Set<unknown>>();
    const reads = (n: Node, reader: unknown): void => {
      const found = readers.get(n) ?? new Set();
      readers.set(n, found.add(reader));
    };
    for (const n of this.#order.toReversed()) {
      const owner = this.#owner.get(n);
      if (owner !== undefined) {
        // What a product reads it may measure; what follows it reads as any other kernel.
        for (const s of this.#sources(n))
          if (this.#owner.get(s) !== owner) reads(s, n.op === "linear" && s === n.src[0] ? s : owner);
        continue;
      }
      const own = readers.get(n) ?? new Set();
      if (isGiven(n)) {
        if (this.#isOutput.has(n)) stored.add(n);
        continue;
      }
      const again = own.size > 1 && n.type.dtype === "f32" && !isNorm(n) && !inTable(view, n.op);
      if (this.#isOutput.has(n) || forced.has(n) || again || this.#readsApart(n, own)) stored.add(n);
      // Not the node itself: that stands for the products that read it.
      const from = stored.has(n) ? new Set<unknown>([`stored ${n.id}`]) : own;
      for (const s of this.#sources(n)) for (const reader of from) reads(s, reader);
      if (!isNorm(n) || [...from].every((reader) => this.#measures(reader, n))) continue;
      const key = statisticsKey(n);
      apart.set(key, apart.get(key) ?? n);
      reads(n.src[0]!, key);
    }
    return { stored, apart };
  }
  /** Whether rows of a table are read by a kernel of their own: one that can do with a part of the table at a time. */
  #readsApart(n: Node, readers: ReadonlySet<unknown>): boolean {
    if (n.op !== "gather" || this.#facts.storedAs(n.src[0]!) === undefined) return false;
    return this.#unlikeTables || [...readers].some((reader) => typeof reader !== "string");
  }
  /** Whether the kernels that a reader stands for work out the numbers of the norm themselves. */
  #measures(reader: unknown, norm: Norm): boolean {
    return this.#groups.some((group) => {
      if (group.is !== "linear" || !group.narrow) return false;
      return group.parts.some(
        ({ linears: [{ src }] }) => src[0] === reader && sameShape(src[0]!.type.shape, norm.type.shape),
      );
    });
  }
  /** Whether writing `root` in place would compute something dear, or a norm of other rows than those that are read. */
  #isDearPath(root: Node, group: Group, stored: ReadonlySet<Node>): boolean {
    // A product multiplies what pads its rows by the zeros that pad the matrix, so it must be a number: 0 where the rows
    // lie, and anything where they are written in place.
    if (group.is === "linear" && widthOf(root.type.shape) % 4 !== 0) return true;
    const stack: Node[] = [root];
    const seen = new Set<Node>();
    for (let n = stack.pop(); n !== undefined; n = stack.pop()) {
      if (seen.has(n) || this.#owner.has(n) || stored.has(n) || isGiven(n)) continue;
      seen.add(n);
      if (isDear(n) && !(group.is === "attention" && n.op === "transpose")) return true;
      if (isNorm(n) && (group.is !== "linear" || !sameShape(n.type.shape, root.type.shape))) return true;
      stack.push(...this.#sources(n));
    }
    return false;
  }

  // Order

  /** By level: what a kernel needs has a lower one. Products of one level over the same rows are one kernel. */
  #scheduled(): Group[] {
    const levels = new Map<Group, number>();
    const statistics = new Map(
      this.#groups.flatMap((group) => (group.is === "statistics" ? [[statisticsKey(group.norm), group] as const] : [])),
    );
    const known = new Map<Node, number>();
    // Sources first, so nothing reaches deep: levels of nodes are those of the kernels that store them.
    const within = (n: Node, own: Group): number =>
      this.#owner.get(n) === own ? (partial.get(n) ?? 0) : (known.get(n) ?? 0);
    const partial = new Map<Node, number>();
    const raise = (group: Group, level: number): void =>
      void levels.set(group, Math.max(levels.get(group) ?? 0, level));
    // A kernel's level is settled when its tip is reached; members before it only raise it.
    const tips = new Map(this.#groups.flatMap((group) => tipsOf(group).map((tip) => [tip, group] as const)));
    for (const n of this.#order) {
      const owner = this.#owner.get(n);
      const extra = isNorm(n) ? statistics.get(statisticsKey(n)) : undefined;
      if (extra !== undefined) raise(extra, (known.get(n.src[0]!) ?? 0) + 1);
      const sources = this.#sources(n);
      const base = Math.max(
        0,
        ...sources.map((s) => (owner === undefined ? (known.get(s) ?? 0) : within(s, owner))),
        extra ? levels.get(extra)! : 0,
      );
      if (owner === undefined) {
        known.set(n, base);
        continue;
      }
      partial.set(n, base);
      raise(owner, base + 1);
      if (tips.get(n) === owner) known.set(n, levels.get(owner)!);
    }
    const sorted = this.#groups
      .map((group, i) => ({ group, i, level: levels.get(group) ?? 0 }))
      .sort((a, b) => a.level - b.level || a.i - b.i);
    const merged = new Map<string, Group>();
    for (const { group, level, i } of sorted) {
      const key = group.is === "linear" ? `${level} ${group.narrow} ${this.#rowsKey(group)}` : String(i);
      const before = merged.get(key);
      merged.set(
        key,
        before?.is === "linear" && group.is === "linear"
          ? { ...before, parts: [...before.parts, ...group.parts] }
          : group,
      );
    }
    return [...merged.values()];
  }
  /** How many rows products have, and how their matrices are stored. */
  #rowsKey({ parts: [part] }: Extract<Group, { is: "linear" }>): string {
    const { type, src } = part!.linears[0];
    return `${show(product(type.shape.slice(0, -1)))} ${this.#facts.storedAs(src[1]!)}`;
  }
}

const groupOf = (
  anchor: Anchor,
  tip: Node,
  linears: readonly NodeOf<"linear">[],
  turned: number | undefined,
  facts: Facts,
): Group => {
  switch (anchor.op) {
    case "linear":
      return {
        is: "linear",
        narrow: facts.isNarrow(anchor),
        parts: [{ linears: [anchor, ...linears.slice(1)], tip, turned }],
      };
    case "matmul":
      return { is: "product", node: anchor, tip };
    case "attention":
      return { is: "attention", narrow: facts.isNarrow(anchor), node: anchor, tip };
    default:
      return { is: "reduce", node: anchor as NodeOf<"sum" | "amax">, tip };
  }
};
/** The nodes that a kernel stores. */
export const tipsOf = (group: Group): readonly Node[] => {
  if (group.is === "linear") return group.parts.map(({ tip }) => tip);
  return group.is === "statistics" ? [] : [group.tip];
};
/** What a kernel reads many times over. */
const hotOperands = (group: Group): readonly Node[] => {
  switch (group.is) {
    case "linear":
      return group.parts.flatMap(({ linears }) => linears.map((linear) => linear.src[0]!));
    case "product":
      return group.node.src;
    case "attention":
      return group.node.src.filter((_, i) => i === 0 || i % 3 !== 0);
    default:
      return [];
  }
};

/** The numbers that norms share: of the same rows, with the same eps. */
export const statisticsKey = ({ op, src, attrs }: Norm): string => `${op} ${src[0]!.id} ${attrs.eps}`;

/** Without the reshapes that leave the numbers in their order. */
const bare = (n: Node): Node => (isReshape(n) && !isGiven(n.src[0]!) ? bare(n.src[0]!) : n);
/** Whether the last axis is as it was. */
const keepsColumns = (n: Node): boolean => {
  const [from, to] = [n.src[0]!.type.shape, n.type.shape];
  if (n.op === "merge") return n.attrs.axis + 1 < from.length - 1;
  return n.op === "split" && n.attrs.axis < from.length - 1 && same(from.at(-1)!, to.at(-1)!);
};
