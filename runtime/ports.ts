// Named tensors held against the ports of a program, before ONNX Runtime sees them: types, sizes that must agree, indices
// within their tables.
import { Failure } from "./failure.ts";
import type { Port, ProgramEntry } from "./manifest.ts";
import type { Tensor } from "./tensor.ts";
import { checkIndex } from "./numbers.ts";

/** Ports that are not given, and tensors of no port, are found where the program runs. @throws Failure "call" */
export const checkPorts = ({ name, inputs }: ProgramEntry, given: Readonly<Record<string, Tensor>>): void => {
  const sizes = new Map<string, { readonly size: number; readonly of: string }>();
  for (const port of inputs) {
    const tensor = Object.hasOwn(given, port.name) ? given[port.name]! : undefined;
    if (tensor === undefined) continue;
    const what = `program ${name}: the input ${port.name}`;
    if (tensor.dtype !== port.dtype)
      throw new Failure("call", `${what} is ${port.dtype}, and ${tensor.dtype} was given`);
    if (!ArrayBuffer.isView(tensor.data)) throw new Failure("call", `${what} has no typed array as its data`);
    if (!Array.isArray(tensor.shape) || tensor.shape.length !== port.shape.length)
      throw new Failure("call", `${what} is ${shown(port.shape)}, and ${shown(tensor.shape)} was given`);
    for (const [axis, dim] of port.shape.entries()) {
      const size = tensor.shape[axis]!;
      const known = typeof dim === "number" ? { size: dim, of: "" } : sizes.get(dim);
      if (known === undefined) sizes.set(String(dim), { size, of: port.name });
      else if (known.size !== size) {
        const other = known.of === "" ? "" : `: ${dim} is ${known.size} in ${known.of}`;
        throw new Failure("call", `${what} is ${shown(port.shape)}, and ${shown(tensor.shape)} was given${other}`);
      }
    }
    checkIndices(what, port, tensor);
  }
};
const shown = (shape: readonly (number | string)[] | undefined): string =>
  Array.isArray(shape) ? `[${shape.join(", ")}]` : String(shape);

const checkIndices = (what: string, { below, shape }: Port, { data, shape: sizes }: Tensor): void => {
  if (below === null) return;
  const [, rows = 1] = sizes;
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i]);
    if (value >= 0 && value < below) continue;
    const where =
      shape.length === 2 ? ` at [${Math.floor(i / rows)}, ${i % rows}]` : shape.length === 1 ? ` at [${i}]` : "";
    checkIndex(`${what}${where}`, value, below);
  }
};
