// An ONNX graph being written. Values are objects and get their names at the end, when it is known how many nodes came
// from one place of the specification. Equal constants are one initializer.
import type { Origin } from "../../ir/node.ts";
import type { Param, Port } from "../../ir/module.ts";
import type { Place } from "./place.ts";
import {
  type Attribute,
  attribute,
  bytesOf,
  elementSize,
  type Element,
  embedded,
  external,
  type NodeProto,
  type OnnxType,
  type TensorProto,
  valueInfo,
  type ValueInfoProto,
} from "./proto.ts";

/** Its identity is the object. */
export interface Value {
  readonly type: OnnxType;
}
interface Draft {
  readonly op: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly output: Value;
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly origin: Origin | undefined;
}
export interface Written {
  readonly nodes: NodeProto[];
  readonly initializers: TensorProto[];
  readonly inputs: ValueInfoProto[];
  readonly outputs: ValueInfoProto[];
  readonly values: ValueInfoProto[];
  readonly constants: Uint8Array;
}

/** Constants of more bytes than this lie beside the graph. */
const EMBED = 1024;
const ALIGN = 64;

export class Sheet {
  readonly #constantsLocation: string;
  readonly #drafts: Draft[] = [];
  readonly #names = new Map<Value, string>();
  readonly #taken = new Set<string>();
  readonly #made = new Map<string, Value>();
  readonly #initializers: TensorProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #constants: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  #constantBytes = 0;
  #origin: Origin | undefined;

  /** Names of graph outputs are kept free for them. */
  constructor(constantsLocation: string, outputNames: readonly string[]) {
    this.#constantsLocation = constantsLocation;
    for (const name of outputNames) this.#taken.add(name);
  }

  under<R>(origin: Origin | undefined, make: () => R): R {
    const outer = this.#origin;
    this.#origin = origin;
    try {
      return make();
    } finally {
      this.#origin = outer;
    }
  }
  get origin(): Origin | undefined {
    return this.#origin;
  }

  /** What `make` gave the first time it was asked for under this key. */
  once(key: string, make: () => Value): Value {
    const found = this.#made.get(key);
    if (found !== undefined) return found;
    const value = make();
    this.#made.set(key, value);
    return value;
  }

  node(
    op: string,
    inputs: readonly (Value | undefined)[],
    type: OnnxType,
    attributes: Draft["attributes"] = {},
  ): Value {
    const output: Value = { type };
    this.#drafts.push({ op, inputs, output, attributes, origin: this.#origin });
    return output;
  }

  input(port: Port): Value {
    if (this.#taken.has(port.name)) throw new Error(`${port.name} names two inputs or outputs`);
    this.#inputs.push(valueInfo(port.name, port.type, port.doc));
    return this.#named(port.name, port.type);
  }

  /** A weight as it is stored, perhaps in another element type than the one it is used in. */
  weight(param: Param, dtype: Element, place: Place): Value {
    const dims = param.type.shape.map((d) => d as number);
    const bytes = dims.reduce((p, d) => p * d, elementSize[dtype]);
    if (bytes !== place.length)
      throw new Error(`weight ${param.name} needs ${bytes} bytes as ${dtype}[${dims.join(", ")}], not ${place.length}`);
    const value = this.#named(param.name, { dtype, shape: dims });
    this.#initializers.push({ ...external(this.#names.get(value)!, dtype, dims, place), docString: param.doc });
    return value;
  }

  /** A constant tensor, embedded or beside the graph by its size. `name` where its values would not make a good one. */
  constant(dtype: Element, dims: readonly number[], values: ArrayLike<number>, name?: string): Value {
    const text = name ?? constantName(dtype, dims, values);
    return this.once(`constant ${text}`, () => {
      const bytes = bytesOf(dtype, values);
      const value = this.#named(text, { dtype, shape: dims });
      const unique = this.#names.get(value)!;
      this.#initializers.push(
        bytes.length > EMBED
          ? external(unique, dtype, dims, this.#beside(bytes))
          : embedded(unique, dtype, dims, bytes),
      );
      return value;
    });
  }

  /** Makes `value` a graph output. One that is no node's result, or is an output already, is passed through Identity. */
  output(name: string, value: Value, doc: string): void {
    const fresh = this.#names.has(value) ? this.node("Identity", [value], value.type) : value;
    this.#names.set(fresh, name);
    this.#outputs.push(valueInfo(name, value.type, doc));
  }

  finish(): Written {
    const perPath = new Map<string, number>();
    for (const { origin } of this.#drafts) if (origin) perPath.set(origin.path, (perPath.get(origin.path) ?? 0) + 1);
    const nodes: NodeProto[] = [];
    const values: ValueInfoProto[] = [];
    for (const draft of this.#drafts) {
      const path = draft.origin?.path;
      const alone = path !== undefined && perPath.get(path) === 1 && !this.#taken.has(path);
      const name = this.#unique(alone ? path : path === undefined ? draft.op : `${path}/${draft.op}`);
      if (!this.#names.has(draft.output)) {
        this.#names.set(draft.output, name);
        values.push(valueInfo(name, draft.output.type));
      }
      nodes.push(this.#message(draft, name));
    }
    const constants = new Uint8Array(this.#constantBytes);
    for (const { offset, bytes } of this.#constants) constants.set(bytes, offset);
    return { nodes, values, constants, initializers: this.#initializers, inputs: this.#inputs, outputs: this.#outputs };
  }

  #message(draft: Draft, name: string): NodeProto {
    return {
      name,
      opType: draft.op,
      input: draft.inputs.map((v) => (v === undefined ? "" : this.#names.get(v)!)),
      output: [this.#names.get(draft.output)!],
      attribute: Object.entries(draft.attributes).map(([key, value]) => attribute(key, value)),
      ...(draft.origin === undefined ? {} : { docString: draft.origin.at }),
    };
  }

  #beside(bytes: Uint8Array): Place {
    const offset = Math.ceil(this.#constantBytes / ALIGN) * ALIGN;
    this.#constants.push({ offset, bytes });
    this.#constantBytes = offset + bytes.length;
    return { location: this.#constantsLocation, offset, length: bytes.length };
  }
  #named(name: string, type: OnnxType): Value {
    const value: Value = { type };
    this.#names.set(value, this.#unique(name));
    return value;
  }
  #unique(name: string): string {
    let unique = name;
    for (let n = 2; this.#taken.has(unique); n++) unique = `${name}.${n}`;
    this.#taken.add(unique);
    return unique;
  }
}

/** Says the values: `i64(-1, 64)`, `f32[2048](1 ...)` where all are the same. */
const constantName = (dtype: Element, dims: readonly number[], values: ArrayLike<number>): string => {
  const list = Array.from(values, (v) => (Object.is(v, -0) ? "-0" : String(v)));
  if (dims.length === 0) return `${dtype} ${list[0]}`;
  const same = list.length > 1 && list.every((v) => v === list[0]);
  return `${dtype}[${dims.join(", ")}](${same ? `${list[0]} ...` : list.join(", ")})`;
};
