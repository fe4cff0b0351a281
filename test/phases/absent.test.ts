// Rows that are not there: whatever stands in their inputs, and whatever a model would make of it, the rows that are there
// come out bit for bit the same, in whole documents and phase by phase with caches; and their own outputs are exactly 0.
import { describe, expect, test } from "vitest";
import type { Document, DocumentRow } from "../../compiler/analyze/model.ts";
import type { ProfileName } from "../../compiler/target/onnx/profile.ts";
import type { Part } from "../../runtime/context.ts";
import { pack, slotsOf } from "../../runtime/document.ts";
import type { Tensor } from "../../runtime/index.ts";
import { contextOf } from "../entry.ts";
import { specify, type Specified, type WeightOf } from "../reference/run.ts";
import type { Tensors } from "./judge.ts";
import { example, weightsOf } from "./models.ts";
import { type Opened, openSession, type Session } from "./session.ts";

/** Rows enter, and are attended to, by what divides by its own norm: zeros, or numbers all alike, would be NaN. */
const normed = (): Specified =>
  specify(
    `block Unit(D) {
      weight q: [D, D], k: [D, D], v: [D, D]
      forward(x: [D]) -> [D] {
        c = x - mean(x)
        n = c / sqrt(sum(c * c))
        x + merge(attend(split(linear(n, q), 2), split(linear(n, k), 2), split(linear(n, v), 2)))
      }
    }
    tower Small(D, vocab, patch) {
      weight embed: [vocab, D], head: [vocab, D]
      weight into: [D, patch]
      weight out: [patch, D]
      layers: Unit(D) * 2
      enter(id) -> [D] { embed[id] }
      logits(x: [D]) -> [vocab] { linear(x, head) }
      look(z: [patch], t, r) -> [D] { linear(z / sqrt(sum(z * z)), into) * (1 + t) / (r + 0.5) }
      leave(x: [D]) -> [patch] { linear(x, out) }
    }
    model Normed(language = Small(D: 8, vocab: 256, patch: 12), vision = Small(D: 8, vocab: 256, patch: 12)) {
      modality text = tokens(vocab: language.vocab)
      modality image = span { open: text 7, patch: grid(2, 2, of: vision.patch), close: text 9 }
      group und = text, image.open, image.close
      input t: number per image
      train language.**, vision.**
      embed text(id) = language.enter(id)
      embed image.patch(z) = vision.look(z, t, row)
      layers fuse l in language.layers, v in vision.layers { h = select { und: l(h), image.patch: v(h) } }
      mask = causal or within(image.patch)
      position = running
      noise image = flow(clean: 0, noise: 1, predicts: velocity) { given: t = clean  drawn: t ~ uniform(0, 1)  after: given }
      head text = next_token(language.logits(h))
      head image = denoise(vision.leave(h))
    }`,
    "Normed",
  );

const text = (count: number, from = 40): DocumentRow[] =>
  Array.from({ length: count }, (_, i) => ({ kind: "text", span: 0, index: 0, values: { id: from + i } }));
const marker = (kind: string): DocumentRow => ({ kind, span: 0, index: 0, values: {} });
const patches = (seed = 0): DocumentRow[] =>
  Array.from({ length: 4 }, (_, index) => ({
    kind: "image.patch",
    span: 0,
    index,
    values: { z: Float32Array.from({ length: 12 }, (_number, n) => Math.sin(seed + index * 12 + n)) },
  }));
const image = (t: number): Document["spans"] => ({ image: [{ t }] });
const batch: readonly Document[] = [
  {
    rows: [...text(3), marker("image.open"), ...patches(), marker("image.close"), ...text(2)],
    spans: image(0.25),
    inputs: {},
  },
  { rows: text(2, 90), spans: {}, inputs: {} },
  { rows: [...patches(5), ...text(1)], spans: image(0.5), inputs: {} },
];
const textOnly: readonly Document[] = [{ rows: text(4), spans: {}, inputs: {} }, batch[1]!];

const poisons: readonly (readonly [number, number])[] = [
  [NaN, -1],
  [Infinity, 2 ** 31 - 1],
  [-3e38, -(2 ** 31)],
];

/** The inputs with these numbers wherever no row stands, and for spans where the documents have none. */
const poisoned = ({ entry }: Opened, inputs: Tensors, [real, index]: readonly [number, number]): Tensors =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => {
      const [, extent] = entry.inputs.find((port) => port.name === name)!.shape;
      const stream = entry.streams.find((each) => each.name === extent);
      if (!stream || name === `${stream.name}.order`) return [name, tensor];
      const order = inputs[`${stream.name}.order`]!.data as Int32Array;
      const data = tensor.data.slice() as Float32Array;
      const width = data.length / order.length;
      order.forEach((place, slot) => {
        if (place < 0) data.fill(tensor.dtype === "i32" ? index : real, slot * width, (slot + 1) * width);
      });
      return [name, { ...tensor, data } as Tensor];
    }),
  );

/** Rows that are there are the same bits, and finite; the others are 0, but for keys and values, which nobody keeps. */
const same = ({ entry }: Opened, documents: readonly Document[], got: Tensors, want: Tensors): number => {
  let compared = 0;
  for (const [name, { data, shape }] of Object.entries(got)) {
    const stream = entry.streams.find((each) => name.startsWith(`${each.name}.`) || name.includes(`/${each.name}.`))!;
    const [, rows] = shape as [number, number];
    const width = data.length / documents.length / rows;
    for (const [d, document] of documents.entries()) {
      const count = slotsOf(document, stream.kinds).length;
      const line = (from: Tensor, first: number, last: number) => [
        ...(from.data as Float32Array).subarray((d * rows + first) * width, (d * rows + last) * width),
      ];
      const own = line({ dtype: "f32", shape, data } as Tensor, 0, count);
      expect(own, name).toEqual(line(want[name]!, 0, count));
      expect(own.every(Number.isFinite), `${name} of document ${d}`).toBe(true);
      compared += own.length;
      if (!name.startsWith("new."))
        expect(
          line(got[name]!, count, rows).every((x) => Object.is(x, 0)),
          name,
        ).toBe(true);
    }
  }
  return compared;
};

const opened = async (specified: Specified, profile: ProfileName, run: (session: Session) => Promise<void>) => {
  const session = await openSession(specified, weightsOf(specified) as WeightOf, profile);
  try {
    await run(session);
  } finally {
    await session.close();
  }
};

const subjects: readonly (readonly [string, () => Specified])[] = [
  ["a model that divides by norms", normed],
  ...["DualTower", "LMFusion"].map((name) => {
    const file = name === "LMFusion" ? "lmfusion" : "xfusion";
    return [name, () => example({ file, name, most: 1 })] as const;
  }),
];
describe.each(subjects)("%s", (_, specified) => {
  const model = specified();
  test.each(["ort-cpu", "portable"] as const)("whole documents, %s", { timeout: 120_000 }, (profile) =>
    opened(model, profile, async ({ programs }) => {
      const forward = programs.get("forward(text, image)")!;
      for (const documents of [batch, textOnly]) {
        const inputs = pack(forward.entry, documents);
        const want = await forward.run(inputs);
        expect(same(forward, documents, want, want)).toBeGreaterThan(0);
        for (const poison of poisons)
          same(forward, documents, await forward.run(poisoned(forward, inputs, poison)), want);
      }
    }),
  );
  test.each(["ort-cpu", "portable"] as const)("phases and their caches, %s", { timeout: 120_000 }, (profile) =>
    opened(model, profile, async ({ programs }) => {
      const calls: readonly (readonly [string, readonly Part[]])[] = [
        ["prefill(text)", [{ rows: text(5) }, { rows: text(1) }]],
        ["denoise(image)", [{ rows: patches(), spans: image(0.5) }, { rows: [] }]],
        ["read(image)", [{ rows: patches(), spans: image(0) }, { rows: [] }]],
        ["prefill(text, image)", [{ rows: text(1) }, { rows: [...text(2), ...patches(3)], spans: image(0) }]],
        ["decode(text)", [{ rows: text(1, 60) }, { rows: text(1, 70) }]],
      ];
      for (const poison of poisons) {
        const lowered = [...programs.values()].map((program) => program.lowered);
        const contexts = [contextOf(model.model, lowered, 2), contextOf(model.model, lowered, 2)] as const;
        for (const [name, parts] of calls) {
          const program = programs.get(name)!;
          const results: Tensors[] = [];
          const given = [];
          for (const [i, context] of contexts.entries()) {
            const documents = context.documents(program.entry, parts);
            const inputs = await context.inputs(program.entry, documents);
            given.push({ context, documents, inputs: i === 0 ? inputs : poisoned(program, inputs, poison) });
          }
          for (const { context, documents, inputs } of given) {
            const outputs = await program.run(inputs);
            await context.append(program.entry, documents, outputs);
            results.push(outputs);
          }
          const documents = given[0]!.documents.map((each) => ({ ...each, place: 0 }));
          same(program, documents, results[1]!, results[0]!);
          const [sound, other] = await Promise.all(
            contexts.map((context) =>
              context.inputs(program.entry, context.documents(program.entry, [{ rows: [] }, { rows: [] }])),
            ),
          );
          expect(other).toEqual(sound);
        }
      }
    }),
  );
});
