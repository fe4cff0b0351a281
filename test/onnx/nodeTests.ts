// The ONNX project's node tests, read: a model of one node, its inputs and what it must give.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Values } from "../../compiler/ir/evaluate.ts";
import {
  type AttributeMessage,
  decodeModel,
  decodeTensor,
  elementType,
  type TensorProto,
} from "../../compiler/target/onnx/proto.ts";

const folder = join(import.meta.dirname, "node-tests");

export interface TestTensor extends Values {
  readonly dtype: "f32" | "i32" | "bool";
}
export interface NodeTest {
  readonly op: string;
  readonly attrs: Attributes;
  /** undefined where an optional input is left out */
  readonly inputs: readonly (TestTensor | undefined)[];
  readonly output: TestTensor;
}

export const nodeTestNames = (): string[] => readdirSync(folder).filter((name) => name.startsWith("test_"));

/** The test called `name`. int64 is read as i32, for our indices are that. */
export const readNodeTest = (name: string): NodeTest => {
  const node = decodeModel(readFileSync(join(folder, name, "model.onnx"))).graph!.node![0]!;
  const data = (file: string): TestTensor =>
    tensor(decodeTensor(readFileSync(join(folder, name, "test_data_set_0", file))));
  let next = 0;
  const inputs = node.input!.map((input) => (input === "" ? undefined : data(`input_${next++}.pb`)));
  return { op: node.opType!, attrs: new Attributes(node.attribute ?? []), inputs, output: data("output_0.pb") };
};

export class Attributes {
  readonly #all: ReadonlyMap<string, AttributeMessage>;
  constructor(all: readonly AttributeMessage[]) {
    this.#all = new Map(all.map((a) => [a.name!, a]));
  }
  number(name: string, otherwise: number): number {
    const found = this.#all.get(name);
    return found === undefined ? otherwise : Number(found.type === 1 ? found.f : found.i);
  }
  numbers(name: string): number[] | undefined {
    return this.#all.get(name)?.ints?.map(Number);
  }
  text(name: string, otherwise: string): string {
    const found = this.#all.get(name);
    return found === undefined ? otherwise : new TextDecoder().decode(found.s!);
  }
}

const tensor = (message: TensorProto): TestTensor => {
  const shape = message.dims!.map(Number);
  const bytes = Uint8Array.from(message.rawData!).buffer;
  switch (message.dataType) {
    case elementType.f32:
      return { dtype: "f32", shape, data: Float64Array.from(new Float32Array(bytes)) };
    case elementType.i32:
      return { dtype: "i32", shape, data: Float64Array.from(new Int32Array(bytes)) };
    case elementType.i64:
      return { dtype: "i32", shape, data: Float64Array.from(new BigInt64Array(bytes), Number) };
    case elementType.bool:
      return { dtype: "bool", shape, data: Float64Array.from(new Uint8Array(bytes)) };
    default:
      throw new Error(`no test reads element type ${message.dataType}`);
  }
};
