// What runs the programs of a compiled folder: one for each target, the same to whoever calls it.
import type { Caches } from "./caches.ts";
import type { Appending } from "./document.ts";
import type { ProgramEntry } from "./manifest.ts";
import type { Tensors } from "./tensor.ts";

export interface MemoryOptions {
  /** bytes: of keys and values for graphs, and of all that lies on a GPU for kernels; without it as many as there are */
  readonly budget?: number;
}
export interface Runner {
  /** Every input by name, checked against the entry; gives every output. @throws Failure */
  run(entry: ProgramEntry, graph: NonNullable<ProgramEntry["graph"]>, inputs: Tensors): Promise<Tensors>;
  /** Keys and values of a batch of documents; `run` checks a call and runs it. */
  caches(batch: number, run: (program: Appending, inputs: Tensors) => Promise<Tensors>): Caches;
  /** Frees what was opened; nothing runs any more. */
  close(): Promise<void>;
}

/** Whether what was opened has the ports of the manifest, in any order. */
export const areNamed = (ports: readonly { readonly name: string }[], names: readonly string[]): boolean =>
  ports
    .map(({ name }) => name)
    .sort()
    .join("\n") === names.toSorted().join("\n");

/** What to do about a file that is not the one that was written. */
export const AGAIN = "compile the model again";
