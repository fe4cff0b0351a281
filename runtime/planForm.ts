// Reads a plan as the input of a stranger: its form with a bound on everything, and what the form cannot say. What only the
// sizes of a call decide is checked when they are known.
import { Failure } from "./failure.ts";
import { parseJson } from "./json.ts";
import {
  type Axis,
  type Heap,
  type HostOp,
  type HostStep,
  type Kernel,
  type KernelFeature,
  type Operand,
  type Origin,
  type Parameter,
  PLAN_SCHEMA,
  type Plan,
  type PlanInput,
  type PlanOutput,
  type PlanProgram,
  type PlanTable,
  type PlanValue,
  type PlanWeight,
  type Reach,
  type ReachTerm,
  type Size,
  type SizeTerm,
  type Step,
  type Stored,
} from "./plan.ts";
import { checkPlan } from "./planMeaning.ts";
import {
  array,
  boolean,
  type Check,
  headed,
  identifier,
  integer,
  nested,
  nullable,
  number,
  numberOr,
  object,
  oneOf,
  optional,
  path as file,
  text,
  triple,
  variant,
} from "./schema.ts";

const MOST = 2 ** 40;
const many = 65_536;
/** Of a port, a weight, a program, a step. */
const name = text(1024);
const index = integer(0, 2 ** 31 - 1);
const dim = integer(1, 2 ** 31 - 1);

const term: Check<SizeTerm> = headed(integer(-MOST, MOST), identifier, 4);
const size: Check<Size> = numberOr(integer(0, MOST), array(term, 16));
const shape = array(size, 8);
const axis: Check<Axis> = integer(0, 2) as Check<Axis>;

const heap = oneOf<Heap>("state", "matrix", "given", "keys");
const stored = oneOf<Stored>("f32", "f16", "bf16", "i32");

const of = array(index, 3);
const operation = <T extends HostOp>(is: T) => object({ is: oneOf(is), of });
const hostStep = variant({
  input: object({ is: oneOf("input"), port: name }),
  number: object({ is: oneOf("number"), value: number }),
  iota: object({ is: oneOf("iota"), size }),
  shaped: object({ is: oneOf("shaped"), of, shape }),
  amax: object({ is: oneOf("amax"), of, axis: integer(0, 7) }),
  gather: object({ is: oneOf("gather"), of }),
  add: operation("add"),
  sub: operation("sub"),
  mul: operation("mul"),
  div: operation("div"),
  min: operation("min"),
  max: operation("max"),
  neg: operation("neg"),
  trunc: operation("trunc"),
  less: operation("less"),
  equal: operation("equal"),
  and: operation("and"),
  or: operation("or"),
  not: operation("not"),
  where: operation("where"),
} as never) as Check<HostStep>;

const origin: Check<Origin> = variant<Origin>({
  input: object({ is: oneOf("input"), port: name }),
  weight: object({ is: oneOf("weight"), weight: name }),
  host: object({ is: oneOf("host"), of: index }),
  lookup: object({ is: oneOf("lookup"), table: index, of: index }),
  sinusoid: object({
    is: oneOf("sinusoid"),
    of: index,
    frequencies: array(number, 65_536),
    sineFirst: boolean,
  }),
  table: object({ is: oneOf("table"), table: index }),
  computed: object({ is: oneOf("computed") }),
});
const value: Check<PlanValue> = object({ origin, heap, stored, shape });

const reachTerm: Check<ReachTerm> = object({ axis, per: size, times: size });
type Rows = Extract<Reach, { is: "rows" }>;
const rows = object({
  is: oneOf("rows"),
  terms: array(reachTerm, 8),
  first: size,
  rows: size,
  part: optional(object({ axis, from: size, to: size })),
}) as Check<Rows>;
const reach: Check<Reach> = variant<Reach>({ all: object({ is: oneOf("all") }), rows });
const operand: Check<Operand> = object({ value: index, reach, writes: boolean });
const parameter: Check<Parameter> = variant<Parameter>({
  base: object({ is: oneOf("base"), operand: index }),
  size: object({ is: oneOf("size"), size }),
  first: object({ is: oneOf("first"), axis }),
  end: object({ is: oneOf("end"), axis }),
});
const step = nested<Step>(
  2,
  (inner) =>
    object({
      name: text(65_536),
      at: text(4096),
      kernel: index,
      grid: triple(size),
      operands: array(operand, 256),
      parameters: array(parameter, 1024),
      work: size,
      instead: optional(array(inner, 8)),
      together: optional(
        array(object({ steps: array(inner, 8), from: optional(object({ of: size, least: index })) }), 4),
      ),
    }) as Check<Step>,
);

const kernel: Check<Kernel> = object({
  template: text(64),
  wgsl: text(1 << 20),
  heaps: array(heap, 4),
  tile: triple(integer(1, 2 ** 31)),
  invocations: integer(1, 4096),
  workgroupMemory: integer(0, 1 << 20),
  features: array(oneOf<KernelFeature>("subgroups"), 1),
  without: optional(index),
}) as Check<Kernel>;
const input: Check<PlanInput> = object({ name, dtype: oneOf("f32", "i32"), shape });
const output: Check<PlanOutput> = object({ name, shape, value: index });
const program: Check<PlanProgram> = object({
  name,
  inputs: array(input, many),
  host: array(hostStep, 4096),
  values: array(value, 32_768),
  steps: array(step, 16_384),
  outputs: array(output, many),
});
const weight: Check<PlanWeight> = object({
  name,
  shape: array(dim, 8),
  stored: oneOf("f32", "f16", "bf16"),
  lies: nullable(object({ file, offset: integer(0, Number.MAX_SAFE_INTEGER), dtype: oneOf("f32", "f16", "bf16") })),
});
const table: Check<PlanTable> = object({ rows: dim, columns: dim, offset: integer(0, MOST) });

/** The form alone. */
export const planForm: Check<Plan> = object({
  schema: oneOf(PLAN_SCHEMA),
  kernels: array(kernel, 4096),
  weights: array(weight, 1_000_000),
  tables: array(table, 4096),
  programs: array(program, 4096),
});

/** Reads a plan's text; `path` begins every message. @throws Failure "file" with the place that is wrong */
export const parsePlan = (given: string, path: string): Plan => {
  const json = parseJson(given, path);
  const version = json instanceof Map ? (json.get("schema") as unknown) : undefined;
  if (typeof version === "string" && version.startsWith("graftwerk/plan@") && version !== PLAN_SCHEMA)
    throw new Failure(
      "file",
      `${path}: is of the schema ${version}; this version reads ${PLAN_SCHEMA}`,
      "compile the model again",
    );
  const fail = (where: string, what: string): never => {
    throw new Failure("file", `${path}: not a sound plan: ${where || "it"} must be ${what}`);
  };
  const plan = planForm(json, fail);
  checkPlan(plan, (where, what) => {
    throw new Failure("file", `${path}: not a sound plan: ${where}: ${what}`);
  });
  return plan;
};

/** A plan as text; the same plan gives the same bytes. */
export const printPlan = (plan: Plan): string => `${JSON.stringify(plan)}\n`;
