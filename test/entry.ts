// What the runtime's packing needs to know of a lowered program, as a manifest would tell it.
import { modalitiesOf, portOf, sessionOf } from "../cli/manifest.ts";
import type { Document, Model } from "../compiler/analyze/model.ts";
import type { PhaseProgram } from "../compiler/ir/module.ts";
import { type Appending, Context } from "../runtime/context.ts";

/** An empty batch of a model's documents. */
export const contextOf = (model: Model, batch: number): Context =>
  new Context(batch, { model: model.name, modalities: modalitiesOf(model), session: sessionOf(model) });

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
  again: program.streams.filter(({ name }) => program.again.includes(name)).flatMap(({ kinds }) => kinds),
  reads: program.reads,
  writes: program.writes,
});

/** The forward program of the fewest streams that takes the rows of all documents. */
export const forwardFor = (programs: readonly PhaseProgram[], documents: readonly Document[]): PhaseProgram => {
  const kinds = new Set(documents.flatMap((document) => document.rows.map((row) => row.kind)));
  const takes = (program: PhaseProgram): boolean =>
    [...kinds].every((kind) => program.streams.some((stream) => stream.kinds.includes(kind)));
  const [best] = programs
    .filter((program) => program.kind === "forward" && takes(program))
    .sort((a, b) => a.streams.length - b.streams.length);
  if (!best) throw new Error(`there is no forward for ${[...kinds].join(", ")}`);
  return best;
};
