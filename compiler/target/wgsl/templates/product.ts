// Products of any two values, leading axes and all: four neighbouring results to an invocation.
import { same } from "../../../ir/dim.ts";
import { Code, type Lanes } from "../code.ts";
import { coordsOf, rendererOf, store, type Values } from "../emission.ts";
import { lane, advanced, type At, axisAt, loopAt, number, sameAt } from "../indexing.ts";
import type { Group } from "../partition.ts";
import { quadsOf, rowsOf } from "../storage.ts";
import type { Node } from "../../../ir/node.ts";

export const productKernel = (values: Values, { node, tip }: Extract<Group, { is: "product" }>): Code => {
  const rows = rowsOf(node.type.shape);
  const quads = quadsOf(node.type.shape);
  const code = new Code({ template: "product", grid: [quads, rows, 1], tile: [8, 8, 1], workgroup: [8, 8, 1] });
  const lanes: Lanes = typeof node.type.shape.at(-1) === "number" ? 4 : 1;
  code.line(`let c = ${code.unit(0)};`);
  code.line(`let r = ${code.unit(1)};`);
  code.block(`if (c < ${code.end(0)} && r < ${code.end(1)})`, () => {
    const [row, quad] = [axisAt("r", rows, 1), axisAt("c", quads, 0)];
    const coords = coordsOf(node as Node, row, quad);
    const [a, b] = node.src as [Node, Node];
    const before = rendererOf(code, values);
    const lead = (of: Node): At[] => {
      const shape = of.type.shape.slice(0, -2);
      const own = coords.slice(coords.length - 2 - shape.length, -2);
      return own.map((at, axis) => (same(shape[axis]!, 1) ? number(0) : at));
    };
    const [m, n] = coords.slice(-2) as [At, At];
    code.line(`var t = ${lanes === 4 ? "vec4<f32>(0.0)" : "0.0"};`);
    const depth = a.type.shape.at(-1)!;
    code.block(`for (var k = 0u; k < ${code.size(depth)}; k++)`, () => {
      const k = loopAt("k", depth);
      const left = before.render(a, [...lead(a), m, k], 1);
      code.line(`t += ${left} * ${before.render(b, [...lead(b), k, n], lanes)};`);
    });
    const held = (of: Node, asked: readonly At[], as: Lanes): string | undefined => {
      if (of !== node) return undefined;
      if (as === lanes && asked.every((at, axis) => sameAt(at, coords[axis]!))) return "t";
      const by = [0, 1, 2, 3].find((each) => sameAt(asked.at(-1)!, advanced(n, lane, each)));
      if (by === undefined || as === 4) throw new Error("a product is read at another place");
      return `t.${"xyzw"[by]}`;
    };
    store(code, rendererOf(code, values, { tip, held }), values.lying(tip)!, tip, row, quad);
  });
  return code;
};
