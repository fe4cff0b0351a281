// Documents to judge a model on, made from its modalities alone: ordinary ones, and those where something seldom seen
// decides. Numbers are drawn from the seed.
import type { Document, DocumentRow, Input, Model, Modality, Values } from "../../compiler/analyze/model.ts";
import { type Stream, stream } from "../../runtime/random.ts";
import { isQuiet, QUIET, sizeOf } from "./weights.ts";

/** One call: its documents go in together. */
export interface Case {
  /** `ordinary`, `batch of 3` */
  readonly name: string;
  readonly documents: readonly Document[];
}

/** The cases for a program that takes rows of these modalities; of every other kind no row is there. */
export const casesFor = (model: Model, modalities: readonly string[], seed: number): readonly Case[] => {
  const own = model.modalities.filter(({ name }) => modalities.includes(name));
  const maker = new Maker(model, stream(seed, `documents of ${modalities.join(" and ")}`));
  const tokens = own.filter(({ kind }) => kind === "tokens").map(({ name }) => name);
  const spans = own.filter(({ kind }) => kind === "span").map(({ name }) => name);
  /** `count` rows of every token modality */
  const some = (count: number): Part[] => tokens.map((name) => ({ name, count }));
  const each: Part[] = spans.map((name) => ({ name, count: 1 }));
  const ordinary = maker.document([...some(5), ...each, ...some(3), ...each, ...some(2)], {});
  const quiet = maker.document([...some(6), ...each, ...some(4)], { quiet: true });
  const ends = maker.document([...some(3), ...each, ...some(1), ...each, ...some(1)], { last: true });
  const edges = maker.document(spans.length > 0 ? [...each, ...some(2), ...each, ...each] : some(17), {});
  // More rows than one: what is not there stands as a copy of the last, and must not be seen by those that differ from it.
  const short = maker.document([...each, ...some(3)], {});
  const lone = maker.document(
    own.slice(0, 1).map(({ name }) => ({ name, count: 1 })),
    {},
  );
  const single: readonly (readonly [string, Document])[] = [
    ["ordinary", ordinary],
    ["quiet rows", quiet],
    ["last positions", ends],
    ["spans at both ends", edges],
  ];
  return [
    ...single.map(([name, document]) => ({ name, documents: [document] })),
    { name: "batch of 2", documents: [quiet, short] },
    // Where the first modality is not the only one, its document alone lacks all other kinds.
    { name: "batch of 3", documents: [lone, ordinary, short] },
  ];
};

interface Part {
  readonly name: string;
  readonly count: number;
}
interface Style {
  /** rows of 1e-3 scale */
  readonly quiet?: boolean;
  /** positions up to the last one, and inputs at their ends */
  readonly last?: boolean;
}

class Maker {
  readonly #model: Model;
  readonly #numbers: Stream;
  #next = 0;

  constructor(model: Model, numbers: Stream) {
    this.#model = model;
    this.#numbers = numbers;
  }

  document(parts: readonly Part[], style: Style): Document {
    const rows: DocumentRow[] = [];
    const spans: Record<string, Values[]> = {};
    for (const { kind, name } of this.#model.modalities) if (kind === "span") spans[name] = [];
    for (const { name, count } of parts) {
      const modality = this.#model.modalities.find((each) => each.name === name)!;
      for (let n = 0; n < count; n++) {
        if (modality.kind === "tokens") rows.push(this.#row(name, 0, 0, style));
        else {
          const values = spans[name]!;
          rows.push(...this.#span(modality, values.length, style));
          values.push(
            this.#inputs((per) => typeof per === "object" && "span" in per && per.span === name, style, values.length),
          );
        }
      }
    }
    const inputs = this.#inputs((per) => per === "document" || per === "call", style, 0);
    const { limit } = this.#model.position;
    return { rows, spans, inputs, ...(style.last === true ? { start: limit - rows.length } : {}) };
  }

  #span({ segments }: Extract<Modality, { kind: "span" }>, span: number, style: Style): DocumentRow[] {
    return segments.flatMap((segment) => {
      const { rows } = this.#model.kinds.find((kind) => kind.name === segment)!;
      const count = rows.kind === "grid" ? rows.rows * rows.cols : 1;
      return Array.from({ length: count }, (_, index) => this.#row(segment, span, index, style));
    });
  }

  #row(kind: string, span: number, index: number, style: Style): DocumentRow {
    const perRow = this.#inputs((per) => typeof per === "object" && "row" in per && per.row === kind, style, index);
    return { kind, span, index, values: { ...this.#arguments(kind, style), ...perRow } };
  }

  #arguments(name: string, { quiet = false }: Style): Values {
    const kind = this.#model.kinds.find((each) => each.name === name)!;
    const { rows } = kind;
    if (rows.kind === "marker") return {};
    const named = this.#model.embeds.get(name)?.arguments ?? [];
    return Object.fromEntries(
      named.map(({ name: argument, type }) => {
        if (type === "index") return [argument, this.#token(kind.modality, quiet)];
        if (rows.kind !== "grid") throw new Error(`internal: rows of ${name} have no numbers`);
        const scale = quiet ? QUIET : 1;
        return [argument, Float32Array.from({ length: rows.width }, () => scale * this.#spread())];
      }),
    );
  }

  /** Of the tower's own tokens and, one time in eight, the added ones; all quiet or none. */
  #token(modality: string, quiet: boolean): number {
    const found = this.#model.modalities.find((each) => each.name === modality);
    if (found?.kind !== "tokens") throw new Error(`internal: ${modality} has no tokens`);
    const { vocab, added } = found;
    if (!quiet && added.length > 0 && this.#below(8) === 0) return vocab + this.#below(added.length);
    const id = this.#below(vocab);
    for (let step = 0; step < vocab; step++) if (isQuiet((id + step) % vocab) === quiet) return (id + step) % vocab;
    return id;
  }

  #inputs(wanted: (per: Input["per"]) => boolean, style: Style, index: number): Values {
    const chosen = this.#model.inputs.filter(({ per }) => wanted(per));
    return Object.fromEntries(chosen.map((input) => [input.name, this.#input(input, style, index)]));
  }

  #input({ name, per, type }: Input, { last = false }: Style, index: number): number | Float32Array {
    // A value of the whole call is the same in all documents of a batch.
    if (per === "call") return type.kind === "index" ? type.below - 1 : filled(type.shape, () => 0.7);
    if (type.kind === "index") return last ? (index % 2 === 0 ? 0 : type.below - 1) : this.#below(type.below);
    const ends = this.#ends(name);
    if (ends === undefined) return filled(type.shape, () => this.#spread());
    const [from, to] = ends;
    return Math.fround(last ? (index % 2 === 0 ? to : from) : from + (to - from) * this.#numbers.unit(this.#next++));
  }

  /** Least and greatest value of an input that says how noisy a span is. */
  #ends(name: string): readonly [number, number] | undefined {
    const noise = this.#model.noise.find((each) => each.given?.input.name === name || each.drawn?.input.name === name);
    if (noise === undefined) return undefined;
    const { process } = noise;
    return process.kind === "ddpm"
      ? [0, process.steps - 1]
      : [Math.min(process.clean, process.noise), Math.max(process.clean, process.noise)];
  }

  #spread(): number {
    return this.#numbers.spread(this.#next++);
  }

  #below(below: number): number {
    return this.#numbers.below(this.#next++, below);
  }
}

const filled = (shape: readonly number[], value: () => number): number | Float32Array =>
  shape.length === 0 ? Math.fround(value()) : Float32Array.from({ length: sizeOf(shape) }, value);
