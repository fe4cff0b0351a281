// The text form of a graph: one line a node, numbered by position and never by id, so it does not depend on the order
// of making.
import { show, showShape } from "./dim.ts";
import type { Program } from "./module.ts";
import { type Node, toposort } from "./node.ts";
import type { Type } from "./vocabulary.ts";

export const showType = (type: Type): string => `${type.dtype}${showShape(type.shape)}`;

/** Every node that `roots` need, sources first. */
export const print = (roots: readonly Node[]): string => lines(toposort(roots)).text.join("\n");

/** A program: its signature, its nodes, its outputs. */
export const printProgram = (program: Program): string => {
  const { text, name } = lines(toposort(program.outputs.map((o) => o.node)));
  const inputs = program.inputs.map((port) => `input ${port.name} : ${showType(port.type)}`);
  const outputs = program.outputs.map((o) => `output ${o.name} = ${name(o.node)} : ${showType(o.node.type)}`);
  return [`program ${program.name}`, ...inputs, ...text, ...outputs].join("\n");
};

const lines = (order: readonly Node[]): { text: string[]; name: (n: Node) => string } => {
  const names = new Map(order.map((n, i) => [n, `%${i}`]));
  const name = (n: Node): string => names.get(n)!;
  const text = order.map((n) => {
    const origin = n.origin === undefined ? "" : `  # ${n.origin.path}`;
    return `${name(n)} = ${n.op}(${n.src.map(name).join(", ")})${attributes(n)} : ${showType(n.type)}${origin}`;
  });
  return { text, name };
};

/** What the type already says is left out. */
const attributes = (n: Node): string => {
  const shown = Object.entries(n.attrs).filter(([key, v]) => key !== "type" && key !== "dtype" && v !== undefined);
  return shown.length === 0 ? "" : ` {${shown.map(([key, v]) => `${key}: ${value(v)}`).join(", ")}}`;
};
const value = (v: unknown): string => {
  if (Array.isArray(v)) return `[${v.map(value).join(", ")}]`;
  if (typeof v !== "object" || v === null) return String(v);
  if ("terms" in v && "key" in v) return show(v as never);
  const entries = Object.entries(v).filter(([, inner]) => inner !== undefined);
  return `{${entries.map(([key, inner]) => `${key}: ${value(inner)}`).join(", ")}}`;
};
