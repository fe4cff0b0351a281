// Plans of strangers: each is refused in words, before anything is asked of a device. A sound plan is read back as it was.
import { describe, expect, test } from "vitest";
import { Failure } from "../../../runtime/failure.ts";
import { parsePlan, printPlan } from "../../../runtime/planForm.ts";
import { openPlan } from "../../../runtime/webgpu/session.ts";
import { smallModels } from "../../verify/examples.ts";
import { plannedModel, SIZES } from "../../webgpu/planned.ts";
import { adapter, bestOf, changed, programOf, set, stepOf, take, togetherOf, valueOf } from "./loose.ts";

interface Hostile {
  readonly what: string;
  readonly text: () => string;
  readonly says: RegExp;
  readonly sizes?: Readonly<Record<string, number>>;
}
const wide = (names: number): unknown => [[2 ** 20, ...Array<string>(names).fill("batch")]];
const hostile: readonly Hostile[] = [
  { what: "no JSON", text: () => "plan", says: /plan\.json: not valid JSON/ },
  { what: "a deep list", text: () => "[".repeat(100_000), says: /nested more than 32 levels deep/ },
  { what: "a list for the plan", text: () => "[]", says: /it must be an object/ },
  { what: "a key twice", text: () => '{"schema": 1, "schema": 2}', says: /the key "schema" stands twice/ },
  {
    what: "another version",
    text: changed((plan) => set(plan, "schema", "graftwerk/plan@2")),
    says: /is of the schema graftwerk\/plan@2; this version reads graftwerk\/plan@1/,
  },
  { what: "something unknown", text: changed((plan) => set(plan, "run", "rm")), says: /"run" must be absent/ },
  {
    what: "a prototype",
    text: () => '{"__proto__": {}}',
    says: /"__proto__" must be absent/,
  },
  {
    what: "a program twice",
    text: changed((plan) => plan["programs"]!.push(plan["programs"]![0]! as never)),
    says: /programs\[\d\]: the name "forward\(text\)" stands twice/,
  },
  {
    what: "a heap of its own",
    text: changed((plan) => set(valueOf(plan, "computed"), "heap", "host")),
    says: /heap must be "state" or/,
  },
  {
    what: "results among the weights",
    text: changed((plan) => set(valueOf(plan, "computed"), "heap", "matrix")),
    says: /what is computed lies in state/,
  },
  {
    what: "rows of a fraction",
    text: changed((plan) => set(valueOf(plan, "computed"), "shape", [2.5, 4])),
    says: /shape\[0\] must be/,
  },
  {
    what: "a negative row",
    text: changed((plan) => set(valueOf(plan, "computed"), "shape", [-1, 4])),
    says: /a whole number from 0/,
  },
  {
    what: "a last axis that a call decides",
    text: changed((plan) => set(valueOf(plan, "computed"), "shape", [4, [[1, "text"]]])),
    says: /its last axis is not a number/,
  },
  {
    what: "a size that no input has",
    text: changed((plan) => set(valueOf(plan, "computed"), "shape", [[[1, "paste"]], 4])),
    says: /no input has the size "paste" alone/,
  },
  {
    what: "a size beyond 2^53",
    text: changed((plan) => set(valueOf(plan, "computed"), "shape", [wide(4), 4])),
    says: /larger than 2\^53/,
    sizes: { ...SIZES, batch: 2 ** 30 },
  },
  {
    what: "a value of 2^50 bytes",
    text: changed((plan) => set(valueOf(plan, "computed"), "shape", [2 ** 30, 2 ** 20])),
    says: /values\[\d+\] has \d+ numbers/,
  },
  {
    what: "rows of 2^37 bytes",
    text: changed((plan) => set(valueOf(plan, "computed"), "shape", [2 ** 15, 2 ** 20])),
    says: /program forward\(text\) of batch 2, text 7.*needs 131\d+\.\d MiB .* of rows.*has room for 16384\.0 MiB of rows/,
  },
  {
    what: "a size below 0 in this call",
    text: changed((plan) => set(valueOf(plan, "computed"), "shape", [[[1, "text"], [-100]], 4])),
    says: /is -93, not from 1/,
  },
  {
    what: "a weight of 2^45 numbers",
    text: changed((plan) => set(plan["weights"]![0]!, "shape", [2 ** 15, 2 ** 30])),
    says: /weights\[0\]: it is larger than/,
  },
  {
    what: "a weight of another shape than the value",
    text: changed((plan) => set(plan["weights"]![0]!, "shape", [3, 3])),
    says: /it is not that of its weight/,
  },
  {
    what: "a weight that is not there",
    text: changed((plan) => set(valueOf(plan, "weight"), "origin", { is: "weight", weight: "none" })),
    says: /there is no weight "none"/,
  },
  {
    what: "weights in another folder",
    text: changed((plan) => set(plan["weights"]![0]!, "lies", { file: "../secret", offset: 0, dtype: "f32" })),
    says: /lies\.file must be a file name without a folder/,
  },
  {
    what: "weights of two kinds at once",
    text: changed((plan) => {
      set(plan["weights"]![0]!, "stored", "bf16");
      set(plan["weights"]![0]!, "lies", { file: "w.safetensors", offset: 0, dtype: "f16" });
    }),
    says: /it is bf16, and lies in its file as f16/,
  },
  {
    what: "an input that is not there",
    text: changed((plan) => set(valueOf(plan, "input"), "origin", { is: "input", port: "none" })),
    says: /there is no input "none"/,
  },
  {
    what: "integers read as numbers",
    text: changed((plan) => set(valueOf(plan, "input"), "stored", "f32")),
    says: /what is input is i32 here/,
  },
  {
    what: "a table that is not there",
    text: changed((plan) => set(valueOf(plan, "lookup")["origin"]!, "table", 99)),
    says: /there is no table 99/,
  },
  {
    what: "a table between numbers",
    text: changed((plan) => set(plan["tables"]![0]!, "offset", 2)),
    says: /it is not a multiple of 4/,
  },
  {
    what: "a table beyond all files",
    text: changed((plan) => set(plan["tables"]![0]!, "offset", 2 ** 40)),
    says: /it ends beyond/,
  },
  {
    what: "a step of the runtime from a later one",
    text: changed((plan) =>
      set(
        programOf(plan)["host"]!.find(({ is }) => is === ("less" as never))!,
        "of",
        [99, 99],
      ),
    ),
    says: /it is computed of what comes later/,
  },
  {
    what: "a step of the runtime of too few",
    text: changed((plan) =>
      set(
        programOf(plan)["host"]!.find(({ is }) => is === ("where" as never))!,
        "of",
        [0],
      ),
    ),
    says: /where takes 3/,
  },
  {
    what: "a kernel that is not there",
    text: changed((plan) => set(stepOf(plan, "attention"), "kernel", 4000)),
    says: /there is no kernel 4000/,
  },
  {
    what: "an operand that is not there",
    text: changed((plan) => set(stepOf(plan, "attention")["operands"]![0]!, "value", 30_000)),
    says: /there is no value 30000/,
  },
  {
    what: "a parameter of no operand",
    text: changed((plan) => set(stepOf(plan, "attention"), "parameters", [{ is: "base", operand: 200 }])),
    says: /there is no operand 200/,
  },
  {
    what: "a kernel that does not bind what it reads",
    text: changed((plan) => set(plan["kernels"]![stepOf(plan, "attention")["kernel"]! as never]!, "heaps", ["matrix"])),
    says: /its kernel does not bind the heap/,
  },
  {
    what: "a heap bound twice",
    text: changed((plan) => set(plan["kernels"]![0]!, "heaps", ["state", "state"])),
    says: /one heap stands twice/,
  },
  {
    what: "a weight that is written",
    text: changed((plan) =>
      set(
        stepOf(plan, "linear.wide")["operands"]!.find(({ writes }) => !writes)!,
        "writes",
        true,
      ),
    ),
    says: /only what is computed is written|it is reached by another operand too|what it writes is reached/,
  },
  {
    what: "what is read before it is written",
    text: changed((plan) => programOf(plan)["steps"]!.reverse()),
    says: /it is read before a step has written it/,
  },
  {
    what: "an operand that is read and written by two",
    text: changed((plan) => {
      const operands = stepOf(plan, "attention")["operands"]!;
      const read = operands.find(
        ({ value }) => programOf(plan)["values"]![value as never]!["heap"] === ("state" as never),
      );
      operands.push({ ...read!, writes: true } as never);
    }),
    says: /what it writes is reached by another operand too/,
  },
  {
    what: "an output that nothing computes",
    text: changed((plan) => {
      const given = programOf(plan)["values"]!.findIndex(({ origin }) => origin!["is"] === ("weight" as never));
      set(programOf(plan)["outputs"]![0]!, "value", given);
    }),
    says: /outputs\[0\]\.value: no step writes it/,
  },
  {
    what: "an output of more numbers than there are",
    text: changed((plan) => set(programOf(plan)["outputs"]![0]!, "shape", [[[1, "batch"]], [[1, "text"]], 1000])),
    says: /outputs\[0\] has 14000 numbers/,
  },
  {
    what: "a grid of 2^39 units",
    text: changed((plan) => set(stepOf(plan, "attention"), "grid", [2 ** 39, 1, 1])),
    says: /grid\[0\] is 549755813888, not from 1 to/,
  },
  {
    what: "a grid of no units",
    text: changed((plan) => set(stepOf(plan, "attention"), "grid", [0, 1, 1])),
    says: /grid\[0\] is 0, not from 1 to/,
  },
  {
    what: "a grid of more dispatches than are made",
    text: changed((plan) => {
      set(stepOf(plan, "attention"), "grid", [2 ** 31, 2 ** 31, 2 ** 31]);
      for (const operand of stepOf(plan, "attention")["operands"]!) set(operand, "reach", { is: "all" });
    }),
    says: /would take more than 65536 dispatches/,
  },
  {
    what: "work beyond 2^53",
    text: changed((plan) => set(stepOf(plan, "attention"), "work", wide(4))),
    says: /larger than 2\^53/,
    sizes: { ...SIZES, batch: 2 ** 12 },
  },
  {
    what: "a reach beyond the value",
    text: changed((plan) =>
      set(stepOf(plan, "attention")["operands"]![0]!, "reach", { is: "rows", terms: [], first: 10_000, rows: 1 }),
    ),
    says: /begins at row 10000 of/,
  },
  {
    what: "a reach that grows out of the value",
    text: changed((plan) =>
      set(stepOf(plan, "attention")["operands"]![0]!, "reach", {
        is: "rows",
        terms: [{ axis: 1, per: 1, times: 1000 }],
        first: 0,
        rows: 1,
      }),
    ),
    says: /begins at row 6000 of/,
  },
  {
    what: "a reach by parts of nothing",
    text: changed((plan) =>
      set(stepOf(plan, "attention")["operands"]![0]!, "reach", {
        is: "rows",
        terms: [{ axis: 1, per: 0, times: 1 }],
        first: 0,
        rows: 1,
      }),
    ),
    says: /per is 0, not from 1/,
  },
  {
    what: "a fourth axis",
    text: changed((plan) => set(stepOf(plan, "attention")["parameters"]![0]!, "axis", 3)),
    says: /parameters\[0\]\."axis" must be absent|must be a whole number from 0 to 2/,
  },
  {
    what: "steps in the stead of steps in the stead",
    text: changed((plan) => {
      const step = stepOf(plan, "attention");
      set(step["instead"]![0]!, "instead", [{ ...step["instead"]![1]! }]);
    }),
    says: /nested at most 2 times|it has steps in its own stead/,
  },
  {
    what: "steps in the stead that leave a result out",
    text: changed((plan) => stepOf(plan, "attention")["instead"]!.pop()),
    says: /it does not write the value/,
  },
  {
    what: "steps together that leave a result out",
    text: changed((plan) => togetherOf(plan)["together"]![0]!["steps"]!.pop()),
    says: /it does not write the value/,
  },
  {
    what: "steps together in the stead of steps together",
    text: changed((plan) => {
      const step = togetherOf(plan);
      set(step["together"]![0]!["steps"]![0]!, "together", structuredClone(step["together"]));
    }),
    says: /nested at most 2 times|it has steps in its own stead/,
  },
  {
    what: "steps together from a size that no call has",
    text: changed((plan) => set(togetherOf(plan)["together"]![0]!, "from", { of: [[1, "nobody"]], least: 1 })),
    says: /no input has the size "nobody" alone/,
  },
  {
    what: "a step that not every device can do",
    text: changed((plan) => {
      const step = togetherOf(plan);
      set(step, "kernel", step["together"]![0]!["steps"]![0]!["kernel"]);
    }),
    says: /not every device has subgroups/,
  },
  {
    what: "a kernel without features that is not there",
    text: changed((plan) => set(bestOf(plan), "without", 4000)),
    says: /there is no kernel 4000/,
  },
  {
    what: "a kernel without features that has them",
    text: changed((plan) => set(bestOf(plan), "without", plan["kernels"]!.indexOf(bestOf(plan) as never))),
    says: /the kernel without features has some/,
  },
  {
    what: "a kernel without features of other tiles",
    text: changed((plan) => set(plan["kernels"]![bestOf(plan)["without"] as never]!, "tile", [1, 2, 3])),
    says: /the kernel without features has other heaps or tiles/,
  },
  {
    what: "a feature that nobody knows",
    text: changed((plan) => set(bestOf(plan), "features", ["threads"])),
    says: /features\[0\] must be/,
  },
  {
    what: "a kernel of 2 MB",
    text: changed((plan) => set(plan["kernels"]![0]!, "wgsl", "x".repeat(2 << 20))),
    says: /wgsl must be a text of at most 1048576 characters/,
  },
  {
    what: "a workgroup of millions",
    text: changed((plan) => set(plan["kernels"]![0]!, "invocations", 1e6)),
    says: /invocations must be a whole number from 1 to 4096/,
  },
  {
    what: "65,537 inputs",
    text: changed((plan) => set(programOf(plan), "inputs", Array<unknown>(65_537).fill(programOf(plan)["inputs"]![0]))),
    says: /inputs must be a list of at most 65536|holds more than/,
  },
];

describe("hostile plans are refused before a device is asked", () => {
  test("there are many", () => expect(hostile.length).toBeGreaterThanOrEqual(50));

  test("tables that are not all there", async () => {
    const { plan, files } = plannedModel("LlamaModel");
    const short = { ...files, tables: files.tables.subarray(0, 100) };
    await expect(openPlan(adapter, plan, short)).rejects.toThrow("the table 0 of the plan ends beyond its file");
  });

  test("the sound one reaches the device", async () => {
    await expect(take(printPlan(plannedModel("LlamaModel").plan))).rejects.toThrow("the device is asked for");
  });

  test.each(hostile.map((each) => [each.what, each] as const))("%s", async (_, { text, says, sizes }) => {
    const thrown: unknown = await take(text(), sizes).catch((cause: unknown) => cause);
    expect(thrown).toBeInstanceOf(Failure);
    expect((thrown as Failure).message).toMatch(says);
  });
});

test.each(smallModels)("the plan of %s is read as it was written", (name) => {
  const { plan } = plannedModel(name);
  expect(parsePlan(printPlan(plan), "plan.json")).toEqual(plan);
});
