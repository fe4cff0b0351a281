// A module as a plan for WebGPU: each program cut into kernels, each kernel as WGSL, every value with its place. Pure and
// deterministic.
import { names, product } from "../../ir/dim.ts";
import { Graph } from "../../ir/graph.ts";
import type { ModelModule, Param, PhaseProgram } from "../../ir/module.ts";
import { type Node, toposort } from "../../ir/node.ts";
import { inTable } from "../../ir/ops.ts";
import { tableShape } from "../../ir/table.ts";
import type { Composite, Table } from "../../ir/vocabulary.ts";
import type {
  Kernel,
  Origin,
  Plan,
  PlanProgram,
  PlanTable,
  PlanValue,
  PlanWeight,
  Step,
  Stored,
  Together,
  WeightPlace,
} from "../../../runtime/plan.ts";
import { legalize } from "../legalize.ts";
import type { Code } from "./code.ts";
import { headerOf, opsOf, type Template, type User } from "./header.ts";
import { lookUp, type Looked } from "./host.ts";
import { type Group, partition, statisticsKey, tipsOf } from "./partition.ts";
import type { Norm } from "./render.ts";
import { type Lying, lyingAt, type Place, sizeOf } from "./storage.ts";
import { answered, type Asked, GroupValues, type ProgramValues, structureOf } from "./structure.ts";
import { canAttend } from "./templates/attention.ts";
import { insteadOf, kernelOf, togetherOf } from "./ways.ts";
import { workOf } from "./work.ts";

export type { Plan };

export interface PlanOptions {
  /** how a matrix's numbers are stored on the device: as they lie, or f32, if left out */
  readonly stored?: (param: Param) => PlanWeight["stored"];
  /** where a weight lies in a file beside the plan */
  readonly place?: (param: Param) => WeightPlace | undefined;
}

/** The plan of a module, and the tables that it names, in their order. */
export const planOf = (
  module: ModelModule,
  options: PlanOptions = {},
  /** for tests: false writes each group anew, which gives the same plan more slowly */
  reuse = true,
): { readonly plan: Plan; readonly tables: readonly Table[] } => {
  const shared = new Shared(module, options, reuse);
  const programs = module.programs.map((program) => programPlan(shared, program));
  return {
    plan: {
      schema: "graftwerk/plan@1",
      kernels: shared.kernels(),
      weights: shared.weights,
      tables: shared.tableEntries(),
      programs,
    },
    tables: shared.tables,
  };
};

/** What all programs of a plan have in common. */
class Shared {
  readonly #kernels: { readonly kernel: Kernel; readonly first: User; users: number }[] = [];
  readonly tables: Table[] = [];
  readonly weights: readonly PlanWeight[];
  readonly #byText = new Map<string, number>();
  readonly #better = new Map<number, number>();
  readonly #byTable = new Map<string, number>();
  readonly #written = new Map<string, Written>();
  readonly #stored: ReadonlyMap<string, Stored>;
  readonly #matrices: ReadonlySet<string>;
  readonly #reuse: boolean;

  constructor(module: ModelModule, { place, stored }: PlanOptions, reuse: boolean) {
    this.#reuse = reuse;
    this.#matrices = matricesOf(module);
    this.weights = module.params.map((param) => {
      const lies = place?.(param) ?? null;
      const matrix = this.#matrices.has(param.name) ? (stored?.(param) ?? lies?.dtype) : undefined;
      return { name: param.name, shape: param.type.shape as readonly number[], stored: matrix ?? "f32", lies };
    });
    this.#stored = new Map(this.weights.map((weight) => [weight.name, weight.stored]));
  }

  matrixStored(n: Node): Stored | undefined {
    return n.op === "param" && this.#matrices.has(n.attrs.name) ? this.#stored.get(n.attrs.name) : undefined;
  }
  placeOf(param: string): Place {
    return { heap: this.#matrices.has(param) ? "matrix" : "given", stored: this.#stored.get(param)! };
  }
  /** What a group of this structure has become. */
  written(structure: string, write: () => Written): Written {
    const known = this.#reuse ? this.#written.get(structure) : undefined;
    const written = known ?? write();
    this.#written.set(structure, written);
    for (const { kernel } of allOf(written)) this.#count(kernel);
    return written;
  }
  /** Steps that compute alike have one kernel; so whom it is for is written above it when all of them are known. */
  kernel(kernel: Kernel, first: () => User): number {
    const known = this.#byText.get(kernel.wgsl);
    if (known !== undefined) return known;
    this.#byText.set(kernel.wgsl, this.#kernels.length);
    return this.#kernels.push({ kernel, first: first(), users: 0 }) - 1;
  }
  /** The kernel that does the same as another with more features, written once. */
  better(plain: number, first: () => User, write: () => Kernel): number {
    const known = this.#better.get(plain);
    if (known !== undefined) return known;
    const made = this.kernel({ ...write(), without: plain }, first);
    this.#better.set(plain, made);
    return made;
  }
  /** A step that runs a kernel, or the one without its features. */
  #count(kernel: number): void {
    const {
      users,
      kernel: { without },
    } = this.#kernels[kernel]!;
    this.#kernels[kernel]!.users = users + 1;
    if (without !== undefined) this.#count(without);
  }
  kernels(): Kernel[] {
    return this.#kernels.map(({ kernel, first, users }) => ({
      ...kernel,
      wgsl: headerOf(kernel.template as Template, first, users) + kernel.wgsl,
    }));
  }
  table(table: Table): number {
    const key = JSON.stringify(table);
    const known = this.#byTable.get(key);
    if (known !== undefined) return known;
    this.#byTable.set(key, this.tables.length);
    return this.tables.push(table) - 1;
  }
  tableEntries(): PlanTable[] {
    let offset = 0;
    return this.tables.map((table) => {
      const [rows, columns] = tableShape(table);
      const entry = { rows, columns, offset };
      offset += rows * columns * 4;
      return entry;
    });
  }
}

/** Weights that products or lookups read a part of at a time. */
const matricesOf = ({ programs }: ModelModule): ReadonlySet<string> => {
  const found = new Set<string>();
  for (const n of toposort(programs.flatMap(({ outputs }) => outputs.map(({ node }) => node)))) {
    const matrix = n.op === "linear" ? n.src[1] : n.op === "gather" ? n.src[0] : undefined;
    if (matrix?.op === "param" && matrix.type.shape.length === 2) found.add(matrix.attrs.name);
  }
  return found;
};

/** Composites that have a kernel or are written in place. */
const kept: { readonly [K in keyof Composite]: boolean } = {
  linear: true,
  softmax: false,
  rmsNorm: true,
  layerNorm: true,
  silu: true,
  gelu: true,
  geluTanh: true,
  rotary: true,
  attention: true,
  scatter: false,
  stopGradient: false,
  barrier: false,
};
const keeps = (n: Node): boolean => !inTable(kept, n.op) || (kept[n.op] && (n.op !== "attention" || canAttend(n)));

const programPlan = (shared: Shared, program: PhaseProgram): PlanProgram => {
  const g = new Graph();
  const looked = lookUp(
    g,
    legalize(
      g,
      program.outputs.map(({ node }) => node),
      keeps,
    ),
  );
  const rows = new Set(program.streams.map(({ name }) => name));
  /** Few rows: one to each document or span, or, where a program decodes, one to each call. */
  const isNarrow = ({ type }: Node): boolean =>
    program.kind === "decode" || !names(product(type.shape.slice(0, -1))).some((name) => rows.has(name));
  const { groups, outputs } = partition(
    looked.roots.map((n) => computed(g, n)),
    looked,
    { isNarrow, storedAs: (n) => shared.matrixStored(n) },
  );
  const values = new Entries(shared, program, looked, groups);
  const steps = groups.map((group) => stepOf(shared, program, values, group));
  return {
    name: program.name,
    inputs: program.inputs.map(({ name, type }) => ({
      name,
      dtype: type.dtype === "i32" ? "i32" : "f32",
      shape: type.shape.map(sizeOf),
    })),
    host: looked.host,
    values: values.entries,
    steps,
    outputs: program.outputs.map(({ name, node }, i) => ({
      name,
      shape: node.type.shape.map(sizeOf),
      value: values.lying(outputs[i]!)!.index,
    })),
  };
};

const stepOf = (shared: Shared, program: PhaseProgram, values: ProgramValues, group: Group): Step => {
  const structure = structureOf(group, values);
  const name = [...new Set(namesOf(group).map((n) => n.origin?.path ?? n.op))].join(" + ");
  const at = namesOf(group)[0]?.origin?.at ?? "";
  const write = (): Written => {
    const own = new GroupValues(values, structure);
    const user = (): User => {
      const ops = opsOf(structure.roots, (n) => values.place(n) !== undefined);
      return { program: program.name, step: name, at, ops };
    };
    const stepWith = (code: Code): OwnStep => {
      const { kernel, step } = code.finish();
      const plain = shared.kernel(kernel, user);
      const best = code.combines ? shared.better(plain, user, () => code.finish(["subgroups"]).kernel) : plain;
      return { kernel: best, ...step, work: sizeOf(workOf(group)) };
    };
    return {
      alone: stepWith(kernelOf(own, group)),
      instead: insteadOf(own, group).map(stepWith),
      together: togetherOf(own, group).map(({ kernels, from }) => ({
        steps: kernels.map(stepWith),
        ...(from === undefined ? {} : { from: { of: sizeOf(from.of), least: from.least } }),
      })),
      asked: own.asked,
    };
  };
  const { alone, instead, together, asked } = shared.written(structure.text, write);
  const indices = answered(asked, values, structure.nodes);
  const placed = (own: OwnStep): Step => ({
    name,
    at,
    ...own,
    operands: own.operands.map((operand) => ({ ...operand, value: indices[operand.value]! })),
  });
  return {
    ...placed(alone),
    ...(instead.length === 0 ? {} : { instead: instead.map(placed) }),
    ...(together.length === 0 ? {} : { together: together.map((way) => ({ ...way, steps: way.steps.map(placed) })) }),
  };
};
/** A step of values by its group's own numbers. */
type OwnStep = Omit<Step, "name" | "at" | "instead" | "together">;
/** The steps of a group: the one that computes it, and those that may stand in its stead. */
interface Written {
  readonly alone: OwnStep;
  readonly instead: readonly OwnStep[];
  readonly together: readonly (Omit<Together, "steps"> & { readonly steps: readonly OwnStep[] })[];
  readonly asked: readonly Asked[];
}
const allOf = ({ alone, instead, together }: Written): readonly OwnStep[] => [
  alone,
  ...instead,
  ...together.flatMap(({ steps }) => steps),
];
/** What a program gives lies where it computes: of what it was given, a copy. */
const computed = (g: Graph, n: Node): Node =>
  n.op === "input" || n.op === "param" || n.op === "table" ? g.op("broadcast", [n], { shape: n.type.shape }) : n;

/** The nodes that a kernel is named by. */
const namesOf = (group: Group): readonly Node[] => {
  if (group.is === "linear") return group.parts.flatMap(({ linears }) => linears);
  return [group.is === "statistics" ? group.norm : group.is === "pointwise" ? group.tip : group.node];
};

class Entries implements ProgramValues {
  readonly entries: PlanValue[] = [];
  readonly #shared: Shared;
  readonly #looked: Looked;
  readonly #caches: ReadonlySet<string>;
  readonly #lying = new Map<Node, Lying>();
  readonly #statistics = new Map<string, Lying>();

  constructor(shared: Shared, { reads }: PhaseProgram, looked: Looked, groups: readonly Group[]) {
    this.#shared = shared;
    this.#looked = looked;
    this.#caches = new Set(reads.flatMap(({ name }) => [`${name}.k`, `${name}.v`]));
    for (const group of groups) {
      if (group.is === "statistics")
        this.#statistics.set(statisticsKey(group.norm), this.kept([...group.norm.type.shape.slice(0, -1), 4]));
      else for (const tip of tipsOf(group)) this.#lying.set(tip, this.kept(tip.type.shape));
    }
  }

  lying(n: Node): Lying | undefined {
    const known = this.#lying.get(n);
    if (known !== undefined) return known;
    const place = this.place(n);
    if (place === undefined) return undefined;
    const made = this.#add(this.#originOf(n), place, n.type.shape);
    this.#lying.set(n, made);
    return made;
  }
  place(n: Node): Place | undefined {
    const known = this.#lying.get(n);
    if (known !== undefined) return known;
    if (n.op === "param") return this.#shared.placeOf(n.attrs.name);
    if (n.op !== "input" && n.op !== "table") return undefined;
    const heap = n.op === "input" && this.#caches.has(n.attrs.name) ? "keys" : "given";
    return { heap, stored: n.type.dtype === "i32" ? "i32" : "f32" };
  }
  kept(shape: Node["type"]["shape"]): Lying {
    return this.#add({ is: "computed" }, { heap: "state", stored: "f32" }, shape);
  }
  sources(n: Node): readonly Node[] {
    return this.#looked.sources(n);
  }
  looked(table: Node, index: Node): Node | undefined {
    return this.#looked.rows(table, index);
  }
  statistics(norm: Norm): Lying | undefined {
    return this.#statistics.get(statisticsKey(norm));
  }

  #originOf(n: Node): Origin {
    const feature = this.#looked.features.get(n);
    if (feature !== undefined)
      return feature.is === "lookup" ? { ...feature, table: this.#shared.table(feature.table) } : feature;
    switch (n.op) {
      case "input":
        return { is: "input", port: n.attrs.name };
      case "param":
        return { is: "weight", weight: n.attrs.name };
      case "table":
        return { is: "table", table: this.#shared.table(n.attrs.table) };
      default:
        throw new Error(`${n.op} is not given`);
    }
  }

  #add(origin: Origin, place: Place, shape: Node["type"]["shape"]): Lying {
    const lying = lyingAt(this.entries.length, place, shape);
    this.entries.push({ origin, heap: place.heap, stored: place.stored, shape: lying.shape.map(sizeOf) });
    return lying;
  }
}
