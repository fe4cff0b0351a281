// Everything that is judged sample by sample, by name.
import { judgeSpecification } from "./specifications/judge.ts";
import type { Tally } from "./tally.ts";

type Judge = (seed: number, n: number, tally: Tally) => void | Promise<void>;

export const judges: Readonly<Record<string, Judge>> = {
  specifications: judgeSpecification,
};
