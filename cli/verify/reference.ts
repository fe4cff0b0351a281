// What is asked and what every number must be: documents, weights and the oracle's results, each document evaluated
// once. Shared by all programs, profiles and subjects that are judged on one model.
import type { Document, Model } from "../../compiler/analyze/model.ts";
import { evaluate, type Event, type Result } from "../../compiler/oracle/index.ts";
import type { Case } from "./documents.ts";
import type { RowNumbers } from "./figures.ts";
import type { WeightNumbers } from "./weights.ts";

interface Evaluated {
  readonly result: Result;
  readonly events: readonly Event[];
}

export class Reference {
  readonly model: Model;
  readonly weights: WeightNumbers;
  /** by the modalities of a program, joined; the program that takes the most comes last */
  readonly #cases: ReadonlyMap<string, readonly Case[]>;
  readonly #known = new Map<Document, Evaluated>();

  constructor(model: Model, weights: WeightNumbers, cases: ReadonlyMap<string, readonly Case[]>) {
    this.model = model;
    this.weights = weights;
    this.#cases = cases;
  }

  /** The same documents on other weights. */
  with(weights: WeightNumbers): Reference {
    return new Reference(this.model, weights, this.#cases);
  }

  cases(modalities: readonly string[]): readonly Case[] {
    return this.#cases.get(modalities.join()) ?? [];
  }

  /** What the first case with all modalities shows of attentions and residual adds. */
  events(): readonly Event[] {
    const [ordinary] = [...this.#cases.values()].at(-1) ?? [];
    return (ordinary?.documents ?? []).flatMap((document) => this.#evaluated(document).events);
  }

  /** What an output must give for a document: `text.logits`, or `tap/fuse[2]/text` after a step of the layers. */
  rows(document: Document, output: string): RowNumbers {
    const { kind, step } = readOutput(output);
    const { heads, steps } = this.#evaluated(document).result;
    const tapped = step === undefined ? undefined : steps.find(({ path }) => path === step)!.rows;
    const found = new Map<number, Float64Array>();
    document.rows.forEach((row, place) => {
      if (row.kind !== kind) return;
      const numbers = tapped
        ? tapped[place]
        : heads.map(({ rows }) => rows.get(place)).find((each) => each !== undefined);
      if (numbers !== undefined) found.set(place, numbers);
    });
    return found;
  }

  #evaluated(document: Document): Evaluated {
    const known = this.#known.get(document);
    if (known !== undefined) return known;
    const events: Event[] = [];
    const result = evaluate(this.model, this.weights, document, { observe: (event) => events.push(event) });
    const evaluated = { result, events };
    this.#known.set(document, evaluated);
    return evaluated;
  }
}

/** The kind of row that an output is about, and for a tap the step. */
export const readOutput = (output: string): { readonly kind: string; readonly step: string | undefined } => {
  const [, step, tapped] = /^tap\/(.*)\/([^/]*)$/.exec(output) ?? [];
  return tapped === undefined
    ? { kind: output.slice(0, output.lastIndexOf(".")), step: undefined }
    : { kind: tapped, step };
};
