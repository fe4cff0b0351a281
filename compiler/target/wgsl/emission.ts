// What the templates share: how the graph is written at a place of a kernel, and how results are stored.
import type { Dim } from "../../ir/dim.ts";
import type { Node } from "../../ir/node.ts";
import type { Code, Lanes } from "./code.ts";
import { type At, join, lane, number, quotient, remainder } from "./indexing.ts";
import { type Norm, Renderer, type Surroundings } from "./render.ts";
import { type Lying, widthOf } from "./storage.ts";

/** The values of one program. */
export interface Values {
  lying(n: Node): Lying | undefined;
  looked(table: Node, index: Node): Node | undefined;
  /** where the numbers of a norm lie, if a kernel of its own works them out */
  statistics(norm: Norm): Lying | undefined;
  /** room for what kernels hand on that is no node */
  kept(shape: readonly Dim[]): Lying;
}
export interface Held {
  /** what the kernel stores, and so computes, where others load it */
  readonly tip?: Node;
  held?(n: Node, coords: readonly At[], lanes: Lanes): string | undefined;
  /** the row of a table that an index names, where only some rows of it are there */
  parted?(table: Node, index: string): At | undefined;
  /** a norm's numbers for these rows, if this kernel works them out */
  measured?(norm: Norm, row: readonly At[]): string | undefined;
}

export const rendererOf = (code: Code, values: Values, { tip, held, measured, parted }: Held = {}): Renderer => {
  const surroundings: Surroundings = {
    lying: (n) => (n === tip ? undefined : values.lying(n)),
    looked: (table, index) => values.looked(table, index),
    statistics: (norm, row) => {
      const own = measured?.(norm, row);
      if (own !== undefined) return own;
      const lying = values.statistics(norm);
      if (lying === undefined) throw new Error(`the numbers of a ${norm.op} are not worked out`);
      return code.named(code.load(lying, flat(row, norm.type.shape), "0u"));
    },
    ...(held === undefined ? {} : { held }),
    ...(parted === undefined ? {} : { parted }),
  };
  return new Renderer(code, surroundings);
};

/** The row that coordinates before the last axis name. */
export const flat = (coords: readonly At[], shape: readonly Dim[]): At =>
  coords.reduce<At>((sum, each, axis) => join(sum, shape[axis]!, each), number(0));
/** The coordinates of a row, axis by axis. */
export const unflat = (row: At, shape: readonly Dim[]): At[] => {
  const coords: At[] = [];
  let rest = row;
  for (const size of shape.toReversed().slice(0, -1)) {
    coords.unshift(remainder(rest, size));
    rest = quotient(rest, size);
  }
  return shape.length === 0 ? [] : [rest, ...coords];
};

/** The coordinates of the vec4 `quad` of a row of `n`, over the lane, as far as `n` has a last axis that is a number. */
export const coordsOf = (n: Node, row: At, quad: At): At[] => {
  const { shape } = n.type;
  if (typeof shape.at(-1) !== "number") return unflat(row, shape);
  return [...unflat(row, shape.slice(0, -1)), join(quad, 4, lane)];
};

/** Stores the vec4 `quad` of a row of `n`, with zeros where the row has ended. */
export const store = (
  code: Code,
  renderer: Renderer,
  lying: Lying,
  n: Node,
  row: At,
  quad: At,
  /** what must hold for it to be stored, known once it has been written */
  conditions: readonly string[] = [],
): void => {
  const width = widthOf(n.type.shape);
  const coords = coordsOf(n, row, quad);
  const whole = typeof n.type.shape.at(-1) === "number";
  const alone = !whole || width === 1;
  const isFloat = n.type.dtype !== "i32" && n.type.dtype !== "bool";
  const own = alone
    ? renderer.render(n, whole ? [...coords.slice(0, -1), number(0)] : coords, 1)
    : renderer.render(n, coords, 4);
  const value = alone
    ? `vec4<f32>(${isFloat ? own : `f32(${own})`}, 0.0, 0.0, 0.0)`
    : isFloat
      ? own
      : `vec4<f32>(${own})`;
  const last = code.at(quad);
  const within = alone ? undefined : withinRow(code, quad, width);
  const kept = within === undefined ? value : `select(vec4<f32>(0.0), ${value}, ${within})`;
  const write = (): void => code.line(`${code.place(lying, row, last, true)} = ${kept};`);
  if (conditions.length === 0) write();
  else code.block(`if (${conditions.join(" && ")})`, write);
};
/** Which numbers of the vec4 `quad` are within a row of this width; undefined where all of any vec4 are. */
const withinRow = (code: Code, quad: At, width: number): string | undefined => {
  if (width % 4 === 0) return undefined;
  if (quad.is !== "number")
    return `vec4<u32>(0u, 1u, 2u, 3u) + ${code.named(code.at(quad), "c")} * 4u < vec4<u32>(${width}u)`;
  const each = [0, 1, 2, 3].map((by) => quad.value * 4 + by < width);
  return each.includes(false) ? `vec4<bool>(${each.join(", ")})` : undefined;
};
