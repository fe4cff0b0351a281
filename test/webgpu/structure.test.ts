// A group whose structure was written before is not written again. The plan is the same as if each were: over the small
// models, over random ones, and over all cases of kernels as programs of one model, many of which differ in one thing.
import { expect, test } from "vitest";
import { programs } from "../../compiler/index.ts";
import type { ModelModule } from "../../compiler/ir/module.ts";
import type { Op } from "../../compiler/ir/vocabulary.ts";
import { type PlanOptions, planOf } from "../../compiler/target/wgsl/plan.ts";
import { samples } from "../ir/samples.ts";
import { draw } from "../property/draw.ts";
import { print } from "../property/print.ts";
import { analyse } from "../property/run.ts";
import { smallExample, smallModels } from "../verify/examples.ts";
import { edges } from "./cases/index.ts";
import { B, T } from "./cases/sizes.ts";
import { type Case, draw as drawCase } from "./draw.ts";

const isSame = (module: ModelModule, options?: PlanOptions): void =>
  expect(planOf(module, options)).toEqual(planOf(module, options, false));

test.each(smallModels)("%s", (name) => {
  const { model, sources } = smallExample(name);
  isSame(programs(model, sources));
});

const RUNS = Number(process.env["RUNS"] ?? 40);
test(`${RUNS} random specifications`, { timeout: 3_600_000 }, () => {
  let refused = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const { model, sources } = analyse(print(draw(seed)));
    try {
      isSame(programs(model, sources));
    } catch (thrown) {
      if (!/are not made on WebGPU/.test(String(thrown))) throw thrown;
      refused++;
    }
  }
  expect(refused).toBeLessThan(RUNS / 4);
});

/** Cases as programs of one model. */
const together = (cases: readonly Case[]): ModelModule => {
  const drawn = cases.map((each) => drawCase(each, each.dims[0]!, 1).module);
  return {
    ...drawn[0]!,
    params: drawn.flatMap(({ params }) => params),
    programs: drawn.flatMap((module) => module.programs),
  };
};
test("all cases of kernels", () => {
  const cases = (Object.keys(edges) as Op[]).flatMap((op) => [...samples[op], ...edges[op]]);
  isSame(together([...new Set(cases)]));
});

test("what differs only in where values lie, how they are stored and which are the same", () => {
  const stored = ["f32", "f16", "bf16"] as const;
  const over = (title: string, build: Case["build"], kind: Case["kind"] = "forward"): Case => ({
    title,
    dims: [{ batch: 1, text: 2 }],
    build,
    kind,
  });
  const shape = [B, T, 8];
  const byHead = [B, 2, T, 8];
  const module = together([
    ...stored.map((name) =>
      over(name, ({ g, f32, weight }) => g.op("linear", [f32("x", shape), weight(name, [8, 8])])),
    ),
    over("of an input", ({ g, f32 }) => g.op("add", [f32("x", byHead), f32("y", byHead)])),
    over("of a cache", ({ g, f32, cache }) => g.op("add", [f32("x", byHead), cache("y.k", byHead)])),
    ...[0, 1].map((last) =>
      over(`of the operand ${last} again`, ({ g, f32 }) => {
        const operands = [f32("x", shape), f32("y", shape)] as const;
        return g.op("sub", [g.op("sub", operands), operands[last]!]);
      }),
    ),
    ...[false, true].map((isApart) =>
      over(
        `a norm ${isApart ? "that others measure" : "that a product measures"}`,
        ({ g, f32, weight }) => {
          const norm = g.op("rmsNorm", [f32("x", shape), weight("norm", [8])], { eps: 1e-6 });
          const product = g.op("linear", [norm, weight("f32", [8, 8])]);
          return isApart ? [product, g.op("sum", [norm], { axis: 1 })] : product;
        },
        "decode",
      ),
    ),
  ]);
  const options: PlanOptions = { stored: ({ name }) => stored.find((each) => each === name)! };
  isSame(module, options);
  // Each program has kernels of its own: three products, four sums; and a product, another, statistics and a reduction.
  const steps = planOf(module, options).plan.programs.flatMap((program) => program.steps);
  expect(new Set(steps.map(({ kernel }) => kernel)).size).toBe(3 + 4 + 4);
});
