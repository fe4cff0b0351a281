// What the kernels of products have in common: which units of the grid belong to which products, and of those that read the
// same rows the sums, what they read, and what is stored of them.
import type { Node, NodeOf } from "../../../ir/node.ts";
import type { Code, Lanes } from "../code.ts";
import { rendererOf, store, unflat, type Values } from "../emission.ts";
import { advanced, type At, axisAt, join, lane, number, offset, quotient, remainder, sameAt } from "../indexing.ts";
import type { Template } from "../header.ts";
import { type Part, statisticsKey } from "../partition.ts";
import type { Norm } from "../render.ts";
import { quadsOf } from "../storage.ts";
import { measure, single } from "./reduce.ts";

export interface Shape {
  readonly name: Template;
  /** rows that an invocation computes */
  readonly rows: number;
  /** vec4s of columns that an invocation computes; two where heads are turned */
  readonly quads: number;
  /** invocations of a workgroup over columns and rows */
  readonly workgroup: readonly [number, number, number];
  /** whether all invocations of a workgroup compute one block, of which each sums up a part */
  readonly split: boolean;
}

/** A part, and the units of axis 0 that are its own. */
export interface Placed extends Part {
  readonly from: number;
  readonly to: number;
  /** the first columns of the vec4s of an invocation */
  readonly columns: readonly At[];
}

/** Parts of one loop: they read the same, and have equally many products. */
const clusterKey = ({ linears }: Part): string => `${linears[0].src[0]!.id} ${linears.length}`;
/**
 * Those that read the same side by side, each with its units: from a multiple of `tile` on, where no workgroup may have units
 * of two parts. Their columns are those of the unit that is called `name`.
 */
export const placedParts = (parts: readonly Part[], { quads }: Shape, name = "u", tile = 1): Placed[] => {
  const keys = [...new Set(parts.map(clusterKey))];
  let from = 0;
  return [...parts]
    .sort((a, b) => keys.indexOf(clusterKey(a)) - keys.indexOf(clusterKey(b)))
    .map((part) => {
      const units = Math.ceil(quadsOf(part.linears[0].type.shape) / quads);
      const unit = axisAt(from === 0 ? name : `(${name} - ${from}u)`, units, 0);
      const placed = { ...part, from, to: from + units, columns: columnsOf(unit, quads, part.turned) };
      from += Math.ceil(units / tile) * tile;
      return placed;
    });
};
export const clustersOf = (placed: readonly Placed[]): Placed[][] => {
  const clusters = new Map<string, Placed[]>();
  for (const part of placed) {
    const key = clusterKey(part);
    clusters.set(key, [...(clusters.get(key) ?? []), part]);
  }
  return [...clusters.values()];
};
const within = (from: number, to: number, unit: string): string =>
  from === 0 ? `${unit} < ${to}u` : `${unit} >= ${from}u && ${unit} < ${to}u`;
export const rangeOf = (parts: readonly Placed[]): Pick<Placed, "from" | "to"> => ({
  from: parts[0]!.from,
  to: parts.at(-1)!.to,
});
/** Writes each for its units, as `unit` says; of one that is alone all units are its own. */
export const eachWithin = <T>(
  code: Code,
  all: readonly T[],
  unitsOf: (each: T) => Pick<Placed, "from" | "to">,
  write: (each: T) => void,
  unit = "u",
): void => {
  for (const each of all) {
    const { from, to } = unitsOf(each);
    if (all.length === 1) write(each);
    else code.block(`if (${within(from, to, unit)})`, () => write(each));
  }
};

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
export class Cluster {
  readonly #code: Code;
  readonly #values: Values;
  readonly #shape: Shape;
  readonly #rows: readonly At[];
  readonly #parts: readonly [Placed, ...Placed[]];
  /** of each product of a part, row, vec4 */
  readonly sums: readonly string[][][];

  constructor(code: Code, values: Values, shape: Shape, rows: readonly At[], parts: readonly Placed[]) {
    this.#code = code;
    this.#values = values;
    this.#shape = shape;
    this.#rows = rows;
    this.#parts = parts as readonly [Placed, ...Placed[]];
    this.sums = parts[0]!.linears.map(() => rows.map(() => Array.from({ length: shape.quads }, () => code.fresh("a"))));
  }

  /** What all rows are read of. */
  get x(): Node {
    return this.#parts[0].linears[0].src[0]!;
  }
  begin(): void {
    for (const name of this.sums.flat(2)) this.#code.line(`var ${name} = vec4<f32>(0.0);`);
  }
  /** Adds what vec4s of rows, one of each, give with vec4s of rows of the matrices. */
  add(rows: readonly string[], matrix: (linear: number, quad: number, by: number) => string): void {
    for (const [i, sums] of this.sums.entries())
      for (let g = 0; g < this.#shape.quads; g++) {
        const columns = [0, 1, 2, 3].map((by) => matrix(i, g, by));
        for (const [r, row] of rows.entries())
          this.#code.line(`${sums[r]![g]} += vec4<f32>(${columns.map((w) => `dot(${row}, ${w})`).join(", ")});`);
      }
  }
  end(): void {
    const code = this.#code;
    eachWithin(
      code,
      this.#parts,
      (part) => part,
      (part) => code.part(0, part.from, part.to, () => this.#end(part)),
    );
  }

  /** What is read of each row, at some columns. A norm's numbers are worked out first where the rows are few. */
  read(rows = this.#rows): (at: At) => string[] {
    const { x } = this;
    const leading = rows.map((row) => unflat(row, x.type.shape.slice(0, -1)));
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
        norms.set(key(norm, i), measure(this.#code, this.#values, norm, coords, this.#shape.split));
    return (at) => leading.map((coords) => renderer.render(x, [...coords, at], 4));
  }

  /**
   * The vec4 `k` of the matrix row of a column, `by` further than the first of a vec4. Where parts differ, each says before
   * the loop where its rows begin; `parts` are those of the cluster with the columns of another unit.
   */
  matrices(
    parts: readonly Placed[] = this.#parts,
    unit = "u",
  ): (linear: number, quad: number, by: number | string, k: string) => string {
    const code = this.#code;
    const lying = (part: Placed, linear: number) => this.#values.lying(part.linears[linear]!.src[1]!)!;
    const limit = ({ linears }: Placed): number => linears[0].type.shape.at(-1) as number;
    const [first] = this.#parts;
    const { quads } = lying(first, 0);
    const whole = this.#parts.every((part) => limit(part) % (4 * this.#shape.quads) === 0);
    const starts = this.sums.map(() => this.#parts[0].columns.map(() => code.fresh("w")));
    // Rows beyond the last are read as the last: their results are not stored.
    const ends = whole ? undefined : this.sums.map(() => code.fresh("w"));
    for (const name of [...starts.flat(), ...(ends ?? [])]) code.line(`var ${name}: u32;`);
    const begin = (part: Placed): void =>
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
    eachWithin(code, parts, (part) => part, begin, unit);
    const stored = lying(first, 0);
    return (i, g, by, k) => {
      const further = typeof by === "string" ? `${by} * ${quads}u` : `${by * quads}u`;
      const row = `${starts[i]![g]}${by === 0 ? "" : ` + ${further}`}`;
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
          const found = this.#heldAt(after, n, this.sums[i]![r]![g]!, column, asked.at(-1)!, lanes);
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
      if (this.#shape.rows === 1) single(code, this.#shape.split, write);
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
