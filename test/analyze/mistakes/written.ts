// How a wrong specification is written: a small right one with something changed, and the place of the mistake between
// « and ». `fixed` is what its help says to write instead: then nothing is wrong.

export interface Mistake {
  readonly name: string;
  readonly text: string;
  readonly fixed?: string | undefined;
  /** what else is in the folder; another file may hold the mark */
  readonly files?: Readonly<Record<string, string>> | undefined;
  /** the codes expected, where it is not one message */
  readonly messages?: number;
}

/** A text with pieces replaced, each of which it holds once. */
export const change = (text: string, ...pieces: readonly (readonly [from: string, to: string])[]): string =>
  pieces.reduce((before, [from, to]) => {
    if (before.split(from).length !== 2) throw new Error(`"${from}" is not once in:\n${before}`);
    return before.replace(from, () => to);
  }, text);
export const unmarked = (text: string): string => text.replace(/[«»]/g, "");

type Piece = readonly [from: string, wrong: string, right?: string];
/** A mistake made by replacing pieces of a right text; mended by replacing them by others (or by themselves). */
export const wrong = (name: string, text: string, ...pieces: readonly Piece[]): Mistake => ({
  name,
  text: change(text, ...pieces.map(([from, to]) => [from, to] as const)),
  fixed: change(text, ...pieces.map(([from, , right]) => [from, right ?? from] as const)),
});

/** A language model alone. */
export const alone = `import { Language } from "std/contracts"
import { Llama, PlainRope } from "std/llama"

tower Small = Llama(L: 2, D: 8, heads: 2, hidden: 16, vocab: 32, rope: PlainRope())

model Alone(language: Language = Small) {
  modality text = tokens(vocab: language.vocab)
  freeze language.**
  embed text(id) = language.enter(id)
  layers fuse l in language.layers {
    h = l(h)
  }
  mask = causal
  position = running
  head text = next_token(language.logits(h))
}
`;

/** Two towers side by side. */
export const dual = `import { Language, Painter } from "std/contracts"
import { Llama, PlainRope } from "std/llama"
import { Copied } from "std/copied"
import { DiT } from "std/dit"

tower Small = Llama(L: 2, D: 8, heads: 2, hidden: 16, vocab: 32, rope: PlainRope())
tower Paint = DiT(L: 2, D: 12, heads: 3, size: 2, channels: 3, rows: 2, classes: 10, outputs: 1)

model Dual(language: Language, vision: Painter) {
  modality text = tokens(vocab: language.vocab, add: ["<boi>", "<eoi>"])
  modality image = span { open: text "<boi>", patch: grid(2, 2, of: vision.patch), close: text "<eoi>" }
  group und = text, image.open, image.close
  input t: number per image
  let c = select { und: vision.condition(clean), image.patch: vision.condition(t) }
  freeze language.**
  train vision.**, text.added
  embed text(id) = language.enter(id)
  embed image.patch(z) = vision.enter(z, c)
  layers fuse l in language.layers, v in vision.layers {
    h = select { und: l(h), image.patch: v(h, c: c) }
  }
  mask = causal or within(image.patch)
  position = running
  noise image = vision.noise { given: t = clean  drawn: t ~ logit_normal(0, 1)  after: given }
  head text = next_token(language.logits(h))
  head image = denoise(vision.leave(h, c: c))
}

model Swap = Dual(language: Small, vision: Copied(Small, patch: 12))
`;

/** A tower of one's own. */
export const own = `block B(D, heads = 2) {
  weight q: [D, D], k: [D, D], v: [D, D], o: [D, D]
  weight norm: [D] = ones
  forward(x: [D]) -> [D] {
    n = rms_norm(x, norm)
    [a, b] = chunk(linear(n, v), 2)
    y = attend(split(linear(n, q), heads), split(linear(n, k), heads), split(concat(a, b), heads))
    x + linear(merge(y), o)
  }
}

tower T(L = 2, D = 8, vocab = 32, tied = true) {
  half = D / 2
  weight embed: [vocab, D]
  weight bias: [D] = zeros if tied
  layers: B(D) * L
  enter(id) -> [D] { embed[id] }
  logits(x: [D]) -> [vocab] { linear(x, embed) }
  checkpoint hf {
    embed <- "embed"
    layers[i].q <- "layers.{i}.q"
  }
}

model Own(language = T()) {
  modality text = tokens(vocab: language.vocab)
  freeze language.**
  embed text(id) = language.enter(id)
  layers fuse l in language.layers {
    h = l(h)
  }
  mask = causal
  position = running
  head text = next_token(language.logits(h))
}
`;
