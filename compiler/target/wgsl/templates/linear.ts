// Products with matrices as checkpoints have them, [out, in]: each invocation keeps a block of results in registers. What
// is done to the rows before and to the results after is written in place. Several products over the same rows stand one
// after the other in the columns of the grid; those that read the same share one loop, and only end differently.
import type { Node, NodeOf } from "../../../ir/node.ts";
import { Code, type Lanes } from "../code.ts";
import { rendererOf, store, unflat, type Values } from "../emission.ts";
import {
  advanced,
  type At,
  axisAt,
  join,
  lane,
  loopAt,
  number,
  offset,
  quotient,
  remainder,
  sameAt,
} from "../indexing.ts";
import type { Template } from "../header.ts";
import { type Group, type Part, statisticsKey } from "../partition.ts";
import type { Norm } from "../render.ts";
import { quadsOf, rowsOf } from "../storage.ts";
import { measure } from "./reduce.ts";

interface Shape {
  readonly name: Template;
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

/** A part, and the units of axis 0 that are its own. */
interface Placed extends Part {
  readonly from: number;
  readonly to: number;
  /** the first columns of the vec4s of an invocation */
  readonly columns: readonly At[];
}

export const linearKernel = (values: Values, { narrow, parts }: Extract<Group, { is: "linear" }>): Code => {
  const shape = narrow ? (parts.some(({ turned }) => turned !== undefined) ? NARROW_TURNED : NARROW) : WIDE;
  const rows = rowsOf(parts[0]!.linears[0].type.shape);
  const { workgroup } = shape;
  const tile = [workgroup[0], workgroup[1] * shape.rows, 1] as const;
  const placed = placedParts(parts, shape);
  const code = new Code({ template: shape.name, grid: [placed.at(-1)!.to, rows, 1], tile, workgroup });
  code.line(`let u = ${code.first(0)} + group.x * ${tile[0]}u + local.x;`);
  code.line(`let m = ${code.first(1)} + group.y * ${tile[1]}u + local.y * ${shape.rows}u;`);
  code.block(`if (u < ${code.end(0)} && m < ${code.end(1)})`, () => {
    const rowAts = Array.from({ length: shape.rows }, (_, i) => {
      if (shape.rows > 1) code.line(`let m${i} = min(m + ${i}u, ${code.end(1)} - 1u);`);
      return axisAt(shape.rows > 1 ? `m${i}` : "m", rows, 1);
    });
    for (const cluster of clustersOf(placed)) {
      const write = (): void => new Cluster(code, values, shape, rowAts, cluster).write();
      if (cluster.length === placed.length) write();
      else code.block(`if (${within(cluster[0]!.from, cluster.at(-1)!.to)})`, write);
    }
  });
  return code;
};

/** Parts of one loop: they read the same, and have equally many products. */
const clusterKey = ({ linears }: Part): string => `${linears[0].src[0]!.id} ${linears.length}`;
/** Those that read the same side by side, each with its units. */
const placedParts = (parts: readonly Part[], shape: Shape): Placed[] => {
  const keys = [...new Set(parts.map(clusterKey))];
  let from = 0;
  return [...parts]
    .sort((a, b) => keys.indexOf(clusterKey(a)) - keys.indexOf(clusterKey(b)))
    .map((part) => {
      const units = Math.ceil(quadsOf(part.linears[0].type.shape) / shape.quads);
      const unit = axisAt(from === 0 ? "u" : `(u - ${from}u)`, units, 0);
      const placed = { ...part, from, to: from + units, columns: columnsOf(unit, shape.quads, part.turned) };
      from += units;
      return placed;
    });
};
const clustersOf = (placed: readonly Placed[]): Placed[][] => {
  const clusters = new Map<string, Placed[]>();
  for (const part of placed) {
    const key = clusterKey(part);
    clusters.set(key, [...(clusters.get(key) ?? []), part]);
  }
  return [...clusters.values()];
};
const within = (from: number, to: number): string => (from === 0 ? `u < ${to}u` : `u >= ${from}u && u < ${to}u`);

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

/** Products that read the same rows: one loop. */
class Cluster {
  readonly #code: Code;
  readonly #values: Values;
  readonly #shape: Shape;
  readonly #rows: readonly At[];
  readonly #parts: readonly [Placed, ...Placed[]];
  /** of each product of a part, row, vec4 */
  readonly #sums: readonly string[][][];

  constructor(code: Code, values: Values, shape: Shape, rows: readonly At[], parts: readonly Placed[]) {
    this.#code = code;
    this.#values = values;
    this.#shape = shape;
    this.#rows = rows;
    this.#parts = parts as readonly [Placed, ...Placed[]];
    this.#sums = parts[0]!.linears.map(() =>
      rows.map(() => Array.from({ length: shape.quads }, () => code.fresh("a"))),
    );
  }

  write(): void {
    const [{ linears }] = this.#parts;
    const x = linears[0].src[0]!;
    const operand = this.#before(x);
    for (const name of this.#sums.flat(2)) this.#code.line(`var ${name} = vec4<f32>(0.0);`);
    const matrices = this.#matrices();
    const k = this.#code.fresh("k");
    const steps = quadsOf(x.type.shape);
    this.#code.block(`for (var ${k} = 0u; ${k} < ${steps}u; ${k}++)`, () => {
      const operands = operand(join(loopAt(k, steps), 4, lane));
      for (const [i, sums] of this.#sums.entries())
        for (let g = 0; g < this.#shape.quads; g++) {
          const columns = [0, 1, 2, 3].map((by) => matrices(i, g, by, k));
          for (const [r, row] of operands.entries())
            this.#code.line(`${sums[r]![g]} += vec4<f32>(${columns.map((w) => `dot(${row}, ${w})`).join(", ")});`);
        }
    });
    for (const part of this.#parts) {
      const end = (): void => this.#code.part(0, part.from, part.to, () => this.#end(part));
      if (this.#parts.length === 1) end();
      else this.#code.block(`if (${within(part.from, part.to)})`, end);
    }
  }

  /** What is read of each row, at some columns. A norm's numbers are worked out first where the rows are few. */
  #before(x: Node): (at: At) => string[] {
    const leading = this.#rows.map((row) => unflat(row, x.type.shape.slice(0, -1)));
    const norms = new Map<string, string>();
    const key = (norm: Norm, row: number): string => `${statisticsKey(norm)} ${row}`;
    const renderer = rendererOf(this.#code, this.#values, {
      measured: (norm, coords) => {
        if (this.#values.statistics(norm) !== undefined) return undefined;
        const row = leading.findIndex((each) => each.every((at, axis) => sameAt(at, coords[axis]!)));
        return norms.get(key(norm, row));
      },
    });
    for (const norm of normsOf(x, this.#values))
      for (const [i, coords] of leading.entries())
        norms.set(key(norm, i), measure(this.#code, this.#values, norm, coords));
    return (at) => leading.map((coords) => renderer.render(x, [...coords, at], 4));
  }

  /** The vec4 `k` of the matrix row of a column. Where parts differ, each says before the loop where its rows begin. */
  #matrices(): (linear: number, quad: number, by: number, k: string) => string {
    const code = this.#code;
    const lying = (part: Placed, linear: number) => this.#values.lying(part.linears[linear]!.src[1]!)!;
    const limit = ({ linears }: Placed): number => linears[0].type.shape.at(-1) as number;
    const [first] = this.#parts;
    const { quads } = lying(first, 0);
    const whole = this.#parts.every((part) => limit(part) % (4 * this.#shape.quads) === 0);
    const starts = this.#sums.map(() => this.#parts[0].columns.map(() => code.fresh("w")));
    // Rows beyond the last are read as the last: their results are not stored.
    const ends = whole ? undefined : this.#sums.map(() => code.fresh("w"));
    for (const name of [...starts.flat(), ...(ends ?? [])]) code.line(`var ${name}: u32;`);
    for (const part of this.#parts) {
      const body = (): void =>
        code.part(0, part.from, part.to, () => {
          for (const [i, names] of starts.entries()) {
            for (const [g, column] of part.columns.entries())
              code.line(`${names[g]} = ${code.row(lying(part, i), column, 4)};`);
            if (ends !== undefined) {
              const base = code.row(lying(part, i), part.columns[0]!, 4).split(" ", 1)[0]!;
              code.line(`${ends[i]} = ${base} + ${(limit(part) - 1) * quads}u;`);
            }
          }
        });
      if (this.#parts.length === 1) body();
      else code.block(`if (${within(part.from, part.to)})`, body);
    }
    const stored = lying(first, 0);
    return (i, g, by, k) => {
      const row = `${starts[i]![g]}${by === 0 ? "" : ` + ${by * quads}u`}`;
      const kept = ends === undefined ? row : code.named(`min(${row}, ${ends[i]})`, "r");
      return code.named(code.loaded(stored, `${stored.heap}[${kept} + ${k}]`));
    };
  }

  #end(part: Placed): void {
    const code = this.#code;
    const { linears, tip, columns } = part;
    const width = linears[0].type.shape.at(-1) as number;
    for (const [r, row] of this.#rows.entries()) {
      const coords = unflat(row, linears[0].type.shape.slice(0, -1));
      const held = (n: Node, asked: readonly At[], lanes: Lanes): string | undefined => {
        const i = linears.indexOf(n as NodeOf<"linear">);
        if (i < 0) return undefined;
        if (!coords.every((at, axis) => sameAt(at, asked[axis]!))) throw new Error("a product is read at another row");
        for (const [g, column] of columns.entries()) {
          const found = this.#heldAt(after, n, this.#sums[i]![r]![g]!, column, asked.at(-1)!, lanes);
          if (found !== undefined) return found;
        }
        throw new Error(
          `a product is read at another column: ${asked.at(-1)!.key}, not ${columns.map((c) => c.key).join(" or ")}`,
        );
      };
      const after = rendererOf(code, this.#values, { tip, held });
      const write = (): void => {
        for (const column of columns) {
          const quad = quotient(column, 4);
          const body = (): void => store(code, after, this.#values.lying(tip)!, tip, row, quad);
          if (width > 4 * ((part.to - part.from) * this.#shape.quads - 1)) body();
          else code.block(`if (${code.at(quad)} < ${quadsOf(linears[0].type.shape)}u)`, body);
        }
      };
      if (this.#shape.rows === 1) write();
      else code.block(`if (m + ${r}u < ${code.end(1)})`, write);
    }
  }
  #heldAt(
    after: ReturnType<typeof rendererOf>,
    linear: Node,
    sum: string,
    column: At,
    asked: At,
    lanes: Lanes,
  ): string | undefined {
    const bias = linear.src[2];
    if (lanes === 4) {
      if (!sameAt(asked, column)) return undefined;
      return bias === undefined ? sum : this.#code.named(`${sum} + ${after.render(bias, [column], 4)}`);
    }
    const by = [0, 1, 2, 3].find((each) => sameAt(asked, advanced(column, lane, each)));
    if (by === undefined) return undefined;
    const component = `${sum}.${"xyzw"[by]}`;
    return bias === undefined ? component : `(${component} + ${after.render(bias, [asked], 1)})`;
  }
}

/** The norms in what a product reads whose numbers no kernel has worked out. */
const normsOf = (x: Node, values: Values): Norm[] => {
  const found = new Map<string, Norm>();
  const seen = new Set<Node>();
  const stack = [x];
  for (let n = stack.pop(); n !== undefined; n = stack.pop()) {
    if (seen.has(n) || values.lying(n) !== undefined) continue;
    seen.add(n);
    if ((n.op === "rmsNorm" || n.op === "layerNorm") && values.statistics(n) === undefined)
      found.set(statisticsKey(n), n);
    stack.push(...n.src);
  }
  return [...found.values()];
};
