// A node as WGSL at given coordinates: what is stored is loaded, anything else is written out where it is used. Four
// neighbours of the last axis are one vec4 wherever the graph keeps them together.
import { add, type Dim, same, sub } from "../../ir/dim.ts";
import type { Node, NodeOf } from "../../ir/node.ts";
import { inTable } from "../../ir/ops.ts";
import { view, viewCoords } from "../../ir/view.ts";
import type { DType, Op, Pointwise, View } from "../../ir/vocabulary.ts";
import { decimal } from "./decimal.ts";
import type { Code, Lanes } from "./code.ts";
import {
  advanced,
  type At,
  boundOf,
  coordinates,
  dataAt,
  four,
  isBelow,
  join,
  lane,
  leastOf,
  number,
  offset,
  quotient,
  remainder,
} from "./indexing.ts";
import type { FunctionName } from "./functions.ts";
import { type Lying, rowByRow } from "./storage.ts";

/** What a kernel knows beside the graph. */
export interface Surroundings {
  /** where a node lies, if it is stored */
  lying(n: Node): Lying | undefined;
  /** a value of the kernel itself: what it has just computed at these coordinates, as a vec4 or a number */
  held?(n: Node, coords: readonly At[], lanes: Lanes): string | undefined;
  /** the rows of a table that an index names, where the runtime gathers them */
  looked(table: Node, index: Node): Node | undefined;
  /** the row of a table that an index names, where only some rows of it are there */
  parted?(table: Node, index: string): At | undefined;
  /** per-row numbers of a norm, as a vec4 [factor, mean] */
  statistics(n: Norm, row: readonly At[]): string;
}
export type Norm = NodeOf<"rmsNorm" | "layerNorm">;
export const isNorm = (n: Node): n is Norm & Node => n.op === "rmsNorm" || n.op === "layerNorm";

const TYPES: Readonly<Record<DType, string>> = { f32: "f32", f16: "f32", bf16: "f32", i32: "i32", bool: "bool" };
const vec4 = (dtype: DType, text: string): string => `vec4<${TYPES[dtype]}>(${text})`;

export class Renderer {
  readonly #code: Code;
  readonly #to: Surroundings;

  constructor(code: Code, to: Surroundings) {
    this.#code = code;
    this.#to = to;
  }

  /** The value of `n`: a vec4 over the lane, or one number. */
  render(n: Node, coords: readonly At[], lanes: Lanes): string {
    const held = this.#to.held?.(n, coords, lanes);
    if (held !== undefined) return held;
    const lying = this.#to.lying(n);
    if (lying !== undefined) return this.#load(n, lying, coords, lanes);
    if (lanes === 4 && coords.every((at) => four(at, lane) === "same")) return this.#splat(n, coords);
    const text = this.#computed(n, coords, lanes);
    return n.op === "constant" ? text : this.#code.named(text);
  }

  #splat(n: Node, coords: readonly At[]): string {
    return vec4(n.type.dtype, this.render(n, coords, 1));
  }
  /** Four neighbours that do not lie together, one by one. */
  #apart(n: Node, coords: readonly At[]): string {
    const each = [0, 1, 2, 3].map((by) =>
      this.render(
        n,
        coords.map((at) => advanced(at, lane, by)),
        1,
      ),
    );
    return this.#code.named(vec4(n.type.dtype, each.join(", ")));
  }

  #load(n: Node, lying: Lying, coords: readonly At[], lanes: Lanes): string {
    const code = this.#code;
    const at = asLying(lying, coords);
    const last = at.at(-1) ?? number(0);
    const rest = at.slice(0, -1);
    const row = rest.reduce<At>((sum, each, axis) => join(sum, lying.shape[axis]!, each), number(0));
    if (lanes === 1) {
      const quad = code.at(quotient(last, 4));
      const component = remainder(last, 4);
      const loaded = code.named(asLoaded(n, lying, code.load(lying, row, quad)));
      // A neighbour beyond the end of a short axis is no number of the result: any will do.
      if (component.is === "number") return `${loaded}.${"xyzw"[component.value] ?? "w"}`;
      return `${loaded}[${code.at(component)}]`;
    }
    const together = four(last, lane);
    if (rest.some((each) => four(each, lane) !== "same") || together === undefined) return this.#apart(n, coords);
    if (together === "same") return this.#splat(n, coords);
    return code.named(asLoaded(n, lying, code.load(lying, row, code.at(quotient(last, 4)))));
  }

  #computed(n: Node, coords: readonly At[], lanes: Lanes): string {
    const code = this.#code;
    if (inTable(view, n.op)) return this.#viewed(n as NodeOf<keyof View>, coords, lanes);
    if (isElementwise(n.op)) return this.#pointwise(n, coords, lanes, writers[n.op]);
    switch (n.op) {
      case "constant":
        return lanes === 4 ? vec4(n.type.dtype, literal(code, n)) : literal(code, n);
      case "iota":
        return lanes === 4 ? this.#apart(n, coords) : `i32(${code.at(coords[0]!)})`;
      case "gather":
        return this.#gathered(n, coords, lanes);
      case "concat":
        return this.#joined(n, coords, lanes);
      case "rmsNorm":
      case "layerNorm":
        return this.#normed(n, coords, lanes);
      case "rotary":
        return this.#turned(n, coords, lanes);
      default:
        throw new Error(`${n.op} is not written in place`);
    }
  }

  #viewed(n: NodeOf<keyof View>, coords: readonly At[], lanes: Lanes): string {
    const source = n.src[0]!;
    const from = viewCoords(n.op, n.attrs, source.type.shape, coordinates, coords);
    if (lanes === 1) return this.render(source, from, 1);
    const kinds = from.map((at) => four(at, lane));
    // Neighbours that a view takes apart may still be loaded alike further down; but not by what it does not tell.
    if (kinds.includes(undefined) || kinds.slice(0, -1).includes("next")) return this.#apart(n as Node, coords);
    return this.render(source, from, 4);
  }

  #pointwise(n: Node, coords: readonly At[], lanes: Lanes, write: Write): string {
    const operands = n.src.map((s) => {
      const shape = s.type.shape;
      const aligned = coords.slice(coords.length - shape.length);
      return this.render(
        s,
        aligned.map((at, axis) => (same(shape[axis]!, 1) ? number(0) : at)),
        lanes,
      );
    });
    return write(this.#code, operands, n, lanes);
  }

  #gathered(n: NodeOf<"gather">, coords: readonly At[], lanes: Lanes): string {
    const [table, index] = n.src as [Node, Node];
    const rank = index.type.shape.length;
    const outer = coords.slice(0, rank);
    if (lanes === 4 && outer.some((at) => four(at, lane) !== "same")) return this.#apart(n, coords);
    return this.#row(table, index, outer, coords.slice(rank), lanes);
  }

  #joined(n: NodeOf<"concat">, coords: readonly At[], lanes: Lanes): string {
    const { axis } = n.attrs;
    const at = coords[axis]!;
    const across = lanes === 4 && four(at, lane) !== "same";
    const sizes = n.src.map((s) => s.type.shape[axis]!);
    if (across && sizes.some((size) => typeof size !== "number" || size % 4 !== 0)) return this.#apart(n, coords);
    const index = this.#code.named(this.#code.at(at), "i");
    let start: Dim = 0;
    let text: string | undefined;
    for (const s of n.src) {
      const size = s.type.shape[axis]!;
      // Kept within the operand, so that what is not chosen reads nothing that is not there.
      const own = this.#within(index, start, size, across);
      const value = this.render(s, coords.with(axis, own), lanes);
      text = text === undefined ? value : `select(${text}, ${value}, ${index} >= ${this.#code.size(start)})`;
      start = add(start, size);
    }
    return text!;
  }
  #within(index: string, start: Dim, size: Dim, across: boolean): At {
    const code = this.#code;
    const last = across ? offset(number(0), (size as number) - 4) : offset(number(0), sub(size, 1));
    const text = code.named(`min(max(${index}, ${code.size(start)}) - ${code.size(start)}, ${code.at(last)})`, "i");
    return across ? join(dataAt(`(${text} / 4u)`, Math.ceil((size as number) / 4)), 4, lane) : dataAt(text, size);
  }

  #normed(n: Norm, coords: readonly At[], lanes: Lanes): string {
    const [x, w, bias] = n.src as readonly Node[];
    const statistics = this.#to.statistics(n, coords.slice(0, -1));
    const value = this.render(x!, coords, lanes);
    const column = [coords.at(-1)!];
    const centred = n.op === "rmsNorm" ? value : `(${value} - ${statistics}.y)`;
    const scaled = w === undefined ? "" : ` * ${this.render(w, column, lanes)}`;
    const moved = bias === undefined ? "" : ` + ${this.render(bias, column, lanes)}`;
    return `${centred} * ${statistics}.x${scaled}${moved}`;
  }

  /** Pairs of numbers turned by the angle of their row: the other of a pair is half a head away, or beside it. */
  #turned(n: NodeOf<"rotary">, coords: readonly At[], lanes: Lanes): string {
    const [b, r, c] = coords as [At, At, At];
    const width = (n.type.shape[2] as number) / n.attrs.heads;
    const head = quotient(c, width);
    const e = remainder(c, width);
    const half = width / 2;
    const turn = ([first, second]: readonly [At, At], pair: At, isFirst: boolean | string): string => {
      const [x, cos, sin, position] = n.src as [Node, Node, Node, Node];
      const [p, q] = [first, second].map((to) => this.render(x, [b, r, join(head, width, to)], lanes));
      const [cs, sn] = [cos, sin].map((table) => this.#row(table, position, [b, r], [pair], lanes));
      const [one, other] = [`${p} * ${cs} - ${q} * ${sn}`, `${q} * ${cs} + ${p} * ${sn}`];
      if (typeof isFirst === "string") return `select(${other}, ${one}, ${isFirst})`;
      return isFirst ? one : other;
    };
    const code = this.#code;
    if (n.attrs.interleaved) {
      if (lanes === 4) return this.#apart(n, coords);
      const pair = quotient(e, 2);
      const sides = [join(pair, 2, number(0)), join(pair, 2, number(1))] as const;
      return turn(sides, pair, `${code.at(remainder(e, 2))} == 0u`);
    }
    const known = boundOf(e) !== undefined && isBelow(e, half) ? true : leastOf(e) >= half ? false : undefined;
    if (lanes === 4 && (known === undefined || half % 4 !== 0 || four(e, lane) !== "next"))
      return this.#apart(n, coords);
    const pair =
      known === true
        ? e
        : known === false
          ? offset(e, -half)
          : dataAt(code.named(`(${code.at(e)}) % ${half}u`, "i"), half);
    return turn([pair, offset(pair, half)], pair, known ?? `(${code.at(e)}) < ${half}u`);
  }

  /** A row of a table that an index names: as the runtime looked it up, or read there. */
  #row(table: Node, index: Node, outer: readonly At[], inner: readonly At[], lanes: Lanes): string {
    const found = this.#to.looked(table, index);
    if (found !== undefined) return this.render(found, [...outer, ...inner], lanes);
    const at = this.#code.named(`u32(${this.render(index, outer, 1)})`, "g");
    const row = this.#to.parted?.(table, at) ?? dataAt(at, table.type.shape[0]!);
    return this.render(table, [row, ...inner], lanes);
  }
}

/** The coordinates of a node where it lies: a single number in a row of its own. */
const asLying = ({ heap, shape }: Lying, coords: readonly At[]): readonly At[] =>
  heap === "keys" ? rowByRow(coords) : [...coords, ...Array<At>(shape.length - coords.length).fill(number(0))];

/** What was loaded, by the node's own type: what kernels compute is kept as f32, whatever it is. */
const asLoaded = ({ type: { dtype } }: Node, { stored }: Lying, loaded: string): string => {
  if (dtype === "bool") return `(${loaded} != vec4<f32>(0.0))`;
  return dtype === "i32" && stored !== "i32" ? `vec4<i32>(${loaded})` : loaded;
};

const literal = (code: Code, { attrs: { value, dtype } }: NodeOf<"constant">): string => {
  if (dtype === "bool") return value === 0 ? "false" : "true";
  if (dtype === "i32") return value < 0 ? `i32(${value})` : `${value}i`;
  const rounded = Math.fround(value);
  if (Number.isNaN(rounded)) return code.call("none");
  if (!Number.isFinite(rounded)) return rounded > 0 ? code.call("infinity") : `(-${code.call("infinity")})`;
  return `${decimal(rounded)}f`;
};

type Write = (code: Code, operands: readonly string[], n: Node, lanes: Lanes) => string;
const infix =
  (sign: string): Write =>
  (_code, [x, y]) =>
    `(${x} ${sign} ${y})`;
const called =
  (name: string): Write =>
  (_code, operands) =>
    `${name}(${operands.join(", ")})`;
/** A function of vec4s, of which a single number takes one lane. */
const guarded =
  (name: FunctionName): Write =>
  (code, operands, _n, lanes) =>
    lanes === 4 ? code.call(name, ...operands) : `${code.call(name, ...operands.map((x) => `vec4<f32>(${x})`))}.x`;

const writers: { readonly [K in keyof Pointwise | "silu" | "gelu" | "geluTanh"]: Write } = {
  add: infix("+"),
  sub: infix("-"),
  mul: infix("*"),
  div: infix("/"),
  max: called("max"),
  min: called("min"),
  pow: guarded("pow4"),
  neg: (_code, [x]) => `(-${x})`,
  exp: called("exp"),
  log: guarded("log4"),
  sqrt: called("sqrt"),
  tanh: guarded("tanh4"),
  sigmoid: guarded("sigmoid4"),
  erf: guarded("erf4"),
  less: infix("<"),
  equal: infix("=="),
  and: infix("&"),
  or: infix("|"),
  not: (_code, [x]) => `(!${x})`,
  where: (_code, [condition, yes, no]) => `select(${no}, ${yes}, ${condition})`,
  cast: (_code, [x], n, lanes) => (lanes === 4 ? vec4(n.type.dtype, x!) : `${TYPES[n.type.dtype]}(${x})`),
  silu: (code, [x], n, lanes) => `(${x} * ${guarded("sigmoid4")(code, [x!], n, lanes)})`,
  gelu: (code, [x], n, lanes) => `(0.5 * ${x} * ${guarded("erfc4")(code, [`(-0.70710678 * ${x})`], n, lanes)})`,
  // 0.5 x (1 + tanh y) is x sigmoid(2 y).
  geluTanh: (code, [x], n, lanes) =>
    `(${x} * ${guarded("sigmoid4")(code, [`(1.5957691216 * (${x} + 0.044715 * ${x} * ${x} * ${x}))`], n, lanes)})`,
};
export const isElementwise = (op: Op): op is keyof typeof writers => Object.hasOwn(writers, op);
