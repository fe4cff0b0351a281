// Verification: every program of a model, run by ONNX Runtime on documents and weights drawn from a seed, against the
// oracle. The verdict is on the graphs as they ship; graphs that give every layer say where an error begins.
import { modalitiesIn } from "../../compiler/rows/limit.ts";
import type { Document, Model, Weight } from "../../compiler/analyze/model.ts";
import { programs } from "../../compiler/index.ts";
import type { ModelModule, PhaseProgram } from "../../compiler/ir/module.ts";
import type { Source } from "../../grammar/index.ts";
import { unpack } from "../../runtime/document.ts";
import { Failure } from "../../runtime/index.ts";
import type { Adapter } from "../../runtime/webgpu/adapter.ts";
import { type Case, casesFor } from "./documents.ts";
import { type Figures, figuresOf, limits, type RowNumbers, within } from "./figures.ts";
import { Graphs, programFor, type Target, type Tensors, wholeDocuments } from "./graphs.ts";
import { enliven, livelinessOf, livelinessText } from "./lively.ts";
import { type Group, readOutput, Reference } from "./reference.ts";
import type { Batched, Check, Layer, Optimize, Setting, Verification } from "./result.ts";
import { type LayerRange, sectionOf } from "./section.ts";
import { towersOf } from "./towers.ts";
import { drawWeights, sizeOf, type WeightNumbers } from "./weights.ts";

export interface VerifyOptions {
  /** from 0 to 2^32 - 1; 1 if left out */
  readonly seed?: number;
  /** `ort-cpu` and `portable` if left out */
  readonly profiles?: readonly Target[];
  /** what ONNX Runtime may rewrite, of kernels nothing; all and, for a second run, none if left out */
  readonly optimize?: readonly Optimize[];
  readonly threads?: number;
  /** gives the GPU for WebGPU; it stays the caller's */
  readonly adapter?: () => Promise<Adapter>;
  /** weights to use; drawn from the seed, and then held to be lively, if left out */
  readonly weights?: WeightNumbers;
  /** the documents made of rows of `modalities` */
  readonly cases?: (modalities: readonly string[]) => readonly Case[];
  /** of each document, only its first rows; this or `layers` also verifies a model of any size */
  readonly rows?: number;
  /** only these steps of the layers */
  readonly layers?: LayerRange;
  /** stop after the first call that fails */
  readonly failFast?: boolean;
  /** where errors begin is looked for unless this is false */
  readonly trace?: boolean;
  /** results of the oracle from an earlier verification of the same model with the same seed and weights */
  readonly reference?: Reference;
  /** what is judged, if it is not what the compiler makes of the model */
  readonly subject?: Subject;
}
/** Stands in the place of the compiled model: a verification is itself tested by subjects with one thing broken. */
export interface Subject {
  /** in the place of the programs for whole documents */
  readonly module?: (traced: boolean) => ModelModule;
  readonly weights?: (weight: Weight, right: WeightNumbers) => Float32Array;
  readonly feed?: (inputs: Tensors) => Tensors;
}

export const parametersOf = (model: Model): number => model.weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/** Whether the model is too large to be verified unasked. */
const isSkipped = (model: Model, { weights, rows, layers }: VerifyOptions): boolean =>
  parametersOf(model) > limits.parameters && weights === undefined && rows === undefined && layers === undefined;

/** Judges `model`. What the compiler does wrong is in the result; @throws Failure "package" without ONNX Runtime, "call" for layers it does not have. */
export const verify = async (
  model: Model,
  sources: readonly Source[],
  options: VerifyOptions = {},
): Promise<Verification> => {
  if (isSkipped(model, options)) return blank(model, options, "skipped");
  return new Run(sources, options, options.reference ?? prepare(model, options)).verification();
};

/** Documents, weights and what the oracle makes of them, for several verifications of one model. */
export const prepare = (whole: Model, options: VerifyOptions = {}): Reference => {
  const model = options.layers === undefined ? whole : sectionOf(whole, options.layers);
  const seed = seedOf(options);
  const asked = options.cases ?? ((modalities: readonly string[]) => casesFor(model, modalities, seed));
  const groups = subsets(modalitiesIn(model)).map((modalities) => ({
    modalities,
    cases: asked(modalities).map((each) => shortened(each, options.rows)),
  }));
  const reference = new Reference(model, options.weights ?? drawWeights(model, seed), groups);
  return options.weights === undefined ? enliven(reference, seed) : reference;
};
const seedOf = ({ seed = 1 }: VerifyOptions): number => seed;

const blank = (model: Model, options: VerifyOptions, verdict: Verification["verdict"]): Verification => ({
  model: model.name,
  verdict,
  parameters: parametersOf(model),
  seed: seedOf(options),
  limit: parametersOf(model) > limits.parameters ? limits.nmseFullSize : limits.nmse,
  dull: [],
  liveliness: [],
  checks: [],
  batches: [],
  layers: [],
  traced: undefined,
  divergence: undefined,
});

class Run {
  readonly #model: Model;
  readonly #sources: readonly Source[];
  readonly #options: VerifyOptions;
  readonly #reference: Reference;
  readonly #limit: number;
  readonly #checks: Check[] = [];
  readonly #batches: Batched[] = [];

  constructor(sources: readonly Source[], options: VerifyOptions, reference: Reference) {
    this.#model = reference.model;
    this.#sources = sources;
    this.#options = options;
    this.#reference = reference;
    this.#limit = blank(reference.model, options, "skipped").limit;
  }

  async verification(): Promise<Verification> {
    const liveliness = this.#options.weights === undefined ? livelinessOf(this.#reference.events()) : [];
    const dull = liveliness.filter(({ lively }) => !lively).map(livelinessText);
    if (dull.length > 0) return { ...blank(this.#model, this.#options, "failed"), liveliness, dull };
    const module = this.#module(false);
    const graphs = await this.#graphs(module);
    try {
      await this.#judgeAll(graphs, module);
    } finally {
      await graphs.close();
    }
    if (this.#checks.length === 0)
      throw new Failure("call", `${this.#model.name}: there is no document to judge it by`);
    const failed = [...this.#checks, ...this.#batches].find(({ ok }) => !ok);
    const trace = this.#options.trace === false ? {} : await this.#trace(failed ?? this.#checks[0]);
    const [checks, batches] = [this.#checks, this.#batches];
    return {
      ...blank(this.#model, this.#options, failed === undefined ? "passed" : "failed"),
      liveliness,
      checks,
      batches,
      ...trace,
    };
  }

  #module(traced: boolean): ModelModule {
    const sound = (): ModelModule => wholeDocuments(programs(this.#model, this.#sources, traced));
    return this.#options.subject?.module?.(traced) ?? sound();
  }

  #graphs({ params }: ModelModule): Promise<Graphs> {
    const { weights } = this.#reference;
    const { subject } = this.#options;
    return Graphs.create(
      this.#model,
      params,
      (weight) => subject?.weights?.(weight, weights) ?? weights(weight),
      this.#options.adapter,
    );
  }

  /** Documents of the most modalities first: they are the likeliest to fail. */
  async #judgeAll(graphs: Graphs, module: ModelModule): Promise<void> {
    for (const profile of this.#options.profiles ?? ["ort-cpu", "portable"])
      for (const optimize of profile === "webgpu" ? (["none"] as const) : (this.#options.optimize ?? ["all", "none"]))
        for (const group of this.#reference.groups.toReversed()) {
          await this.#judge(graphs, module, group, { profile, optimize });
          if (this.#isSettled()) return;
        }
  }

  #isSettled(): boolean {
    return this.#options.failFast === true && [...this.#checks, ...this.#batches].some(({ ok }) => !ok);
  }

  async #judge(
    graphs: Graphs,
    module: ModelModule,
    { modalities, cases }: Group,
    { profile, optimize }: Pick<Setting, "profile" | "optimize">,
  ): Promise<void> {
    const program = programFor(this.#model, module, modalities);
    const alone = new Map<Document, Tensors | undefined>();
    for (const { name, documents } of cases) {
      const setting: Setting = { profile, optimize, program: program.name, modalities, case: name };
      const outputs = await this.#call(graphs, module, program, documents, setting);
      if (outputs !== undefined) this.#checks.push(...this.#compare(setting, program, documents, outputs));
      if (this.#isSettled()) return;
      if (documents.length === 1) alone.set(documents[0]!, outputs);
      else if (outputs !== undefined)
        for (const [d, document] of documents.entries()) {
          if (!alone.has(document)) alone.set(document, await this.#call(graphs, module, program, [document], setting));
          this.#apart(
            { ...setting, size: documents.length, document: d },
            program,
            documents,
            outputs,
            alone.get(document),
          );
        }
    }
  }

  /** Undefined where the call failed; that is a check too. */
  async #call(
    graphs: Graphs,
    module: ModelModule,
    program: PhaseProgram,
    documents: readonly Document[],
    setting: Setting,
  ): Promise<Tensors | undefined> {
    const { threads, subject } = this.#options;
    try {
      const { profile, optimize } = setting;
      return await graphs.run(
        module,
        program,
        documents,
        { profile, optimize, ...(threads === undefined ? {} : { threads }) },
        subject?.feed,
      );
    } catch (cause) {
      if (!(cause instanceof Failure) || cause.kind === "package") throw cause;
      this.#checks.push({
        ...setting,
        document: 0,
        output: "",
        nmse: Infinity,
        max: Infinity,
        ok: false,
        error: cause.message,
      });
      return undefined;
    }
  }

  #compare(setting: Setting, program: PhaseProgram, documents: readonly Document[], outputs: Tensors): Check[] {
    return Object.entries(outputs).flatMap(([output, tensor]) => {
      const kinds = kindsIn(program, output);
      const rows = unpack(documents, kinds, tensor);
      return documents.flatMap((document, d): Check[] => {
        const stray = strayIn(tensor, d, rows[d]!.size);
        const want = this.#reference.rows(document, output, kinds);
        if (want.size === 0 && !stray) return [];
        const figures = figuresOf(only(rows[d]!, want), want);
        const error = stray ? { error: "gives numbers for rows that are not there" } : {};
        return [{ ...setting, document: d, output, ...figures, ok: within(figures, this.#limit) && !stray, ...error }];
      });
    });
  }

  /** A document of a batch against itself alone. */
  #apart(
    setting: Omit<Batched, keyof Figures | "output" | "ok">,
    program: PhaseProgram,
    documents: readonly Document[],
    together: Tensors,
    alone: Tensors | undefined,
  ): void {
    const document = documents[setting.document]!;
    for (const [output, tensor] of Object.entries(alone ?? {})) {
      const kinds = kindsIn(program, output);
      const right = this.#reference.rows(document, output, kinds);
      if (right.size === 0) continue;
      const want = only(unpack([document], kinds, tensor)[0]!, right);
      const got = unpack(documents, kinds, together[output]!)[setting.document]!;
      const figures = figuresOf(only(got, right), want);
      this.#batches.push({ ...setting, output, ...figures, ok: within(figures, this.#limit) });
    }
  }

  /** Every layer in the call of `setting`. */
  async #trace(setting: (Setting & { readonly ok: boolean }) | undefined): Promise<Partial<Verification>> {
    if (setting === undefined) return {};
    const module = this.#module(true);
    const { modalities } = setting;
    const program = programFor(this.#model, module, modalities);
    const group = this.#reference.groups.find((each) => each.modalities.join() === modalities.join())!;
    const { documents } = group.cases.find(({ name }) => name === setting.case)!;
    const graphs = await this.#graphs(module);
    try {
      const { profile, optimize } = setting;
      const outputs = await this.#call(graphs, module, program, documents, setting);
      const layers = outputs === undefined ? [] : this.#layers(program, documents, outputs);
      const divergence = layers.find(({ ok }) => !ok) ?? (setting.ok ? undefined : "heads");
      const traced = { profile, optimize, program: program.name, modalities, case: setting.case };
      return { layers, divergence, traced };
    } finally {
      await graphs.close();
    }
  }

  /** Over all documents of the call at once, in the order of the steps. */
  #layers({ streams }: PhaseProgram, documents: readonly Document[], outputs: Tensors): Layer[] {
    return this.#model.steps.flatMap(({ path, value }) =>
      [...value.shapes.keys()].flatMap((kind): Layer[] => {
        const stream = streams.find(({ kinds }) => kinds.includes(kind));
        const output = `tap/${path}/${stream?.name}`;
        const tensor = outputs[output];
        if (stream === undefined || tensor === undefined) return [];
        const want = joined(documents.map((document) => this.#reference.rows(document, output, [kind])));
        if (want.size === 0) return [];
        const figures = figuresOf(only(joined(unpack(documents, stream.kinds, tensor)), want), want);
        return [
          {
            step: path,
            kind,
            towers: towersOf(this.#model, value, kind),
            ...figures,
            ok: within(figures, this.#limit),
          },
        ];
      }),
    );
  }
}

const shortened = ({ name, documents }: Case, rows: number | undefined): Case => ({
  name,
  documents:
    rows === undefined ? documents : documents.map((document) => ({ ...document, rows: document.rows.slice(0, rows) })),
});

/** The kinds of rows that an output of a program has. */
const kindsIn = ({ streams }: PhaseProgram, output: string): readonly string[] => {
  const { stream } = readOutput(output);
  return streams.find(({ name }) => name === stream)!.kinds;
};

/** Those of `rows` that `judged` has too. */
const only = (rows: RowNumbers, judged: RowNumbers): RowNumbers =>
  new Map([...rows].filter(([place]) => judged.has(place)));

/** Every choice of some of `items`, the whole last. */
const subsets = (items: readonly string[]): readonly (readonly string[])[] =>
  items
    .reduce<(readonly string[])[]>((sets, item) => [...sets, ...sets.map((set) => [...set, item])], [[]])
    .filter((set) => set.length > 0);

/** Whether anything but 0 stands after the rows that a document has. */
const strayIn = ({ shape, data }: Tensors[string], document: number, rows: number): boolean => {
  const [, all, width] = shape as [number, number, number];
  return (data as Float32Array)
    .subarray((document * all + rows) * width, (document + 1) * all * width)
    .some((x) => x !== 0);
};

/** The rows of all documents as if of one. */
const joined = (rows: readonly RowNumbers[]): RowNumbers =>
  new Map(rows.flatMap((each, d) => [...each].map(([row, numbers]) => [d * 2 ** 24 + row, numbers] as const)));
