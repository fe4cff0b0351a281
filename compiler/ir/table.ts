// The numbers of a `Table`: computed in f64 and rounded once, so that no device ever computes an angle.
import type { Kernel, RotaryScaling, Table } from "./vocabulary.ts";

/** The shape `[rows, columns]` of a table. */
export const tableShape = (table: Table): readonly [number, number] => {
  if (table.dim % 2 !== 0) throw new Error(`a ${table.kind} table needs an even width, not ${table.dim}`);
  switch (table.kind) {
    case "rotary":
      return [table.rows, table.dim / 2];
    case "coordinate":
      return [table.rows, table.dim];
    default:
      throw new Error(`no such table: ${String(table satisfies never)}`);
  }
};

/** Every program of a model asks for the same tables. */
const made = new WeakMap<Table, Float32Array>();

/** The values, row by row; not to be written to. */
export const tableValues = (table: Table): Float32Array => {
  const values = made.get(table) ?? computed(table);
  made.set(table, values);
  return values;
};
const computed = (table: Table): Float32Array => {
  const [rows, columns] = tableShape(table);
  const cell = cellOf(table);
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) values[row * columns + column] = cell(row, column);
  return values;
};

/** `a ** b` of a positive number. Versions of V8 round `**` differently, exp and log alike: the same bytes everywhere. */
const power = (a: number, b: number): number => Math.exp(b * Math.log(a));

/** Angles per step of a rotary embedding: `theta^(-2k / dim)`, k = 0 .. dim / 2 - 1, scaled where asked. */
export const rotaryFrequencies = (dim: number, theta: number, scaling?: RotaryScaling): number[] =>
  Array.from({ length: dim / 2 }, (_, k) => scale(power(theta, (-2 * k) / dim), scaling));

/** What `sinusoid` multiplies a number with, one for each pair of columns. */
export const sinusoidFrequencies = ({ dim, period, divisor, scale }: Kernel["sinusoid"]): number[] =>
  Array.from({ length: dim / 2 }, (_, k) => scale * power(period, -k / divisor));

const cellOf = (table: Table): ((row: number, column: number) => number) => {
  if (table.kind === "rotary") {
    const frequency = rotaryFrequencies(table.dim, table.theta, table.scaling);
    const wave = table.part === "cos" ? Math.cos : Math.sin;
    return (row, column) => wave(row * frequency[column]!);
  }
  const half = table.dim / 2;
  return (row, column) => {
    const angle = row * power(table.period, -(column % half) / half);
    return column < half ? Math.sin(angle) : Math.cos(angle);
  };
};

/** llama3: long waves are stretched by `factor`, short ones kept, those between blended. */
const scale = (frequency: number, scaling: RotaryScaling | undefined): number => {
  if (scaling === undefined) return frequency;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength > scaling.original / scaling.low) return frequency / scaling.factor;
  if (wavelength < scaling.original / scaling.high) return frequency;
  const smooth = (scaling.original / wavelength - scaling.low) / (scaling.high - scaling.low);
  return ((1 - smooth) * frequency) / scaling.factor + smooth * frequency;
};
