// A compiled model, open: its programs, run by what its target asks for, and the contexts that documents grow in.
import { join } from "node:path";
import type { Caches } from "./caches.ts";
import { Context, type Part, type Source } from "./context.ts";
import { type Appending, type Document, pack, unpack } from "./document.ts";
import { Failure } from "./failure.ts";
import { decodeText } from "./json.ts";
import { movedAway } from "./leftover.ts";
import type { Manifest, ProgramEntry, WeightFile } from "./manifest.ts";
import { layoutOf } from "./layout.ts";
import { parseManifest } from "./parseManifest.ts";
import { decodeOne } from "./generate/decodeOne.ts";
import { generate, type GenerateOptions } from "./generate/generate.ts";
import type { GenerateEvent } from "./generate/events.ts";
import type { Past } from "./generate/past.ts";
import type { PromptPart } from "./generate/prompt.ts";
import { tokensIn } from "./generate/rows.ts";
import { onnxRunner } from "./onnx/runner.ts";
import type { ProgramOptions } from "./onnx/session.ts";
import { type Phase, type Phases, programFor, type Result } from "./phases.ts";
import { checkPorts } from "./ports.ts";
import { AGAIN } from "./runner.ts";
import type { Tensors } from "./tensor.ts";
import { tokenizerOf } from "./text/ofModel.ts";
import type { TrainEvent } from "./train/events.ts";
import type { TrainOptions } from "./train/options.ts";
import { train } from "./train/train.ts";
import { type GpuOptions, gpuRunner } from "./webgpu/runner.ts";
import { checkOwnFile, readWhole } from "./weights/file.ts";

/** For graphs, how ONNX Runtime runs them; for kernels, on which GPU. */
export interface SessionOptions extends ProgramOptions, GpuOptions {}
export interface Session extends Phases {
  /**
   * Writes documents behind prompts: text until an image is opened, the image in steps, and text again. Nothing runs before
   * the first event is asked for, and leaving the loop ends it. @throws Failure "call", or the reason of the signal
   */
  generate(options: GenerateOptions & TokenizerOptions): AsyncIterable<GenerateEvent>;
  /**
   * The document of a prompt, as a `past` for any number of documents to go on from, and never computed again. It holds keys
   * and values until it is closed. @throws Failure "call", "device", or the reason of the signal
   */
  past(prompt: readonly PromptPart[], options?: PastOptions & TokenizerOptions): Promise<Past>;
  /**
   * Changes what the model trains so that samples cost less, in a folder that was compiled for it. Nothing runs before the
   * first event is asked for, and leaving the loop ends it. @throws Failure, or the reason of the signal
   */
  train(options: TrainOptions): AsyncIterable<TrainEvent>;
  close(): Promise<void>;
}
/** Behind which other past the prompt stands, and how it is computed. */
export type PastOptions = Pick<GenerateOptions, "inputs" | "signal"> & { readonly past?: Past | undefined };
export interface TokenizerOptions {
  /** the path of a tokenizer.json; left out: the one in the folder, or bytes for a vocabulary of 256 */
  readonly tokenizer?: string | undefined;
}

const MAX_MANIFEST_BYTES = 16 * 2 ** 20;

const readOwn = async (path: string): Promise<Uint8Array> => {
  await checkOwnFile(path);
  return readWhole(path, MAX_MANIFEST_BYTES);
};

/** Reads and checks the manifest of a folder that `graftwerk compile` wrote. @throws Failure "file" */
export const readManifest = async (folder: string, name: string): Promise<Manifest> => {
  const path = join(folder, name);
  const bytes = await readOwn(path).catch(async (thrown: unknown) => {
    const old = thrown instanceof Failure && thrown.missing ? await movedAway(folder) : undefined;
    if (old === undefined) throw thrown;
    throw new Failure(
      "file",
      `${folder}: is not there: a compilation was killed while it replaced it, and what it held lies in ${old}`,
      `compile it again, or put it back: mv ${old} ${folder}`,
      thrown,
    );
  });
  return parseManifest(decodeText(bytes, path), path);
};

/**
 * A graph points into its files by offset: one that has changed since would give numbers of something else, and ONNX
 * Runtime follows no link. @throws Failure "file"
 */
const checkFile = async (folder: string, { file, size }: WeightFile): Promise<void> => {
  const path = join(folder, file);
  const found = await checkOwnFile(path, "the weights of the model", AGAIN);
  if (found !== size)
    throw new Failure("file", `${path}: has ${found} bytes, and had ${size} when the model was compiled`, AGAIN);
};

/**
 * Opens a compiled folder. @throws Failure "file" when its manifest is not sound, or its weights are missing or of another
 * size than the manifest says
 */
export const openSession = async (folder: string, options: SessionOptions = {}): Promise<Session> => {
  const { budget = Infinity } = options;
  if (!(budget >= 0)) throw new Failure("call", `the budget is ${String(budget)}`, "give a number of bytes");
  const manifest = await readManifest(folder, "manifest.json");
  if (manifest.missing.length > 0)
    throw new Failure(
      "file",
      `${folder}: has no weights: ${manifest.missing.length} of ${manifest.model} are missing`,
      "compile it with --weights SLOT=PATH, or with --seed N for initial values",
    );
  await Promise.all(manifest.weights.map((file) => checkFile(folder, file)));
  const runner =
    manifest.target === "webgpu" ? gpuRunner(folder, manifest, options) : onnxRunner(folder, manifest, options);
  const { threads, optimize } = options;
  const program: ProgramOptions = { ...(threads !== undefined && { threads }), ...(optimize && { optimize }) };
  const contexts = new WeakSet<Context>();
  const known = (context: Context, caches: Caches): Context => {
    forgotten.register(context, caches);
    contexts.add(context);
    return context;
  };
  const checkOwn = (context: Context): void => {
    if (!contexts.has(context))
      throw new Failure("call", "the context is of another session", "begin one with `session.start()`");
  };
  const cachesFor = (batch: number): Caches => runner.caches(batch, ({ name }, inputs) => run(name, inputs));
  const calls = new Set<Promise<unknown>>();
  let closed = false;
  const entries = new Map(manifest.programs.map((program) => [program.name, entryOf(manifest, program)]));
  const underway = <T>(call: Promise<T>): Promise<T> => {
    calls.add(call);
    return call.finally(() => calls.delete(call));
  };
  const checkOpen = (): void => {
    if (closed) throw new Failure("call", `the session of ${manifest.model} is closed`, "open the folder again");
  };
  const run = async (name: string, inputs: Tensors): Promise<Tensors> => {
    const entry = manifest.programs.find((program) => program.name === name);
    if (!entry)
      throw new Failure("call", `${manifest.model} has no program ${name}`, `it has ${[...entries.keys()].join(", ")}`);
    checkOpen();
    checkPorts(entry, inputs);
    if (entry.graph === null) return {};
    return underway(runner.run(entry, entry.graph, inputs));
  };
  const gather = async (documents: readonly Source[]): Promise<Context> => {
    for (const { context } of documents) checkOwn(context);
    checkOpen();
    const caches = cachesFor(documents.length);
    return known(await underway(Context.gather(documents, manifest, caches)), caches);
  };
  /** What runs a phase on new rows of a context. */
  const entryFor = (context: Context, phase: Phase, parts: readonly Part[]): Appending => {
    checkOwn(context);
    checkRows(parts);
    if (!PHASES.includes(phase))
      throw new Failure(
        "call",
        `there is no phase ${JSON.stringify(phase)} that appends`,
        `there are ${PHASES.join(", ")}`,
      );
    const program = programFor(
      manifest,
      phase,
      parts.flatMap((part) => part.rows),
    );
    checkWhole(manifest, program, parts);
    checkOpen();
    return entries.get(program.name)!;
  };
  const phases: Phases = {
    manifest,
    run,
    forward: async (given) => {
      checkRows(given);
      const documents = given.map((each): Document => ({
        ...each,
        spans: each.spans ?? {},
        inputs: each.inputs ?? {},
      }));
      const entry = entries.get(
        programFor(
          manifest,
          "forward",
          documents.flatMap((document) => document.rows),
        ).name,
      )!;
      return resultOf(entry, documents, await run(entry.name, pack(entry, documents)));
    },
    start: (batch = 1) => {
      const caches = cachesFor(batch);
      return known(new Context(batch, manifest, caches), caches);
    },
    fork: async (context, documents) => {
      checkOwn(context);
      const all = Array.from({ length: context.batch }, (_, document) => document);
      return gather((documents ?? all).map((document) => ({ context, document })));
    },
    gather,
    append: async (context, phase, parts) => {
      const entry = entryFor(context, phase, parts);
      const { documents, tensors } = await underway(context.run(entry, parts));
      return resultOf(entry, documents, tensors);
    },
    decode: async (context, parts, decoding) => {
      const drawn = await underway(context.decode(entryFor(context, "decode", parts), parts, decoding));
      return drawn ?? decodeOne(phases, context, parts, decoding);
    },
  };
  const write: Session["generate"] = async function* (options) {
    const tokenizer = await tokenizerOf(folder, tokensIn(manifest), options.tokenizer);
    yield* generate(phases, tokenizer, options);
  };
  return {
    ...phases,
    generate: write,
    past: async (prompt, options = {}) => {
      let past: Past | undefined;
      const kept = { ...options, prompt: [prompt], keep: true, maxTokens: 0, images: "never" } as const;
      for await (const event of write(kept)) if (event.is === "end") past = event.past;
      return past!;
    },
    train: async function* (options) {
      checkOpen();
      const training = trainingIn(manifest);
      const tokenizer = await tokenizerOf(folder, tokensIn(manifest), options.tokenizer);
      yield* train({ folder, manifest, training, tokenizer, program }, options);
    },
    close: async () => {
      closed = true;
      // Freeing a graph while it runs would take the memory from under it.
      await Promise.allSettled(calls);
      await runner.close();
    },
  };
};

/** @throws Failure "call" where it was not compiled for training */
const trainingIn = ({ model, target, training }: Manifest): NonNullable<Manifest["training"]> => {
  if (training !== undefined) return training;
  const why = target === "webgpu" ? ": kernels train nothing yet" : "";
  throw new Failure("call", `${model} was not compiled for training${why}`, "compile it with --target onnx --train");
};

/** Documents that nobody has any more leave their keys and values, which on a GPU no collector sees. */
const forgotten = new FinalizationRegistry<Caches>((caches) => caches.close());

const PHASES: readonly Phase[] = ["prefill", "decode", "read", "denoise", "last", "draft"];

/** Callers of JavaScript have no types. */
const checkRows = (documents: readonly { readonly rows: unknown }[]): void => {
  if (!Array.isArray(documents))
    throw new Failure("call", "documents are wanted, a list with one of each", "[{ rows: [...] }]");
  documents.forEach((document: { readonly rows: unknown } | null, d) => {
    if (!Array.isArray(document?.rows))
      throw new Failure("call", `document ${d} has no list of rows`, "{ rows: [...] }");
    const row = document.rows.findIndex((each) => typeof each !== "object" || each === null);
    if (row >= 0) throw new Failure("call", `row ${row} of document ${d} is none`, "{ kind, span, index, values }");
  });
};

/** Rows that see each other are appended together: a part of an image would be computed without the rest. */
const checkWhole = (manifest: Manifest, { name, streams, whole }: ProgramEntry, parts: readonly Part[]): void => {
  const kinds = streams.filter((stream) => whole.includes(stream.name)).flatMap((stream) => stream.kinds);
  const segments = manifest.modalities
    .flatMap((modality) => (modality.is === "span" ? modality.segments : []))
    .filter(({ kind }) => kinds.includes(kind));
  for (const part of parts) {
    const spans = new Set(part.rows.filter((row) => kinds.includes(row.kind)).map((row) => row.span));
    for (const span of spans) {
      for (const segment of segments) {
        const want = segment.is === "grid" ? segment.rows * segment.cols : 1;
        const got = part.rows.filter((row) => row.kind === segment.kind && row.span === span).length;
        if (got !== want)
          throw new Failure(
            "call",
            `${name}: ${got} of the ${want} rows of ${segment.kind} of span ${span} were given`,
            "give all rows of a span in one call: they see each other",
          );
      }
    }
  }
};

/** What a context and the packing of rows need to know of a program. */
export const entryOf = (manifest: Manifest, program: ProgramEntry): Appending => {
  const cache = (name: string) => manifest.caches.find((each) => each.name === name)!;
  return {
    name: program.name,
    streams: program.streams,
    inputs: program.inputs,
    kinds: layoutOf(manifest),
    appends: program.phase !== "forward" && program.phase !== "denoise",
    hides: program.phase === "draft",
    again: program.streams.filter(({ name }) => program.again.includes(name)).flatMap(({ kinds }) => kinds),
    reads: program.reads.map(cache),
    writes: program.writes.map(cache),
  };
};
const resultOf = (entry: Appending, documents: readonly Document[], tensors: Tensors): Result => ({
  program: entry.name,
  tensors,
  rows: (output, d) => {
    if (documents[d] === undefined)
      throw new Failure("call", `document ${String(d)} was asked for, and the call had ${documents.length}`);
    const tensor = tensors[output];
    const stream = entry.streams.find(({ name }) => output.startsWith(`${name}.`));
    return tensor && stream ? unpack(documents, stream.kinds, tensor)[d]! : new Map();
  },
});
