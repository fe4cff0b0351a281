// One vec4 of the result to an invocation, everything that it is made of written in place. Where it reads rows of a large
// table, the rows of the table are an axis of the grid: a dispatch that binds some of them stores what those give.
import { type Node, type NodeOf } from "../../../ir/node.ts";
import { Code, FOLLOWING } from "../code.ts";
import { rendererOf, store, type Values } from "../emission.ts";
import { type At, axisAt } from "../indexing.ts";
import { quadsOf, rowsOf } from "../storage.ts";

export const pointwiseKernel = (values: Values, tip: Node): Code => {
  const quads = quadsOf(tip.type.shape);
  const rows = rowsOf(tip.type.shape);
  const workgroup = quads >= 32 ? ([64, 1, 1] as const) : ([8, 8, 1] as const);
  const table = tableOf(values, tip);
  const length = table === undefined ? 1 : (table.type.shape[0] as number);
  const code = new Code({
    template: "pointwise",
    grid: [quads, rows, length],
    tile: [workgroup[0], workgroup[1], table === undefined ? 1 : FOLLOWING],
    workgroup,
  });
  const known = new Map<string, At>();
  const bound: string[] = [];
  const parted = (of: Node, index: string): At | undefined => {
    if (of !== table) return undefined;
    const found = known.get(index);
    if (found !== undefined) return found;
    const row = code.named(`min(${index}, ${length - 1}u)`, "g");
    bound.push(`${row} >= ${code.first(2)} && ${row} < ${code.end(2)}`);
    // Of a row that this dispatch does not bind another is read, and nothing is stored.
    const at = axisAt(code.named(`clamp(${row}, ${code.first(2)}, ${code.end(2)} - 1u)`, "g"), length, 2);
    known.set(index, at);
    return at;
  };
  code.line(`let c = ${code.unit(0)};`);
  code.line(`let r = ${code.unit(1)};`);
  code.block(`if (c < ${code.end(0)} && r < ${code.end(1)})`, () =>
    store(
      code,
      rendererOf(code, values, { tip, parted }),
      values.lying(tip)!,
      tip,
      axisAt("r", rows, 1),
      axisAt("c", quads, 0),
      bound,
    ),
  );
  return code;
};

/** The largest weight of which one gather alone reads rows: two could name rows that are not there together. */
const tableOf = (values: Values, tip: Node): NodeOf<"param"> | undefined => {
  const gathers = new Map<NodeOf<"param">, number>();
  const seen = new Set<Node>();
  const stack: Node[] = [tip];
  for (let n = stack.pop(); n !== undefined; n = stack.pop()) {
    if (seen.has(n) || n.op === "param" || (n !== tip && values.lying(n) !== undefined)) continue;
    seen.add(n);
    const table = n.op === "gather" ? n.src[0]! : undefined;
    if (table?.op === "param") gathers.set(table, (gathers.get(table) ?? 0) + 1);
    stack.push(...n.src);
  }
  const single = [...gathers].filter(([{ type }, count]) => count === 1 && (type.shape[0] as number) > 1);
  return single
    .map(([table]) => table)
    .toSorted((a, b) => (b.type.shape[0] as number) - (a.type.shape[0] as number))[0];
};
