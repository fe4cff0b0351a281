// Whole documents by what they are made of: which streams they have, and which rows may stand before which.
import type { Model } from "../analyze/model.ts";
import { atomsOf } from "./atom.ts";
import { isGrid, modalitiesIn } from "./limit.ts";
import { anyOrder, type Precedes } from "./precedence.ts";
import type { Stream } from "./stream.ts";

export interface Whole {
  /** `text, image`; `text then image` where nothing stands behind the last */
  readonly name: string;
  readonly streams: readonly Stream[];
  readonly among: Precedes;
  /** the stream whose rows, of one span, end the document */
  readonly last: Stream | undefined;
}

export const subsets = <T>(items: readonly T[]): T[][] =>
  items
    .reduce<T[][]>((sets, item) => [...sets, ...sets.map((set) => [...set, item])], [[]])
    .filter((set) => set.length > 0)
    .sort((a, b) => a.length - b.length);

/** One for each set of streams that some modalities bring, named by all of them. */
export const wholesOf = (model: Model, streams: readonly Stream[]): readonly Whole[] => {
  const found = new Map<string, Whole>();
  for (const modalities of subsets(modalitiesIn(model))) {
    const present = model.kinds.filter((kind) => modalities.includes(kind.modality));
    const own = streams.filter((stream) => stream.kinds.some((kind) => present.includes(kind)));
    const key = own.map((stream) => stream.name).join(" ");
    found.set(key, { name: modalities.join(", "), streams: own, among: anyOrder, last: undefined });
  }
  return [...found.values()];
};

/**
 * The same, and of each those that end with the grid of a span: what stands before it never sees it. Rows of the span that
 * stand behind its grid are left out there, so it must not see them either.
 */
export const orderedWholesOf = (model: Model, streams: readonly Stream[]): readonly Whole[] => {
  const grids = atomsOf(model, streams).filter((atom) => isGrid(atom) && atom.streams.length === 1);
  const ends = grids.map((atom) => atom.streams[0]!);
  return wholesOf(model, streams).flatMap((whole) => [
    whole,
    ...ends
      .filter((end) => whole.streams.includes(end) && whole.streams.length > 1)
      .map((last): Whole => {
        const { modality } = last.kinds[0]!;
        const others = whole.name.split(", ").filter((each) => each !== modality);
        return {
          ...whole,
          name: `${others.join(", ")} then ${modality}`,
          among: (first) => first !== last,
          last,
        };
      }),
  ]);
};
