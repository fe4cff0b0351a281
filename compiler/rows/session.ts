// What may come after what in a document: any modality after any, unless `session` narrows it.
import type { Model } from "../analyze/model.ts";

/** Modality -> those that may come somewhere after one of it, itself where there may be two. */
export type Following = ReadonlyMap<string, ReadonlySet<string>>;

export const followingOf = (model: Model): Following => {
  const names = model.modalities.map((m) => m.name);
  if (!model.session) return new Map(names.map((name) => [name, new Set(names)]));
  const terms = model.session;
  return new Map(
    names.map((name) => {
      const after = new Set<string>();
      terms.forEach((term, i) => {
        if (term.modality !== name) return;
        if (term.repeat === "*" || term.repeat === "+") after.add(name);
        for (const later of terms.slice(i + 1)) after.add(later.modality);
      });
      return [name, after];
    }),
  );
};

/** Whether documents may have rows of a modality at all. */
export const isUsed = ({ session }: Model, modality: string): boolean =>
  session === undefined || session.some((term) => term.modality === modality);
