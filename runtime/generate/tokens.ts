// Which tokens may come next, and what a token means: text, the opening of a span, an end.
import type { DocumentRow } from "../document.ts";
import { Failure } from "../failure.ts";
import type { Manifest } from "../manifest.ts";
import { tokensIn } from "./rows.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { ruleOf, type Sampling, type Span } from "./sampling.ts";

export interface TextOptions {
  /** how tokens are drawn; without a temperature the likeliest */
  readonly sampling?: Omit<Sampling, "seed"> | undefined;
  /** tokens that end a document; those of the tokenizer if left out */
  readonly ends?: readonly number[] | undefined;
}
/** Where a document stands when a token is to be drawn. */
export interface Standing {
  readonly admits: (row: DocumentRow) => boolean;
  /** whether a token may open an image */
  readonly draws: boolean;
}

export class TextDrawer {
  readonly #manifest: Manifest;
  readonly sampling: Omit<Sampling, "seed">;
  readonly #ends: ReadonlySet<number>;
  /** the marker at the beginning of spans that are drawn: modality and row by id */
  readonly #openings = new Map<number, { readonly modality: string; readonly row: DocumentRow }>();
  /** what is never drawn: other markers, and what pads the model's vocabulary beyond the tokenizer's */
  readonly #never: readonly Span[];

  constructor(manifest: Manifest, tokenizer: Tokenizer, { sampling = {}, ends = tokenizer.ends }: TextOptions) {
    this.#manifest = manifest;
    this.sampling = { ...sampling, temperature: sampling.temperature ?? 0 };
    // What is no setting is refused before anything is computed.
    ruleOf({ ...this.sampling, seed: 0 });
    const { vocab, added } = tokensIn(manifest);
    const wrong = ends.find((id) => !(Number.isSafeInteger(id) && id >= 0 && id < vocab + added.length));
    if (wrong !== undefined) throw new Failure("call", `the token ${String(wrong)} of \`ends\` is none of the model's`);
    this.#ends = new Set(ends);
    const markers: number[] = [];
    for (const modality of manifest.modalities) {
      if (modality.is !== "span") continue;
      const draws = manifest.noise.some((noise) => noise.modality === modality.name && noise.input !== null);
      for (const [i, segment] of modality.segments.entries()) {
        if (segment.is !== "marker") continue;
        markers.push(segment.id);
        const row = { kind: segment.kind, span: BEHIND, index: 0, values: {} };
        if (i === 0 && draws) this.#openings.set(segment.id, { modality: modality.name, row });
      }
    }
    const others = markers.filter((id) => !this.#openings.has(id));
    this.#never = [...others.map((id): Span => [id, id + 1]), [tokenizer.vocab, vocab]];
  }

  /** The tokens that may come next; undefined where none may. */
  allowed({ admits, draws }: Standing): readonly Span[] | undefined {
    const { name, vocab, added } = tokensIn(this.#manifest);
    const text = admits({ kind: name, span: 0, index: 0, values: { id: 0 } });
    const [opens, excluded]: [Span[], Span[]] = [[], [...this.#never]];
    for (const [id, { row }] of this.#openings) (draws && admits(row) ? opens : excluded).push([id, id + 1]);
    if (!text && opens.length === 0) return undefined;
    return text ? without(excluded, vocab + added.length) : opens;
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
const BEHIND = Number.MAX_SAFE_INTEGER;

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
