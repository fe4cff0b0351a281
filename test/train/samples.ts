// Documents to learn from, small and drawn by chance, and what each row should say: as the oracle asks for it by place, and
// as values of the rows, which a program is given.
import type { Document, DocumentRow, Model } from "../../compiler/analyze/model.ts";
import type { Target, Targets } from "../../compiler/oracle/index.ts";
import { drawn } from "../phases/schedule.ts";

export interface Sample {
  readonly document: Document;
  readonly targets: Targets;
}
/** What heads are called in names of inputs. */
const outputOf = (model: Model, modality: string): string =>
  model.noise.find((noise) => noise.modality === modality)?.process.predicts ?? "logits";

/**
 * A document by a layout such as `tt[]t`: a token, or an image of the model's size with its markers; `[` alone at the end
 * is an image whose document ends with its patches. Every row counts for something that it can say, by a weight of its own.
 */
export const sample = (model: Model, layout: string, seed: number, most = 1): Sample => {
  const random = drawn(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const text = model.modalities.find((modality) => modality.kind === "tokens")!;
  const vocab = text.kind === "tokens" ? text.vocab + text.added.length : 0;
  const hasImages = layout.includes("[");
  const rows: { -readonly [K in keyof DocumentRow]: DocumentRow[K] }[] = [];
  const spans: Record<string, number>[] = [];
  for (const [i, letter] of [...layout].entries()) {
    if (letter === "t")
      rows.push({ kind: "text", span: 0, index: 0, values: { id: below(text.kind === "tokens" ? text.vocab : 0) } });
    if (letter !== "[") continue;
    const span = spans.length;
    spans.push({ t: Math.fround(most * random()) });
    for (const kind of model.kinds.filter(({ modality }) => modality === "image")) {
      const { rows: of } = kind;
      const count = of.kind === "grid" ? of.rows * of.cols : 1;
      if (kind.name === "image.close" && layout[i + 1] !== "]") continue;
      for (let index = 0; index < count; index++) {
        const z = of.kind === "grid" ? { z: Float32Array.from({ length: of.width }, () => 2 * random() - 1) } : {};
        rows.push({ kind: kind.name, span, index, values: z });
      }
    }
  }
  const targets: Record<string, Map<number, Target>> = {};
  for (const { name, value } of model.losses) {
    const found = new Map<number, Target>();
    const seq = value ?? model.heads.find(({ modality }) => modality === name)!.value;
    for (const [place, row] of rows.entries()) {
      if (!seq.shapes.has(row.kind)) continue;
      const [width] = seq.shapes.get(row.kind)!;
      const weight = Math.fround(random() / 4);
      const what = value === undefined ? outputOf(model, name) : `loss.${name}`;
      if (value !== undefined) {
        found.set(place, { weight });
        row.values = { ...row.values, feature: Float32Array.from({ length: 6 }, () => 2 * random() - 1) };
        row.values = { ...row.values, [`${what}.weight`]: weight };
      } else if (what === "logits") {
        const ids = hasImages ? vocab : text.kind === "tokens" ? text.vocab : 0;
        const id = below(ids);
        found.set(place, { weight, id, below: ids });
        row.values = { ...row.values, "logits.target": id, "logits.weight": weight, "logits.below": ids };
      } else {
        const numbers = Float32Array.from({ length: width! }, () => 2 * random() - 1);
        found.set(place, { weight, numbers });
        row.values = { ...row.values, [`${what}.target`]: numbers, [`${what}.weight`]: weight };
      }
    }
    targets[name] = found;
  }
  // Rows of a kind without a head stand in a stream beside those that have one.
  for (const row of rows) row.values = { "logits.target": 0, "logits.weight": 0, "logits.below": vocab, ...row.values };
  return { document: { rows, spans: { image: spans }, inputs: {} }, targets };
};
