// What the runtime's packing needs to know of a lowered program, as a manifest would tell it.
import { cachesOf, modalitiesOf, portOf, sessionOf } from "../cli/manifest.ts";
import type { Document as Whole, Model } from "../compiler/analyze/model.ts";
import type { PhaseProgram } from "../compiler/ir/module.ts";
import { Context, type Part } from "../runtime/context.ts";
import type { Appending, Document } from "../runtime/document.ts";
import { HostCaches } from "../runtime/hostCaches.ts";
import type { CacheEntry } from "../runtime/manifest.ts";
import type { Layout } from "../runtime/order.ts";
import type { Tensors } from "../runtime/tensor.ts";

/** A context whose calls are taken apart: what goes in is given, and what came out is taken, by a test. */
export class Hosted {
  readonly context: Context;
  readonly #caches: HostCaches;

  constructor(batch: number, layout: Layout, entries: readonly CacheEntry[]) {
    this.#caches = new HostCaches(batch, entries, () => Promise.reject(new Error("a test runs the program")));
    this.context = new Context(batch, layout, this.#caches);
  }
  documents(program: Appending, parts: readonly Part[]): readonly Document[] {
    return this.context.documents(program, parts);
  }
  async inputs(program: Appending, documents: readonly Document[]): Promise<Tensors> {
    const { inputs } = await this.context.ready(program, documents);
    return { ...inputs, ...this.#caches.inputs(program) };
  }
  async append(program: Appending, documents: readonly Document[], outputs: Tensors): Promise<void> {
    const { behind } = await this.context.ready(program, documents);
    this.#caches.keep(program, behind, outputs);
    this.context.append(program, documents);
  }
}
/** An empty batch of a model's documents. */
export const contextOf = (model: Model, programs: readonly PhaseProgram[], batch: number): Hosted =>
  new Hosted(
    batch,
    { model: model.name, modalities: modalitiesOf(model), session: sessionOf(model) },
    cachesOf(programs),
  );

export const entryOf = (model: Model, program: PhaseProgram): Appending => ({
  name: program.name,
  streams: program.streams,
  inputs: program.inputs.map(portOf),
  kinds: Object.fromEntries(
    model.kinds.map(({ name, rows }) => [
      name,
      { cols: rows.kind === "grid" ? rows.cols : undefined, id: rows.kind === "marker" ? rows.id : undefined },
    ]),
  ),
  appends: program.kind !== "forward" && program.kind !== "denoise",
  hides: program.kind === "draft",
  again: program.streams.filter(({ name }) => program.again.includes(name)).flatMap(({ kinds }) => kinds),
  reads: program.reads,
  writes: program.writes,
});

/** The forward program of the fewest streams that takes the rows of all documents. */
export const forwardFor = (programs: readonly PhaseProgram[], documents: readonly Whole[]): PhaseProgram => {
  const kinds = new Set(documents.flatMap((document) => document.rows.map((row) => row.kind)));
  const takes = (program: PhaseProgram): boolean =>
    [...kinds].every((kind) => program.streams.some((stream) => stream.kinds.includes(kind)));
  const [best] = programs
    .filter((program) => program.kind === "forward" && takes(program))
    .sort((a, b) => a.streams.length - b.streams.length);
  if (!best) throw new Error(`there is no forward for ${[...kinds].join(", ")}`);
  return best;
};
