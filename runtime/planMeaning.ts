// What the form of a plan cannot say: that what it names is there, that values lie where they may, that what is read was
// written, that every size has a number in each call.
import type { HostStep, Kernel, Operand, Origin, Plan, PlanProgram, PlanValue, Reach, Size, Step } from "./plan.ts";

/** Called with the place and what is wrong there; does not return. */
type Fail = (where: string, what: string) => never;

/** Bytes of the largest thing that a plan may speak of. */
const MOST = 2 ** 40;

export const checkPlan = (plan: Plan, fail: Fail): void => {
  unique("programs", plan.programs, fail);
  unique("weights", plan.weights, fail);
  for (const [i, kernel] of plan.kernels.entries()) checkKernel(plan, kernel, (what) => fail(`kernels[${i}]`, what));
  for (const [i, { shape, stored, lies }] of plan.weights.entries()) {
    if (stored !== "f32" && lies !== null && lies.dtype !== stored)
      fail(`weights[${i}].stored`, `it is ${stored}, and lies in its file as ${lies.dtype}`);
    if (!(4 * product(shape) <= MOST)) fail(`weights[${i}]`, `it is larger than ${MOST} bytes`);
  }
  for (const [i, { rows, columns, offset }] of plan.tables.entries()) {
    if (offset % 4 !== 0) fail(`tables[${i}].offset`, "it is not a multiple of 4");
    if (!(offset + 4 * rows * columns <= MOST)) fail(`tables[${i}]`, `it ends beyond ${MOST} bytes`);
  }
  const weights = new Map(plan.weights.map((weight) => [weight.name, weight]));
  for (const [i, program] of plan.programs.entries())
    new ProgramCheck(plan, weights, program, (where, what) => fail(`programs[${i}].${where}`, what)).check();
};

const checkKernel = (plan: Plan, { heaps, tile, features, without }: Kernel, fail: (what: string) => never): void => {
  if (new Set(heaps).size < heaps.length) fail("one heap stands twice");
  if (without === undefined) return;
  const other = plan.kernels[without] ?? fail(`there is no kernel ${without}`);
  if (features.length === 0 || other.features.length > 0)
    fail("the kernel without features has some, or this has none");
  if (other.heaps.join() !== heaps.join() || other.tile.join() !== tile.join())
    fail("the kernel without features has other heaps or tiles");
};

/** Of the steps of the runtime that do not take two. */
const ARITY: Readonly<Record<string, number>> = { neg: 1, trunc: 1, not: 1, shaped: 1, amax: 1, where: 3 };
const product = (dims: readonly number[]): number => dims.reduce((all, d) => all * d, 1);
const unique = (where: string, named: readonly { readonly name: string }[], fail: Fail): void => {
  const seen = new Set<string>();
  for (const [i, { name }] of named.entries()) {
    if (seen.has(name)) fail(`${where}[${i}]`, `the name ${JSON.stringify(name)} stands twice`);
    seen.add(name);
  }
};
const namesIn = (size: Size): readonly string[] =>
  typeof size === "number" ? [] : size.flatMap(([, ...names]) => names);
const sameSize = (a: Size, b: Size): boolean => JSON.stringify(a) === JSON.stringify(b);

class ProgramCheck {
  readonly #plan: Plan;
  readonly #weights: ReadonlyMap<string, Plan["weights"][number]>;
  readonly #program: PlanProgram;
  readonly #ports: ReadonlyMap<string, PlanProgram["inputs"][number]>;
  readonly #sizes: ReadonlySet<string>;
  readonly #fail: Fail;

  constructor(plan: Plan, weights: ReadonlyMap<string, Plan["weights"][number]>, program: PlanProgram, fail: Fail) {
    this.#plan = plan;
    this.#weights = weights;
    this.#program = program;
    this.#fail = fail;
    this.#ports = new Map(program.inputs.map((port) => [port.name, port]));
    const alone = program.inputs.flatMap(({ shape }) =>
      shape.flatMap((size) => (typeof size !== "number" && size.length === 1 && isName(size[0]!) ? namesIn(size) : [])),
    );
    this.#sizes = new Set(alone);
  }

  check(): void {
    const { inputs, values, steps, outputs } = this.#program;
    unique("inputs", inputs, this.#fail);
    unique("outputs", outputs, this.#fail);
    for (const [i, { shape }] of inputs.entries()) this.#known(`inputs[${i}].shape`, shape);
    for (const [i, step] of this.#program.host.entries()) this.#hostStep(`host[${i}]`, step, i);
    for (const [i, value] of values.entries()) this.#value(`values[${i}]`, value);
    const written = new Set<number>();
    for (const [i, step] of steps.entries()) {
      const where = `steps[${i}]`;
      // Each way leaves the same written, and none may count on what only another writes.
      const before = new Set(written);
      this.#step(where, step, written);
      this.#plain(where, step);
      const { instead, together = [] } = step;
      if (instead !== undefined) this.#way(`${where}.instead`, instead, before, written);
      for (const [j, each] of (instead ?? []).entries()) this.#plain(`${where}.instead[${j}]`, each);
      for (const [j, { steps: others, from }] of together.entries()) {
        this.#way(`${where}.together[${j}].steps`, others, before, written);
        if (from !== undefined) this.#known(`${where}.together[${j}].from`, [from.of]);
      }
    }
    for (const [i, { shape, value }] of outputs.entries()) {
      this.#known(`outputs[${i}].shape`, shape);
      if (!written.has(value)) this.#fail(`outputs[${i}].value`, "no step writes it");
    }
  }

  /** Other steps in the stead of one that wrote what is missing `before`. */
  #way(where: string, steps: readonly Step[], before: ReadonlySet<number>, written: ReadonlySet<number>): void {
    const other = new Set(before);
    for (const [j, each] of steps.entries()) {
      const place = `${where}[${j}]`;
      if (each.instead !== undefined || each.together !== undefined) this.#fail(place, "it has steps in its own stead");
      this.#step(place, each, other);
    }
    const missing = [...written].find((value) => !other.has(value));
    if (missing !== undefined) this.#fail(where, `it does not write the value ${missing}`);
  }

  #known(where: string, sizes: readonly Size[]): void {
    const unknown = sizes.flatMap(namesIn).find((name) => !this.#sizes.has(name));
    if (unknown !== undefined) this.#fail(where, `no input has the size ${JSON.stringify(unknown)} alone`);
  }

  #value(where: string, { origin, heap, stored, shape }: PlanValue): void {
    this.#known(`${where}.shape`, shape);
    const last = shape.at(-1);
    if (typeof last !== "number" || last < 1 || last >= 2 ** 31)
      this.#fail(`${where}.shape`, "its last axis is not a number from 1 on");
    const be = (heaps: readonly string[], as: readonly string[]): void => {
      if (!heaps.includes(heap)) this.#fail(`${where}.heap`, `what is ${origin.is} lies in ${heaps.join(" or ")}`);
      if (!as.includes(stored)) this.#fail(`${where}.stored`, `what is ${origin.is} is ${as.join(" or ")} here`);
    };
    const shaped = (wanted: readonly Size[]): void => {
      const all = shape.length === wanted.length ? wanted : [...wanted, 1];
      if (all.length !== shape.length || all.some((size, i) => !sameSize(size, shape[i]!)))
        this.#fail(`${where}.shape`, `it is not that of its ${origin.is}`);
    };
    this.#origin(where, origin, { be, shaped, heap, width: last as number });
  }
  #origin(
    where: string,
    origin: Origin,
    {
      be,
      shaped,
      heap,
      width,
    }: {
      readonly be: (heaps: readonly string[], as: readonly string[]) => void;
      readonly shaped: (wanted: readonly Size[]) => void;
      readonly heap: PlanValue["heap"];
      readonly width: number;
    },
  ): void {
    const table = (index: number): Plan["tables"][number] =>
      this.#plan.tables[index] ?? this.#fail(`${where}.origin`, `there is no table ${index}`);
    switch (origin.is) {
      case "computed":
        return be(["state"], ["f32"]);
      case "input": {
        const port = this.#port(`${where}.origin`, origin.port);
        be(port.dtype === "i32" ? ["given"] : ["given", "keys"], [port.dtype]);
        if (heap !== "keys") return shaped(port.shape);
        const [batch, heads, rows, ...width] = port.shape;
        if (width.length !== 1) this.#fail(`${where}.heap`, "keys and values have four axes");
        return shaped([batch!, rows!, heads!, ...width]);
      }
      case "weight": {
        const weight = this.#weights.get(origin.weight);
        if (weight === undefined)
          return this.#fail(`${where}.origin`, `there is no weight ${JSON.stringify(origin.weight)}`);
        be(weight.stored === "f32" ? ["matrix", "given"] : ["matrix"], [weight.stored]);
        return shaped(weight.shape);
      }
      case "host":
        be(["given"], ["f32", "i32"]);
        return this.#host(`${where}.origin.of`, origin.of);
      case "lookup":
        be(["given"], ["f32"]);
        if (table(origin.table).columns !== width) this.#fail(`${where}.shape`, "its rows are not those of its table");
        return this.#host(`${where}.origin.of`, origin.of);
      case "sinusoid":
        be(["given"], ["f32"]);
        if (2 * origin.frequencies.length !== width)
          this.#fail(`${where}.shape`, "its rows are not twice as long as its frequencies");
        return this.#host(`${where}.origin.of`, origin.of);
      case "table": {
        be(["given"], ["f32"]);
        const { rows, columns } = table(origin.table);
        return shaped([rows, columns]);
      }
      default:
        throw new Error(`no such origin: ${String(origin satisfies never)}`);
    }
  }
  #port(where: string, port: string): PlanProgram["inputs"][number] {
    return this.#ports.get(port) ?? this.#fail(where, `there is no input ${JSON.stringify(port)}`);
  }
  #host(where: string, of: number): void {
    if (this.#program.host[of] === undefined) this.#fail(where, `the runtime computes no ${of}`);
  }
  #hostStep(where: string, step: HostStep, i: number): void {
    if (step.is === "number") return;
    if (step.is === "input") return void this.#port(where, step.port);
    if (step.is === "iota") return this.#known(where, [step.size]);
    if (step.is === "shaped") this.#known(where, step.shape);
    const wanted = ARITY[step.is] ?? 2;
    if (step.of.length !== wanted) this.#fail(where, `${step.is} takes ${wanted}`);
    if (step.of.some((each) => each >= i)) this.#fail(where, "it is computed of what comes later");
  }

  /** What a device that has nothing to choose from runs. */
  #plain(where: string, { kernel }: Step): void {
    const features = this.#plan.kernels[kernel]!.features;
    if (features.length > 0) this.#fail(`${where}.kernel`, `not every device has ${features.join()}`);
  }
  #step(where: string, { kernel: index, grid, operands, parameters, work }: Step, written: Set<number>): void {
    const kernel = this.#plan.kernels[index];
    if (kernel === undefined) return this.#fail(`${where}.kernel`, `there is no kernel ${index}`);
    this.#known(`${where}.grid`, [...grid, work]);
    for (const [i, operand] of operands.entries()) this.#operand(`${where}.operands[${i}]`, operand, kernel, written);
    for (const [i, { value, writes }] of operands.entries())
      if (writes && operands.some((other, j) => i !== j && other.value === value))
        this.#fail(`${where}.operands[${i}]`, "what it writes is reached by another operand too");
    for (const { value, writes } of operands) if (writes) written.add(value);
    for (const [i, parameter] of parameters.entries()) {
      const place = `${where}.parameters[${i}]`;
      if (parameter.is === "base" && operands[parameter.operand] === undefined)
        this.#fail(place, `there is no operand ${parameter.operand}`);
      if (parameter.is === "size") this.#known(place, [parameter.size]);
    }
  }
  #operand(
    where: string,
    { value: index, reach, writes }: Operand,
    kernel: Kernel,
    written: ReadonlySet<number>,
  ): void {
    const value = this.#program.values[index];
    if (value === undefined) return this.#fail(`${where}.value`, `there is no value ${index}`);
    if (!kernel.heaps.includes(value.heap)) this.#fail(where, `its kernel does not bind the heap ${value.heap}`);
    const isComputed = value.origin.is === "computed";
    if (writes && !isComputed) this.#fail(where, "only what is computed is written");
    if (!writes && isComputed && !written.has(index)) this.#fail(where, "it is read before a step has written it");
    this.#reach(`${where}.reach`, reach);
  }
  #reach(where: string, reach: Reach): void {
    if (reach.is === "all") return;
    const { terms, first, rows, part } = reach;
    const sizes = [first, rows, ...terms.flatMap(({ per, times }) => [per, times])];
    this.#known(where, part === undefined ? sizes : [...sizes, part.from, part.to]);
  }
}
const isName = ([factor, ...names]: readonly [number, ...string[]]): boolean => factor === 1 && names.length === 1;
