// Products with matrices as checkpoints have them, [out, in]: each invocation keeps a block of results in registers. What
// is done to the rows before and to the results after is written in place. Several products over the same rows stand one
// after the other in the columns of the grid.
import type { Node, NodeOf } from "../../../ir/node.ts";
import { Code, type Lanes } from "../code.ts";
import { rendererOf, store, unflat, type Values } from "../emission.ts";
import {
  lane,
  advanced,
  type At,
  axisAt,
  join,
  loopAt,
  number,
  offset,
  quotient,
  remainder,
  sameAt,
} from "../indexing.ts";
import type { Group, Part } from "../partition.ts";
import type { Norm } from "../render.ts";
import { quadsOf, rowsOf } from "../storage.ts";
import { measure } from "./reduce.ts";

interface Shape {
  readonly name: string;
  /** rows that an invocation computes */
  readonly rows: number;
  /** vec4s of columns that an invocation computes; two where heads are turned */
  readonly quads: number;
  /** invocations of a workgroup over columns and rows */
  readonly workgroup: readonly [number, number, number];
}
const WIDE: Shape = { name: "linear.wide", rows: 8, quads: 2, workgroup: [4, 8, 1] };
const NARROW: Shape = { name: "linear.narrow", rows: 1, quads: 1, workgroup: [64, 1, 1] };
const NARROW_TURNED: Shape = { name: "linear.narrow", rows: 1, quads: 2, workgroup: [32, 1, 1] };

export const linearKernel = (values: Values, { narrow, parts }: Extract<Group, { is: "linear" }>): Code => {
  const turned = parts.some((part) => part.turned !== undefined);
  const shape = narrow ? (turned ? NARROW_TURNED : NARROW) : WIDE;
  const rows = rowsOf(parts[0]!.linears[0].type.shape);
  const units = parts.map(({ linears }) => Math.ceil(quadsOf(linears[0].type.shape) / shape.quads));
  const { workgroup } = shape;
  const tile = [workgroup[0], workgroup[1] * shape.rows, 1] as const;
  const grid = [units.reduce((a, b) => a + b), rows, 1] as const;
  const code = new Code({ template: shape.name, grid, tile, workgroup });
  code.line(`let u = ${code.first(0)} + group.x * ${tile[0]}u + local.x;`);
  code.line(`let m = ${code.first(1)} + group.y * ${tile[1]}u + local.y * ${shape.rows}u;`);
  code.block(`if (u < ${code.end(0)} && m < ${code.end(1)})`, () => {
    const rowAts = Array.from({ length: shape.rows }, (_, i) => {
      if (shape.rows > 1) code.line(`let m${i} = min(m + ${i}u, ${code.end(1)} - 1u);`);
      return axisAt(shape.rows > 1 ? `m${i}` : "m", rows, 1);
    });
    let from = 0;
    for (const [i, part] of parts.entries()) {
      const to = from + units[i]!;
      const body = (): void =>
        code.part(0, from, to, () => writePart(code, values, part, { shape, rowAts, from, units: units[i]! }));
      if (parts.length === 1) body();
      else code.block(i === 0 ? `if (u < ${to}u)` : `if (u >= ${from}u && u < ${to}u)`, body);
      from = to;
    }
  });
  return code;
};

interface Block {
  readonly shape: Shape;
  readonly rowAts: readonly At[];
  readonly from: number;
  readonly units: number;
}

const writePart = (code: Code, values: Values, part: Part, { shape, rowAts, from, units }: Block): void => {
  const { linears, tip, turned } = part;
  const [first] = linears;
  const x = first.src[0]!;
  const depth = x.type.shape.at(-1) as number;
  const columns = first.type.shape.at(-1) as number;
  if (from > 0) code.line(`let w = u - ${from}u;`);
  const unit = axisAt(from > 0 ? "w" : "u", units, 0);
  const groups = columnsOf(unit, shape.quads, turned);

  const norms = new Map<string, string>();
  const normKey = (norm: Norm, row: number): string => `${norm.op} ${norm.src[0]!.id} ${norm.attrs.eps} ${row}`;
  const leading = rowAts.map((row) => unflat(row, x.type.shape.slice(0, -1)));
  const before = rendererOf(code, values, {
    measured: (norm, coords) => {
      if (values.statistics(norm) !== undefined) return undefined;
      const row = leading.findIndex((each) => each.every((at, axis) => sameAt(at, coords[axis]!)));
      return norms.get(normKey(norm, row));
    },
  });
  // A norm's numbers are worked out where the rows are few; nothing of them may be within the loop.
  for (const norm of normsOf(x, values))
    for (const [i, coords] of leading.entries()) norms.set(normKey(norm, i), measure(code, values, norm, coords));

  const sums = new Map<NodeOf<"linear">, string[][]>();
  for (const linear of linears) {
    const names = rowAts.map(() => groups.map(() => code.fresh("a")));
    for (const name of names.flat()) code.line(`var ${name} = vec4<f32>(0.0);`);
    sums.set(linear, names);
  }
  const k = code.fresh("k");
  const steps = Math.ceil(depth / 4);
  code.block(`for (var ${k} = 0u; ${k} < ${steps}u; ${k}++)`, () => {
    const at = join(loopAt(k, steps), 4, lane);
    const operands = leading.map((coords) => before.render(x, [...coords, at], 4));
    for (const linear of linears) {
      const weight = values.lying(linear.src[1]!)!;
      for (const [g, column] of groups.entries()) {
        const columnsOfW = [0, 1, 2, 3].map((by) => {
          const below = covers(columns, shape.quads) ? undefined : columns;
          return code.named(code.load(weight, advanced(column, lane, by), k, below));
        });
        for (const [i, operand] of operands.entries())
          code.line(
            `${sums.get(linear)![i]![g]} += vec4<f32>(${columnsOfW.map((w) => `dot(${operand}, ${w})`).join(", ")});`,
          );
      }
    }
  });

  for (const [i, row] of rowAts.entries()) {
    const coords = unflat(row, first.type.shape.slice(0, -1));
    const held = (n: Node, asked: readonly At[], lanes: Lanes): string | undefined => {
      if (n.op !== "linear" || !sums.has(n)) return undefined;
      if (!coords.every((at, axis) => sameAt(at, asked[axis]!))) throw new Error("a product is read at another row");
      const [, , bias] = n.src as readonly Node[];
      for (const [g, column] of groups.entries()) {
        const sum = sums.get(n)![i]![g]!;
        if (lanes === 4 && sameAt(asked.at(-1)!, column))
          return bias === undefined ? sum : code.named(`${sum} + ${after.render(bias, [column], 4)}`);
        for (const by of lanes === 1 ? [0, 1, 2, 3] : []) {
          const at = advanced(column, lane, by);
          if (!sameAt(asked.at(-1)!, at)) continue;
          const component = `${sum}.${"xyzw"[by]}`;
          return bias === undefined ? component : `(${component} + ${after.render(bias, [at], 1)})`;
        }
      }
      throw new Error("a product is read at another column");
    };
    const after = rendererOf(code, values, { tip, held });
    const write = (): void => {
      for (const column of groups) storeAt(column);
    };
    const storeAt = (column: At): void => {
      const quad = quotient(column, 4);
      const body = (): void => store(code, after, values.lying(tip)!, tip, row, quad);
      if (columns > 4 * (units * shape.quads - 1)) body();
      else code.block(`if (${code.at(quad)} < ${quadsOf(first.type.shape)}u)`, body);
    };
    if (shape.rows === 1) write();
    else code.block(`if (m + ${i}u < ${code.end(1)})`, write);
  }
};

/** Whether columns end where a block of an invocation does. */
const covers = (columns: number, quads: number): boolean => columns % (4 * quads) === 0;

/** The first columns of the vec4s of an invocation: side by side, or half a head apart. */
const columnsOf = (unit: At, quads: number, turned: number | undefined): At[] => {
  if (turned === undefined || quads === 1)
    return Array.from({ length: quads }, (_, g) => join(join(unit, quads, number(g)), 4, lane));
  const half = turned / 2;
  const perHead = half / 4;
  const head = quotient(unit, perHead);
  const pair = join(remainder(unit, perHead), 4, lane);
  return [join(head, turned, pair), join(head, turned, offset(pair, half))];
};

/** The norms in what a product reads whose numbers no kernel has worked out. */
const normsOf = (x: Node, values: Values): Norm[] => {
  const found = new Map<string, Norm>();
  const seen = new Set<Node>();
  const stack = [x];
  for (let n = stack.pop(); n !== undefined; n = stack.pop()) {
    if (seen.has(n) || values.lying(n) !== undefined) continue;
    seen.add(n);
    if ((n.op === "rmsNorm" || n.op === "layerNorm") && values.statistics(n) === undefined)
      found.set(`${n.op} ${n.src[0]!.id} ${n.attrs.eps}`, n);
    stack.push(...n.src);
  }
  return [...found.values()];
};
