// A program as an ONNX model: bytes of the graph file and of the constants beside it. Pure and deterministic.
import { Graph } from "../../ir/graph.ts";
import type { Module, Param, Program } from "../../ir/module.ts";
import { type Node, toposort } from "../../ir/node.ts";
import { legalize } from "../legalize.ts";
import type { Context } from "./context.ts";
import { emitterOf, keeps } from "./ops.ts";
import type { WeightPlace } from "./place.ts";
import { type ProfileName, profiles } from "./profile.ts";
import { encodeModel } from "./proto.ts";
import { Shapes } from "./shape.ts";
import { Sheet, type Value } from "./sheet.ts";

export interface EmitOptions {
  readonly profile: ProfileName;
  /** Where each weight lies. A weight that the program needs and that lies nowhere is an error. */
  readonly place: (param: Param) => WeightPlace | undefined;
  /** The name, without folders, of the file that `constants` will be written to. */
  readonly constantsLocation: string;
}
export interface Emitted {
  readonly model: Uint8Array;
  /** tables and large constants, each at a multiple of 64 bytes; empty where the program has none */
  readonly constants: Uint8Array;
}

/** Writes one program. */
export const emit = (module: Module, program: Program, options: EmitOptions): Emitted => {
  const profile = profiles[options.profile];
  const sheet = new Sheet(
    options.constantsLocation,
    program.outputs.map((o) => o.name),
  );
  const shapes = new Shapes(sheet);
  const inputs = new Map(program.inputs.map((port) => [port.name, sheet.input(port)]));
  for (const input of inputs.values()) shapes.learn(input);
  const params = new Map(module.params.map((param) => [param.name, param]));
  const weight = (param: Param): Value => {
    const place = options.place(param);
    if (place === undefined) throw new Error(`weight ${param.name} lies nowhere`);
    return sheet.weight(param, place.dtype, place);
  };
  const to: Context = { sheet, shapes, profile, inputs, params, weight };
  const roots = legalize(
    new Graph(),
    program.outputs.map((o) => o.node),
    keeps(profile),
  );
  const values = write(to, roots);
  for (const [i, { name, doc }] of program.outputs.entries()) sheet.output(name, values[i]!, doc);
  const { constants, ...graph } = sheet.finish();
  const model = encodeModel({
    irVersion: profile.ir,
    producerName: "graftwerk",
    domain: "graftwerk",
    docString: module.doc,
    opsetImport: [{ domain: "", version: profile.opset }],
    graph: {
      name: `${module.name}/${program.name}`,
      docString: program.doc,
      input: graph.inputs,
      output: graph.outputs,
      initializer: graph.initializers,
      valueInfo: graph.values,
      node: graph.nodes,
    },
  });
  return { model, constants };
};

const write = (to: Context, roots: readonly Node[]): Value[] => {
  const order = toposort(roots);
  const needed = new Set(roots);
  for (const n of order.toReversed()) if (needed.has(n)) for (const s of sources(n)) needed.add(s);
  const values = new Map<Node, Value>();
  for (const n of order) {
    if (!needed.has(n)) continue;
    const src = sources(n).map((s) => values.get(s)!);
    values.set(
      n,
      to.sheet.under(n.origin, () => emitterOf(n)(to, n as never, src)),
    );
  }
  return roots.map((n) => values.get(n)!);
};

/** What a node is written over: splits and merges, which are all Reshape, see through one another. */
const sources = (n: Node): readonly Node[] => {
  if (!reshapes(n)) return n.src;
  let source = n.src[0]!;
  while (reshapes(source)) source = source.src[0]!;
  return [source];
};
const reshapes = (n: Node): boolean => n.op === "split" || n.op === "merge";
