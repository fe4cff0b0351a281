// Which token comes next: the sampler over those that may, and what a token means: text, the opening of a span, an end.
import type { DocumentRow } from "../document.ts";
import { Failure } from "../failure.ts";
import type { Manifest } from "../manifest.ts";
import { tokensIn } from "./rows.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { type Sampler, sampler, type Sampling, type Span } from "./sampling.ts";

export interface TextOptions {
  /** how tokens are drawn; without a temperature the likeliest */
  readonly sampling?: Omit<Sampling, "seed">;
  /** tokens that end a document; those of the tokenizer if left out */
  readonly ends?: readonly number[];
}
/** Where a document stands when a token is drawn. */
export interface Standing {
  readonly seed: number;
  /** the tokens that it has drawn */
  readonly ids: readonly number[];
  readonly admits: (row: DocumentRow) => boolean;
  /** whether a token may open an image */
  readonly draws: boolean;
}

export class TextDrawer {
  readonly #manifest: Manifest;
  readonly #sampling: Omit<Sampling, "seed">;
  readonly #samplers = new Map<number, Sampler>();
  readonly #ends: ReadonlySet<number>;
  /** ids that the tokenizer has; a model's vocabulary may be padded beyond them */
  readonly #known: number;
  /** the marker at the beginning of spans: modality and row by id */
  readonly #openings = new Map<number, { readonly modality: string; readonly row: DocumentRow }>();
  /** markers that text never becomes */
  readonly #closings = new Set<number>();

  constructor(manifest: Manifest, tokenizer: Tokenizer, { sampling = {}, ends = tokenizer.ends }: TextOptions) {
    this.#manifest = manifest;
    this.#known = tokenizer.vocab;
    this.#sampling = { temperature: 0, ...sampling };
    // What is no setting is refused before anything is computed.
    sampler({ ...this.#sampling, seed: 0 });
    const { vocab, added } = tokensIn(manifest);
    const wrong = ends.find((id) => !(Number.isSafeInteger(id) && id >= 0 && id < vocab + added.length));
    if (wrong !== undefined) throw new Failure("call", `the token ${String(wrong)} of \`ends\` is none of the model's`);
    this.#ends = new Set(ends);
    for (const modality of manifest.modalities) {
      if (modality.is !== "span") continue;
      for (const [i, segment] of modality.segments.entries()) {
        if (segment.is !== "marker") continue;
        const row = { kind: segment.kind, span: 0, index: 0, values: {} };
        if (i === 0) this.#openings.set(segment.id, { modality: modality.name, row });
        else this.#closings.add(segment.id);
      }
    }
  }

  /** The id that follows logits `[vocab + added]`; undefined where nothing may. */
  draw(logits: Float32Array, { seed, ids, admits, draws }: Standing): number | undefined {
    const { name, vocab } = tokensIn(this.#manifest);
    const text = admits({ kind: name, span: 0, index: 0, values: { id: 0 } });
    const excluded: Span[] = [...this.#closings].filter((id) => !this.#openings.has(id)).map((id) => [id, id + 1]);
    excluded.push([this.#known, vocab]);
    const opens: Span[] = [];
    for (const [id, { row }] of this.#openings) {
      const may = draws && this.#draws(this.#openings.get(id)!.modality) && admits({ ...row, span: MANY });
      (may ? opens : excluded).push([id, id + 1]);
    }
    if (!text && opens.length === 0) return undefined;
    const allowed = text ? without(excluded, logits.length) : opens;
    const chosen = this.#samplers.get(seed) ?? sampler({ ...this.#sampling, seed });
    this.#samplers.set(seed, chosen);
    return chosen.draw(logits, { counter: ids.length, recent: ids, allowed });
  }
  #draws(modality: string): boolean {
    return this.#manifest.noise.some((noise) => noise.modality === modality && noise.input !== null);
  }
  /** The modality whose span a token opens. */
  opens(id: number): string | undefined {
    return this.#openings.get(id)?.modality;
  }
  ends(id: number): boolean {
    return this.#ends.has(id);
  }
}
/** A span behind all others. */
const MANY = Number.MAX_SAFE_INTEGER;

/** The ids below `count` that are in none of some spans. */
const without = (spans: readonly Span[], count: number): Span[] => {
  const found: Span[] = [];
  let from = 0;
  for (const [first, end] of spans.toSorted((a, b) => a[0] - b[0])) {
    if (Math.min(first, count) > from) found.push([from, Math.min(first, count)]);
    from = Math.max(from, end);
  }
  if (from < count) found.push([from, count]);
  return found;
};
