// Coordinates as expressions of WGSL that know what they are: so that splitting an axis and joining it again leaves
// nothing to compute, four neighbours are seen to be one vec4, and the part of a value that a part of a grid reads is known.
import { add as addDims, type Dim, divExact, mul, same, show, sub } from "../../ir/dim.ts";
import type { Index } from "../../ir/view.ts";

/** An unsigned integer of WGSL. */
export type At =
  | { readonly is: "number"; readonly value: number; readonly key: string }
  /** below `size`; `axis`: it is a unit of that axis of the grid; else it runs in a loop of the kernel */
  | {
      readonly is: "name";
      readonly name: string;
      readonly size: Dim;
      readonly axis: Axis | undefined;
      readonly key: string;
    }
  /** read from data: a row that an index names */
  | { readonly is: "data"; readonly text: string; readonly size: Dim; readonly key: string }
  | { readonly is: "add"; readonly of: At; readonly offset: Dim; readonly key: string }
  /** `of * size + rest`, rest below size */
  | { readonly is: "join"; readonly of: At; readonly size: Dim; readonly rest: At; readonly key: string }
  | { readonly is: "quotient" | "remainder"; readonly of: At; readonly size: Dim; readonly key: string };
export type Axis = 0 | 1 | 2;

export const number = (value: number): At => ({ is: "number", value, key: String(value) });
const zero = number(0);
/** A unit of an axis of the grid. The only unit is 0, so that coordinates of it are written alike everywhere. */
export const axisAt = (name: string, size: Dim, axis: Axis): At =>
  same(size, 1) ? zero : { is: "name", name, size, axis, key: name };
export const loopAt = (name: string, size: Dim): At =>
  same(size, 1) ? zero : { is: "name", name, size, axis: undefined, key: name };
export const dataAt = (text: string, size: Dim): At => ({ is: "data", text, size, key: `[${text}]` });
/** Of four neighbours the first: coordinates that contain it run over a vec4. */
export const lane: At = { is: "name", name: "0u", size: 4, axis: undefined, key: "lane" };
const isLane = (at: At): boolean => at.key === lane.key;
const isNumber = (at: At, value: number): boolean => at.is === "number" && at.value === value;
export const sameAt = (a: At, b: At): boolean => a.key === b.key;

export const offset = (of: At, by: Dim): At => {
  if (same(by, 0)) return of;
  if (of.is === "number" && typeof by === "number") return number(of.value + by);
  if (of.is === "add") return offset(of.of, addDims(of.offset, by));
  // Whole vec4s further are still seen to be neighbours.
  const fours = isLane(of) ? divExact(by, 4) : undefined;
  if (typeof fours === "number") return join(number(fours), 4, lane);
  const whole = of.is === "join" ? divExact(by, of.size) : undefined;
  if (of.is === "join" && whole !== undefined) return join(offset(of.of, whole), of.size, of.rest);
  return { is: "add", of, offset: by, key: `(${of.key} + ${show(by)})` };
};
export const join = (of: At, size: Dim, rest: At): At => {
  if (same(size, 1)) return of;
  if (of.is === "number" && rest.is === "number" && typeof size === "number")
    return number(of.value * size + rest.value);
  if (isNumber(of, 0)) return rest;
  // (x / s) * s + x % s is x, and (x / s) % t * s + x % s is x % (t * s); where x is itself a quotient, x / s is one.
  if (rest.is === "remainder" && same(rest.size, size)) {
    const above = quotient(rest.of, size);
    if (sameAt(of, above)) return rest.of;
    if (of.is === "remainder" && sameAt(of.of, above)) return remainder(rest.of, mul(of.size, size));
  }
  // Nested one way only, so that equal coordinates have equal keys.
  const outer = rest.is === "join" ? divExact(size, rest.size) : undefined;
  if (rest.is === "join" && outer !== undefined) return join(join(of, outer, rest.of), rest.size, rest.rest);
  // (a * s + b) * t + c, where b * t + c is whole again
  if (of.is === "join") {
    const inner = join(of.rest, size, rest);
    if (inner.is !== "join") return join(of.of, mul(of.size, size), inner);
  }
  return { is: "join", of, size, rest, key: `(${of.key} * ${show(size)} + ${rest.key})` };
};
export const quotient = (of: At, size: Dim): At => {
  if (same(size, 1)) return of;
  if (of.is === "number" && typeof size === "number") return number(Math.floor(of.value / size));
  if (isBelow(of, size)) return zero;
  if (of.is === "join") {
    if (same(of.size, size)) return of.of;
    const more = divExact(of.size, size);
    if (more !== undefined && same(mul(more, size), of.size)) return join(of.of, more, quotient(of.rest, size));
    const fewer = divExact(size, of.size);
    if (fewer !== undefined) return quotient(of.of, fewer);
  }
  if (of.is === "quotient") return quotient(of.of, mul(of.size, size));
  const parts = of.is === "remainder" ? divExact(of.size, size) : undefined;
  if (of.is === "remainder" && parts !== undefined) return remainder(quotient(of.of, size), parts);
  return { is: "quotient", of, size, key: `(${of.key} / ${show(size)})` };
};
export const remainder = (of: At, size: Dim): At => {
  if (same(size, 1)) return zero;
  if (of.is === "number" && typeof size === "number") return number(of.value % size);
  if (isBelow(of, size)) return of;
  if (of.is === "join") {
    if (same(of.size, size)) return of.rest;
    if (divExact(of.size, size) !== undefined) return remainder(of.rest, size);
    const fewer = divExact(size, of.size);
    if (fewer !== undefined) return join(remainder(of.of, fewer), of.size, of.rest);
  }
  if (of.is === "remainder" && divExact(of.size, size) !== undefined) return remainder(of.of, size);
  return { is: "remainder", of, size, key: `(${of.key} % ${show(size)})` };
};

/** Whether it is known to be below `size`. */
export const isBelow = (at: At, size: Dim): boolean => {
  const bound = boundOf(at);
  if (bound === undefined) return false;
  return same(bound, size) || (typeof bound === "number" && typeof size === "number" && bound <= size);
};
/** A number that it is at least. */
export const leastOf = (at: At): number => {
  if (at.is === "number") return at.value;
  if (at.is === "add" && typeof at.offset === "number") return leastOf(at.of) + at.offset;
  return at.is === "join" && typeof at.size === "number" ? leastOf(at.of) * at.size + leastOf(at.rest) : 0;
};
/** A size that it is below. */
export const boundOf = (at: At): Dim | undefined => {
  switch (at.is) {
    case "number":
      return at.value + 1;
    case "name":
    case "data":
      return at.size;
    case "add": {
      const bound = boundOf(at.of);
      return bound === undefined ? undefined : addDims(bound, at.offset);
    }
    case "join": {
      const bound = boundOf(at.of);
      return bound === undefined ? undefined : mul(bound, at.size);
    }
    case "remainder":
      return at.size;
    case "quotient": {
      const bound = boundOf(at.of);
      return bound === undefined ? undefined : divExact(bound, at.size);
    }
    default:
      throw new Error(`no such coordinate: ${String(at satisfies never)}`);
  }
};

/** For the views of the IR. */
export const coordinates: Index<At> = { zero, add: offset, join, quotient, remainder };

/** The neighbour that `lane` names, `by` further than the first. */
export const advanced = (at: At, lane: At, by: number): At => {
  if (sameAt(at, lane)) return number(by);
  switch (at.is) {
    case "number":
    case "name":
    case "data":
      return at;
    case "add":
      return offset(advanced(at.of, lane, by), at.offset);
    case "join":
      return join(advanced(at.of, lane, by), at.size, advanced(at.rest, lane, by));
    case "quotient":
      return quotient(advanced(at.of, lane, by), at.size);
    case "remainder":
      return remainder(advanced(at.of, lane, by), at.size);
    default:
      throw new Error(`no such coordinate: ${String(at satisfies never)}`);
  }
};

const inFours = (d: Dim): boolean => divExact(d, 4) !== undefined || same(d, 0);
/**
 * What four neighbours from a multiple of 4 of `lane` on are: "same", or "next" to each other from a multiple of 4 on;
 * undefined where they are neither.
 */
export const four = (at: At, lane: At): "same" | "next" | undefined => {
  if (sameAt(at, lane)) return "next";
  switch (at.is) {
    case "number":
    case "name":
    case "data":
      return "same";
    case "add": {
      const of = four(at.of, lane);
      return of === "next" && !inFours(at.offset) ? undefined : of;
    }
    case "join": {
      const [of, rest] = [four(at.of, lane), four(at.rest, lane)];
      if (of !== "same") return undefined;
      return rest === "next" && !inFours(at.size) ? undefined : rest;
    }
    case "quotient": {
      const of = four(at.of, lane);
      return of === "next" ? (inFours(at.size) ? "same" : undefined) : of;
    }
    case "remainder": {
      const of = four(at.of, lane);
      return of === "next" && !inFours(at.size) ? undefined : of;
    }
    default:
      throw new Error(`no such coordinate: ${String(at satisfies never)}`);
  }
};

/** `times` a unit of an axis of the grid, or of as many as `per` units each. */
export interface SpanTerm {
  readonly axis: Axis;
  readonly per: Dim;
  readonly times: Dim;
}
/** From `from` and the terms on, as many as `rows`. */
export interface Span {
  readonly terms: readonly SpanTerm[];
  readonly rows: Dim;
  readonly from: Dim;
}
const spanned = (terms: readonly SpanTerm[], rows: Dim, from: Dim): Span => ({ terms, rows, from });
/** What a coordinate runs over; undefined where that is not simple. */
export const spanOf = (at: At): Span | undefined => {
  switch (at.is) {
    case "number":
      return spanned([], 1, at.value);
    case "name":
      // A row never runs over the lane: where it names it, it means its beginning.
      if (isLane(at)) return spanned([], 1, 0);
      return at.axis === undefined ? spanned([], at.size, 0) : spanned([{ axis: at.axis, per: 1, times: 1 }], 1, 0);
    case "add": {
      const of = spanOf(at.of);
      return of && { ...of, from: addDims(of.from, at.offset) };
    }
    case "join": {
      const [of, rest] = [spanOf(at.of), spanOf(at.rest)];
      if (of === undefined || rest === undefined) return undefined;
      const scaled = of.terms.map((term) => ({ ...term, times: mul(term.times, at.size) }));
      const rows = addDims(mul(sub(of.rows, 1), at.size), rest.rows);
      return spanned(joined([...scaled, ...rest.terms]), rows, addDims(mul(of.from, at.size), rest.from));
    }
    case "data":
    case "remainder":
      // Not a multiple of a unit: all that it may be.
      return spanned([], at.size, 0);
    case "quotient": {
      const of = spanOf(at.of);
      const [term, other] = of?.terms ?? [];
      if (of === undefined || term === undefined || other !== undefined) return undefined;
      if (!same(of.rows, 1) || !same(of.from, 0) || !same(term.times, 1)) return undefined;
      return spanned([{ ...term, per: mul(term.per, at.size) }], 1, 0);
    }
    default:
      throw new Error(`no such coordinate: ${String(at satisfies never)}`);
  }
};
/** Terms of the same units added up. */
const joined = (terms: readonly SpanTerm[]): SpanTerm[] => {
  const found: SpanTerm[] = [];
  for (const term of terms) {
    const i = found.findIndex(({ axis, per }) => axis === term.axis && same(per, term.per));
    if (i < 0) found.push(term);
    else found[i] = { ...term, times: addDims(found[i]!.times, term.times) };
  }
  return found;
};

/** As WGSL; `size` gives a size as WGSL. */
export const textOf = (at: At, size: (d: Dim) => string): string => {
  const text = (of: At): string => textOf(of, size);
  switch (at.is) {
    case "number":
      return `${at.value}u`;
    case "name":
      return at.name;
    case "data":
      return at.text;
    case "add":
      return isLane(at.of) ? size(at.offset) : `(${text(at.of)} + ${size(at.offset)})`;
    case "join":
      return isNumber(at.rest, 0) || isLane(at.rest)
        ? `${text(at.of)} * ${size(at.size)}`
        : `(${text(at.of)} * ${size(at.size)} + ${text(at.rest)})`;
    case "quotient":
      return `${text(at.of)} / ${size(at.size)}`;
    case "remainder":
      return `${text(at.of)} % ${size(at.size)}`;
    default:
      throw new Error(`no such coordinate: ${String(at satisfies never)}`);
  }
};
