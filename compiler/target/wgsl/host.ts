// What the runtime computes of a call's inputs, in f64 and once: rows of tables of angles that positions name, features of
// times. No device computes an angle.
import { product, same } from "../../ir/dim.ts";
import type { Builder, Node, NodeOf } from "../../ir/node.ts";
import { toposort } from "../../ir/node.ts";
import { op } from "../../ir/pattern.ts";
import { rewrite, rule } from "../../ir/rewrite.ts";
import { sinusoidFrequencies, tableShape } from "../../ir/table.ts";
import type { DType, Table } from "../../ir/vocabulary.ts";
import type { HostOp, HostValue } from "../../../runtime/plan.ts";

export type Feature =
  | { readonly is: "lookup"; readonly table: Table; readonly index: HostValue }
  | {
      readonly is: "sinusoid";
      readonly of: HostValue;
      readonly frequencies: readonly number[];
      readonly sineFirst: boolean;
    };

/** The graph without what the runtime computes, which stands there as inputs. */
export interface Looked {
  readonly roots: readonly Node[];
  readonly features: ReadonlyMap<Node, Feature>;
  /** the rows of a table that an index names, where the runtime gathers them */
  rows(table: Node, index: Node): Node | undefined;
  /** what a node is computed from */
  sources(n: Node): readonly Node[];
}

export const lookUp = (g: Builder, roots: readonly Node[]): Looked => {
  const features = new Map<Node, Feature>();
  const known = new Map<string, Node>();
  const feature = (dtype: DType, shape: Node["type"]["shape"], made: Feature): Node => {
    const key = JSON.stringify(made);
    const found = known.get(key);
    if (found !== undefined) return found;
    const node = g.op("input", [], { name: `feature ${known.size}`, type: { dtype, shape } });
    known.set(key, node);
    features.set(node, made);
    return node;
  };
  const rows = (table: Node, index: Node): Node | undefined => {
    const at = hostValue(index);
    if (table.op !== "table" || at === undefined) return undefined;
    const [, columns] = tableShape(table.attrs.table);
    return feature("f32", [...index.type.shape, columns], { is: "lookup", table: table.attrs.table, index: at });
  };
  const settled = rewrite(g, roots, [
    rule("gather of a table by an input", op("gather", undefined, "n"), ({ n }) => rows(n.src[0]!, n.src[1]!)),
    rule("sinusoid of an input", op("sinusoid", undefined, "n"), ({ n }) => {
      const of = hostValue(n.src[0]!);
      if (of === undefined) throw notHost(n);
      const frequencies = sinusoidFrequencies(n.attrs);
      return feature("f32", n.type.shape, { is: "sinusoid", of, frequencies, sineFirst: n.attrs.order === "sin cos" });
    }),
  ]);
  // Asked for now, so that every feature is known before anything is written.
  for (const n of toposort(settled))
    if (n.op === "rotary") n.src.slice(1, 3).forEach((table) => rows(table, n.src[3]!));
  return {
    roots: settled,
    features,
    rows,
    sources: (n) => {
      if (n.op !== "rotary") return n.src;
      const [x, cos, sin, position] = n.src as [Node, Node, Node, Node];
      const found = [cos, sin].map((table) => rows(table, position));
      return found[0] && found[1] ? [x, found[0], found[1]] : n.src;
    },
  };
};

const notHost = (n: NodeOf<"sinusoid">): Error =>
  new Error(
    `${n.origin?.at ?? ""}: features of a number that is itself computed from rows or weights are not made on WebGPU`,
  );

const ops: { readonly [op: string]: HostOp } = {
  add: "add",
  sub: "sub",
  mul: "mul",
  div: "div",
  min: "min",
  max: "max",
  neg: "neg",
};

/** `n` as an expression over inputs, element by element; undefined: it is none. */
const hostValue = (n: Node): HostValue | undefined => {
  switch (n.op) {
    case "input":
      return { is: "input", port: n.attrs.name };
    case "constant":
      return { is: "number", value: n.attrs.value };
    case "split":
    case "merge":
      return hostValue(n.src[0]!);
    case "cast": {
      const of = hostValue(n.src[0]!);
      if (of === undefined || n.type.dtype === "bool" || n.src[0]!.type.dtype === "bool") return undefined;
      return n.type.dtype === "i32" ? { is: "trunc", of: [of] } : of;
    }
    default: {
      const known = ops[n.op];
      const of = n.src.map(hostValue);
      const alike = n.src.every(
        ({ type }) => type.shape.length === 0 || same(product(type.shape), product(n.type.shape)),
      );
      if (known === undefined || of.includes(undefined) || !alike) return undefined;
      return { is: known, of: of as HostValue[] };
    }
  }
};
