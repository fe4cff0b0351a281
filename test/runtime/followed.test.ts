// How numbers that the host computes follow the ids of rows: as it computes them itself, of whatever ids, or not at all.
import { expect, test } from "vitest";
import { programs, webgpu } from "../../compiler/index.ts";
import type { HostStep, PlanProgram, PlanValue } from "../../runtime/plan.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { followedOf, wordsOf } from "../../runtime/webgpu/followed.ts";
import { hostValues } from "../../runtime/webgpu/hostValues.ts";
import { at } from "../../runtime/webgpu/sizes.ts";
import { example, models } from "../phases/models.ts";

const sizes = new Map([
  ["batch", 3],
  ["text", 1],
]);
/** Any call, with two rows there, and these ids. */
const inputsOf = ({ inputs }: PlanProgram, ids: readonly number[]): Record<string, Tensor> => {
  const all = new Map([
    ...sizes,
    ...inputs
      .flatMap(({ shape }) => shape)
      .flatMap(namesOf)
      .map(once),
  ]);
  return Object.fromEntries(
    inputs.map(({ name, dtype, shape }) => {
      const dims = shape.map((size) => at(size, all));
      const numbers = Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => i % 2);
      const data = name === "text.id" ? ids : name === "text.order" ? [4, -1, 6] : numbers;
      return [name, { dtype, shape: dims, data: dtype === "i32" ? Int32Array.from(data) : Float32Array.from(data) }];
    }),
  ) as Record<string, Tensor>;
};
const namesOf = (size: PlanProgram["inputs"][number]["shape"][number]): string[] =>
  typeof size === "number" ? [] : size.flatMap(([, ...names]) => names);
const once = (name: string): [string, number] => [name, sizes.get(name) ?? 4];

test.each(models)("$name decodes from ids that stay on a device", (small) => {
  const { model, sources } = example(small);
  const module = programs(model, sources);
  const { plan } = webgpu({ ...module, programs: module.programs.filter(({ name }) => name === "decode(text)") });
  const program = plan.programs[0]!;
  const own = new Map([
    ...sizes,
    ...program.inputs
      .flatMap(({ shape }) => shape)
      .flatMap(namesOf)
      .map(once),
  ]);
  const computedOf = (ids: readonly number[]) => hostValues(program.host, own, inputsOf(program, ids));
  const followed = followedOf(program, computedOf([0, 0, 0]), "text.id", 3)!;
  expect(followed.size).toBeGreaterThan(0);
  for (const ids of [
    [17, 3, 255],
    [257, 0, 256],
  ]) {
    const wanted = computedOf(ids);
    for (const [value, numbers] of followed) {
      const { origin } = program.values[value]!;
      const data = origin.is === "host" ? wanted[origin.of]!.data : ids;
      expect(numbers.map(({ of, shift, least, most }) => Math.min(Math.max(ids[of]! + shift, least), most))).toEqual(
        Array.from(data),
      );
    }
    // What follows no id does not change with them.
    for (const [i, { origin }] of program.values.entries())
      if ("of" in origin && !followed.has(i)) expect(wanted[origin.of]).toEqual(computedOf([0, 0, 0])[origin.of]);
  }
});

const made = (host: readonly HostStep[], value: Partial<PlanValue> = {}): PlanProgram => ({
  name: "made",
  inputs: [{ name: "text.id", dtype: "i32", shape: [[[1, "batch"]], [[1, "text"]]] }],
  host: [{ is: "input", port: "text.id" }, { is: "number", value: 2.5 }, { is: "number", value: 7 }, ...host],
  values: [
    { origin: { is: "host", of: host.length + 2 }, heap: "given", stored: "i32", shape: [[[1, "batch"]], 1], ...value },
  ],
  steps: [],
  outputs: [],
});
const tracedOf = (program: PlanProgram) =>
  followedOf(program, hostValues(program.host, sizes, inputsOf(program, [0, 0, 0])), "text.id", 3);

test.each<[string, PlanProgram]>([
  ["a product", made([{ is: "mul", of: [0, 2] }])],
  ["a part added", made([{ is: "add", of: [0, 1] }])],
  ["a difference from a number", made([{ is: "sub", of: [2, 0] }])],
  ["two ids", made([{ is: "max", of: [0, 0] }])],
  ["a comparison", made([{ is: "less", of: [0, 2] }])],
  ["a choice by an id", made([{ is: "where", of: [0, 2, 1] }])],
  ["the largest of ids", made([{ is: "amax", of: [0], axis: 0 }])],
  [
    "a row that an id names",
    made([
      { is: "iota", size: 3 },
      { is: "gather", of: [3, 0] },
    ]),
  ],
  ["numbers of f32", made([{ is: "add", of: [0, 2] }], { stored: "f32" })],
  ["rows of a table of the host", made([{ is: "add", of: [0, 2] }], { origin: { is: "lookup", table: 0, of: 3 } })],
  [
    "what is computed of a product",
    made([
      { is: "mul", of: [0, 2] },
      { is: "add", of: [3, 2] },
    ]),
  ],
])("%s is not followed", (_, program) => expect(tracedOf(program)).toBeUndefined());

test("bounds and what is added are put together, and a number stays what it is", () => {
  const steps: readonly HostStep[] = [
    { is: "add", of: [0, 2] },
    { is: "min", of: [3, 2] },
    { is: "sub", of: [4, 2] },
    { is: "max", of: [2, 5] },
  ];
  const [numbers] = [...tracedOf(made(steps))!.values()];
  expect(numbers).toEqual([0, 1, 2].map((of) => ({ of, shift: 0, least: 7, most: 7 })));
  expect([...wordsOf([numbers!], 2)]).toEqual([2, 0, 7, 7, 2, 0, 7, 7, 2, 0, 7, 7]);
  expect([...tracedOf(made(steps.slice(0, 3)))!.values()][0]![1]).toEqual({
    of: 1,
    shift: 0,
    least: -Infinity,
    most: 0,
  });
});
