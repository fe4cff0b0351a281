// What kernels look like, and of which steps a program consists: a change shows in these files (`vitest -u` writes them).
import { expect, test } from "vitest";
import { programs, webgpu } from "../../compiler/index.ts";
import type { Template } from "../../compiler/target/wgsl/header.ts";
import type { Plan, PlanProgram, Reach, Size } from "../../runtime/plan.ts";
import { smallExample } from "../verify/examples.ts";
import { typical } from "./cases/typical.ts";
import { draw } from "./draw.ts";
import { validateByNaga } from "./wgsl.ts";

test.each(Object.keys(typical) as Template[])("a kernel of the template %s", async (template) => {
  const one = typical[template];
  const { plan } = webgpu(draw(one, one.dims[0]!, 1).module);
  const { wgsl } = plan.kernels.find((kernel) => kernel.template === template)!;
  expect(validateByNaga(wgsl)).toBeUndefined();
  await expect(wgsl).toMatchFileSnapshot(`golden/${template}.wgsl`);
});

test("what subgroups change", async () => {
  const one = typical["linear.split"];
  const { wgsl } = webgpu(draw(one, one.dims[0]!, 1).module).plan.kernels.find(({ features }) => features.length > 0)!;
  expect(validateByNaga(wgsl)).toBeUndefined();
  await expect(wgsl).toMatchFileSnapshot("golden/linear.split.subgroups.wgsl");
});

const size = (of: Size): string =>
  typeof of === "number"
    ? String(of)
    : of.map(([factor, ...names]) => [...(factor === 1 ? [] : [factor]), ...names].join("*")).join("+");
const reach = (of: Reach): string => {
  if (of.is === "all") return "all";
  const terms = of.terms.map(
    ({ axis, per, times }) => `${size(times)}${"xyz"[axis]}${per === 1 ? "" : `/${size(per)}`}`,
  );
  const part =
    of.part === undefined ? "" : ` where ${"xyz"[of.part.axis]} in ${size(of.part.from)}..${size(of.part.to)}`;
  return `${size(of.rows)} from ${[...terms, ...(of.first === 0 && terms.length > 0 ? [] : [size(of.first)])].join("+")}${part}`;
};
const printed = (plan: Plan, { name, values, steps, outputs }: PlanProgram): string =>
  [
    name,
    ...steps.flatMap(({ name: step, kernel, grid, operands }) => [
      `${plan.kernels[kernel]!.template} [${grid.map(size).join(", ")}] ${step}`,
      ...operands.map(({ value, reach: rows, writes }) => {
        const { origin, heap, shape } = values[value]!;
        const what =
          origin.is === "weight" ? origin.weight : origin.is === "input" ? origin.port : `${origin.is} ${value}`;
        return `  ${writes ? "writes" : "reads "} ${heap} ${what} [${shape.map(size).join(", ")}]: ${reach(rows)}`;
      }),
    ]),
    ...outputs.map(
      ({ name: output, shape, value }) => `gives ${output} [${shape.map(size).join(", ")}]: value ${value}`,
    ),
    "",
  ].join("\n");

test("the steps of a decoding program", async () => {
  const { model, sources } = smallExample("DualTower");
  const { plan } = webgpu(programs(model, sources));
  const program = plan.programs.find(({ name }) => name === "decode(text)")!;
  await expect(printed(plan, program)).toMatchFileSnapshot("golden/DualTower.decode.txt");
});
