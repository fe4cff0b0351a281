// Sequences and rows as expressions in the manner of the language. What is used in several places gets a name, and a long
// row-wise expression is told by the part it belongs to and what it reads: text stays short whatever the model.
import type { Mask, Model, Row, Seq } from "./model.ts";
import { maskText } from "./printMask.ts";

/** More row-wise ops than these are not written out. */
const LONGEST = 24;

export class SeqPrinter {
  readonly #names = new Map<Seq, string>();
  readonly #values: { readonly name: string; readonly value: string }[] = [];
  readonly #uses = new Map<Seq, number>();

  constructor(model: Model) {
    const results = new Set(model.steps.map((step) => step.value));
    const seen = new Set<Seq>();
    const visit = (seq: Seq): void => {
      this.#uses.set(seq, (this.#uses.get(seq) ?? 0) + 1);
      if (seen.has(seq)) return;
      seen.add(seq);
      partsOf(seq).forEach(visit);
    };
    for (const seq of results) visit(seq);
    for (const { value } of model.heads) visit(value);
    for (const seq of results) this.#uses.delete(seq);
  }

  /** The text of a step's result, which is `h` from then on. */
  step(seq: Seq): string {
    const text = this.#expression(seq);
    this.#names.set(seq, "h");
    return text;
  }
  text(seq: Seq): string {
    const known = this.#names.get(seq);
    if (known !== undefined) return known;
    const text = this.#expression(seq);
    if ((this.#uses.get(seq) ?? 0) < 2 || seq.op === "embed" || seq.op === "restrict") return text;
    const name = `$${this.#values.length + 1}`;
    this.#values.push({ name, value: text });
    this.#names.set(seq, name);
    return name;
  }
  /** What got a name, in the order in which it is needed. */
  values(): readonly { readonly name: string; readonly value: string }[] {
    return this.#values;
  }

  #expression(seq: Seq): string {
    switch (seq.op) {
      case "embed":
        return "h";
      case "call": {
        const { block, arguments: given, sees } = seq.attrs;
        const texts = given.flatMap((each, i) => {
          const name = block.parameters[i]!.name;
          return each === undefined ? [] : [i === 0 ? this.text(each) : `${name}: ${this.text(each)}`];
        });
        return `${block.path}(${texts.join(", ")})${sees ? ` sees ${seesText(sees)}` : ""}`;
      }
      case "restrict":
        return `${this.text(seq.attrs.of)}[${[...seq.shapes.keys()].join(", ")}]`;
      case "union":
        return seq.attrs.parts.map((part) => this.text(part)).join(" | ");
      case "select":
      case "joint": {
        const arms = seq.attrs.arms.map(({ kinds, value }) => `${kinds.join(", ")}: ${this.text(value)}`);
        return `${seq.op} { ${arms.join("; ")} }`;
      }
      case "map":
        return rowText(
          seq.attrs.body,
          seq.attrs.arguments.map((each) => this.text(each)),
        );
      default:
        return seq satisfies never;
    }
  }
}
const seesText = (mask: Mask): string => maskText(mask).replace(/^key is /, "");

const partsOf = (seq: Seq): readonly Seq[] => {
  switch (seq.op) {
    case "embed":
      return [];
    case "call":
      return seq.attrs.arguments.filter((each) => each !== undefined);
    case "map":
      return seq.attrs.arguments;
    case "restrict":
      return [seq.attrs.of];
    case "union":
      return seq.attrs.parts;
    case "select":
    case "joint":
      return seq.attrs.arms.map((arm) => arm.value);
    default:
      return seq satisfies never;
  }
};

// ── Rows ───────────────────────────────────────────────────────────────────────────────────────
const INFIX: Readonly<Record<string, string>> = { add: "+", sub: "-", mul: "*", div: "/" };

/** A row-wise expression, with its parameters' texts. */
export const rowText = (row: Row, given: readonly string[]): string => {
  if (count(row) > LONGEST) return summary(row, given);
  const text = (each: Row): string => rowText(each, given);
  const operand = (each: Row): string => (each.op in INFIX ? `(${text(each)})` : text(each));
  const { src } = row;
  switch (row.op) {
    case "number":
      return String(row.attrs.value);
    case "weight":
      return row.attrs.weight.path;
    case "input":
      return row.attrs.input.name;
    case "argument":
      return row.attrs.argument;
    case "coordinate":
      return row.attrs.axis;
    case "parameter":
      return given[row.attrs.index] ?? `#${row.attrs.index}`;
    case "add":
    case "sub":
    case "mul":
    case "div":
      return src.map(operand).join(` ${INFIX[row.op]} `);
    case "neg":
      return `-${operand(src[0]!)}`;
    case "lookup":
      return `${text(src[0]!)}[${text(src[1]!)}]`;
    case "extend":
      return `(${text(src[0]!)} < ${row.attrs.below} ? ${text(src[1]!)} : ${text(src[2]!)}[${text(src[0]!)} - ${row.attrs.below}])`;
    case "chunk":
      return `chunk(${text(src[0]!)}, ${row.attrs.parts})[${row.attrs.take}]`;
    default:
      return `${row.op}(${[...src.map(text), ...attributes(row)].join(", ")})`;
  }
};
const attributes = (row: Row): string[] =>
  Object.entries(row.attrs)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : String(value)}`);

/** Ops in the tree of a row, shared ones as often as they are used; stops counting beyond what is written out. */
const count = (row: Row): number => {
  let n = 0;
  const visit = (each: Row): void => {
    if (++n <= LONGEST) each.src.forEach(visit);
  };
  visit(row);
  return n;
};
/** The part whose code it is, of what it reads that is no weight. */
const summary = (row: Row, given: readonly string[]): string => {
  const reads = new Set<string>();
  const seen = new Set<Row>();
  const visit = (each: Row): void => {
    if (seen.has(each)) return;
    seen.add(each);
    const leaf = each.src.length === 0 && each.op !== "weight" && each.op !== "number";
    if (leaf) reads.add(rowText(each, given));
    else each.src.forEach(visit);
  };
  visit(row);
  return `${row.path || "row-wise"}(${[...reads].join(", ")})`;
};
