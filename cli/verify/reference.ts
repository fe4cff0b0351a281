// What is asked and what every number must be: documents, weights and the oracle's results, each document evaluated
// once. Shared by all programs, profiles and subjects that are judged on one model.
import type { Document, Head, Model } from "../../compiler/analyze/model.ts";
import { evaluate, type Event, type Result } from "../../compiler/oracle/index.ts";
import type { Case } from "./documents.ts";
import type { RowNumbers } from "./figures.ts";
import type { SizeEvent } from "./roles.ts";
import type { WeightNumbers } from "./weights.ts";

interface Evaluated {
  readonly result: Result;
  readonly events: readonly SizeEvent[];
}
/** Documents made of rows of the same modalities. */
export interface Group {
  readonly modalities: readonly string[];
  readonly cases: readonly Case[];
}

export class Reference {
  readonly model: Model;
  readonly weights: WeightNumbers;
  /** those of all modalities come last */
  readonly groups: readonly Group[];
  readonly #known = new Map<Document, Evaluated>();

  constructor(model: Model, weights: WeightNumbers, groups: readonly Group[]) {
    this.model = model;
    this.weights = weights;
    this.groups = groups;
  }

  /** The same documents on other weights. */
  with(weights: WeightNumbers): Reference {
    return new Reference(this.model, weights, this.groups);
  }

  /** What the first case with all modalities shows of attentions and residual adds. */
  events(): readonly SizeEvent[] {
    const ordinary = this.groups.at(-1)?.cases[0];
    return (ordinary?.documents ?? []).flatMap((document) => this.#evaluated(document).events);
  }

  /**
   * What an output must give for the rows of `kinds` in a document: `text.logits`, or `tap/fuse[2]/text` after a step of
   * the layers. No numbers for a row whose kind the head, or the step, does not have: what stands there means nothing.
   */
  rows(document: Document, output: string, kinds: readonly string[]): RowNumbers {
    const { what, step } = readOutput(output);
    const { heads, steps } = this.#evaluated(document).result;
    const tapped = step === undefined ? undefined : steps.find(({ path }) => path === step)!.rows;
    const named = heads.filter((_, i) => resultOf(this.model, this.model.heads[i]!) === what);
    const found = new Map<number, Float64Array>();
    document.rows.forEach((row, place) => {
      if (!kinds.includes(row.kind)) return;
      const numbers = tapped
        ? tapped[place]
        : named.map(({ rows }) => rows.get(place)).find((each) => each !== undefined);
      if (numbers !== undefined) found.set(place, numbers);
    });
    return found;
  }

  #evaluated(document: Document): Evaluated {
    const known = this.#known.get(document);
    if (known !== undefined) return known;
    const events: SizeEvent[] = [];
    const observe = (event: Event): unknown => event.kind !== "keys" && events.push(event);
    const result = evaluate(this.model, this.weights, document, { observe });
    const evaluated = { result, events };
    this.#known.set(document, evaluated);
    return evaluated;
  }
}

/** What a head gives: logits, or what the modality's process predicts. */
const resultOf = ({ noise }: Model, head: Head): string =>
  head.kind === "next_token" ? "logits" : noise.find(({ modality }) => modality === head.modality)!.process.predicts;

/** The stream that an output is about, and what of it: a head's result, or the rows after a step. */
export const readOutput = (
  output: string,
): { readonly stream: string; readonly what: string | undefined; readonly step: string | undefined } => {
  const [, step, tapped] = /^tap\/(.*)\/([^/]*)$/.exec(output) ?? [];
  if (tapped !== undefined) return { stream: tapped, what: undefined, step };
  const dot = output.lastIndexOf(".");
  return { stream: output.slice(0, dot), what: output.slice(dot + 1), step: undefined };
};
