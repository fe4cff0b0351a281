// Training: samples become documents with targets, these become calls, whose gradients are added up, and an update changes
// the weights. Every number depends on the settings, the samples and the step alone, so that a run that was ended anywhere
// goes on from its last checkpoint as if nothing had been.
import { availableParallelism } from "node:os";
import { Failure } from "../failure.ts";
import type { Manifest, Training } from "../manifest.ts";
import type { ProgramOptions } from "../onnx/session.ts";
import type { Tensors } from "../tensor.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { Archive, asStored, type Identity, settingsOfStored } from "./archive.ts";
import { type Micro, microBatches, packer, type Scale, type Shape, shapesOf } from "./batch.ts";
import { CHECKPOINT_SCHEMA, readFirst, readStates } from "./checkpoint.ts";
import type { Cost, StepEvent, TrainEvent, ValidationEvent } from "./events.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { type Learner, learner, type Lesson, resultOf } from "./learn.ts";
import { scheduleOf, type Settings, settingsOf, stepSettingsOf, type TrainOptions } from "./options.ts";
import { Programs } from "./programs.ts";
import { rateAt, scalarsAt } from "./schedule.ts";
import { allOf, type Source, sourceOf } from "./source.ts";
import { States } from "./states.ts";
import { wrongBefore, wrongGradient, wrongOnTheWay } from "./trace.ts";

/** A model that was compiled for training. */
export interface Trainable {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly training: Training;
  readonly tokenizer: Tokenizer;
  readonly program: ProgramOptions;
}

/** @throws Failure, or the reason of the signal */
export const train = async function* (model: Trainable, options: TrainOptions): AsyncGenerator<TrainEvent, void> {
  const { manifest, training, folder } = model;
  if (training.weights.length === 0)
    throw new Failure(
      "call",
      `${manifest.model} trains nothing that a loss depends on`,
      "add `train` and `loss` to it",
    );
  const threads = model.program.threads ?? availableParallelism();
  const programs = new Programs(folder, training, { ...model.program, threads });
  const states = new States(training.weights);
  const asked = settingsOf(options);
  const counted = sourceOf(options.samples, asked.seed);
  const identity: Identity = {
    model: manifest.model,
    fingerprint: fingerprintOf(manifest, training),
    samples: { count: counted.count, id: options.samplesId ?? null },
  };
  const { out, resume = false } = options;
  const { archive, from } =
    out === undefined ? { archive: undefined, from: undefined } : await Archive.open(out, resume, identity);
  try {
    const settings = from === undefined ? asked : settingsOfStored(from.stored, options);
    if (from === undefined) await readFirst(folder, training.weights, states);
    else await readStates(from.path, training.weights, states);
    const source = settings.seed === asked.seed ? counted : sourceOf(options.samples, settings.seed);
    const run = new Run(model, settings, programs, states, options.signal);
    const begun = { step: from?.stored.step ?? 0, place: from?.stored.place ?? 0 };
    yield startOf(training, settings, begun.step, counted.count);
    const save = async (step: number, place: number): Promise<TrainEvent | undefined> => {
      if (archive === undefined) return undefined;
      const stored = {
        schema: CHECKPOINT_SCHEMA,
        ...identity,
        step,
        place,
        threads,
        settings: asStored(settings),
      } as const;
      return { is: "checkpoint", step, path: await archive.save(stored, training.weights, states) };
    };
    yield* loop(run, settings, source, begun, options, archive, save);
  } finally {
    await counted.close();
    await archive?.close();
    await programs.close();
  }
};

const startOf = ({ weights }: Training, { steps }: Settings, step: number, samples: number | null): TrainEvent => {
  const size = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);
  const parameters = weights.reduce((sum, { shape }) => sum + size(shape), 0);
  return { is: "start", step, steps, samples, weights: weights.length, parameters };
};

const loop = async function* (
  run: Run,
  settings: Settings,
  source: Source,
  begun: { readonly step: number; readonly place: number },
  { validation }: TrainOptions,
  archive: Archive | undefined,
  save: (step: number, place: number) => Promise<TrainEvent | undefined>,
): AsyncGenerator<TrainEvent, void> {
  let { step, place } = begun;
  let saved = step;
  while (step < settings.steps) {
    const lessons = await run.lessons(source, place);
    if (lessons.length === 0) break;
    const event = await run.step(step + 1, lessons);
    step++;
    place += lessons.length;
    await archive?.add(event);
    yield event;
    if (step % settings.every !== 0 && step < settings.steps) continue;
    if (validation !== undefined) {
      const found = await run.validate(step, validation);
      await archive?.add(found);
      yield found;
    }
    const told = await save(step, place);
    saved = step;
    if (told !== undefined) yield told;
  }
  const last = saved < step ? await save(step, place) : undefined;
  if (last !== undefined) yield last;
  const why = step < settings.steps ? "samples" : "steps";
  yield { is: "end", step, why, weights: run.weights("weight"), average: run.weights("average") };
};

class Run {
  readonly #model: Trainable;
  readonly #settings: Settings;
  readonly #programs: Programs;
  readonly #states: States;
  readonly #signal: AbortSignal | undefined;
  readonly #learn: Learner;
  readonly #shapes: readonly Shape[];
  readonly #pack: ReturnType<typeof packer>;

  constructor(
    model: Trainable,
    settings: Settings,
    programs: Programs,
    states: States,
    signal: AbortSignal | undefined,
  ) {
    this.#model = model;
    this.#settings = settings;
    this.#programs = programs;
    this.#states = states;
    this.#signal = signal;
    this.#learn = learner(model.manifest, model.training, model.tokenizer);
    this.#shapes = shapesOf(model.training);
    this.#pack = packer(model.manifest);
  }

  /** The next samples as documents: those of a step, or as many as there are. */
  async lessons(source: Source, place: number): Promise<Lesson[]> {
    const { batch, seed } = this.#settings;
    const lessons: Lesson[] = [];
    while (lessons.length < batch) {
      const now = place + lessons.length;
      const sample = await source.take(now);
      if (sample === undefined) break;
      lessons.push(this.#learn(sample, { seed, name: `sample ${now}` }));
    }
    return lessons;
  }

  /** Everything is as it was where it throws. */
  async step(step: number, lessons: readonly Lesson[]): Promise<StepEvent> {
    const began = performance.now();
    const { training } = this.#model;
    const micros = microBatches(this.#shapes, lessons, this.#settings.micro);
    const scale = this.#scaleOf(lessons);
    this.#states.clearGradients();
    const costs: Cost[] = [];
    for (const micro of micros) costs.push(await this.#addGradients(step, micro, scale));
    const rate = rateAt(step, scheduleOf(this.#settings));
    const update = this.#programs.entry("update", null);
    const given = await this.#programs.run(update, this.#states, this.#updateInputs(step, rate));
    const norm = given["norm"]!.data[0] as number;
    if (!Number.isFinite(norm))
      throw this.#notFinite(step, `the norm is ${norm}`, wrongGradient(training.weights, this.#states));
    this.#states.swap(update.outputs.map(({ name }) => name));
    const [rows, room] = [micros.reduce((n, each) => n + each.rows, 0), micros.reduce((n, each) => n + each.room, 0)];
    const ms = performance.now() - began;
    const isSaid = (name: string): boolean => lessons.some(({ counts }) => counts[name]! > 0);
    return { is: "step", step, ...summed(costs, isSaid), norm, rate, ms, padded: 1 - rows / room };
  }

  /** Of all samples together, each with the same noise every time. */
  async validate(step: number, samples: NonNullable<TrainOptions["validation"]>): Promise<ValidationEvent> {
    const { losses } = this.#model.training;
    const { seed, batch, micro } = this.#settings;
    const sums = new Map<string, number>();
    const counts = new Map<string, number>();
    const add = async (lessons: readonly Lesson[]): Promise<void> => {
      for (const { name } of losses)
        counts.set(
          name,
          lessons.reduce((sum, lesson) => sum + lesson.counts[name]!, counts.get(name) ?? 0),
        );
      for (const each of microBatches(this.#shapes, lessons, micro)) {
        this.#signal?.throwIfAborted();
        const entry = this.#programs.entry("loss", each.shape);
        const { terms } = costOf(await this.#programs.run(entry, this.#states, this.#pack(entry, each, [])));
        for (const [name, cost] of Object.entries(terms)) sums.set(name, (sums.get(name) ?? 0) + cost);
      }
    };
    let lessons: Lesson[] = [];
    let index = 0;
    for await (const sample of allOf(samples)) {
      lessons.push(this.#learn(sample, { seed, name: `validation ${index++}` }));
      if (lessons.length === batch) await add(lessons.splice(0));
    }
    if (lessons.length > 0) await add(lessons);
    lessons = [];
    const found = losses.filter(({ name }) => (counts.get(name) ?? 0) > 0);
    const terms = Object.fromEntries(found.map(({ name }) => [name, (sums.get(name) ?? 0) / counts.get(name)!]));
    const loss = found.reduce((sum, { name, factor }) => sum + factor * terms[name]!, 0);
    return { is: "validation", step, loss, terms };
  }

  weights(what: "weight" | "average"): ReadonlyMap<string, ReturnType<States["now"]>> {
    return new Map(this.#model.training.weights.map(({ path }) => [path, this.#states.now(what, path)]));
  }

  async #addGradients(step: number, micro: Micro, scale: Scale): Promise<Cost> {
    this.#signal?.throwIfAborted();
    const entry = this.#programs.entry("gradient", micro.shape);
    const inputs = this.#pack(entry, micro, scale);
    const cost = costOf(await this.#programs.run(entry, this.#states, inputs));
    if (!Number.isFinite(cost.loss)) throw await this.#explained(step, micro, scale, `the loss is ${cost.loss}`);
    this.#states.swap(entry.outputs.map(({ name }) => name));
    return cost;
  }

  /** So that the rows of each loss count 1 together. */
  #scaleOf(lessons: readonly Lesson[]): Scale {
    const { manifest, training } = this.#model;
    return training.losses.map((loss) => {
      const count = lessons.reduce((sum, { counts }) => sum + counts[loss.name]!, 0);
      return { what: resultOf(manifest, loss), factor: count === 0 ? 0 : 1 / count };
    });
  }

  #updateInputs(step: number, rate: number): Tensors {
    const { weights } = this.#model.training;
    const each = (data: Float32Array) => ({ dtype: "f32" as const, shape: [weights.length], data });
    const scalars = Object.entries(scalarsAt(step, stepSettingsOf(this.#settings, step))).map(([name, value]) => [
      name,
      { dtype: "f32" as const, shape: [], data: Float32Array.of(value) },
    ]);
    // Norms, biases and gates have no direction that decay could shrink.
    const decay = weights.map(({ shape }) => (shape.length >= 2 ? this.#settings.decay : 0));
    return {
      ...Object.fromEntries(scalars),
      rate: each(new Float32Array(weights.length).fill(rate)),
      decay: each(Float32Array.from(decay)),
    };
  }

  async #explained(step: number, micro: Micro, scale: Scale, what: string): Promise<Failure> {
    const { weights } = this.#model.training;
    const trace = this.#programs.entry("trace", micro.shape);
    const inputs = this.#pack(trace, micro, scale);
    const found =
      wrongBefore(inputs, weights, this.#states) ??
      wrongOnTheWay(trace, await this.#programs.run(trace, this.#states, inputs)) ??
      "the sum of all terms, each of which is finite";
    return this.#notFinite(step, what, found);
  }
  #notFinite(step: number, what: string, first: string): Failure {
    return new Failure(
      "numbers",
      `step ${step}: ${what}; the first tensor that is not finite is ${first}`,
      "lower the rate, warm up longer, or look at the samples; the last checkpoint is as it was",
    );
  }
}

const costOf = (outputs: Tensors): Cost => {
  const scalars = Object.entries(outputs).map(([name, { data }]) => [name, data[0] as number] as const);
  const terms = scalars.flatMap(([name, value]) => (name.startsWith("loss.") ? [[name.slice(5), value] as const] : []));
  return { loss: scalars.find(([name]) => name === "loss")![1], terms: Object.fromEntries(terms) };
};
/** Of terms of which some row counted. */
const summed = (costs: readonly Cost[], isSaid: (name: string) => boolean): Cost => {
  const terms: Record<string, number> = {};
  for (const cost of costs)
    for (const [name, value] of Object.entries(cost.terms)) if (isSaid(name)) terms[name] = (terms[name] ?? 0) + value;
  return { loss: costs.reduce((sum, { loss }) => sum + loss, 0), terms };
};
