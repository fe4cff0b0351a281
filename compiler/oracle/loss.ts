// What a document costs: each head against what it should have said, and the losses that have a name, row by row in f64.
import type { Loss } from "../analyze/model.ts";

/** What a row should say, and how much that counts. */
export type Target =
  /** of a head of tokens: which token comes next, of those below `below` */
  | { readonly weight: number; readonly id: number; readonly below?: number | undefined }
  /** of a head that draws: its numbers */
  | { readonly weight: number; readonly numbers: ArrayLike<number> }
  /** of a loss that has a name: the row's own number is what it costs */
  | { readonly weight: number };
/** By the name of a loss, then by row of the document. */
export type Targets = Readonly<Record<string, ReadonlyMap<number, Target>>>;
export interface Losses {
  readonly total: number;
  /** by name, without its factor */
  readonly terms: Readonly<Record<string, number>>;
}

/** @param rowsOf a head by its modality, or a loss by its name: what each row of the document gives, by its place */
export const lossesOf = (
  losses: readonly Loss[],
  rowsOf: (loss: Loss) => ReadonlyMap<number, Float64Array>,
  targets: Targets,
): Losses => {
  const terms: Record<string, number> = {};
  let total = 0;
  for (const loss of losses) {
    const { name, factor } = loss;
    const rows = rowsOf(loss);
    let sum = 0;
    for (const [index, target] of targets[name] ?? []) {
      const row = rows.get(index);
      if (row === undefined) throw new Error(`row ${index} has no loss ${name}`);
      sum += target.weight * costOf(row, target);
    }
    terms[name] = sum;
    total += factor * sum;
  }
  return { total, terms };
};

const costOf = (row: Float64Array, target: Target): number => {
  if ("id" in target) return surprise(row.subarray(0, target.below ?? row.length), target.id);
  if ("numbers" in target) return row.reduce((sum, x, i) => sum + (x - target.numbers[i]!) ** 2, 0) / row.length;
  return row[0]!;
};
/** Minus the logarithm of the probability that softmax gives to `id`. */
const surprise = (logits: Float64Array, id: number): number => {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  return most + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - most), 0)) - logits[id]!;
};
