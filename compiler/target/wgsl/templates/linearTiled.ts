// Products of many rows by a workgroup: what it reads of the rows and of the matrices it brings to workgroup memory, some
// columns at a time, and each of its invocations keeps a block of the results in registers.
import { Code } from "../code.ts";
import type { Values } from "../emission.ts";
import { axisAt, join, lane, loopAt } from "../indexing.ts";
import type { Group } from "../partition.ts";
import { quadsOf, rowsOf } from "../storage.ts";
import { Cluster, clustersOf, eachWithin, placedParts, rangeOf, type Shape } from "./linearCluster.ts";

/** Invocations of a workgroup over units of columns, and over rows. */
const [ACROSS, DOWN] = [8, 16];
const INVOCATIONS = ACROSS * DOWN;
const TILED: Shape = {
  name: "linear.tiled",
  rows: 4,
  quads: 2,
  workgroup: [INVOCATIONS, 1, 1],
  split: false,
};
/** Rows of a tile, and columns, of which there are as many. */
const SIDE = DOWN * TILED.rows;
/** Vec4s of a row that are brought at a time: neighbours read them side by side. */
const DEPTH = 4;
/** From one vec4 of all rows to the next: one more than there are, so that neighbours write to other banks. */
const STRIDE = SIDE + 1;
/** Rows that all invocations bring at once. */
const BROUGHT = INVOCATIONS / DEPTH;

export const linearTiled = (values: Values, { parts }: Extract<Group, { is: "linear" }>): Code => {
  const rows = rowsOf(parts[0]!.linears[0].type.shape);
  const placed = placedParts(parts, TILED, "u", ACROSS);
  const brought = placedParts(parts, TILED, "v", ACROSS);
  const code = new Code({
    template: TILED.name,
    grid: [placed.at(-1)!.to, rows, 1],
    tile: [ACROSS, SIDE, 1],
    workgroup: TILED.workgroup,
  });
  code.line(`let g = ${code.first(0)} + group.x * ${ACROSS}u;`);
  code.line(`let u = g + local.x % ${ACROSS}u;`);
  code.line(`let m = ${code.first(1)} + group.y * ${SIDE}u + local.x / ${ACROSS}u * ${TILED.rows}u;`);
  // Rows and columns beyond the last are brought as the last: their results are not stored.
  const held = Array.from({ length: TILED.rows }, (_, i) => {
    code.line(`let m${i} = min(m + ${i}u, ${code.end(1)} - 1u);`);
    return axisAt(`m${i}`, rows, 1);
  });
  code.line(`let depth = local.x % ${DEPTH}u;`);
  code.line(`let side = local.x / ${DEPTH}u;`);
  const staged = Array.from({ length: SIDE / BROUGHT }, (_, i) => {
    const row = `${code.first(1)} + group.y * ${SIDE}u + side + ${i * BROUGHT}u`;
    code.line(`let n${i} = min(${row}, ${code.end(1)} - 1u);`);
    return axisAt(`n${i}`, rows, 1);
  });
  code.shared("left", "vec4<f32>", DEPTH * STRIDE);
  const clusters = clustersOf(placed);
  eachWithin(
    code,
    clusters,
    rangeOf,
    (own) => {
      const cluster = new Cluster(code, values, TILED, held, own);
      const others = brought.filter(({ tip }) => own.some((part) => part.tip === tip));
      const steps = quadsOf(cluster.x.type.shape);
      const read = cluster.read(staged);
      cluster.begin();
      code.line("var v: u32;");
      eachWithin(
        code,
        own,
        (part) => part,
        ({ to }) => code.line(`v = min(g + side / 4u, min(${code.end(0)}, ${to}u) - 1u);`),
        "g",
      );
      const matrices = cluster.matrices(others, "g");
      code.shared("right", "vec4<f32>", cluster.sums.length * DEPTH * STRIDE);
      const each = (write: (linear: number, quad: number) => void): void =>
        cluster.sums.forEach((_, i) => [0, 1].forEach((quad) => write(i, quad)));
      // The first and the second vec4s of units apart, and in them the same lane of all units side by side.
      const right = (linear: number, quad: number, depth: string, lane: string): string =>
        `right[${depth} * ${STRIDE}u + ${linear * DEPTH * STRIDE + quad * 4 * ACROSS}u + ${lane}]`;
      const brings = (linear: number, quad: number): string =>
        right(linear, quad, "depth", `side % 4u * ${ACROSS}u + side / 4u`);
      const k = code.fresh("k");
      code.block(`for (var ${k} = 0u; ${k} < ${steps}u; ${k} += ${DEPTH}u)`, () => {
        const at = code.fresh("k");
        const whole = steps % DEPTH === 0;
        const within = (write: () => void): void => (whole ? write() : code.block(`if (${at} < ${steps}u)`, write));
        const row = (i: number): string => `left[depth * ${STRIDE}u + side + ${i * BROUGHT}u]`;
        code.line("workgroupBarrier();");
        code.line(`let ${at} = ${k} + depth;`);
        if (!whole) {
          staged.forEach((_, i) => code.line(`${row(i)} = vec4<f32>(0.0);`));
          each((linear, quad) => code.line(`${brings(linear, quad)} = vec4<f32>(0.0);`));
        }
        within(() => {
          read(join(loopAt(at, steps), 4, lane)).forEach((value, i) => code.line(`${row(i)} = ${value};`));
          each((linear, quad) => code.line(`${brings(linear, quad)} = ${matrices(linear, quad, "(side % 4u)", at)};`));
        });
        code.line("workgroupBarrier();");
        code.block(`for (var d = 0u; d < ${DEPTH}u; d++)`, () => {
          const lefts = held.map((_, r) =>
            code.named(`left[d * ${STRIDE}u + local.x / ${ACROSS}u * ${TILED.rows}u + ${r}u]`),
          );
          cluster.add(lefts, (linear, quad, by) =>
            code.named(right(linear, quad, "d", `${by * ACROSS}u + local.x % ${ACROSS}u`)),
          );
        });
      });
      code.block(`if (u < min(${code.end(0)}, ${rangeOf(own).to}u))`, () => cluster.end());
    },
    "g",
  );
  return code;
};
