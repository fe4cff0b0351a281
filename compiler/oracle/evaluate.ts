// Sequences: every expression of the layers and heads on all the rows it has, as LANGUAGE section 3 reads, with nothing
// left out because nobody asks for it.
import type { Arm, Document, Head, Kind, Loss, Mask, Model, Row, Seq, SeqOf, Weight } from "../analyze/model.ts";
import type { Key } from "./attention.ts";
import { Body } from "./body.ts";
import type { Rows, Setting } from "./body.ts";
import type { Numbers } from "./dense.ts";
import { type Losses, lossesOf, type Targets } from "./loss.ts";
import { sees } from "./mask.ts";
import type { Event } from "./observe.ts";
import { places } from "./place.ts";
import type { Place } from "./place.ts";

export type { Rows } from "./body.ts";
export interface HeadRows {
  readonly modality: string;
  readonly kind: Head["kind"];
  /** by row of the document, in its order; rows of kinds without an output are absent */
  readonly rows: ReadonlyMap<number, Float64Array>;
}
export interface StepRows {
  readonly path: string;
  readonly rows: Rows;
}
export interface Result {
  readonly heads: readonly HeadRows[];
  /** the sequence after each step of the layers, in order */
  readonly steps: readonly StepRows[];
  /** where targets were given */
  readonly losses: Losses | undefined;
}
export interface Options {
  /** what rows should have said */
  readonly targets?: Targets | undefined;
  /** told of every attend and residual add as it is computed */
  readonly observe?: ((event: Event) => void) | undefined;
}

/**
 * The model's heads and steps on one document. `weights` gives each weight's numbers, row-major; they are read in place.
 * Throws where the document does not fit the model, or a weight its shape.
 */
export function evaluate(
  model: Model,
  weights: (weight: Weight) => Numbers,
  document: Document,
  options: Options = {},
): Result {
  const setting: Setting = { model, document, weights, places: places(model, document), observe: options.observe };
  const sequences = new Sequences(setting);
  const steps = model.steps.map(({ path, value }) => ({ path, rows: sequences.rows(value) }));
  const heads = model.heads.map(({ modality, kind, value }) => ({
    modality,
    kind,
    rows: present(sequences.rows(value)),
  }));
  const { targets } = options;
  if (targets === undefined) return { heads, steps, losses: undefined };
  const rowsOf = ({ name, value }: Loss): HeadRows["rows"] =>
    value === undefined ? heads.find(({ modality }) => modality === name)!.rows : present(sequences.rows(value));
  return { heads, steps, losses: lossesOf(model.losses, rowsOf, targets) };
}

function present(rows: Rows): ReadonlyMap<number, Float64Array> {
  const result = new Map<number, Float64Array>();
  for (const [index, row] of rows.entries()) if (row !== undefined) result.set(index, row);
  return result;
}

class Sequences {
  readonly #setting: Setting;
  readonly #known = new Map<Seq, Rows>();

  constructor(setting: Setting) {
    this.#setting = setting;
  }

  /** Operands first, on a stack of our own: a chain of layers may be longer than the machine's allows. */
  rows(root: Seq): Rows {
    const stack = [root];
    for (let seq = stack.at(-1); seq !== undefined; seq = stack.at(-1)) {
      const waiting = this.#known.has(seq) ? [] : operands(seq).filter((operand) => !this.#known.has(operand));
      if (waiting.length > 0) {
        stack.push(...waiting);
        continue;
      }
      if (!this.#known.has(seq)) this.#known.set(seq, this.#compute(seq));
      stack.pop();
    }
    return this.#of(root);
  }

  #of(seq: Seq): Rows {
    const rows = this.#known.get(seq);
    if (rows === undefined) throw new Error(`internal: ${seq.op} of ${seq.path} was not computed`);
    return rows;
  }

  #compute(seq: Seq): Rows {
    const kinds = [...seq.shapes.keys()];
    switch (seq.op) {
      case "embed":
        return this.#embed(kinds);
      case "call":
        return this.#call(seq);
      case "restrict":
        return this.#pick([{ kinds, rows: this.#of(seq.attrs.of) }]);
      case "union":
        return this.#pick(seq.attrs.parts.map((part) => ({ kinds: [...part.shapes.keys()], rows: this.#of(part) })));
      case "select":
        return this.#pick(seq.attrs.arms.map((arm) => ({ kinds: arm.kinds, rows: this.#of(arm.value) })));
      case "joint":
        return this.#joint(seq.attrs.arms);
      case "map":
        return new Body(
          this.#setting,
          this.#placesOf(kinds),
          seq.attrs.arguments.map((a) => this.#of(a)),
        ).rows(seq.attrs.body);
      default:
        throw new Error(`internal: no such sequence: ${JSON.stringify(seq satisfies never)}`);
    }
  }

  #placesOf(kinds: readonly string[]): readonly Place[] {
    return this.#setting.places.filter(({ kind }) => kinds.includes(kind.name));
  }

  /** From each part its rows of its kinds; the parts' kinds are disjoint. */
  #pick(parts: readonly { readonly kinds: readonly string[]; readonly rows: Rows }[]): Rows {
    return this.#setting.places.map(
      ({ kind, place }) => parts.find(({ kinds }) => kinds.includes(kind.name))?.rows[place],
    );
  }

  #embed(kinds: readonly string[]): Rows {
    return this.#pick(
      this.#setting.model.kinds
        .filter(({ name }) => kinds.includes(name))
        .map((kind) => ({
          kinds: [kind.name],
          rows: new Body(this.#setting, this.#placesOf([kind.name]), []).rows(this.#embedding(kind)),
        })),
    );
  }

  /** A marker without an `embed` of its own enters by that of the token it is. */
  #embedding({ name, rows }: Kind): Row {
    const { embeds } = this.#setting.model;
    const embed = embeds.get(name) ?? (rows.kind === "marker" ? embeds.get(rows.of) : undefined);
    if (embed === undefined) throw new Error(`internal: ${name} has no embed`);
    return embed.row;
  }

  #call(seq: SeqOf<"call">): Rows {
    const { block } = seq.attrs;
    const body = this.#body(seq, [...seq.shapes.keys()]);
    const rows = body.rows(block.body);
    body.report(block.body);
    return rows;
  }

  #body({ attrs }: SeqOf<"call">, kinds: readonly string[], gather?: () => readonly Key[]): Body {
    const parameters = attrs.arguments.map((argument) => (argument === undefined ? undefined : this.#of(argument)));
    return new Body(
      this.#setting,
      this.#placesOf(kinds),
      parameters,
      visibility(this.#setting.model.mask, attrs.sees),
      gather,
    );
  }

  /** Each call on its own arm's rows; whoever attends sees the keys of all calls, in document order. */
  #joint(arms: readonly Arm[]): Rows {
    const gather = (): readonly Key[] =>
      calls.flatMap(({ body, attend }) => body.keys(attend)).toSorted((a, b) => a.place.place - b.place.place);
    const calls = arms.filter(isCall).map(({ kinds, value }) => {
      const { block } = value.attrs;
      const [attend, second] = block.attends;
      if (attend === undefined || second !== undefined)
        throw new Error(`internal: ${block.path} has ${block.attends.length} attends in a joint`);
      return { kinds, attend, block, body: this.#body(value, kinds, gather) };
    });
    const parts = calls.map(({ kinds, body, block }) => ({ kinds, rows: body.rows(block.body) }));
    for (const { body, block } of calls) body.report(block.body);
    const passed = arms.filter((arm) => !isCall(arm)).map(({ kinds, value }) => ({ kinds, rows: this.#of(value) }));
    return this.#pick([...parts, ...passed]);
  }
}

function isCall(arm: Arm): arm is Arm & { readonly value: SeqOf<"call"> } {
  return arm.value.op === "call";
}

function visibility(mask: Mask, narrower: Mask | undefined): (query: Place, key: Place) => boolean {
  return (query, key) => sees(mask, query, key) && (narrower === undefined || sees(narrower, query, key));
}

/** The sequences that must be known before `seq`. The calls of a joint are made by the joint itself. */
function operands(seq: Seq): readonly Seq[] {
  switch (seq.op) {
    case "embed":
      return [];
    case "call":
      return seq.attrs.arguments.filter((argument) => argument !== undefined);
    case "restrict":
      return [seq.attrs.of];
    case "union":
      return seq.attrs.parts;
    case "select":
      return seq.attrs.arms.map(({ value }) => value);
    case "joint":
      return seq.attrs.arms.flatMap((arm) => (isCall(arm) ? operands(arm.value) : [arm.value]));
    case "map":
      return seq.attrs.arguments;
    default:
      throw new Error(`internal: no such sequence: ${JSON.stringify(seq satisfies never)}`);
  }
}
