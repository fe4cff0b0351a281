// What runs the programs of a compiled folder: one for each target, the same to whoever calls it.
import type { ProgramEntry } from "./manifest.ts";
import type { Tensor } from "./tensor.ts";

export type Tensors = Readonly<Record<string, Tensor>>;
export interface Runner {
  /** Every input by name, checked against the entry; gives every output. @throws Failure */
  run(entry: ProgramEntry, graph: NonNullable<ProgramEntry["graph"]>, inputs: Tensors): Promise<Tensors>;
  /** Frees what was opened; nothing runs any more. */
  close(): Promise<void>;
}

/** What to do about a file that is not the one that was written. */
export const AGAIN = "compile the model again";
