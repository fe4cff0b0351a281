// Checks of JSON values, composed like the types they establish. A check returns the value as its type or reports the
// place and what must stand there; unknown and missing members are faults, so that a type never holds more than it says.
import type { Json } from "./json.ts";
import { isPlainName } from "./plainName.ts";
import { quote } from "./quote.ts";

/** Called with the place (`programs[0].file`) and what it must be; does not return. */
export type Report = (where: string, what: string) => never;
export type Check<T> = (json: Json | undefined, report: Report, where?: string) => T;

const member = (where: string, key: string): string => (where === "" ? key : `${where}.${key}`);

/** A check by a condition on one value. */
const plain =
  <T extends Json>(what: string, holds: (json: Json | undefined) => json is T): Check<T> =>
  (json, report, where = "") =>
    holds(json) ? json : report(where, what);

const matching = (what: string, pattern: RegExp, longest: number): Check<string> =>
  plain(what, (json): json is string => typeof json === "string" && json.length <= longest && pattern.test(json));

export const string: Check<string> = plain("a text", (json): json is string => typeof json === "string");
export const number: Check<number> = plain("a number", (json): json is number => typeof json === "number");

export const integer = (least: number, most: number): Check<number> =>
  plain(
    `a whole number from ${least} to ${most}`,
    (json): json is number => Number.isSafeInteger(json) && (json as number) >= least && (json as number) <= most,
  );

/** A dotted name: `image.patch`. */
export const identifier: Check<string> = matching(
  "a name",
  /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/,
  256,
);
/** One component of a path: a file of the same folder. */
export const path: Check<string> = plain(
  "a file name without a folder",
  (json): json is string => typeof json === "string" && isPlainName(json),
);
export const sha256: Check<string> = matching("64 hexadecimal digits", /^[0-9a-f]{64}$/, 64);

export const oneOf = <const T extends string | null>(...values: readonly T[]): Check<T> =>
  plain(values.map((value) => JSON.stringify(value)).join(" or "), (json): json is T =>
    values.some((value) => value === json),
  );

/** A list of at most `longest` items. */
export const array =
  <T>(item: Check<T>, longest: number): Check<readonly T[]> =>
  (json, report, where = "") =>
    Array.isArray(json) && json.length <= longest
      ? (json as readonly Json[]).map((value, i) => item(value, report, `${where}[${i}]`))
      : report(where, `a list of at most ${longest}`);

/** Exactly these members. */
export const object =
  <T extends object>(members: { readonly [K in keyof T]: Check<T[K]> }): Check<T> =>
  (json, report, where = "") => {
    if (!(json instanceof Map)) return report(where, "an object");
    const keys = Object.keys(members) as (keyof T & string)[];
    const unknown = [...(json as ReadonlyMap<string, Json>).keys()].find((key) => !Object.hasOwn(members, key));
    if (unknown !== undefined) return report(member(where, quote(unknown)), "absent: it is unknown");
    const read = (key: keyof T & string) =>
      members[key]((json as ReadonlyMap<string, Json>).get(key), report, member(where, key));
    return Object.fromEntries(keys.map((key) => [key, read(key)])) as T;
  };

/** One of several objects, told apart by their member `is`. */
export const variant =
  <T extends { readonly is: string }>(variants: {
    readonly [K in T["is"]]: Check<Extract<T, { readonly is: K }>>;
  }): Check<T> =>
  (json, report, where = "") => {
    if (!(json instanceof Map)) return report(where, "an object");
    const is = oneOf(...(Object.keys(variants) as T["is"][]))(
      (json as ReadonlyMap<string, Json>).get("is"),
      report,
      member(where, "is"),
    );
    const check: Check<Extract<T, { readonly is: T["is"] }>> = variants[is];
    return check(json, report, where);
  };

export const nullable =
  <T>(check: Check<T>): Check<T | null> =>
  (json, report, where = "") =>
    json === null ? null : check(json, report, where);
