// Faults of attention: who sees whom, at which position, through which head.
import type { Model } from "../../../compiler/analyze/model.ts";
import type { Builder, Node } from "../../../compiler/ir/node.ts";
import { type Change, type Mutation, nodes } from "../edit.ts";
import { comparesRows, counts, masks, partsOf, rotaries } from "../find.ts";

const every = (g: Builder, node: Node, truth: 0 | 1): Node =>
  g.op("broadcast", [g.constant(truth, "bool")], { shape: node.type.shape });

/** `after` is place(query) < place(key); causal masks are its negation. */
const order = (name: string, change: Change): Mutation =>
  nodes(name, () => (node, src, g) => (comparesRows(node, "less") ? change(node, src, g) : undefined));
const spans = (name: string, truth: 0 | 1): Mutation =>
  nodes(name, () => (node, _src, g) => (comparesRows(node, "equal") ? every(g, node, truth) : undefined));

/** The mask of queries of one kind on the keys of another says no. */
const blind = (
  name: string,
  query: (kind: string, model: Model) => boolean,
  key: (kind: string, model: Model) => boolean,
): Mutation =>
  nodes(name, (roots, model) => {
    const found = masks(roots);
    const counted = (node: Node, axis: number, wanted: typeof query): boolean =>
      model.kinds.some((kind) => wanted(kind.name, model) && counts(node, axis, kind.name));
    return (node, _src, g) =>
      found.has(node) && counted(node, 2, query) && counted(node, 3, key) ? every(g, node, 0) : undefined;
  });
const isGrid = (name: string, { kinds }: Model): boolean =>
  kinds.find((kind) => kind.name === name)!.rows.kind === "grid";
const isToken = (name: string, { kinds }: Model): boolean =>
  kinds.find((kind) => kind.name === name)!.rows.kind === "token";

export const masking: readonly Mutation[] = [
  order("mask one late: key <= query + 1", (_node, [q, k], g) =>
    g.op("less", [g.op("add", [q!, g.constant(1, "i32")]), k!]),
  ),
  order("mask one early: key < query", (_node, [q, k], g) =>
    g.op("less", [g.op("sub", [q!, g.constant(1, "i32")]), k!]),
  ),
  order("query and key sides of a mask exchanged", (_node, [q, k], g) => g.op("less", [k!, q!])),
  spans("within dropped", 0),
  spans("an image sees another", 1),
  blind("image rows do not see text", isGrid, isToken),
  blind("text rows do not see images", isToken, isGrid),
  nodes(
    "rows that are not there are seen",
    () => (node, _src, g) =>
      node.op === "less" && node.type.shape.length === 4 && node.src[1]!.op === "constant"
        ? every(g, node, 0)
        : undefined,
  ),
  nodes("rows that are not there give numbers", (roots) => {
    const outputs = new Set(roots);
    return (node, src) => (outputs.has(node) && node.op === "where" ? src[2] : undefined);
  }),
];

const turned = (
  name: string,
  side: "queries" | "keys",
  change: (src: readonly Node[], g: Builder, node: Node) => Node,
): Mutation =>
  nodes(name, (roots) => {
    const found = rotaries(roots, side);
    return (node, src, g) => (found.has(node) ? change(src, g, node) : undefined);
  });
/** One position further, or the same at the end of the table. */
const later = ([x, cos, sin, position]: readonly Node[], g: Builder, node: Node): Node => {
  const last = g.constant((cos!.type.shape[0] as number) - 1, "i32");
  const next = g.op("min", [g.op("add", [position!, g.constant(1, "i32")]), last]);
  return g.op("rotary", [x!, cos!, sin!, next], node.attrs as never);
};

export const positions: readonly Mutation[] = [
  turned("rope dropped on keys", "keys", ([x]) => x!),
  turned("position of keys one off", "keys", later),
  turned("position of queries one off", "queries", later),
  nodes(
    "rope of pairs for halves",
    () => (node, src, g) =>
      node.op === "rotary" ? g.op("rotary", src, { ...node.attrs, interleaved: !node.attrs.interleaved }) : undefined,
  ),
  nodes(
    "rope's sin and cos exchanged",
    () =>
      (node, [x, cos, sin, position], g) =>
        node.op === "rotary" ? g.op("rotary", [x!, sin!, cos!, position!], node.attrs) : undefined,
  ),
  nodes(
    "rope of another theta",
    () => (node, _src, g) =>
      node.op === "table" && node.attrs.table.kind === "rotary"
        ? g.op("table", [], { table: { ...node.attrs.table, theta: 2 * node.attrs.table.theta } })
        : undefined,
  ),
];

/** `[batch, rows, one * two * d]` as `[batch, rows, two * one * d]` */
const regrouped = (g: Builder, x: Node, one: number, two: number): Node => {
  const d = (x.type.shape[2] as number) / (one * two);
  const apart = g.op("split", [x], { axis: 2, sizes: [one, two, d] });
  const turnedOver = g.op("transpose", [apart], { perm: [0, 1, 3, 2, 4] });
  return g.op("merge", [g.op("merge", [turnedOver], { axis: 2 })], { axis: 2 });
};

export const attention: readonly Mutation[] = [
  nodes("kv head i for i / group", () => (node, [q, ...others], g) => {
    if (node.op !== "attention" || node.attrs.heads === node.attrs.kvHeads) return undefined;
    const { heads, kvHeads } = node.attrs;
    const group = heads / kvHeads;
    return regrouped(g, g.op("attention", [regrouped(g, q!, group, kvHeads), ...others], node.attrs), kvHeads, group);
  }),
  nodes(
    "scale of the logits 1 / d for 1 / sqrt d",
    () => (node, src, g) =>
      node.op === "attention" ? g.op("attention", src, { ...node.attrs, scale: node.attrs.scale ** 2 }) : undefined,
  ),
  nodes("keys and values exchanged", () => (node, src, g) => {
    if (node.op !== "attention") return undefined;
    const { q, parts } = partsOf(src);
    return g.op("attention", [q, ...parts.flatMap(([k, v, mask]) => [v, k, mask])], node.attrs);
  }),
];
