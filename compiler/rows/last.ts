// What cannot stay of a last step: rows that stand before a drawing and change from step to step are computed again in each,
// but their own keys and values are those of clean rows. So no document has both as later rows would see them.
import type { At, Model } from "../analyze/model.ts";
import { planOf } from "./phase.ts";

/** An `after: last` whose drawing changes rows before it. */
export interface Unkept {
  readonly at: At;
  readonly modality: string;
  /** names of the streams of those rows */
  readonly rows: readonly string[];
}
export const unkeptOf = (model: Model): Unkept | undefined => {
  const last = model.noise.filter(({ after }) => after === "last");
  if (last.length === 0) return undefined;
  for (const { kind, appends, again } of planOf(model).phases) {
    if (kind !== "last" || again.length === 0) continue;
    const noise = last.find(({ modality }) => appends.some(({ kinds }) => kinds.some((k) => k.modality === modality)))!;
    return { at: noise.at, modality: noise.modality, rows: again.map(({ name }) => name) };
  }
  return undefined;
};
