// What the form of a manifest's part for training cannot say: its weights lie in files that are listed, each shape of
// documents has its programs, and these take and give the states of the weights.
import type { Manifest, Port, TrainedWeight, Training, TrainingEntry } from "./manifest.ts";
import { quote } from "./quote.ts";
import { elements } from "./tensor.ts";

type Fault = string | undefined;
/** What a port must be; `shape` may go on where `open`. */
export interface Wanted {
  readonly dtype: Port["dtype"] | undefined;
  readonly shape: readonly (number | string)[];
  readonly open?: true;
}

/** What training keeps of a weight between two steps. */
export const CHANGED = ["weight", "moment1", "moment2", "average"] as const;
/** Numbers that an update is given with each step. */
export const SCALARS = [
  "limit",
  "beta1",
  "rest1",
  "beta2",
  "rest2",
  "correction1",
  "correction2",
  "epsilon",
  "keep",
  "take",
] as const;
export const bytesOf = { f32: 4, f16: 2, bf16: 2 } as const;

export const trainedFaults = (manifest: Manifest, training: Training, kinds: readonly string[]): Fault[] => [
  twiceIn(training.programs.map(({ name }) => name)),
  twiceIn(training.weights.map(({ path }) => path)),
  twiceIn(training.losses.map(({ name }) => name)),
  ...training.losses.map((loss) => lossFault(manifest, loss, kinds)),
  ...training.drawn.map((drawn) => drawnFault(manifest, drawn)),
  ...training.weights.map((weight) => weightFault(manifest, weight)),
  ...training.programs.flatMap((program) => programFaults(training, program, kinds)),
  ...setFaults(training),
];

const twiceIn = (names: readonly string[]): Fault => {
  const seen = new Set<string>();
  const twice = names.find((name) => seen.size === seen.add(name).size);
  return twice && `the name ${quote(twice)} stands twice in what trains it`;
};

const lossFault = (
  { modalities, noise }: Manifest,
  { name, head, kinds: own }: Training["losses"][number],
  kinds: readonly string[],
): Fault => {
  const stray = own.find((kind) => !kinds.includes(kind));
  if (stray !== undefined) return `the loss ${quote(name)} is of the unknown kind ${quote(stray)}`;
  if (head === "next_token" && !modalities.some((each) => each.is === "tokens" && each.name === name))
    return `the loss ${quote(name)} is of tokens that the model has not`;
  if (head === "denoise" && !noise.some(({ modality }) => modality === name))
    return `the loss ${quote(name)} is of noise that the model has not`;
  return undefined;
};

const drawnFault = ({ noise }: Manifest, { modality, arguments: given }: Training["drawn"][number]): Fault => {
  if (given.length !== 2) return `the noise of ${quote(modality)} is drawn from ${given.length} numbers, not 2`;
  return noise.some((each) => each.modality === modality && each.input !== null)
    ? undefined
    : `noise is drawn for ${quote(modality)}, which has no input for it`;
};

const weightFault = ({ weights }: Manifest, { path, shape, file, offset, dtype }: TrainedWeight): Fault => {
  const lies = weights.find((each) => each.file === file);
  if (lies === undefined) return `the weight ${quote(path)} lies in the unknown file ${quote(file)}`;
  if (offset + elements(shape) * bytesOf[dtype] <= lies.size) return undefined;
  return `the weight ${quote(path)} ends behind its file ${quote(file)}`;
};

const programFaults = (training: Training, program: TrainingEntry, kinds: readonly string[]): Fault[] => {
  const { name, kind, shape, streams, last, outputs } = program;
  const at = (what: string): string => `the program ${quote(name)} ${what}`;
  const stray = streams.flatMap((stream) => stream.kinds).find((each) => !kinds.includes(each));
  const given = new Set(outputs.map((output) => output.name));
  const taken = new Set(program.inputs.map((port) => port.name));
  const wanted = kind === "update" ? updateOutputs(training) : kind === "trace" ? [] : ["loss"];
  const lost = wanted.find((each) => !given.has(each));
  const known = outputsOf(training, kind);
  const other = kind === "trace" ? undefined : outputs.find((output) => !known.has(output.name));
  return [
    stray === undefined ? undefined : at(`takes the unknown kind ${quote(stray)}`),
    streams.some((stream) => stream.kinds.length === 0) ? at("has a stream without kinds") : undefined,
    (shape === null) === (kind === "update") ? undefined : at("must have a shape unless it is the update"),
    last === null || streams.some((stream) => stream.name === last) ? undefined : at(`ends with no stream of its own`),
    lost === undefined ? undefined : at(`lacks the output ${quote(lost)}`),
    other === undefined ? undefined : at(`gives ${quote(other.name)}, which nothing asks for`),
    twiceIn(outputs.map((output) => output.name)),
    twiceIn(program.inputs.map((port) => port.name)),
    // A sum of gradients that is given must be taken, for the two change places.
    ...outputs.map(({ name: each }): Fault => {
      const from = /^new\.(gradient\/.*)$/s.exec(each)?.[1];
      return from === undefined || taken.has(from) ? undefined : at(`adds to ${quote(from)} without taking it`);
    }),
  ];
};

const updateOutputs = ({ weights }: Training): string[] => [
  "norm",
  ...weights.flatMap(({ path }) => CHANGED.map((what) => `new.${what}/${path}`)),
];
const outputsOf = (training: Training, kind: TrainingEntry["kind"]): ReadonlySet<string> => {
  if (kind === "update") return new Set(updateOutputs(training));
  const terms = ["loss", ...training.losses.map(({ name }) => `loss.${name}`)];
  const sums = kind === "gradient" ? training.weights.map(({ path }) => `new.gradient/${path}`) : [];
  return new Set([...terms, ...sums]);
};

/** Each shape can be learnt from, told and traced; and there is one update where there is something to change. */
const setFaults = ({ programs, weights }: Training): Fault[] => {
  const shapes = new Set(programs.flatMap(({ shape }) => shape ?? []));
  const counted = (kind: TrainingEntry["kind"], shape: string | null): number =>
    programs.filter((program) => program.kind === kind && program.shape === shape).length;
  const updates = weights.length === 0 ? 0 : 1;
  return [
    ...[...shapes].flatMap((shape) =>
      (["loss", "gradient", "trace"] as const).map((kind): Fault =>
        counted(kind, shape) === 1 ? undefined : `there must be one ${kind} of documents of ${quote(shape)}`,
      ),
    ),
    counted("update", null) === updates ? undefined : `there must be ${updates} programs that update weights`,
  ];
};

/** What a port of training alone must be; undefined: it is one of rows and conditions, or none. */
export const trainingShapes = ({ weights }: Training): ((program: TrainingEntry, port: Port) => Wanted | undefined) => {
  const byPath = new Map(weights.map((weight) => [weight.path, weight]));
  return (program, port) => shapeIn(byPath, program, port);
};
const shapeIn = (
  weights: ReadonlyMap<string, TrainedWeight>,
  program: TrainingEntry,
  { name }: Port,
): Wanted | undefined => {
  const [, state, path] = /^(weight|gradient|moment1|moment2|average)\/(.*)$/s.exec(name) ?? [];
  if (state !== undefined) {
    const weight = weights.get(path!);
    const isTaken =
      program.kind === "update" || state === "weight" || (state === "gradient" && program.kind === "gradient");
    return weight && isTaken ? { dtype: "f32", shape: weight.shape } : undefined;
  }
  if (program.kind === "update") {
    if (name === "rate" || name === "decay") return { dtype: "f32", shape: [weights.size] };
    return SCALARS.some((scalar) => scalar === name) ? { dtype: "f32", shape: [] } : undefined;
  }
  const stream = program.streams.find((each) => name.startsWith(`${each.name}.`));
  const of = name.split(".").at(-1);
  if (stream === undefined || !TARGETS.some((target) => target === of)) return undefined;
  return {
    dtype: of === "weight" ? "f32" : of === "below" ? "i32" : undefined,
    shape: ["batch", stream.name],
    ...(of === "target" && { open: true as const }),
  };
};
const TARGETS = ["target", "weight", "below"] as const;
