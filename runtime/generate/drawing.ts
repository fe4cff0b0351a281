// One image as it is drawn: its noisy rows, and the steps of a sampler over them.
import type { Part } from "../context.ts";
import type { DocumentRow, Values } from "../document.ts";
import { Failure } from "../failure.ts";
import type { Manifest, Noise } from "../manifest.ts";
import type { Result } from "../phases.ts";
import { normals } from "../random.ts";
import type { CallOptions } from "./calls.ts";
import { type Noisy, spanInputs } from "./conditions.ts";
import type { Finished } from "./continuation.ts";
import { headRows } from "./heads.ts";
import { estimateClean } from "./process.ts";
import { argumentOf, type Grid, imagesIn, noiseFor, type Span, spanRows } from "./rows.ts";
import { type Sampler, samplerOf, type SamplerOptions } from "./sampler.ts";

export interface DrawingOptions extends Omit<SamplerOptions, "steps">, Pick<CallOptions, "inputs"> {
  /** how often the model is asked for each image; 20 if left out */
  readonly steps?: number | undefined;
}

const samplerFor = (manifest: Manifest, { steps = 20, ...options }: DrawingOptions): Sampler => {
  const { sampler, shift, eta, spacing, clip } = options;
  const { process } = noiseFor(manifest, imagesIn(manifest).span);
  return samplerOf(process, { steps, sampler, shift, eta, spacing, clip });
};

export class Drawing {
  readonly modality: string;
  /** among the images of its document */
  readonly index: number;
  readonly grid: Grid;
  readonly steps: number;
  /** rows of markers on either side of the grid */
  readonly before: readonly DocumentRow[];
  readonly after: readonly DocumentRow[];
  readonly #manifest: Manifest;
  readonly #options: DrawingOptions;
  readonly #sampler: Sampler;
  readonly #seed: number;
  readonly #span: Span;
  readonly #noise: ReturnType<typeof noiseFor>;
  #step = 0;
  #z: Float32Array;
  /** what later rows see, where that is the last step */
  #seen: Pick<Finished, "inputs" | "grid"> | undefined;

  static modalityOf(manifest: Manifest): string {
    return imagesIn(manifest).span.name;
  }
  /** The steps of an image. @throws Failure "call" where an option does not fit the model */
  static stepsOf(manifest: Manifest, options: DrawingOptions): number {
    return samplerFor(manifest, options).times.length;
  }

  /** @param seed of its noise, and of nothing else that documents of a batch share */
  constructor(manifest: Manifest, modality: string, index: number, seed: number, options: DrawingOptions) {
    const { span, grid } = imagesIn(manifest);
    if (span.name !== modality) throw new Failure("call", `${manifest.model}: ${modality} cannot be drawn`);
    this.#manifest = manifest;
    this.#options = options;
    this.#seed = seed;
    this.modality = modality;
    this.index = index;
    this.grid = grid;
    this.#span = span;
    this.#noise = noiseFor(manifest, span);
    this.#sampler = samplerFor(manifest, options);
    this.steps = this.#sampler.times.length;
    this.#z = this.#normals(0);
    // What is not given is said before anything is drawn.
    if (this.#after !== "last") this.#inputs(undefined);
    const rows = this.#spanRows();
    const first = rows.findIndex(({ kind }) => kind === grid.kind);
    this.before = rows.slice(0, first);
    this.after = rows.slice(first + grid.rows * grid.cols);
  }
  get #count(): number {
    return this.grid.rows * this.grid.cols * this.grid.width;
  }
  #normals(step: number): Float32Array {
    return normals(this.#seed, `noise/${this.index}/${step}`, this.#count, 1);
  }
  #spanRows(): DocumentRow[] {
    return spanRows(this.#span, this.index, this.#z, argumentOf(this.#manifest, this.grid));
  }

  get rows(): Float32Array {
    return this.#z;
  }
  get noisy(): Noisy {
    return { input: this.#noise.input, t: this.#sampler.times[this.#step]! };
  }
  #gridRows(): DocumentRow[] {
    return this.#spanRows().filter(({ kind }) => kind === this.grid.kind);
  }
  get #after(): NonNullable<Noise["after"]> {
    return this.#noise.after ?? "given";
  }
  /** By which phase the next step is made. */
  get phase(): "denoise" | "last" {
    return this.#after === "last" && this.#step === this.steps - 1 ? "last" : "denoise";
  }
  /** The span as its document has it once it is drawn. */
  finished(): Finished {
    return { ...(this.#seen ?? { inputs: this.#inputs(undefined), grid: this.#gridRows() }), after: this.#after };
  }
  /** Of the span, with how noisy it is where it is drawn. */
  #inputs(noisy: Noisy | undefined, replaced: Values = {}): Values {
    return spanInputs(this.#manifest, this.#span, { ...this.#options.inputs, ...replaced }, noisy);
  }
  /** What the next step asks the model. */
  part(replaced: Values = {}): Part {
    return { rows: this.#gridRows(), spans: { [this.modality]: [this.#inputs(this.noisy, replaced)] } };
  }

  /** What a call with `part` has predicted of the clean rows of document `d`, of which the first is at a place. */
  predicted(result: Result, d: number, place: number): Float32Array {
    const { rows, cols, width } = this.grid;
    const at = headRows(result, this.#noise.process.predicts, d);
    const all = new Float32Array(this.#count);
    for (let r = 0; r < rows * cols; r++) all.set(at(place + r), r * width);
    return all;
  }
  /** A step, by what is predicted. */
  take(predicted: Float32Array): { readonly step: number; readonly estimate: Float32Array } {
    const i = this.#step;
    if (this.phase === "last") this.#seen = { inputs: this.#inputs(this.noisy), grid: this.#gridRows() };
    const estimate = estimateOf(this.#noise.process, this.noisy.t, this.#z, predicted);
    const noise = this.#sampler.needsNoise(i) ? this.#normals(i + 1) : undefined;
    this.#z = this.#sampler.step(i, this.#z, predicted, noise);
    this.#step++;
    return { step: this.#step, estimate: this.#step === this.steps ? this.#z : estimate };
  }
}

/** What the clean rows are taken to be; where all is noise, a prediction of the noise says nothing of them. */
const estimateOf: typeof estimateClean = (process, t, z, predicted) =>
  process.is === "flow" && process.predicts === "noise" && t === process.noise
    ? z
    : estimateClean(process, t, z, predicted);
