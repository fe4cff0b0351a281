// A call's tensors to and from a device: what goes in is checked and written, what comes out has its own shapes.
import { Failure } from "../failure.ts";
import type { Plan, PlanOutput, PlanProgram } from "../plan.ts";
import { elements, type Tensor, type Tensors } from "../tensor.ts";
import { alignUp } from "./heap.ts";
import { type HostTensor, writeLookup, writeRows, writeSinusoid } from "./hostValues.ts";
import type { Layout } from "./layout.ts";
import type { Heaps } from "./heap.ts";
import { at, type Extent } from "./sizes.ts";

/** @throws Failure "call" */
export const checkInputs = (
  { name, inputs: all }: PlanProgram,
  given: Tensors,
  /** ports of what is on the device */
  kept: Readonly<Record<string, unknown>> = {},
): void => {
  const inputs = all.filter((input) => !Object.hasOwn(kept, input.name));
  for (const { name: input, dtype } of inputs) {
    const tensor = Object.hasOwn(given, input) ? given[input] : undefined;
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

/** `computed` is what the host computes of the inputs. @throws Failure "call", with nothing written of what it forbids */
export const writeInputs = (
  plan: Plan,
  tables: Float32Array,
  heaps: Heaps,
  layout: Layout,
  inputs: Tensors,
  computed: readonly HostTensor[],
): void => {
  const { name, values } = layout.program;
  for (const heap of ["given", "keys"] as const) {
    const [from, to] = layout[heap];
    if (from >= to) continue;
    const bytes = new ArrayBuffer(alignUp(to - from, 16));
    for (const [i, { origin, heap: own, stored }] of values.entries()) {
      if (own !== heap || origin.is === "weight" || origin.is === "table" || origin.is === "computed") continue;
      const { address, extent } = layout.values[i]!;
      const into = new (stored === "i32" ? Int32Array : Float32Array)(bytes, address - from, extent.bytes / 4);
      if (origin.is === "input") writeRows(asLying(heap, inputs[origin.port]!), extent, into);
      else if (origin.is === "host") writeRows(computed[origin.of]!.data, extent, into);
      else if (origin.is === "lookup")
        writeLookup(name, computed[origin.of]!, plan.tables[origin.table]!, tables, extent, into as Float32Array);
      else writeSinusoid(computed[origin.of]!, origin.frequencies, origin.sineFirst, extent, into as Float32Array);
    }
    heaps[heap].write(from, new Uint8Array(bytes));
  }
};

/** Keys and values lie row by row: `[batch, rows, heads, width]`. */
const asLying = (heap: "given" | "keys", { shape, data }: Tensor): Float32Array | Int32Array => {
  if (heap === "given") return data as Float32Array | Int32Array;
  const [batch, heads, rows, width] = shape as readonly [number, number, number, number];
  const lying = new Float32Array(data.length);
  for (let line = 0; line < batch * heads; line++)
    for (let row = 0; row < rows; row++) {
      const from = (line * rows + row) * width;
      const to = ((Math.floor(line / heads) * rows + row) * heads + (line % heads)) * width;
      lying.set((data as Float32Array).subarray(from, from + width), to);
    }
  return lying;
};

/** An output that is read back: where it lies, and where among what is read. */
export interface OutputAt {
  readonly output: PlanOutput;
  readonly address: number;
  readonly extent: Extent;
  readonly to: number;
}
/** All outputs but those that stay on the device. */
export const outputsAt = (
  layout: Layout,
  stay: ReadonlySet<string>,
): { readonly parts: readonly OutputAt[]; readonly bytes: number } => {
  let to = 0;
  const parts = layout.program.outputs
    .filter(({ name }) => !stay.has(name))
    .map((output) => {
      const part = { output, ...layout.values[output.value]!, to };
      to += alignUp(part.extent.bytes);
      return part;
    });
  return { parts, bytes: to };
};

/** Outputs in their own shapes, without what pads rows. */
export const outputsOf = ({ sizes }: Layout, parts: readonly OutputAt[], bytes: ArrayBuffer): Tensors => {
  const found: Record<string, Tensor> = {};
  for (const { output, extent, to } of parts) {
    const { name, shape } = output;
    const { rows, width, rowBytes } = extent;
    const padded = new Float32Array(bytes, to, extent.bytes / 4);
    const stride = rowBytes / 4;
    const data = new Float32Array(rows * width);
    for (let row = 0; row < rows; row++) data.set(padded.subarray(row * stride, row * stride + width), row * width);
    found[name] = { dtype: "f32", shape: shape.map((size) => at(size, sizes)), data };
  }
  return found;
};
