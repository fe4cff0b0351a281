// Symbolic integers: polynomials with integer coefficients over named dimensions, canonical from their making, so that
// two equal dimensions are written alike. What has no symbol is a plain number.
export type Dim = number | Poly;
export interface Poly {
  /** the canonical text, such as `batch*text+2`; equal polynomials have equal keys */
  readonly key: string;
  readonly terms: readonly Term[];
}
export interface Term {
  readonly coefficient: number;
  /** sorted; a square names its dimension twice; empty for the constant term, which stands last */
  readonly names: readonly string[];
}

/** The dimension called `name`, such as `batch` or `image.patch`. */
export const sym = (name: string): Dim => {
  if (!/^[A-Za-z_][\w.]*$/.test(name)) throw new Error(`\`${name}\` cannot name a dimension`);
  return pack([{ coefficient: 1, names: [name] }]);
};
export const add = (a: Dim, b: Dim): Dim =>
  typeof a === "number" && typeof b === "number" ? a + b : pack([...terms(a), ...terms(b)]);
export const sub = (a: Dim, b: Dim): Dim => add(a, mul(b, -1));
export const mul = (a: Dim, b: Dim): Dim => {
  if (typeof a === "number") return typeof b === "number" ? a * b + 0 /* -0 is 0 */ : scaled(b, a);
  if (typeof b === "number") return scaled(a, b);
  return pack(
    a.terms.flatMap((s) =>
      b.terms.map((t) => ({ coefficient: s.coefficient * t.coefficient, names: [...s.names, ...t.names].sort() })),
    ),
  );
};
const scaled = (d: Poly, by: number): Dim => {
  if (by === 0 || by === 1) return by === 0 ? 0 : d;
  return pack(d.terms.map(({ coefficient, names }) => ({ coefficient: coefficient * by, names })));
};
export const product = (dims: readonly Dim[]): Dim => dims.reduce(mul, 1);

/** `a / b` where that is a polynomial with integer coefficients, else undefined. */
export const divExact = (a: Dim, b: Dim): Dim | undefined => {
  const lead = terms(b)[0];
  if (lead === undefined) return undefined;
  let quotient: Dim = 0;
  let rest = a;
  for (let top = terms(rest)[0]; top !== undefined; top = terms(rest)[0]) {
    const names = without(top.names, lead.names);
    if (names === undefined || top.coefficient % lead.coefficient !== 0) return undefined;
    const part = pack([{ coefficient: top.coefficient / lead.coefficient, names }]);
    quotient = add(quotient, part);
    rest = sub(rest, mul(part, b));
  }
  return quotient;
};

export const same = (a: Dim, b: Dim): boolean =>
  typeof a === "number" || typeof b === "number" ? a === b : a.key === b.key;
export const sameShape = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((d, i) => same(d, b[i]!));
export const show = (d: Dim): string => (typeof d === "number" ? String(d) : d.key);
export const showShape = (shape: readonly Dim[]): string => `[${shape.map(show).join(", ")}]`;

/** The value of every dimension by name. */
export type Binding = Readonly<Record<string, number>>;
/** The value of `d`; throws where a name is not bound. */
export const at = (d: Dim, binding: Binding): number => {
  const value = (name: string): number => {
    const found = binding[name];
    if (found === undefined) throw new Error(`dimension ${name} is not bound`);
    return found;
  };
  return terms(d).reduce((sum, t) => sum + t.names.reduce((p, name) => p * value(name), t.coefficient), 0);
};
/** The names `d` depends on, sorted. */
export const names = (d: Dim): string[] => [...new Set(terms(d).flatMap((t) => t.names))].sort();
/** The terms of any dimension: highest degree first, the constant last, none for 0. */
export const terms = (d: Dim): readonly Term[] =>
  typeof d !== "number" ? d.terms : d === 0 ? [] : [{ coefficient: d, names: [] }];

const pack = (raw: readonly Term[]): Dim => {
  const sums = new Map<string, Term>();
  for (const { coefficient, names } of raw) {
    const key = names.join("*");
    sums.set(key, { coefficient: (sums.get(key)?.coefficient ?? 0) + coefficient, names });
  }
  const kept = [...sums.values()].filter((t) => t.coefficient !== 0).sort(order);
  if (kept.every((t) => t.names.length === 0)) return kept[0]?.coefficient ?? 0;
  return { key: kept.map(text).join("").replace(/^\+/, ""), terms: kept };
};

/** Graded lexicographic: a monomial order, which division by leading terms needs. */
const order = (a: Term, b: Term): number => {
  if (a.names.length !== b.names.length) return b.names.length - a.names.length;
  for (const [i, name] of a.names.entries()) {
    const other = b.names[i]!;
    if (name !== other) return name < other ? -1 : 1;
  }
  return 0;
};
const text = ({ coefficient, names }: Term): string => {
  const sign = coefficient < 0 ? "-" : "+";
  const size = Math.abs(coefficient);
  return sign + [...(size === 1 && names.length > 0 ? [] : [size]), ...names].join("*");
};
/** The names left when each of `taken` is removed once; undefined where one is missing. */
const without = (all: readonly string[], taken: readonly string[]): string[] | undefined => {
  const left = [...all];
  for (const name of taken) {
    const i = left.indexOf(name);
    if (i < 0) return undefined;
    left.splice(i, 1);
  }
  return left;
};
