// What analysis says of rows and of sequences of rows.
import type { Said } from "../../../grammar/diagnostic.ts";
import { and, capital, count, or } from "./words.ts";

const kindsOf = (kinds: readonly string[]): string => and(kinds);
/** What a bridge costs, and the paths that then need `train`. */
export interface Price {
  readonly parameters: number;
  readonly train: readonly string[];
}
const priced = (write: string, { parameters, train }: Price): string =>
  `\`with { ${write} }\`${train.length ? ` and \`train ${train.join(", ")}\`` : ""} (+${count(parameters)} parameters)`;

export const rowMessages = {
  // Rows
  "shapes-differ": (op: string, a: string, b: string) => ({
    message: `\`${op}\` cannot take ${a} and ${b} together.`,
    help: "Rows must have equal shapes, or one be a number.",
  }),
  "concat-shapes": (a: string, b: string) => ({
    message: `\`concat\` cannot join ${a} and ${b}.`,
    help: "It joins along the last axis: the others must be equal.",
  }),
  "needs-vector": (op: string, shape: string) => ({
    message: `\`${op}\` takes a row of numbers, and this is ${shape}.`,
    help: "Give it a row, [width]; `merge(x)` joins heads.",
  }),
  "needs-number": (op: string, shape: string) => ({
    message: `\`${op}\` takes one number, and this is ${shape}.`,
    help: "Give it a number, such as an input that is declared as one.",
  }),
  "needs-heads": (op: string, shape: string) => ({
    message: `\`${op}\` takes rows split into heads, [heads, width], and this is ${shape}.`,
    help: "Use `split(x, heads)`.",
  }),
  "needs-coordinate": (op: string) => ({
    message: `\`${op}\` takes a coordinate of the row.`,
    help: "Give it `row`, `col` or `index`, which are known where a tower lets rows in.",
  }),
  "not-divisible": (op: string, n: number, by: number) => ({
    message: `\`${op}\` cannot cut ${n} into ${by} equal pieces.`,
    help: `Choose sizes such that ${by} divides ${n}.`,
  }),
  "even-width": (op: string, n: number) => ({
    message: `\`${op}\` takes an even width, and this is ${n}.`,
    help: "Choose an even one.",
  }),
  "norm-weight": (op: string, shape: string, width: number) => ({
    message: `\`${op}\` of rows ${width} wide has a weight of ${shape}.`,
    help: `Declare it as [${width}].`,
  }),
  "linear-width": (width: number, matrix: string, shape: string) => ({
    message: `\`linear\` reads rows ${width} wide, and ${matrix} is ${shape}.`,
    help: `A matrix for them is [out, ${width}].`,
  }),
  "linear-order": () => ({
    message: "`linear` takes the row first and the matrix second.",
    help: "Swap the two arguments: `linear(x, w)`.",
  }),
  "linear-bias": (width: number, name: string, shape: string) => ({
    message: `\`linear\` gives rows ${width} wide, and ${name} to be added is ${shape}.`,
    help: `Declare it as [${width}].`,
  }),
  "reorder-letters": (from: string, to: string) => ({
    message: `"${to}" does not hold the letters of "${from}".`,
    help: 'Use the same letters, as in `reorder(z, "p q c", "c p q", p: 2, q: 2, c: 4)`.',
  }),
  "reorder-size": (sizes: string, size: number, shape: string) => ({
    message: `${sizes} make ${size} numbers, and the row is ${shape}.`,
    help: "Give the sizes of the row's axes.",
  }),
  "attend-width": (q: number, k: number) => ({
    message: `Queries are ${q} wide and keys ${k}.`,
    help: "Heads of queries and keys must be equally wide.",
  }),
  "attend-values": (k: number, v: number) => ({
    message: `There are ${k} heads of keys and ${v} of values.`,
    help: "Give keys and values the same number of heads.",
  }),
  "attend-heads": (heads: number, kv: number) => ({
    message: `${heads} query heads cannot share ${kv} key heads evenly.`,
    help: `Choose a number of heads that ${kv} divides.`,
  }),
  "attend-outside": () => ({
    message: "`attend` stands only in a block.",
    help: "Declare a `block`: rows meet nowhere else.",
  }),
  "row-wanted": (op: string, what: string) => ({
    message: `\`${op}\` acts on rows, and this is ${what}.`,
    help: "Give it rows or a number.",
  }),
  absent: (op: string) => ({
    message: `This is absent, and \`${op}\` needs it.`,
    help: "The tower has no such optional member: leave it out, or give it one.",
  }),
  "argument-shape": (of: string, name: string, want: string, given: string) => ({
    message: `\`${name}\` of \`${of}\` is ${want}, and this is ${given}.`,
    help: `Give it ${want}.`,
  }),
  "result-shape": (of: string, want: string, given: string) => ({
    message: `\`${of}\` is to give ${want}, and gives ${given}.`,
    help: "Change what it gives, or what it declares.",
  }),
  "is-a-function": (name: string) => ({ message: `\`${name}\` is a function.`, help: `Call it: \`${name}(...)\`.` }),
  "cannot-index": (what: string) => ({
    message: `${capital(what)} has nothing to look up.`,
    help: "Look up rows of a weight by an index, `table[id]`, or kinds of a sequence, `h[text]`.",
  }),
  "index-wanted": (what: string) => ({
    message: `An index is wanted, and this is ${what}.`,
    help: "Declare the input as `index(n)`, or use a token's id.",
  }),
  "one-index": () => ({ message: "One index is wanted here.", help: "Look up one at a time, as in `table[id]`." }),
  "out-of-range": (value: number, below: number) => ({
    message: `${value} is not in 0 .. ${below - 1}.`,
    help: `There are ${count(below)}, counted from 0.`,
  }),

  // Sequences
  "seq-wanted": (what: string) => ({
    message: `Rows of the document are wanted, and this is ${what}.`,
    help: "Name rows, such as `h`, or call a block on them.",
  }),
  "kinds-wanted": (what: string) => ({
    message: `Kinds of rows are wanted, and this is ${what}.`,
    help: "Name a modality, a kind such as `image.patch`, or a group.",
  }),
  "kinds-differ": (kinds: readonly string[]) => ({
    message: `One side has rows of ${kindsOf(kinds)} and the other has none.`,
    help: "Restrict one side, as in `e[text]`, or give both the same kinds.",
  }),
  "no-rows": () => ({
    message: "There are no rows at which all of this is known.",
    help: "Use inputs together that are given for the same rows.",
  }),
  "no-such-rows": (kinds: readonly string[], has: readonly string[]) => ({
    message: `There are no rows of ${or(kinds)} here.`,
    help: has.length ? `There are rows of ${kindsOf(has)}.` : "There are none at all.",
  }),
  "input-here": (input: string, per: string, kinds: readonly string[]) => ({
    message: `\`${input}\` is given per ${per}, and rows of ${kindsOf(kinds)} have none.`,
    help: `Use another value there, as in \`select { ${kinds[0]}: ..., ... }\`.`,
  }),
  "union-overlap": (kinds: readonly string[]) => ({
    message: `Both sides of \`|\` have rows of ${kindsOf(kinds)}.`,
    help: "Restrict one side, as in `e[text]`.",
  }),
  "arms-overlap": (kind: string, op: string) => ({
    message: `Two arms of \`${op}\` give rows of ${kind}.`,
    help: "Name each kind in one arm.",
  }),
  "condition-kinds": (name: string, kinds: readonly string[]) => ({
    message: `\`${name}\` has no value at rows of ${kindsOf(kinds)}.`,
    help: "Give every kind its own with `select { ... }`.",
  }),
  "width-mismatch": (kinds: readonly string[], from: number, tower: string, to: number, each: Price, once: Price) => ({
    message: `Rows of ${kindsOf(kinds)} are ${from} wide, and \`${tower}\` reads ${to}.`,
    help: `Name the model with ${priced("bridge", each)} or ${priced("bridge(once)", once)}, or apply a part to the rows where they are read.`,
  }),
  "rows-shape": (kinds: readonly string[], shape: string, tower: string, want: string) => ({
    message: `Rows of ${kindsOf(kinds)} are ${shape} here, and \`${tower}\` reads ${want}.`,
    help: `Give it rows of ${want}; \`merge(x)\` joins heads.`,
  }),
  "depths-differ": (a: string, n: number, b: string, m: number, spread: readonly string[]) => ({
    message: `\`${a}\` runs over ${n} layers and \`${b}\` over ${m}.`,
    help: `Write ${and(spread.map((s) => `\`${s}\``))}.`,
  }),
  spread: (m: number, n: number) => ({
    message: `${m} layers cannot be spread over ${n} groups.`,
    help: `Spread over 1 to ${m} groups.`,
  }),
  "held-own": (tower: string) => ({
    message: `No rows are at home in \`${tower}\`, so none would pass through its group of blocks.`,
    help: "Say which do, as in `held(v, own: image.patch)(h)`, or use `chain(v)(h)`.",
  }),
  "joint-attends": (template: string, n: number) => ({
    message: `\`${template}\` attends ${n} times; an arm of \`joint\` attends once.`,
    help: "Use `select`, or a block with one `attend`.",
  }),
  "joint-arm": () => ({
    message: "An arm of `joint` is one call of a block, or rows as they are.",
    help: "Write `l(h)` or `h`; what acts on the rows after it stands behind the `joint`.",
  }),
  "joint-empty": () => ({ message: "No arm of this `joint` calls a block.", help: "Use `select`." }),
  "joint-heads": (what: string, a: string, headsA: string, b: string, headsB: string) => ({
    message: `\`${a}\` and \`${b}\` cannot attend jointly: ${what} are ${headsA} in one and ${headsB} in the other.`,
    help: "Give both the same `kv_heads` and `head_dim`, or use `select`; their widths may differ.",
  }),
  "sees-call": () => ({ message: "`sees` stands after the call of a block.", help: "Write `b(h) sees text`." }),
  "h-kinds": (kind: string) => ({
    message: `The new \`h\` has no rows of ${kind}.`,
    help: "Give every kind a value: `select { ... }`, or `h[...] | ...`.",
  }),
  "h-width": (kind: string, width: number, given: string) => ({
    message: `Rows of ${kind} were ${width} wide and would now be ${given}.`,
    help: "A kind keeps its width through all layers.",
  }),
  "embed-reads-rows": () => ({
    message: "`embed` cannot read other rows.",
    help: "Use inputs and conditions made of them.",
  }),
} satisfies Record<string, (...args: never[]) => Said>;
