// Checks of JSON values, composed like the types they establish. A check returns the value as its type or reports the
// place and what must stand there; unknown and missing members are faults, so that a type never holds more than it says.
// Each also has its JSON Schema, so that what is published is what is checked.
import type { Json } from "./json.ts";
import { isPlainName } from "./plainName.ts";
import { quote } from "./quote.ts";

/** Called with the place (`programs[0].file`) and what it must be; does not return. */
export type Report = (where: string, what: string) => never;
/** A JSON Schema (2020-12). */
export type Form = Readonly<Record<string, unknown>>;
export interface Check<T> {
  (json: Json | undefined, report: Report, where?: string): T;
  readonly form: Form;
  /** a member of an object that may be absent */
  readonly optional?: true;
}

const checking = <T>(form: Form, check: (json: Json | undefined, report: Report, where: string) => T): Check<T> =>
  Object.assign((json: Json | undefined, report: Report, where = "") => check(json, report, where), { form });

const member = (where: string, key: string): string => (where === "" ? key : `${where}.${key}`);

/** A check by a condition on one value. */
const plain = <T extends Json>(form: Form, what: string, holds: (json: Json | undefined) => json is T): Check<T> =>
  checking(form, (json, report, where) => (holds(json) ? json : report(where, what)));

const matching = (what: string, pattern: RegExp, longest: number): Check<string> =>
  plain(
    { type: "string", pattern: pattern.source, maxLength: longest },
    what,
    (json): json is string => typeof json === "string" && json.length <= longest && pattern.test(json),
  );

export const string: Check<string> = plain(
  { type: "string" },
  "a text",
  (json): json is string => typeof json === "string",
);
export const number: Check<number> = plain(
  { type: "number" },
  "a number",
  (json): json is number => typeof json === "number",
);
export const boolean: Check<boolean> = plain(
  { type: "boolean" },
  "true or false",
  (json): json is boolean => typeof json === "boolean",
);

export const integer = (least: number, most: number): Check<number> =>
  plain(
    { type: "integer", minimum: least, maximum: most },
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
  { type: "string", pattern: "^(?!\\.+$)[A-Za-z0-9_.+-]+$", maxLength: 255 },
  "a file name without a folder",
  (json): json is string => typeof json === "string" && isPlainName(json),
);
export const sha256: Check<string> = matching("64 hexadecimal digits", /^[0-9a-f]{64}$/, 64);

export const oneOf = <const T extends string | null>(...values: readonly T[]): Check<T> =>
  plain({ enum: values }, values.map((value) => JSON.stringify(value)).join(" or "), (json): json is T =>
    values.some((value) => value === json),
  );

/** A text of at most `longest` characters. */
export const text = (longest: number): Check<string> =>
  plain(
    { type: "string", maxLength: longest },
    `a text of at most ${longest} characters`,
    (json): json is string => typeof json === "string" && json.length <= longest,
  );

/** A list of at most `longest` items. */
export const array = <T>(item: Check<T>, longest: number): Check<readonly T[]> =>
  checking({ type: "array", items: item.form, maxItems: longest }, (json, report, where) =>
    Array.isArray(json) && json.length <= longest
      ? (json as readonly Json[]).map((value, i) => item(value, report, `${where}[${i}]`))
      : report(where, `a list of at most ${longest}`),
  );

/** A list of two. */
export const pair = <T>(item: Check<T>): Check<readonly [T, T]> =>
  checking({ type: "array", items: item.form, minItems: 2, maxItems: 2 }, (json, report, where) =>
    Array.isArray(json) && json.length === 2
      ? [item(json[0] as Json, report, `${where}[0]`), item(json[1] as Json, report, `${where}[1]`)]
      : report(where, "a list of two"),
  );

/** A member that may be absent. */
export const optional = <T>(check: Check<T>): Check<T | undefined> =>
  Object.assign(
    checking(check.form, (json, report, where) => (json === undefined ? undefined : check(json, report, where))),
    { optional: true as const },
  );

/** Exactly these members. */
export const object = <T extends object>(members: { readonly [K in keyof T]-?: Check<T[K]> }): Check<T> => {
  const keys = Object.keys(members) as (keyof T & string)[];
  const form = {
    type: "object",
    properties: Object.fromEntries(keys.map((key) => [key, members[key].form])),
    required: keys.filter((key) => !members[key].optional),
    additionalProperties: false,
  };
  return checking(form, (json, report, where) => {
    if (!(json instanceof Map)) return report(where, "an object");
    const given = json as ReadonlyMap<string, Json>;
    const unknown = [...given.keys()].find((key) => !Object.hasOwn(members, key));
    if (unknown !== undefined) return report(member(where, quote(unknown)), "absent: it is unknown");
    const read = (key: keyof T & string) => members[key](given.get(key), report, member(where, key));
    const present = keys.filter((key) => given.has(key) || !members[key].optional);
    return Object.fromEntries(present.map((key) => [key, read(key)])) as T;
  });
};

/** Any members, all of one form. */
export const record = <T>(value: Check<T>): Check<Readonly<Record<string, T>>> =>
  checking({ type: "object", additionalProperties: value.form }, (json, report, where) => {
    if (!(json instanceof Map)) return report(where, "an object");
    const given = [...(json as ReadonlyMap<string, Json>)];
    return Object.fromEntries(given.map(([key, each]) => [key, value(each, report, member(where, key))]));
  });

/** One of several objects, told apart by their member `is`. */
export const variant = <T extends { readonly is: string }>(variants: {
  readonly [K in T["is"]]: Check<Extract<T, { readonly is: K }>>;
}): Check<T> => {
  const names = Object.keys(variants) as T["is"][];
  const name = oneOf(...names);
  return checking({ oneOf: names.map((each) => variants[each].form) }, (json, report, where) => {
    if (!(json instanceof Map)) return report(where, "an object");
    const is = name((json as ReadonlyMap<string, Json>).get("is"), report, member(where, "is"));
    const check: Check<Extract<T, { readonly is: T["is"] }>> = variants[is];
    return check(json, report, where);
  });
};

/** One check for texts, another for all else. */
export const textOr = <S extends string, T>(text: Check<S>, other: Check<T>): Check<S | T> =>
  checking({ anyOf: [text.form, other.form] }, (json, report, where) =>
    typeof json === "string" ? text(json, report, where) : other(json, report, where),
  );

export const nullable = <T>(check: Check<T>): Check<T | null> =>
  checking({ anyOf: [check.form, { type: "null" }] }, (json, report, where) =>
    json === null ? null : check(json, report, where),
  );

/** A number, or something else. */
export const numberOr = <T>(number: Check<number>, other: Check<T>): Check<number | T> =>
  checking({ anyOf: [number.form, other.form] }, (json, report, where) =>
    typeof json === "number" ? number(json, report, where) : other(json, report, where),
  );

/** A list whose first item is of another kind than those that follow, of at most `longest` of these. */
export const headed = <H, T>(head: Check<H>, item: Check<T>, longest: number): Check<readonly [H, ...T[]]> =>
  checking(
    { type: "array", prefixItems: [head.form], items: item.form, minItems: 1, maxItems: longest + 1 },
    (json, report, where) => {
      if (!Array.isArray(json) || json.length < 1 || json.length > longest + 1)
        return report(where, `a list of 1 to ${longest + 1}`);
      const [first, ...rest] = json as readonly Json[];
      return [
        head(first, report, `${where}[0]`),
        ...rest.map((value, i) => item(value, report, `${where}[${i + 1}]`)),
      ] as const;
    },
  );

export const triple = <T>(item: Check<T>): Check<readonly [T, T, T]> =>
  checking({ type: "array", items: item.form, minItems: 3, maxItems: 3 }, (json, report, where) =>
    Array.isArray(json) && json.length === 3
      ? ((json as readonly Json[]).map((value, i) => item(value, report, `${where}[${i}]`)) as unknown as [T, T, T])
      : report(where, "a list of 3"),
  );

/** A check of what contains itself, at most `deepest` times. */
export const nested = <T>(deepest: number, make: (inner: Check<T>) => Check<T>): Check<T> => {
  let made: Check<T> = checking({ not: {} }, (_, report, where) => report(where, `nested at most ${deepest} times`));
  for (let i = 0; i < deepest; i++) made = make(made);
  return made;
};
