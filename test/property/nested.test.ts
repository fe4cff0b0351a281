// Layers in layers: what stands behind the inner ones belongs to the outer layer again, so that each has its own bridge.
import { expect, test } from "vitest";
import { analyse } from "./run.ts";

const block = (name: string, width: number): string => `block ${name}() {
  weight q: [${width}, ${width}]
  forward(x: [${width}]) -> [${width}] { x + merge(attend(split(linear(x, q), 1), split(x, 1), split(x, 1))) }
}`;

test("a bridge behind nested layers is the outer layer's own", () => {
  const { model } = analyse(`${block("A", 2)} ${block("B", 3)}
tower T { D = 2  vocab = 5  weight embed: [vocab, D]  layers: A() * 2
  enter(id) -> [D] { embed[id] }
  logits(x: [D]) -> [vocab] { linear(x, embed) } }
tower V { D = 3  layers: B() * 2 }
model Plain(t = T, v = V) {
  modality text = tokens(vocab: t.vocab)
  train **
  embed text(id) = t.enter(id)
  layers f l in t.layers, b in v.layers {
    part back = Back()
    layers g k in t.layers { h = k(h) }
    h = l(h) + back(b(h))
  }
  mask = causal
  position = running
  head text = next_token(t.logits(h))
}
part Back() { weight w: [2, 3]  forward(x: [3]) -> [2] { linear(x, w) } }
model M = Plain() with { bridge }
`);
  const bridges = model.weights.map((weight) => weight.path).filter((path) => /_from_|bridge|to_v/.test(path));
  expect(bridges).toHaveLength(2);
  expect(bridges[0]).toMatch(/^f\[0\]\./);
  expect(bridges[1]).toMatch(/^f\[1\]\./);
});
