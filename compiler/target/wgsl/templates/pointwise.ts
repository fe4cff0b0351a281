// One vec4 of the result to an invocation, everything that it is made of written in place.
import type { Node } from "../../../ir/node.ts";
import { Code } from "../code.ts";
import { rendererOf, store, type Values } from "../emission.ts";
import { axisAt } from "../indexing.ts";
import { quadsOf, rowsOf } from "../storage.ts";

export const pointwiseKernel = (values: Values, tip: Node): Code => {
  const quads = quadsOf(tip.type.shape);
  const rows = rowsOf(tip.type.shape);
  const workgroup = quads >= 32 ? ([64, 1, 1] as const) : ([8, 8, 1] as const);
  const code = new Code({ template: "pointwise", grid: [quads, rows, 1], tile: workgroup, workgroup });
  code.line(`let c = ${code.unit(0)};`);
  code.line(`let r = ${code.unit(1)};`);
  code.block(`if (c < ${code.end(0)} && r < ${code.end(1)})`, () =>
    store(
      code,
      rendererOf(code, values, { tip }),
      values.lying(tip)!,
      tip,
      axisAt("r", rows, 1),
      axisAt("c", quads, 0),
    ),
  );
  return code;
};
