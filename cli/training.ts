// What trains a model, as files and as the manifest says it: one graph for each program, and where each trained weight
// begins.
import type { Model } from "../compiler/analyze/model.ts";
import { onnx, placeIn, training as programsOf } from "../compiler/index.ts";
import type { TrainingModule, TrainingProgram } from "../compiler/ir/module.ts";
import type { WeightPlace } from "../compiler/target/onnx/place.ts";
import type { ProfileName } from "../compiler/target/onnx/profile.ts";
import type { Source } from "../grammar/source.ts";
import type { GraphFile, Training, TrainedWeight, TrainingEntry } from "../runtime/manifest.ts";
import { portOf, stemOf } from "./manifest.ts";

export interface TrainingGraph {
  readonly program: TrainingProgram;
  /** the beginning of the names of its files */
  readonly stem: string;
  /** its graph, over a file of constants of this name */
  emit(constants: string): { readonly model: Uint8Array; readonly constants: Uint8Array };
}
export interface Emitting {
  readonly model: Model;
  readonly sources: readonly Source[];
  readonly profile: ProfileName;
  readonly recompute: boolean;
  readonly places: (path: string) => WeightPlace;
}

/** The graphs of a model's training, and its part of the manifest once they are written. */
export const trainingGraphs = ({
  model,
  sources,
  profile,
  recompute,
  places,
}: Emitting): {
  readonly graphs: readonly TrainingGraph[];
  described(files: ReadonlyMap<TrainingProgram, GraphFile>): Training;
} => {
  const module = programsOf(model, sources, { recompute: recompute ? "layers" : "none" });
  const place = ({ name }: { readonly name: string }): WeightPlace => places(name);
  return {
    graphs: module.programs.map((program) => ({
      program,
      stem: stemOf(program),
      emit: (constants) => onnx(module, program, { profile, constants, place }),
    })),
    described: (files) => ({
      recompute: recompute ? "layers" : "none",
      losses: lossesOf(model),
      drawn: drawnOf(model),
      weights: weightsOf(model, sources, module, places),
      programs: module.programs.map((program) => entryOf(program, files.get(program)!)),
    }),
  };
};

const lossesOf = ({ losses, heads }: Model): Training["losses"] =>
  losses.map(({ name, factor, value }) => {
    const head = value === undefined ? heads.find(({ modality }) => modality === name)! : undefined;
    return { name, factor, head: head?.kind ?? null, kinds: [...(value ?? head!.value).shapes.keys()] };
  });

const drawnOf = ({ noise }: Model): Training["drawn"] =>
  noise.flatMap(({ modality, drawn }) =>
    drawn === undefined
      ? []
      : [{ modality, distribution: drawn.distribution.name, arguments: drawn.distribution.arguments }],
  );

const weightsOf = (
  { weights }: Model,
  sources: readonly Source[],
  { trained }: TrainingModule,
  places: Emitting["places"],
): TrainedWeight[] => {
  const byPath = new Map(weights.map((weight) => [weight.path, weight]));
  const at = placeIn(sources);
  return trained.map(({ name: path }) => {
    const weight = byPath.get(path)!;
    const { location, offset, dtype } = places(path);
    if (dtype !== "f32" && dtype !== "f16" && dtype !== "bf16") throw new Error(`${path} is no weight of numbers`);
    return { path, shape: weight.shape, file: location, offset, dtype, at: at(weight.at) };
  });
};

const entryOf = (program: TrainingProgram, graph: GraphFile): TrainingEntry => ({
  name: program.name,
  kind: program.kind,
  shape: program.shape ?? null,
  streams: program.streams,
  last: program.last ?? null,
  graph,
  inputs: program.inputs.map(portOf),
  outputs: program.outputs.map(({ name, doc }) => ({ name, doc })),
});
