// A plan on a device: its weights are there, its programs run. Values of a call are written, all steps are encoded into one
// command buffer, and what the program gives is read back.
import { Failure } from "../failure.ts";
import type { Plan, PlanProgram, PlanValue, PlanWeight } from "../plan.ts";
import { elements, type Tensor } from "../tensor.ts";
import type { Adapter } from "./adapter.ts";
import { Bindings } from "./bindings.ts";
import { Allotter, alignUp, Heap } from "./heap.ts";
import { writeLookup, writeRows, writeSinusoid } from "./hostValues.ts";
import { type Heaps, placingOf, Prepared, type Residents } from "./prepared.ts";
import { at, extentOf, type Sizes, sizesOf } from "./sizes.ts";
import { BUFFER, MAP } from "./usage.ts";

type Tensors = Readonly<Record<string, Tensor>>;
export interface PlanFiles {
  /** a weight's numbers as they are stored, row major: f32 as numbers, f16 and bf16 as their bits */
  weight(weight: PlanWeight): Promise<Float32Array | Uint16Array>;
  /** the numbers of all tables */
  readonly tables: Float32Array;
}
/** Bytes on the device, by what they hold. */
export interface Memory {
  readonly weights: number;
  /** small weights, and the inputs of calls */
  readonly given: number;
  readonly state: number;
  readonly keys: number;
}
export interface PlanSession {
  /** Every input by name; gives every output. @throws Failure "call", "device" */
  run(program: string, inputs: Tensors): Promise<Tensors>;
  memory(): Memory;
  close(): void;
}

const NONE: Sizes = new Map();
/** Programs that are kept ready, for calls of the sizes that were last. */
const KEPT = 32;

/** Brings weights and tables to the device. @throws Failure "device" */
export const openPlan = async (adapter: Adapter, plan: Plan, files: PlanFiles): Promise<PlanSession> => {
  const { device, limits } = adapter;
  const heap = (name: string): Heap => new Heap(device, name, limits.maxBufferSize);
  const heaps = { state: heap("state"), matrix: heap("matrix"), given: heap("given"), keys: heap("keys") };
  const residents = await bringWeights(plan, files, heaps);
  const session = new Session(adapter, plan, files, heaps, residents);
  return {
    run: (program, inputs) => session.run(program, inputs),
    memory: () => ({
      weights: heaps.matrix.bytes,
      given: heaps.given.bytes,
      state: heaps.state.bytes,
      keys: heaps.keys.bytes,
    }),
    close: () => session.close(),
  };
};

/** Each weight in the order in which programs first read it, so that what a kernel reads lies together. */
const bringWeights = async (plan: Plan, files: PlanFiles, heaps: Heaps): Promise<Residents> => {
  const allot = { matrix: new Allotter(heaps.matrix.pageSize), given: new Allotter(heaps.given.pageSize) };
  const weights = new Map<string, number>();
  const tables = new Map<number, number>();
  const values = new Map<string, PlanValue>();
  for (const program of plan.programs)
    for (const { operands } of program.steps)
      for (const operand of operands) {
        const value = program.values[operand.value]!;
        const { origin, heap } = value;
        if (origin.is === "table" && !tables.has(origin.table))
          tables.set(origin.table, allot.given.take(extentOf(value, NONE).bytes));
        if (origin.is !== "weight" || weights.has(origin.weight)) continue;
        values.set(origin.weight, value);
        weights.set(origin.weight, allot[heap === "matrix" ? "matrix" : "given"].take(extentOf(value, NONE).bytes));
      }
  heaps.matrix.grow(allot.matrix.end);
  heaps.given.grow(allot.given.end);
  for (const weight of plan.weights) {
    const value = values.get(weight.name);
    if (value === undefined) continue;
    const numbers = await files.weight(weight);
    const extent = extentOf(value, NONE);
    const row = (extent.rowBytes / extent.quadBytes) * 4;
    const padded = row === extent.width ? numbers : pad(numbers, extent.rows, extent.width, row);
    heaps[value.heap].write(
      weights.get(weight.name)!,
      new Uint8Array(padded.buffer, padded.byteOffset, padded.byteLength),
    );
  }
  for (const [table, address] of tables) {
    const { rows, columns, offset } = plan.tables[table]!;
    const numbers = files.tables.subarray(offset / 4, offset / 4 + rows * columns);
    const row = Math.ceil(columns / 4) * 4;
    const padded = row === columns ? numbers : pad(numbers, rows, columns, row);
    heaps.given.write(address, new Uint8Array(padded.buffer, padded.byteOffset, padded.byteLength));
  }
  return { weights, tables, givenEnd: allot.given.end };
};
const pad = (
  numbers: Float32Array | Uint16Array,
  rows: number,
  width: number,
  row: number,
): Float32Array | Uint16Array => {
  const padded = new (numbers.constructor as { new (length: number): typeof numbers })(rows * row);
  for (let r = 0; r < rows; r++) padded.set(numbers.subarray(r * width, (r + 1) * width), r * row);
  return padded;
};

class Session {
  readonly #adapter: Adapter;
  readonly #plan: Plan;
  readonly #files: PlanFiles;
  readonly #heaps: Heaps;
  readonly #residents: Residents;
  readonly #bindings: Bindings;
  readonly #prepared = new Map<string, Prepared>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(adapter: Adapter, plan: Plan, files: PlanFiles, heaps: Heaps, residents: Residents) {
    this.#adapter = adapter;
    this.#plan = plan;
    this.#files = files;
    this.#heaps = heaps;
    this.#residents = residents;
    this.#bindings = new Bindings(adapter.device);
  }

  /** Calls follow each other: they share the arena. */
  run(name: string, inputs: Tensors): Promise<Tensors> {
    const call = this.#queue.then(() => this.#run(name, inputs));
    this.#queue = call.catch(() => undefined);
    return call;
  }

  async #run(name: string, inputs: Tensors): Promise<Tensors> {
    const program = this.#plan.programs.find((each) => each.name === name);
    if (program === undefined)
      throw new Failure(
        "call",
        `there is no program ${name}`,
        `there are ${this.#plan.programs.map((each) => each.name).join(", ")}`,
      );
    checkInputs(program, inputs);
    const sizes = sizesOf(name, program.inputs, inputs);
    const prepared = await this.#prepare(program, sizes);
    this.#writeInputs(program, prepared, inputs);
    const { device } = this.#adapter;
    const ranges = program.outputs.map(({ value }) => prepared.values[value]!);
    const total = ranges.reduce((sum, { extent }) => sum + alignUp(extent.bytes), 0);
    const readback = device.createBuffer({
      label: `${name}: outputs`,
      size: Math.max(256, total),
      usage: BUFFER.MAP_READ | BUFFER.COPY_DST,
    });
    try {
      const encoder = device.createCommandEncoder({ label: name });
      prepared.encode(encoder);
      let to = 0;
      for (const { address, extent } of ranges) {
        let into = to;
        for (const { page, offset, size } of this.#heaps.state.pieces(address, address + extent.bytes)) {
          encoder.copyBufferToBuffer(this.#heaps.state.page(page), offset, readback, into, size);
          into += size;
        }
        to += alignUp(extent.bytes);
      }
      device.queue.submit([encoder.finish()]);
      await readback.mapAsync(MAP.READ);
      return outputsOf(program, prepared, sizes, readback.getMappedRange());
    } finally {
      readback.destroy();
    }
  }

  async #prepare(program: PlanProgram, sizes: Sizes): Promise<Prepared> {
    const key = `${program.name} ${[...sizes].map(([name, size]) => `${name}=${size}`).join()}`;
    const known = this.#prepared.get(key);
    if (known !== undefined) {
      this.#prepared.delete(key);
      this.#prepared.set(key, known);
      return known;
    }
    const { state, given, keys } = this.#heaps;
    const placing = placingOf(program, sizes, this.#residents, { given: given.pageSize, keys: keys.pageSize });
    const grown = [state.grow(placing.stateBytes), given.grow(placing.given[1]), keys.grow(placing.keys[1])];
    // Buffers are others now: what binds the old ones is of no use.
    if (grown.includes(true)) this.#forget(0);
    this.#forget(KEPT - 1);
    const { device, limits } = this.#adapter;
    const prepared = await Prepared.make(device, this.#plan, program, sizes, placing, this.#heaps, this.#bindings, {
      binding: Math.floor(limits.maxStorageBufferBindingSize / 16) * 16,
      groups: limits.maxComputeWorkgroupsPerDimension,
      alignment: limits.minStorageBufferOffsetAlignment,
      uniformAlignment: limits.minUniformBufferOffsetAlignment,
    });
    this.#prepared.set(key, prepared);
    return prepared;
  }
  /** All but the `kept` that were used last. */
  #forget(kept: number): void {
    for (const [key, prepared] of [...this.#prepared].slice(0, Math.max(0, this.#prepared.size - kept))) {
      prepared.destroy();
      this.#prepared.delete(key);
    }
  }

  #writeInputs({ name, values }: PlanProgram, prepared: Prepared, inputs: Tensors): void {
    for (const heap of ["given", "keys"] as const) {
      const [from, to] = prepared[heap];
      if (from >= to) continue;
      const bytes = new ArrayBuffer(alignUp(to - from, 16));
      for (const [i, { origin, heap: own, stored }] of values.entries()) {
        if (own !== heap || origin.is === "weight" || origin.is === "table" || origin.is === "computed") continue;
        const { address, extent } = prepared.values[i]!;
        const into = new (stored === "i32" ? Int32Array : Float32Array)(bytes, address - from, extent.bytes / 4);
        if (origin.is === "input") writeRows(inputs[origin.port]!.data as Float32Array | Int32Array, extent, into);
        else if (origin.is === "lookup")
          writeLookup(
            name,
            origin.index,
            this.#plan.tables[origin.table]!,
            this.#files.tables,
            inputs,
            extent,
            into as Float32Array,
          );
        else writeSinusoid(origin.of, origin.frequencies, origin.sineFirst, inputs, extent, into as Float32Array);
      }
      this.#heaps[heap].write(from, new Uint8Array(bytes));
    }
  }

  close(): void {
    this.#forget(0);
    for (const heap of Object.values(this.#heaps)) heap.destroy();
  }
}

const checkInputs = ({ name, inputs }: PlanProgram, given: Tensors): void => {
  for (const { name: input, dtype } of inputs) {
    const tensor = given[input];
    if (tensor === undefined) throw new Failure("call", `program ${name}: the input ${input} is missing`);
    if (tensor.dtype !== dtype)
      throw new Failure("call", `program ${name}: the input ${input} is ${tensor.dtype}, and must be ${dtype}`);
    if (elements(tensor.shape) !== tensor.data.length)
      throw new Failure(
        "call",
        `program ${name}: the input ${input} is [${tensor.shape.join(", ")}], but has ${tensor.data.length} elements`,
      );
  }
  const unknown = Object.keys(given).filter((key) => !inputs.some((input) => input.name === key));
  if (unknown.length > 0)
    throw new Failure(
      "call",
      `program ${name}: has no input ${unknown.join(", ")}`,
      `its inputs are ${inputs.map((input) => input.name).join(", ")}`,
    );
};

/** Outputs in their own shapes, without what pads rows. */
const outputsOf = ({ outputs }: PlanProgram, prepared: Prepared, sizes: Sizes, mapped: ArrayBuffer): Tensors => {
  const found: Record<string, Tensor> = {};
  let from = 0;
  for (const { name, shape, value } of outputs) {
    const { extent } = prepared.values[value]!;
    const { rows, width, rowBytes, bytes } = extent;
    const padded = new Float32Array(mapped, from, bytes / 4);
    const stride = rowBytes / 4;
    const data = new Float32Array(rows * width);
    for (let row = 0; row < rows; row++) data.set(padded.subarray(row * stride, row * stride + width), row * width);
    found[name] = { dtype: "f32", shape: shape.map((size) => at(size, sizes)), data };
    from += alignUp(bytes);
  }
  return found;
};
