// What the runtime computes of a call's inputs, in f64 and once: the places of rows and who stands in for rows that are not
// there, rows of tables of angles that positions name, features of times. No device computes an angle.
import type { Builder, Node, NodeOf } from "../../ir/node.ts";
import { toposort } from "../../ir/node.ts";
import { $, op } from "../../ir/pattern.ts";
import { rewrite, rule } from "../../ir/rewrite.ts";
import { sinusoidFrequencies, tableShape } from "../../ir/table.ts";
import type { DType, Table } from "../../ir/vocabulary.ts";
import type { HostOp, HostStep } from "../../../runtime/plan.ts";
import { sizeOf } from "./storage.ts";

/** `of`: an index into the steps of the runtime. */
export type Feature =
  | { readonly is: "host"; readonly of: number }
  | { readonly is: "lookup"; readonly table: Table; readonly of: number }
  | {
      readonly is: "sinusoid";
      readonly of: number;
      readonly frequencies: readonly number[];
      readonly sineFirst: boolean;
    };

/** The graph without what the runtime computes, which stands there as inputs. */
export interface Looked {
  readonly roots: readonly Node[];
  readonly host: readonly HostStep[];
  readonly features: ReadonlyMap<Node, Feature>;
  /** the rows of a table that an index names, where the runtime gathers them */
  rows(table: Node, index: Node): Node | undefined;
  /** what a node is computed from */
  sources(n: Node): readonly Node[];
}

export const lookUp = (g: Builder, roots: readonly Node[]): Looked => {
  const features = new Map<Node, Feature>();
  const host = new HostSteps(features);
  const known = new Map<string, Node>();
  const feature = (dtype: DType, shape: Node["type"]["shape"], made: Feature): Node => {
    const key = JSON.stringify(made);
    const found = known.get(key);
    if (found !== undefined) return found;
    const node = g.op("input", [], { name: `feature ${known.size}`, type: { dtype, shape } });
    known.set(key, node);
    features.set(node, made);
    return node;
  };
  const rows = (table: Node, index: Node): Node | undefined => {
    const of = host.of(index);
    if (table.op !== "table" || of === undefined) return undefined;
    const [, columns] = tableShape(table.attrs.table);
    return feature("f32", [...index.type.shape, columns], { is: "lookup", table: table.attrs.table, of });
  };
  const settled = rewrite(g, roots, [
    rule("gather of a table by an input", op("gather", undefined, "n"), ({ n }) => rows(n.src[0]!, n.src[1]!)),
    rule("sinusoid of an input", op("sinusoid", undefined, "n"), ({ n }) => {
      const of = host.of(n.src[0]!);
      if (of === undefined) throw notHost(n);
      const frequencies = sinusoidFrequencies(n.attrs);
      return feature("f32", n.type.shape, { is: "sinusoid", of, frequencies, sineFirst: n.attrs.order === "sin cos" });
    }),
    // Integers, and rows that integers name. Not pairs of rows: a mask is a rule of the kernel that needs it.
    rule("places of inputs", $("n"), ({ n }) => {
      const { dtype, shape } = n.type;
      if ((dtype !== "i32" && n.op !== "gather") || dtype === "bool" || n.op === "input") return undefined;
      const of = host.of(n);
      return of === undefined || !host.isOfInputs(of) ? undefined : feature(dtype, shape, { is: "host", of });
    }),
  ]);
  // Asked for now, so that every feature is known before anything is written.
  for (const n of toposort(settled))
    if (n.op === "rotary") n.src.slice(1, 3).forEach((table) => rows(table, n.src[3]!));
  return {
    roots: settled,
    host: host.steps,
    features,
    rows,
    sources: (n) => {
      if (n.op !== "rotary") return n.src;
      const [x, cos, sin, position] = n.src as [Node, Node, Node, Node];
      const found = [cos, sin].map((table) => rows(table, position));
      // Angles that are computed are read at the position, those of a table beside them need not be.
      return [x, found[0] ?? cos, found[1] ?? sin, ...(found.includes(undefined) ? [position] : [])];
    },
  };
};

const notHost = (n: NodeOf<"sinusoid">): Error =>
  new Error(
    `${n.origin?.at ?? ""}: features of a number that is itself computed from rows or weights are not made on WebGPU`,
  );

const ops: { readonly [op: string]: HostOp } = {
  add: "add",
  sub: "sub",
  mul: "mul",
  div: "div",
  min: "min",
  max: "max",
  neg: "neg",
  less: "less",
  equal: "equal",
  and: "and",
  or: "or",
  not: "not",
  where: "where",
};

/** Nodes as steps of the runtime, each once. */
class HostSteps {
  readonly steps: HostStep[] = [];
  readonly #features: ReadonlyMap<Node, Feature>;
  readonly #known = new Map<Node, number | undefined>();
  readonly #byText = new Map<string, number>();
  readonly #ofInputs = new Set<number>();

  constructor(features: ReadonlyMap<Node, Feature>) {
    this.#features = features;
  }

  /** The step that computes `n`; undefined: only a device can. */
  of(n: Node): number | undefined {
    if (this.#known.has(n)) return this.#known.get(n);
    const found = this.#of(n);
    this.#known.set(n, found);
    return found;
  }
  isOfInputs(step: number): boolean {
    return this.#ofInputs.has(step);
  }

  #of(n: Node): number | undefined {
    const feature = this.#features.get(n);
    if (feature !== undefined) return feature.is === "host" ? feature.of : undefined;
    if (n.op === "input") return this.#add({ is: "input", port: n.attrs.name }, []);
    if (n.op === "constant") return this.#add({ is: "number", value: n.attrs.value }, []);
    if (n.op === "iota") return this.#add({ is: "iota", size: sizeOf(n.attrs.size) }, []);
    const known = ops[n.op];
    const reads = ["split", "merge", "cast", "amax", "gather"].includes(n.op) || known !== undefined;
    const of = reads ? n.src.map((s) => this.of(s)) : [];
    if (!reads || of.includes(undefined)) return undefined;
    return this.#computed(n, of as number[], known);
  }
  #computed(n: Node, of: readonly number[], known: HostOp | undefined): number | undefined {
    if (known !== undefined) {
      // Of integers a quotient is whole.
      const step = this.#add({ is: known, of }, of);
      return known === "div" && n.type.dtype === "i32" ? this.#add({ is: "trunc", of: [step] }, [step]) : step;
    }
    switch (n.op) {
      case "split":
      case "merge":
        return this.#add({ is: "shaped", of, shape: n.type.shape.map(sizeOf) }, of);
      case "cast":
        return this.#cast(n, of[0]!);
      case "amax":
        return this.#add({ is: "amax", of, axis: n.attrs.axis }, of);
      case "gather":
        return this.#add({ is: "gather", of }, of);
      default:
        return undefined;
    }
  }
  #cast({ src: [from], type }: NodeOf<"cast">, of: number): number {
    if (type.dtype === "i32") return this.#add({ is: "trunc", of: [of] }, [of]);
    if (type.dtype !== "bool" || from!.type.dtype === "bool") return of;
    const zero = this.#add({ is: "number", value: 0 }, []);
    const none = this.#add({ is: "equal", of: [of, zero] }, [of, zero]);
    return this.#add({ is: "not", of: [none] }, [none]);
  }
  #add(step: HostStep, of: readonly number[]): number {
    const key = JSON.stringify(step);
    const known = this.#byText.get(key);
    if (known !== undefined) return known;
    const index = this.steps.push(step) - 1;
    this.#byText.set(key, index);
    if (step.is === "input" || of.some((each) => this.#ofInputs.has(each))) this.#ofInputs.add(index);
    return index;
  }
}
