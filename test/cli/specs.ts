// Specifications for tests of the command line.

/** The Llama of the reference vectors, alone. */
export const reference = (tower = "head_dim: 16, tied: true", name = "Alone"): string => `
import { Language } from "std/contracts"
import { Llama, Llama3Rope } from "std/llama"

tower Reference = Llama(L: 3, D: 64, heads: 4, kv_heads: 2, hidden: 160, vocab: 97, ${tower},
  rope: Llama3Rope(theta: 500_000, factor: 8, low: 1, high: 4, original: 64))

model ${name}(language: Language = Reference) {
  modality text = tokens(vocab: language.vocab)
  freeze language.**
  embed text(id) = language.enter(id)
  layers block l in language.layers { h = l(h) }
  mask = causal
  position = running
  head text = next_token(language.logits(h))
}
`;

/** A model of one token per row and nothing else, in canonical form. */
export const tiny = `tower Tiny(D, vocab) {
  weight embed: [vocab, D], head: [vocab, D] = normal(0.5)
  layers: Block(D) * 1

  enter(id) -> [D] { embed[id] }
  logits(x: [D]) -> [vocab] { linear(x, head) }
}

block Block(D) {
  weight q: [D, D]

  forward(x: [D]) -> [D] { x + merge(attend(split(linear(x, q), 1), split(x, 1), split(x, 1))) }
}

model Tiny4(language = Tiny(D: 4, vocab: 256)) {
  modality text = tokens(vocab: language.vocab)
  train language.**
  embed text(id) = language.enter(id)
  layers step l in language.layers {
    h = l(h)
  }
  mask = causal
  position = running
  head text = next_token(language.logits(h))
}
`;
