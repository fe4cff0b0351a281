// Everything that is judged sample by sample, by name. Each is loaded when it is asked for: texts take seconds to prepare.
import type { Tally } from "./tally.ts";

type Judge = (seed: number, n: number, tally: Tally) => void | Promise<void>;

export const judges: Readonly<Record<string, () => Promise<Judge>>> = {
  specifications: async () => (await import("./specifications/judge.ts")).judgeSpecification,
  headers: async () => (await import("./headers/judge.ts")).judgeHeader,
};
