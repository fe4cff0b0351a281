// What a program of training is given: documents as the runtime packs them, weights as inputs or as parameters.
import { modalitiesOf, portOf } from "../../cli/manifest.ts";
import type { Model } from "../../compiler/analyze/model.ts";
import { evaluate, type Given, type Values } from "../../compiler/ir/evaluate.ts";
import type { Port, Program, StreamPort } from "../../compiler/ir/module.ts";
import { type Callable, pack } from "../../runtime/document.ts";
import type { Tensors } from "../../runtime/tensor.ts";
import type { Specified, WeightOf } from "../reference/run.ts";
import type { Sample } from "./samples.ts";

/** A program on documents of some shape. */
export interface OfDocuments extends Program {
  readonly streams: readonly StreamPort[];
  readonly last: string | undefined;
}
const isState = ({ name }: Port): boolean => /^(weight|gradient)\//.test(name);
const callable = (model: Model, { name, streams, inputs }: OfDocuments): Callable => ({
  name,
  streams,
  inputs: inputs.filter((port) => !isState(port)).map(portOf),
  kinds: Object.fromEntries(
    modalitiesOf(model).flatMap((modality) =>
      modality.is === "tokens"
        ? []
        : modality.segments.map((s) => [
            s.kind,
            s.is === "grid" ? { count: s.rows * s.cols, cols: s.cols } : { id: s.id },
          ]),
    ),
  ),
});

/** The program of the fewest rows for such documents: one for those that end with their image where all do. */
export const programFor = <P extends OfDocuments>(programs: readonly P[], samples: readonly Sample[]): P => {
  const kinds = new Set(samples.flatMap(({ document }) => document.rows.map((row) => row.kind)));
  const ends = samples.every(
    ({ document: { rows, spans } }) => spans["image"]!.length === 1 && rows.at(-1)!.kind === "image.patch",
  );
  const fits = programs.filter(
    ({ streams, last }) =>
      (last === undefined || ends) && [...kinds].every((kind) => streams.some((stream) => stream.kinds.includes(kind))),
  );
  const loose = ({ last }: OfDocuments): number => Number(last === undefined);
  return fits.sort((a, b) => a.streams.length - b.streams.length || loose(a) - loose(b))[0]!;
};

const asValues = (tensors: Tensors): Record<string, Values> =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [
      name,
      { shape, data: Float64Array.from(data as Float32Array) },
    ]),
  );

/** Sums of gradients are given as 0. */
export const givenOf = (
  { model }: Specified,
  program: OfDocuments,
  weight: WeightOf,
  samples: readonly Sample[],
): Given => {
  const entry = callable(model, program);
  const tensors = pack(
    entry,
    samples.map(({ document }) => document),
  );
  const dims: Record<string, number> = {};
  for (const { name, shape } of entry.inputs)
    shape.forEach((dim, axis) => typeof dim === "string" && (dims[dim] = tensors[name]!.shape[axis]!));
  const values = ({ path, shape }: Model["weights"][number]): Values => ({
    shape,
    data: Float64Array.from(weight(path)),
  });
  const states = program.inputs.filter(isState).map(({ name }): [string, Values] => {
    const own = values(model.weights.find(({ path }) => name.endsWith(`/${path}`))!);
    return [name, name.startsWith("weight/") ? own : { ...own, data: own.data.map(() => 0) }];
  });
  const params = Object.fromEntries(model.weights.map((each) => [each.path, values(each)]));
  return { inputs: { ...asValues(tensors), ...Object.fromEntries(states) }, params, dims };
};

/** Every output of a program on a batch, in f64. */
export const valuesOf = (
  specified: Specified,
  program: OfDocuments,
  weight: WeightOf,
  samples: readonly Sample[],
): Map<string, Values> => {
  const nodes = program.outputs.map(({ node }) => node);
  const results = evaluate(nodes, givenOf(specified, program, weight, samples));
  return new Map(program.outputs.map(({ name }, i) => [name, results[i]!]));
};
