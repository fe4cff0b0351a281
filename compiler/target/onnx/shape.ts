// Shapes in a graph whose dimensions are free: constant wherever Reshape's 0 (as it was) and -1 (the rest) can say them,
// else int64 vectors read off the shapes of the program's inputs, each distinct one once.
import { type Dim, names, same, sameShape, show, sym, terms } from "../../ir/dim.ts";
import type { Sheet, Value } from "./sheet.ts";

export class Shapes {
  readonly #sheet: Sheet;
  readonly #sources = new Map<string, { readonly input: Value; readonly axis: number }>();

  constructor(sheet: Sheet) {
    this.#sheet = sheet;
  }

  /** Free dimensions that stand alone in this input's shape are read off it from now on. */
  learn(input: Value): void {
    for (const [axis, d] of input.type.shape.entries()) {
      const [name] = names(d);
      if (name !== undefined && same(d, sym(name)) && !this.#sources.has(name))
        this.#sources.set(name, { input, axis });
    }
  }

  /** The int64 vector of `dims`. */
  vector(dims: readonly Dim[]): Value {
    if (dims.every((d) => typeof d === "number")) return this.#sheet.constant("i64", [dims.length], dims);
    return this.#once(dims.map(show).join(), () => {
      const parts = this.#parts(dims);
      if (parts.length === 1) return parts[0]!;
      return this.#sheet.node("Concat", parts, { dtype: "i64", shape: [dims.length] }, { axis: 0 });
    });
  }

  /** `x` in another shape of as many elements. */
  reshape(x: Value, to: readonly Dim[]): Value {
    if (sameShape(x.type.shape, to)) return x;
    const kept = to.map((d, i): Dim =>
      typeof d !== "number" && i < x.type.shape.length && same(d, x.type.shape[i]!) ? 0 : d,
    );
    const free = [...kept.keys()].filter((i) => typeof kept[i] !== "number");
    // The one that would be hardest to compute is left to Reshape.
    const rest = free.find((i) => this.#source(kept[i]!) === undefined) ?? free[0];
    const shape = rest === undefined ? kept : kept.with(rest, -1);
    return this.#sheet.node("Reshape", [x, this.vector(shape)], { dtype: x.type.dtype, shape: to });
  }

  /** Constants and what one Shape gives are taken in runs. */
  #parts(dims: readonly Dim[]): Value[] {
    const parts: Value[] = [];
    for (let i = 0; i < dims.length;) {
      const length = this.#run(dims, i);
      const run = dims.slice(i, i + length);
      parts.push(run.every((d) => typeof d === "number") ? this.vector(run) : this.#value(run));
      i += length;
    }
    return parts;
  }
  /** How many dimensions from `start` on are constants, or consecutive axes of one input. */
  #run(dims: readonly Dim[], start: number): number {
    const first = dims[start]!;
    const source = this.#source(first);
    let end = start + 1;
    if (typeof first === "number") while (typeof dims[end] === "number") end++;
    else if (source !== undefined)
      while (end < dims.length && same(dims[end]!, source.input.type.shape[source.axis + end - start] ?? 0)) end++;
    return end - start;
  }
  #value(dims: readonly Dim[]): Value {
    return this.#once(dims.map(show).join(), () => {
      const source = this.#source(dims[0]!);
      if (source === undefined) return this.#polynomial(dims[0]!);
      const { input, axis } = source;
      const type = { dtype: "i64", shape: [dims.length] } as const;
      return this.#sheet.node("Shape", [input], type, { start: axis, end: axis + dims.length });
    });
  }
  #polynomial(d: Dim): Value {
    const type = { dtype: "i64", shape: [1] } as const;
    const apply = (op: string) => (a: Value, b: Value) => this.#sheet.node(op, [a, b], type);
    const products = terms(d).map(({ coefficient, names: factors }) => {
      const values = factors.map((name) => this.#value([sym(name)]));
      const all = coefficient === 1 && values.length > 0 ? values : [...values, this.vector([coefficient])];
      return all.reduce(apply("Mul"));
    });
    return products.reduce(apply("Add"));
  }
  /** The input a dimension stands alone in; throws where no input has it at all. */
  #source(d: Dim): { readonly input: Value; readonly axis: number } | undefined {
    for (const name of names(d)) if (!this.#sources.has(name)) throw new Error(`no input has the dimension ${name}`);
    const [name] = names(d);
    return name !== undefined && same(d, sym(name)) ? this.#sources.get(name) : undefined;
  }
  #once(text: string, make: () => Value): Value {
    const at = this.#sheet.origin?.at ?? "";
    return this.#sheet.once(`shape ${text}`, () => this.#sheet.under({ path: `shape/${text}`, at }, make));
  }
}
