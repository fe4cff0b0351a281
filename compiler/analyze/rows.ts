// Makes rows: interned, so that equal expressions are one object, with their shapes checked by the caller.
import type { At, None, Row, RowOf, RowOp, RowOps } from "./model.ts";

type Rest<K extends RowOp> = None extends RowOps[K] ? [attrs?: RowOps[K]] : [attrs: RowOps[K]];
type Draft = { -readonly [K in keyof RowOf<RowOp>]: RowOf<RowOp>[K] };

export interface Origin {
  readonly at: At;
  readonly path: string;
}
export class Rows {
  readonly #interned = new Map<string, Row>();
  readonly #ids = new Map<Row, number>();
  readonly #heights = new Map<Row, number>();
  /** of the highest row made: how many rows stand on each other */
  height = 0;

  make<K extends RowOp>(
    origin: Origin,
    op: K,
    src: readonly Row[],
    shape: readonly number[],
    ...[attrs]: Rest<K>
  ): RowOf<K> {
    const own = (attrs ?? {}) as RowOps[K];
    // Every call of a function in Graft comes here, and most have no attributes: a text of them is slow to make.
    let key = attrs === undefined ? `${op}(` : `${op}${JSON.stringify(attrs, plain)}(`;
    for (const row of src) key += `${this.#ids.get(row)},`;
    key += `)[${shape.join()}]`;
    const found = this.#interned.get(key);
    if (found) return found as RowOf<K>;
    const index =
      op === "argument" || op === "input" || op === "coordinate"
        ? false
        : src.length > 0 && op !== "lookup" && op !== "extend" && src.every((row) => row.index);
    const name = op === "linear" && src[1]?.op === "weight" ? src[1].attrs.weight.path.replace(/.*\./, "") : undefined;
    const row = { op, src, attrs: own, shape, index, name, ...origin } as unknown as Row;
    this.#interned.set(key, row);
    this.#ids.set(row, this.#ids.size);
    const height = src.reduce((most, below) => Math.max(most, this.#heights.get(below) ?? 0), 0) + 1;
    this.#heights.set(row, height);
    this.height = Math.max(this.height, height);
    return row as RowOf<K>;
  }
  /** An integer leaf: a token's id, a label. */
  index<K extends "argument" | "input">(origin: Origin, op: K, attrs: RowOps[K]): RowOf<K> {
    const row = this.make(origin, op, [], [], ...([attrs] as unknown as Rest<K>));
    (row as unknown as Draft).index = true;
    return row;
  }
  number(origin: Origin, value: number): RowOf<"number"> {
    return this.make(origin, "number", [], [], { value });
  }
  /** An integer known now: a row of a table by its number. */
  indexNumber(origin: Origin, value: number): RowOf<"number"> {
    const key = `index ${value}`;
    const found = this.#interned.get(key);
    if (found) return found as RowOf<"number">;
    const row: RowOf<"number"> = {
      op: "number",
      src: [],
      attrs: { value },
      shape: [],
      index: true,
      name: undefined,
      ...origin,
    };
    this.#interned.set(key, row);
    this.#ids.set(row, this.#ids.size);
    return row;
  }
  /** Names a row for people; the first name stays. */
  name(row: Row, name: string): void {
    (row as unknown as Draft).name ??= name;
  }
}
/** Weights and inputs are known by their names; NaN and the infinities, which JSON writes as null, by their text. */
const plain = (key: string, value: unknown): unknown => {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if ((key === "weight" || key === "input") && typeof value === "object" && value !== null) {
    return "path" in value ? value.path : (value as { name: string }).name;
  }
  return value;
};
