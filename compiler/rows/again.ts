// What rows that are computed again in each step of a drawing forbid. Such rows stand before the drawing and change with it,
// while their own keys and values are those of clean rows: so what the last step made of them cannot stay; and they are in
// the same call as the drawing, so that it cannot be kept from seeing them.
import type { At, Model } from "../analyze/model.ts";
import { type Phase, planOf } from "./phase.ts";
import type { Stream } from "./stream.ts";

/** An `after: last` whose drawing changes rows before it. */
export interface Unkept {
  readonly at: At;
  readonly modality: string;
  /** names of the streams of those rows */
  readonly rows: readonly string[];
}
export const unkeptOf = (model: Model): Unkept | undefined => {
  for (const { modality, after, at } of model.noise) {
    if (after !== "last") continue;
    const again = againIn(model, modality);
    if (again.length > 0) return { at, modality, rows: again.map(({ name }) => name) };
  }
  return undefined;
};

/** A guide that hides rows which are computed again. */
export interface Unhidden {
  readonly at: At;
  readonly modality: string;
  readonly before: string;
}
export const unhiddenOf = (model: Model): Unhidden | undefined => {
  for (const { how, at } of model.guides) {
    if (how.kind !== "hide") continue;
    const { modality, before } = how;
    if (againIn(model, before).some((stream) => isOf(stream, modality))) return { at, modality, before };
  }
  return undefined;
};

/** The streams that are computed again while a span of a modality is drawn. */
const againIn = (model: Model, modality: string): readonly Stream[] => {
  const draws = ({ kind, appends }: Phase): boolean =>
    kind === "denoise" && appends.some((stream) => isOf(stream, modality));
  return planOf(model)
    .phases.filter(draws)
    .flatMap(({ again }) => again);
};
const isOf = ({ kinds }: Stream, modality: string): boolean => kinds.some((kind) => kind.modality === modality);
