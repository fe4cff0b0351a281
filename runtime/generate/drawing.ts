// One image as it is drawn: its noisy rows, the steps of a sampler over them, and, for guidance, the same image without what
// the model's guide names: in a document without text, by rows that see none, or with another value of an input.
import type { Context, Part } from "../context.ts";
import type { DocumentRow, Values } from "../document.ts";
import { Failure } from "../failure.ts";
import type { Guide, Manifest, Noise } from "../manifest.ts";
import { normals } from "../random.ts";
import type { Phases, Result } from "../phases.ts";
import { type Noisy, spanInputs, withInputs } from "./conditions.ts";
import { Continuation, type Drawn } from "./continuation.ts";
import type { Phase } from "./events.ts";
import { guided } from "./guidance.ts";
import { headRows } from "./heads.ts";
import { estimateClean } from "./process.ts";
import { argumentOf, type Grid, imagesIn, noiseFor, type Span, spanRows, tokensIn } from "./rows.ts";
import { type Sampler, samplerOf, type SamplerOptions } from "./sampler.ts";

export interface DrawingOptions extends Omit<SamplerOptions, "steps"> {
  /** how often the model is asked for each image; 20 if left out */
  readonly steps?: number | undefined;
  /**
   * how far predictions are pushed from those that the guide gives, or a document without text; 1 or left out: not at all, in
   * half the time
   */
  readonly guidance?: number | undefined;
  /** which of the model's guides, where it has several */
  readonly guide?: string | undefined;
  /** what the model asks of calls, documents and spans, by name */
  readonly inputs?: Values | undefined;
  /** looked at between calls; then its reason is thrown */
  readonly signal?: AbortSignal | undefined;
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
  readonly #session: Phases;
  readonly #options: DrawingOptions;
  readonly #sampler: Sampler;
  readonly #seed: number;
  readonly #guide: Guide;
  readonly #span: Span;
  readonly #noise: ReturnType<typeof noiseFor>;
  #step = 0;
  #z: Float32Array;
  #unguided: Context | undefined;
  /** by what the next prediction is pushed away */
  #pushed: Float32Array | undefined;
  /** what later rows see, where that is the last step */
  #seen: Pick<Drawn, "inputs" | "grid"> | undefined;

  static modalityOf(manifest: Manifest): string {
    return imagesIn(manifest).span.name;
  }
  /** The steps of an image. @throws Failure "call" where an option does not fit the model */
  static stepsOf(manifest: Manifest, options: DrawingOptions): number {
    guideFor(manifest, Drawing.modalityOf(manifest), options);
    return samplerFor(manifest, options).times.length;
  }

  /** @param seed of its noise, and of nothing else that documents of a batch share */
  constructor(session: Phases, modality: string, index: number, seed: number, options: DrawingOptions) {
    const { manifest } = session;
    const { span, grid } = imagesIn(manifest);
    if (span.name !== modality) throw new Failure("call", `${manifest.model}: ${modality} cannot be drawn`);
    this.#session = session;
    this.#options = options;
    this.#seed = seed;
    this.#guide = guideFor(manifest, modality, options);
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
    return spanRows(this.#span, this.index, this.#z, argumentOf(this.#session.manifest, this.grid));
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
  drawn(): Drawn {
    return { ...(this.#seen ?? { inputs: this.#inputs(undefined), grid: this.#gridRows() }), after: this.#after };
  }
  /** Of the span, with how noisy it is where it is drawn. */
  #inputs(noisy: Noisy | undefined, replaced: Values = {}): Values {
    return spanInputs(this.#session.manifest, this.#span, { ...this.#options.inputs, ...replaced }, noisy);
  }
  /** What the next step asks the model. */
  part(replaced: Values = {}): Part {
    return { rows: this.#gridRows(), spans: { [this.modality]: [this.#inputs(this.noisy, replaced)] } };
  }

  /**
   * Asks for what the next prediction is pushed away from, if for anything; `context` has the document as the one of index
   * `d`. It comes before the call with `part`, which at the last step may append the rows.
   */
  async push(document: Continuation, context: Context, d: number): Promise<void> {
    const { guidance = 1 } = this.#options;
    if (guidance !== 1) this.#pushed = await this.#without(document, context, d);
  }
  /** A step, by what a call with `part` has predicted. */
  take(result: Result, document: Continuation, d: number): { readonly step: number; readonly estimate: Float32Array } {
    const { guidance = 1 } = this.#options;
    const conditional = this.#predicted(result, d, document.rows.length);
    const predicted = this.#pushed === undefined ? conditional : guided(this.#pushed, conditional, guidance);
    const i = this.#step;
    if (this.phase === "last") this.#seen = { inputs: this.#inputs(this.noisy), grid: this.#gridRows() };
    const estimate = estimateOf(this.#noise.process, this.noisy.t, this.#z, predicted);
    const noise = this.#sampler.needsNoise(i) ? this.#normals(i + 1) : undefined;
    this.#z = this.#sampler.step(i, this.#z, predicted, noise);
    this.#step++;
    return { step: this.#step, estimate: this.#step === this.steps ? this.#z : estimate };
  }
  /** All rows of the grid, of which the first is at a place. */
  #predicted(result: Result, d: number, place: number): Float32Array {
    const { rows, cols, width } = this.grid;
    const at = headRows(result, this.#noise.process.predicts, d);
    const all = new Float32Array(this.#count);
    for (let r = 0; r < rows * cols; r++) all.set(at(place + r), r * width);
    return all;
  }

  /** What the model predicts without what the guide names. */
  async #without(document: Continuation, context: Context, d: number): Promise<Float32Array> {
    this.#options.signal?.throwIfAborted();
    if (this.#guide.is !== "without") {
      const replaced = this.#guide.is === "replace" ? { [this.#guide.input]: this.#guide.value } : {};
      const unseen = this.#guide.is === "hide" ? [this.#guide.modality] : [];
      const parts = Array.from({ length: context.batch }, (): Part => ({ rows: [] }));
      parts[d] = { ...this.part(replaced), unseen };
      return this.#predicted(await this.#append(context, "denoise", parts, replaced), d, document.rows.length);
    }
    const { modality } = this.#guide;
    const place = document.rows.filter(({ kind }) => kind !== modality).length;
    this.#unguided ??= await this.#others(document, modality);
    return this.#predicted(await this.#append(this.#unguided, "denoise", [this.part()]), 0, place);
  }
  /** A context of the document's rows but those of a modality. */
  async #others(document: Continuation, modality: string): Promise<Context> {
    const other = new Continuation(this.#session.manifest, { rows: [], spans: document.spans }, document.drafts);
    other.openImage(document.rows.filter(({ kind }) => kind !== modality));
    const context = this.#session.start();
    try {
      for (let wanted = other.wanted(); wanted !== undefined && "rows" in wanted; wanted = other.wanted()) {
        this.#options.signal?.throwIfAborted();
        await this.#append(context, wanted.phase, [{ rows: wanted.rows, spans: other.spansOf(wanted.rows) }]);
        other.appended(wanted.rows.length);
      }
      return context;
    } catch (thrown) {
      context.close();
      throw thrown;
    }
  }
  #append(context: Context, phase: Phase, parts: readonly Part[], replaced: Values = {}): Promise<Result> {
    const given = { ...this.#options.inputs, ...replaced };
    const whole = withInputs(this.#session.manifest, phase, parts, given, () => this.noisy);
    return this.#session.append(context, phase, whole);
  }

  close(): void {
    this.#unguided?.close();
    this.#unguided = undefined;
  }
}

/** The guide that is named, or the only one; without text where the model has none. @throws Failure "call" */
const guideFor = (manifest: Manifest, modality: string, { guide: named, guidance = 1 }: DrawingOptions): Guide => {
  const { guides = [], model } = manifest;
  const names = guides.map(({ name }) => name);
  const found = named === undefined ? guides[0] : guides.find(({ name }) => name === named);
  if (named !== undefined && found === undefined)
    throw new Failure("call", `${model} has no guide ${named}`, `it has ${names.join(", ") || "none"}`);
  if (guidance !== 1 && named === undefined && guides.length > 1)
    throw new Failure("call", `${model} has several guides`, `name one as \`guide\`: ${names.join(", ")}`);
  return found ?? { is: "without", name: "text", modality: tokensIn(manifest).name, before: modality };
};

/** What the clean rows are taken to be; where all is noise, a prediction of the noise says nothing of them. */
const estimateOf: typeof estimateClean = (process, t, z, predicted) =>
  process.is === "flow" && process.predicts === "noise" && t === process.noise
    ? z
    : estimateClean(process, t, z, predicted);
