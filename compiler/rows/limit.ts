// How many programs a model may have. A call may bring rows of any choice of modalities, and append any choice of atoms, so
// each that is one more doubles them: a model with too many is refused before any is made.
import type { Model, Noise } from "../analyze/model.ts";
import { atomsOf, type Atom } from "./atom.ts";
import { isUsed } from "./session.ts";
import { distinguishing, streamsOf } from "./stream.ts";

export const MOST_PROGRAMS = 256;

/** Modalities that documents may have. */
export const modalitiesIn = (model: Model): string[] =>
  model.modalities.map(({ name }) => name).filter((name) => isUsed(model, name));
/** Whether documents may have rows of an atom. */
export const isAppended = (model: Model, { streams }: Atom): boolean =>
  streams.some((stream) => stream.kinds.some(({ modality }) => isUsed(model, modality)));

/** Whether an atom has rows that are no tokens: it is read and drawn, and never decoded. */
export const isGrid = ({ streams }: Atom): boolean =>
  streams.some((stream) => stream.kinds.every((kind) => kind.rows.kind === "grid"));

/** What later rows are to see of drawings of an atom. */
export const endsOf = ({ noise }: Model, { streams }: Atom): ReadonlySet<Noise["after"]> =>
  new Set(
    noise
      .filter(({ modality }) => streams.some(({ kinds }) => kinds.some((kind) => kind.modality === modality)))
      .map(({ after }) => after),
  );

/** What makes a model one of too many programs: the sorts of rows that may come together, and what tells them apart. */
export interface Excess {
  readonly sorts: readonly string[];
  readonly by: readonly string[];
}
export const excessOf = (model: Model): Excess | undefined => {
  const streams = streamsOf(model);
  const all = atomsOf(model, streams);
  const atoms = all.some(({ reach }) => reach === "document") ? [] : all.filter((atom) => isAppended(model, atom));
  const modalities = modalitiesIn(model);
  const grids = atoms.filter(isGrid);
  // Every choice with tokens is prefilled; tokens are decoded, grids read and drawn, and some drawings end in one more way.
  const prefills = 2 ** atoms.length - 2 ** grids.length;
  const ends = grids.reduce((sum, atom) => sum + [...endsOf(model, atom)].filter((how) => how !== "given").length, 0);
  const programs = 2 ** modalities.length - 1 + prefills + atoms.length + grids.length + ends;
  if (programs <= MOST_PROGRAMS) return undefined;
  const own = streams.filter(({ kinds }) => kinds.some(({ modality }) => isUsed(model, modality)));
  if (atoms.length <= modalities.length) return { sorts: modalities, by: distinguishing(model, own) };
  return { sorts: atoms.map((atom) => atom.streams[0]!.name), by: distinguishing(model, own) };
};
