// Rotary position embedding as its expansion: pairs of features turned by the angle of the row's position.
import type { Builder, Node } from "./node.ts";
import type { Composite } from "./vocabulary.ts";

/** Over `x [batch, rows, heads * d], cos [positions, d / 2], sin, position [batch, rows]`. */
export const expandRotary = (g: Builder, src: readonly Node[], { heads, interleaved }: Composite["rotary"]): Node => {
  const [x, cos, sin, position] = src as [Node, Node, Node, Node];
  const half = cos.type.shape[1] as number;
  const perRow = (table: Node): Node =>
    g.op("split", [g.op("gather", [table, position])], { axis: 2, sizes: [1, half] });
  const c = perRow(cos);
  const s = perRow(sin);
  const [a, b] = interleaved ? evenAndOdd(g, x, heads, half) : halves(g, x, heads, half);
  const turned = [
    g.op("sub", [g.op("mul", [a, c]), g.op("mul", [b, s])]),
    g.op("add", [g.op("mul", [b, c]), g.op("mul", [a, s])]),
  ];
  const joined = interleaved
    ? g.op(
        "concat",
        turned.map((y) => g.op("split", [y], { axis: 3, sizes: [half, 1] })),
        { axis: 4 },
      )
    : g.op("concat", turned, { axis: 3 });
  const whole = interleaved ? g.op("merge", [joined], { axis: 3 }) : joined;
  return g.op("merge", [whole], { axis: 2 });
};

/** The first and second half of each head, `[batch, rows, heads, d / 2]`. */
const halves = (g: Builder, x: Node, heads: number, half: number): [Node, Node] => {
  const split = g.op("split", [x], { axis: 2, sizes: [heads, 2 * half] });
  return [
    g.op("slice", [split], { axis: 3, start: 0, size: half }),
    g.op("slice", [split], { axis: 3, start: half, size: half }),
  ];
};
const evenAndOdd = (g: Builder, x: Node, heads: number, half: number): [Node, Node] => {
  const split = g.op("split", [x], { axis: 2, sizes: [heads, half, 2] });
  const every = (start: number): Node =>
    g.op("merge", [g.op("slice", [split], { axis: 4, start, size: 1 })], { axis: 3 });
  return [every(0), every(1)];
};
