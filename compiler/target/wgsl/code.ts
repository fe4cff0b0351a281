// One WGSL module being written: the heaps that it binds, the numbers it is told, the functions it calls. Names are made
// here by order of use, so that steps that compute alike have the same text, and no name of a user reaches WGSL.
import { add as addDims, type Dim, show } from "../../ir/dim.ts";
import type { Heap, Kernel, KernelFeature, Operand, Parameter, Reach, Step } from "../../../runtime/plan.ts";
import { type Combine, combineName, combineText } from "./combine.ts";
import { type At, type Axis, spanOf, textOf } from "./indexing.ts";
import { functions, type FunctionName } from "./functions.ts";
import type { Template } from "./header.ts";
import { type Lying, sizeOf } from "./storage.ts";

export type Lanes = 1 | 4;
export interface Layout {
  readonly template: Template;
  /** units of the grid, of each axis */
  readonly grid: readonly [Dim, Dim, Dim];
  /** units that one workgroup computes */
  readonly tile: readonly [number, number, number];
  readonly workgroup: readonly [number, number, number];
}

/** Accesses of one value that differ at most in where they begin. */
interface Use {
  readonly value: Lying;
  readonly key: string;
  reach: Reach;
  readonly writes: boolean;
}

const NAMES = ["x", "y", "z"] as const;
/** Of what workgroup memory holds. */
const BYTES = { "vec4<f32>": 16, f32: 4, u32: 4 } as const;
/** Tile of an axis whose units a workgroup takes one after the other, however many there are. */
export const FOLLOWING = 2 ** 31;

export class Code {
  readonly #layout: Layout;
  readonly #lines: string[] = [];
  readonly #uses: Use[] = [];
  readonly #parameters: Parameter[] = [];
  readonly #parameterNames = new Map<string, string>();
  readonly #functions = new Set<FunctionName>();
  readonly #memory = new Map<string, { readonly type: keyof typeof BYTES; readonly count: number }>();
  readonly #combines = new Set<Combine>();
  readonly #reaches = new Map<string, { readonly reach: Reach; readonly key: string }>();
  #scopes: Map<string, string>[] = [new Map()];
  #made = 0;
  #part: { readonly axis: Axis; readonly from: Dim; readonly to: Dim } | undefined;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  // Text

  line(text: string): void {
    // What templates write by a rule for all numbers says nothing where the number is neutral.
    const folded = text.replace(/ \+ 0u\b| \* 1u\b/g, "");
    this.#lines.push("  ".repeat(this.#scopes.length) + folded);
  }
  /** `head { ... }`; what is named in it is known in it only. */
  block(head: string, body: () => void, tail = ""): void {
    this.line(`${head} {`);
    this.#scopes.push(new Map());
    body();
    this.#scopes.pop();
    this.line(`}${tail}`);
  }
  fresh(prefix: string): string {
    const name = `${prefix}${this.#made++}`;
    // The name of a type, which would be hidden by it.
    return name === "i32" ? this.fresh(prefix) : name;
  }
  /** A name for `text`, the same for the same text in reach. */
  named(text: string, prefix = "v"): string {
    if (/^([a-z]\w*|\d+u)$/.test(text)) return text;
    for (const scope of this.#scopes) {
      const known = scope.get(text);
      if (known !== undefined) return known;
    }
    const name = this.fresh(prefix);
    this.line(`let ${name} = ${text};`);
    this.#scopes.at(-1)!.set(text, name);
    return name;
  }
  call(name: FunctionName, ...operands: readonly string[]): string {
    this.#use(name);
    return `${name}(${operands.join(", ")})`;
  }
  #use(name: FunctionName): void {
    functions[name].calls.forEach((called) => this.#use(called));
    this.#functions.add(name);
  }

  // Workgroups

  get invocations(): number {
    return this.#layout.workgroup.reduce((a, b) => a * b);
  }
  /** An array in workgroup memory; the same name is the same array, as long as the longest that is asked for. */
  shared(name: string, type: keyof typeof BYTES, count: number): void {
    this.#memory.set(name, { type, count: Math.max(count, this.#memory.get(name)?.count ?? 0) });
  }
  /** The sum or the largest of what all invocations have, number by number; each is given it. A workgroup has one axis. */
  combined(op: Combine, x: string): string {
    this.#combines.add(op);
    this.shared("parts", "vec4<f32>", this.invocations);
    return `${combineName(op)}(${x}, local.x)`;
  }
  /** Whether subgroups would be of use. */
  get combines(): boolean {
    return this.#combines.size > 0;
  }

  // Numbers

  #parameter(key: string, prefix: string, parameter: Parameter): string {
    const known = this.#parameterNames.get(key);
    if (known !== undefined) return known;
    const name = `p.${prefix}${this.#parameters.length}`;
    this.#parameters.push(parameter);
    this.#parameterNames.set(key, name);
    return name;
  }
  size(d: Dim): string {
    if (typeof d === "number") return `${d >>> 0}u`;
    return this.#parameter(`size ${show(d)}`, "s", { is: "size", size: sizeOf(d) });
  }
  first(axis: Axis): string {
    return this.#parameter(`first ${axis}`, "f", { is: "first", axis });
  }
  end(axis: Axis): string {
    return this.#parameter(`end ${axis}`, "e", { is: "end", axis });
  }
  at(at: At): string {
    return textOf(at, (d) => this.size(d));
  }

  // Memory

  /** What follows belongs to some units of an axis only. */
  part<R>(axis: Axis, from: Dim, to: Dim, body: () => R): R {
    this.#part = { axis, from, to };
    try {
      return body();
    } finally {
      this.#part = undefined;
    }
  }
  /** Where a row of a value begins in its heap, in vec4s; `rows` of them are read. */
  row(value: Lying, row: At, rows = 1, writes = false): string {
    const index = this.#operand(value, row, rows, writes);
    const base = this.#parameter(`base ${index}`, "b", { is: "base", operand: index });
    const at = this.at(row);
    if (at === "0u") return base;
    return `${base} + ${value.quads === 1 ? at : this.#times(at, value.quads)}`;
  }
  #times(at: string, quads: number): string {
    return /^\d+u$/.test(at) ? `${Number.parseInt(at, 10) * quads}u` : `${this.named(at, "r")} * ${quads}u`;
  }
  /** The vec4 of a value at a row and the vec4 in it, as a place in its heap. */
  place(value: Lying, row: At, quad: string, writes = false): string {
    return `${value.heap}[${this.row(value, row, 1, writes)}${quad === "0u" ? "" : ` + ${quad}`}]`;
  }
  #operand(value: Lying, row: At, rows: number, writes: boolean): number {
    const { reach, key } = this.#keyed(row, rows);
    const found = this.#uses.findIndex((use) => use.value === value && use.key === key && use.writes === writes);
    const use = this.#uses[found];
    if (use === undefined) return this.#uses.push({ value, key, reach, writes }) - 1;
    use.reach = united(use.reach, reach);
    return found;
  }
  /** The reach of a row, and what of it must be the same for one operand; a kernel names a row many times. */
  #keyed(row: At, rows: number): { readonly reach: Reach; readonly key: string } {
    const part = this.#part === undefined ? "" : `${this.#part.axis} ${show(this.#part.from)} ${show(this.#part.to)}`;
    const at = `${row.key} ${rows} ${part}`;
    const known = this.#reaches.get(at);
    if (known !== undefined) return known;
    const reach = this.#reach(row, rows);
    const made = { reach, key: keyOf(reach) };
    this.#reaches.set(at, made);
    return made;
  }
  #reach(row: At, rows: number): Reach {
    const span = spanOf(row);
    if (span === undefined) return { is: "all" };
    const part = this.#part;
    const terms = span.terms.map(({ axis, per, times }) => ({ axis, per: sizeOf(per), times: sizeOf(times) }));
    return {
      is: "rows",
      terms,
      first: sizeOf(span.from),
      rows: sizeOf(addDims(span.rows, rows - 1)),
      ...(part !== undefined && terms.some(({ axis }) => axis === part.axis)
        ? { part: { axis: part.axis, from: sizeOf(part.from), to: sizeOf(part.to) } }
        : {}),
    };
  }

  /** The vec4 of numbers at a place. */
  load(value: Lying, row: At, quad: string): string {
    return this.loaded(value, this.place(value, row, quad));
  }
  /** What is read at a place of the value's heap, as numbers. */
  loaded(value: Lying, place: string): string {
    switch (value.heap) {
      case "state":
      case "keys":
        return place;
      case "given":
        return `bitcast<vec4<${value.stored === "i32" ? "i32" : "f32"}>>(${place})`;
      case "matrix":
        return value.stored === "f32" ? place : this.call(value.stored === "f16" ? "half4" : "brain4", place);
      default:
        throw new Error(`no such heap: ${String(value.heap satisfies never)}`);
    }
  }

  // The whole

  finish(features: readonly KernelFeature[] = []): {
    readonly kernel: Kernel;
    readonly step: Pick<Step, "grid" | "operands" | "parameters">;
  } {
    const { template, grid, tile, workgroup } = this.#layout;
    const heaps = (["state", "matrix", "given", "keys"] as const).filter((heap) =>
      this.#uses.some((use) => use.value.heap === heap),
    );
    const stored = new Set(this.#uses.filter(({ value }) => value.heap === "matrix").map(({ value }) => value.stored));
    if (stored.size > 1) throw new Error(`${template}: matrices stored as ${[...stored].join(" and ")} in one kernel`);
    const declared: Record<Heap, string> = {
      state: "var<storage, read_write> state: array<vec4<f32>>",
      matrix: `var<storage, read> matrix: array<${stored.has("f32") ? "vec4<f32>" : "vec2<u32>"}>`,
      given: "var<storage, read> given: array<vec4<u32>>",
      keys: "var<storage, read_write> keys: array<vec4<f32>>",
    };
    const fields = this.#parameters.map((_, i) => [...this.#parameterNames.values()][i]!.slice(2));
    const text = [
      ...features.map((feature) => `enable ${feature};`),
      ...(fields.length === 0
        ? []
        : [
            `struct Parameters { ${fields.map((name) => `${name}: u32`).join(", ")} }`,
            "@group(0) @binding(0) var<uniform> p: Parameters;",
          ]),
      ...heaps.map((heap, i) => `@group(0) @binding(${i + 1}) ${declared[heap]};`),
      ...[...this.#memory].map(([name, { type, count }]) => `var<workgroup> ${name}: array<${type}, ${count}>;`),
      ...[...this.#functions].map((name) => functions[name].text),
      ...[...this.#combines].map((op) => combineText(op, this.invocations, features.includes("subgroups"))),
      `@compute @workgroup_size(${workgroup.join(", ")})`,
      "fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {",
      ...this.#lines,
      "}",
      "",
    ].join("\n");
    const { operands, indices } = this.#operands();
    const parameters = this.#parameters.map((each) =>
      each.is === "base" ? { ...each, operand: indices[each.operand]! } : each,
    );
    return {
      kernel: {
        template,
        wgsl: text,
        heaps,
        tile,
        invocations: this.invocations,
        workgroupMemory: [...this.#memory.values()].reduce((sum, { type, count }) => sum + BYTES[type] * count, 0),
        features,
      },
      step: { grid: [sizeOf(grid[0]), sizeOf(grid[1]), sizeOf(grid[2])], operands, parameters },
    };
  }
  /** One operand to a use; but one to a value that is written, so that no two of its copies differ. */
  #operands(): { readonly operands: readonly Operand[]; readonly indices: readonly number[] } {
    const operands: Operand[] = [];
    const indices: number[] = [];
    for (const [i, { value, reach, writes }] of this.#uses.entries()) {
      const all = this.#uses.filter((use) => use.value === value);
      const first = this.#uses.findIndex((use) => use.value === value);
      const isWritten = all.some((use) => use.writes);
      if (isWritten && first < i) indices.push(indices[first]!);
      else {
        const alike = all.every((use) => use.key === all[0]!.key);
        const whole = !isWritten
          ? reach
          : alike
            ? all.map((use) => use.reach).reduce(united)
            : ({ is: "all" } as const);
        indices.push(operands.push({ value: value.index, reach: whole, writes: isWritten || writes }) - 1);
      }
    }
    return { operands, indices };
  }

  /** The unit of an axis that this invocation computes, and whether it is one. */
  unit(axis: Axis): string {
    const { tile } = this.#layout;
    const c = NAMES[axis];
    return `${this.first(axis)} + group.${c} * ${tile[axis]}u + local.${c}`;
  }
}

const keyOf = (reach: Reach): string => (reach.is === "all" ? "all" : JSON.stringify([reach.terms, reach.part]));
/** Of reaches with the same key, which differ in where they begin and how long they are. */
const united = (a: Reach, b: Reach): Reach => {
  if (a === b || a.is === "all" || b.is === "all") return a.is === "all" ? a : b;
  if ([a.first, a.rows, b.first, b.rows].every((size) => typeof size === "number")) {
    const [from, to] = [Math.min(a.first as number, b.first as number), Math.max(endOf(a), endOf(b))];
    return { ...a, first: from, rows: to - from };
  }
  return JSON.stringify(a) === JSON.stringify(b) ? a : { is: "all" };
};
const endOf = ({ first, rows }: Extract<Reach, { is: "rows" }>): number => (first as number) + (rows as number);
