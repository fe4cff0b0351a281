// Where a value of a program lies, and how its numbers are found there: in rows of whole vec4s, padded with zeros. A value
// whose last axis is as long as a call decides has each number in a row of its own.
import { type Dim, product, terms } from "../../ir/dim.ts";
import type { Heap, Size, Stored } from "../../../runtime/plan.ts";

export interface Place {
  readonly heap: Heap;
  readonly stored: Stored;
}
export interface Lying extends Place {
  /** index into the values of its program */
  readonly index: number;
  /** with a last axis that is a number */
  readonly shape: readonly Dim[];
  /** vec4s of a row */
  readonly quads: number;
}

export const lyingAt = (index: number, { heap, stored }: Place, shape: readonly Dim[]): Lying => {
  const whole = storedShape(heap === "keys" ? rowByRow(shape) : shape);
  return { index, heap, stored, shape: whole, quads: quadsOf(whole) };
};

/** `[batch, heads, rows, width]` as keys and values of past rows lie: those of a row together. */
export const rowByRow = <T>([batch, heads, rows, width]: readonly T[]): readonly T[] => [batch!, rows!, heads!, width!];

/** The shape by which a value is stored. */
export const storedShape = (shape: readonly Dim[]): readonly Dim[] =>
  typeof shape.at(-1) === "number" ? shape : [...shape, 1];
export const widthOf = (shape: readonly Dim[]): number => storedShape(shape).at(-1) as number;
export const quadsOf = (shape: readonly Dim[]): number => Math.ceil(widthOf(shape) / 4);
export const rowsOf = (shape: readonly Dim[]): Dim => product(storedShape(shape).slice(0, -1));

export const sizeOf = (d: Dim): Size =>
  typeof d === "number" ? d : terms(d).map(({ coefficient, names }) => [coefficient, ...names] as const);
