// Products with matrices as checkpoints have them, [out, in]: each invocation keeps a block of results in registers. What
// is done to the rows before and to the results after is written in place. Several products over the same rows stand one
// after the other in the columns of the grid; those that read the same share one loop, and only end differently.
import { Code } from "../code.ts";
import type { Values } from "../emission.ts";
import { axisAt, join, lane, loopAt } from "../indexing.ts";
import type { Group } from "../partition.ts";
import { quadsOf, rowsOf } from "../storage.ts";
import { Cluster, clustersOf, eachWithin, placedParts, rangeOf, type Shape } from "./linearCluster.ts";
import { strided } from "./reduce.ts";

const WIDE: Shape = { name: "linear.wide", rows: 16, quads: 2, workgroup: [4, 8, 1], split: false };
const NARROW: Shape = { name: "linear.narrow", rows: 1, quads: 1, workgroup: [64, 1, 1], split: false };
const NARROW_TURNED: Shape = { name: "linear.narrow", rows: 1, quads: 2, workgroup: [32, 1, 1], split: false };
/** A row of the matrix is read by neighbours side by side. */
const SPLIT: Shape = { name: "linear.split", rows: 1, quads: 1, workgroup: [64, 1, 1], split: true };

export const linearKernel = (
  values: Values,
  { narrow, parts }: Extract<Group, { is: "linear" }>,
  together = false,
): Code => {
  const turns = parts.some(({ turned }) => turned !== undefined);
  const few = together ? { ...SPLIT, quads: turns ? 2 : 1 } : turns ? NARROW_TURNED : NARROW;
  const shape = narrow ? few : WIDE;
  const rows = rowsOf(parts[0]!.linears[0].type.shape);
  const { workgroup } = shape;
  const tile = [together ? 1 : workgroup[0], workgroup[1] * shape.rows, 1] as const;
  const placed = placedParts(parts, shape);
  const code = new Code({ template: shape.name, grid: [placed.at(-1)!.to, rows, 1], tile, workgroup });
  if (together) {
    // Whole workgroups are there or not, and all of their invocations go the same way.
    code.line(`let u = ${code.first(0)} + group.x;`);
    code.line(`let m = ${code.first(1)} + group.y;`);
  } else {
    code.line(`let u = ${code.first(0)} + group.x * ${tile[0]}u + local.x;`);
    code.line(`let m = ${code.first(1)} + group.y * ${tile[1]}u + local.y * ${shape.rows}u;`);
  }
  const write = (): void => {
    const rowAts = Array.from({ length: shape.rows }, (_, i) => {
      if (shape.rows > 1) code.line(`let m${i} = min(m + ${i}u, ${code.end(1)} - 1u);`);
      return axisAt(shape.rows > 1 ? `m${i}` : "m", rows, 1);
    });
    eachWithin(code, clustersOf(placed), rangeOf, (parts) =>
      summed(code, shape, new Cluster(code, values, shape, rowAts, parts)),
    );
  };
  if (together) write();
  else code.block(`if (u < ${code.end(0)} && m < ${code.end(1)})`, write);
  return code;
};

const summed = (code: Code, { split }: Shape, cluster: Cluster): void => {
  const rows = cluster.read();
  cluster.begin();
  const matrices = cluster.matrices();
  const k = code.fresh("k");
  const steps = quadsOf(cluster.x.type.shape);
  code.block(strided(code, k, steps, split), () =>
    cluster.add(rows(join(loopAt(k, steps), 4, lane)), (i, g, by) => matrices(i, g, by, k)),
  );
  if (split) for (const sum of cluster.sums.flat(2)) code.line(`${sum} = ${code.combined("sum", sum)};`);
  cluster.end();
};
