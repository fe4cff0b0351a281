// One ONNX graph in ONNX Runtime, with our tensors and our words: every error names the program it is about.
// onnxruntime-node is an optional package and is loaded when the first program is opened.
import { availableParallelism } from "node:os";
import type * as Ort from "onnxruntime-node";
import { Failure, reasonOf } from "../failure.ts";
import { loadPackage } from "../package.ts";
import { type DType, elements, type Tensor, type TensorData, type Tensors } from "../tensor.ts";

export interface ProgramOptions {
  /** Threads of one operator; as many as the machine has by default. Sums, and so last bits, may depend on it. */
  readonly threads?: number;
  /** What ONNX Runtime may rewrite; all by default. */
  readonly optimize?: "none" | "basic" | "extended" | "all";
}

/** An open graph. */
export interface Program {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /**
   * Every input by name; gives every output. Outputs named in `into` are written into those tensors and given as them;
   * they must be of the right shape, and no inputs of the call. @throws Failure "call"
   */
  run(inputs: Tensors, into?: Tensors): Promise<Tensors>;
  /** Frees the graph and its weights; later calls fail. */
  close(): Promise<void>;
}

const ortTypes = {
  f32: "float32",
  f64: "float64",
  f16: "float16",
  i32: "int32",
  i64: "int64",
  u8: "uint8",
  bool: "bool",
} as const satisfies Record<DType, Ort.Tensor.Type>;

const arrays: { readonly [D in DType]: { new (length: number): TensorData[D] } } = {
  f32: Float32Array,
  f64: Float64Array,
  f16: Uint16Array,
  i32: Int32Array,
  i64: BigInt64Array,
  u8: Uint8Array,
  bool: Uint8Array,
};

const levels = { none: "disabled", basic: "basic", extended: "extended", all: "all" } as const;

const loadOrt = async (): Promise<typeof Ort> => {
  const loaded = await loadPackage("onnxruntime-node", "running ONNX graphs", () => import("onnxruntime-node"));
  return "default" in loaded ? (loaded.default as typeof Ort) : loaded;
};

const checkInputs = (name: string, wanted: readonly string[], inputs: Readonly<Record<string, Tensor>>): void => {
  const given = Object.keys(inputs);
  const missing = wanted.filter((input) => !Object.hasOwn(inputs, input) || inputs[input] === undefined);
  const unknown = given.filter((input) => !wanted.includes(input));
  if (missing.length > 0) throw new Failure("call", `program ${name}: the input ${missing.join(", ")} is missing`);
  if (unknown.length > 0)
    throw new Failure(
      "call",
      `program ${name}: has no input ${unknown.join(", ")}`,
      `its inputs are ${wanted.join(", ")}`,
    );
  for (const [input, { dtype, shape, data }] of Object.entries(inputs)) {
    const where = `program ${name}: the input ${input}`;
    if (!(data instanceof arrays[dtype]))
      throw new Failure("call", `${where} is ${dtype}, but its data is a ${data.constructor.name}`);
    if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0))
      throw new Failure("call", `${where} has the shape ${JSON.stringify(shape)}`, "a shape is a list of sizes");
    if (elements(shape) !== data.length)
      throw new Failure("call", `${where} is [${shape.join(", ")}], but has ${data.length} elements`);
  }
};

const toOrt = (ort: typeof Ort, { dtype, shape, data }: Tensor): Ort.Tensor =>
  new ort.Tensor(ortTypes[dtype], data, [...shape]);

const fromOrt = (name: string, output: string, tensor: Ort.Tensor): Tensor => {
  const dtype = (Object.keys(ortTypes) as DType[]).find((key) => ortTypes[key] === tensor.type);
  if (dtype === undefined)
    throw new Failure("call", `program ${name}: the output ${output} has the type ${tensor.type}`);
  const found = tensor.data as TensorData[DType];
  // A Node that has Float16Array gets halves in one; ours are bits everywhere.
  const data = dtype === "f16" ? new Uint16Array(found.buffer, found.byteOffset, found.length) : found;
  return { dtype, shape: tensor.dims, data } as Tensor;
};

const programOf = (ort: typeof Ort, name: string, session: Ort.InferenceSession): Program => {
  let closed = false;
  return {
    name,
    inputs: session.inputNames,
    outputs: session.outputNames,
    run: async (inputs, into = {}) => {
      if (closed) throw new Failure("call", `program ${name}: is closed`);
      checkInputs(name, session.inputNames, inputs);
      const asOrt = (tensors: Tensors) =>
        Object.fromEntries(Object.entries(tensors).map(([each, tensor]) => [each, toOrt(ort, tensor)]));
      // A null asks for an output that ONNX Runtime makes room for.
      const fetches = Object.fromEntries(session.outputNames.map((output) => [output, null]));
      const results = await session.run(asOrt(inputs), { ...fetches, ...asOrt(into) }).catch((cause: unknown) => {
        throw new Failure("call", `program ${name}: failed: ${reasonOf(cause)}`, undefined, cause);
      });
      // Of what it has written where it was asked to, the binding gives a copy.
      return Object.fromEntries(
        Object.entries(results).map(([output, value]) => [output, into[output] ?? fromOrt(name, output, value)]),
      );
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await session.release();
    },
  };
};

/**
 * Opens the graph in a file on the CPU provider; weights lie beside it.
 * @throws Failure "package" when onnxruntime-node is missing, "file" when it refuses the graph.
 */
export const openProgram = async (name: string, path: string, options: ProgramOptions = {}): Promise<Program> => {
  const ort = await loadOrt();
  const session = await ort.InferenceSession.create(path, {
    executionProviders: ["cpu"],
    graphOptimizationLevel: levels[options.optimize ?? "all"],
    intraOpNumThreads: options.threads ?? availableParallelism(),
    logSeverityLevel: 4,
  }).catch((cause: unknown) => {
    throw new Failure("file", `program ${name}: ${path} cannot be opened: ${reasonOf(cause)}`, undefined, cause);
  });
  return programOf(ort, name, session);
};
