// Scattering as its expansion: the product of a one-hot matrix, which says where each row goes, and the rows.
import type { Builder, Node } from "./node.ts";
import type { Composite } from "./vocabulary.ts";

/** Over `values [...index, ...rest], index [...index]`. */
export const expandScatter = (g: Builder, src: readonly Node[], { rows }: Composite["scatter"]): Node => {
  const [values, index] = src as [Node, Node];
  const rest = values.type.shape.slice(index.type.shape.length);
  const flat = flattened(g, index, index.type.shape.length);
  const numbers = g.op("split", [g.op("iota", [], { size: rows })], { axis: 0, sizes: [rows, 1] });
  const hot = g.op("cast", [g.op("equal", [numbers, flat])], { dtype: values.type.dtype });
  const outer = flattened(g, values, index.type.shape.length);
  if (rest.length === 0) {
    const column = g.op("split", [outer], { axis: 0, sizes: [outer.type.shape[0]!, 1] });
    return g.op("merge", [g.op("matmul", [hot, column])], { axis: 0 });
  }
  const matrix = rest.slice(1).reduce<Node>((x) => g.op("merge", [x], { axis: 1 }), outer);
  const summed = g.op("matmul", [hot, matrix]);
  return rest.length === 1 ? summed : g.op("split", [summed], { axis: 1, sizes: rest });
};

/** The first `axes` axes as one, of size 1 where there are none. */
const flattened = (g: Builder, x: Node, axes: number): Node => {
  if (axes === 0) return g.op("broadcast", [x], { shape: [1, ...x.type.shape] });
  return Array.from({ length: axes - 1 }).reduce<Node>((merged) => g.op("merge", [merged], { axis: 0 }), x);
};
