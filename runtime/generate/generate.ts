// Text and images in one stream: documents are written row after row by the phases of a session, text until the token that
// opens an image, the image step by step against what is cached, and text again. Documents of a batch may be at different
// things: each round makes one call of a phase for all documents that want it.
import type { Context, Part } from "../context.ts";
import { Failure } from "../failure.ts";
import type { Manifest } from "../manifest.ts";
import { fromPatches, type Picture } from "../media/patches.ts";
import type { Phases, Result } from "../phases.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { withInputs } from "./conditions.ts";
import { Continuation, type Wanted } from "./continuation.ts";
import { Drawing, type DrawingOptions } from "./drawing.ts";
import { type GenerateEvent, isStep, type Phase, type Taken } from "./events.ts";
import { headRows } from "./heads.ts";
import { type PromptPart, promptRows } from "./prompt.ts";
import { layoutOf, tokensIn } from "./rows.ts";
import { Streaming } from "./streaming.ts";
import { TextDrawer, type TextOptions } from "./tokens.ts";

export interface GenerateOptions extends TextOptions, DrawingOptions {
  /** one document, or several */
  readonly prompt: readonly PromptPart[] | readonly (readonly PromptPart[])[];
  /** tokens of each document at most; 256 if left out */
  readonly maxTokens?: number | undefined;
  /** texts that end a document, and are not told */
  readonly stop?: readonly string[] | undefined;
  /**
   * `auto`: an image is drawn where its opening token is; `never`: that token is not drawn; a number: so many images right
   * behind the prompt, and none later. `auto` if left out.
   */
  readonly images?: "auto" | "never" | number | undefined;
  /** 0 to 2^32 - 1, of all that is drawn, one for all documents or one for each; 0 if left out */
  readonly seed?: number | readonly number[] | undefined;
}

const PHASES: readonly Phase[] = ["prefill", "read", "draft", "decode", "denoise", "last"];

/** @throws Failure "call" where options do not fit the model, and whatever its calls throw */
export const generate = async function* (
  session: Phases,
  tokenizer: Tokenizer,
  options: GenerateOptions,
): AsyncGenerator<GenerateEvent, void, undefined> {
  const writing = new Writing(session, tokenizer, options);
  try {
    yield* writing.write();
  } finally {
    writing.close();
  }
};

const isBatch = (prompt: GenerateOptions["prompt"]): prompt is readonly (readonly PromptPart[])[] =>
  prompt.length > 0 && Array.isArray(prompt[0]);

/** One document of a batch. */
interface Document {
  readonly at: number;
  readonly continuation: Continuation;
  readonly streaming: Streaming;
  /** tokens that it has drawn */
  readonly ids: number[];
  readonly seed: number;
  /** images that are to be drawn before text */
  due: number;
  drawing: Drawing | undefined;
}

class Writing {
  readonly #session: Phases;
  readonly #manifest: Manifest;
  readonly #options: GenerateOptions;
  readonly #maxTokens: number;
  readonly #context: Context;
  readonly #documents: readonly Document[];
  readonly #prompts: readonly { readonly tokens: number; readonly images: number }[];
  readonly #steps: number;
  readonly #text: TextDrawer;
  readonly #taken: Record<Phase, Taken>;
  #tokens = 0;
  #images = 0;

  constructor(session: Phases, tokenizer: Tokenizer, options: GenerateOptions) {
    const { manifest } = session;
    const { prompt, maxTokens = 256, images = "auto", stop = [], inputs = {} } = options;
    if (!Number.isSafeInteger(maxTokens) || maxTokens < 0)
      throw new Failure("call", `maxTokens is ${String(maxTokens)}`, "give a whole number from 0 on");
    if (images !== "auto" && images !== "never" && !(Number.isSafeInteger(images) && images >= 0))
      throw new Failure("call", `images is ${JSON.stringify(images)}`, "give `auto`, `never` or how many");
    this.#session = session;
    this.#manifest = manifest;
    this.#options = options;
    this.#maxTokens = maxTokens;
    this.#text = new TextDrawer(manifest, tokenizer, options);
    const prompts = (isBatch(prompt) ? prompt : [prompt as readonly PromptPart[]]).map((parts) =>
      promptRows(manifest, tokenizer, parts, inputs),
    );
    const seeds = seedsOf(options, prompts.length);
    this.#documents = prompts.map((rows, at) => ({
      at,
      continuation: new Continuation(manifest, rows),
      streaming: new Streaming(tokenizer, stop),
      ids: [],
      seed: seeds[at]!,
      due: typeof images === "number" ? images : 0,
      drawing: undefined,
    }));
    this.#steps = this.#draws ? Drawing.stepsOf(manifest, options) : 0;
    this.#prompts = prompts.map(({ tokens, images: given }) => ({ tokens, images: given }));
    this.#context = session.start(prompts.length);
    const none = { calls: 0, rows: 0, ms: 0 };
    this.#taken = { prefill: none, decode: none, read: none, denoise: none, last: none, draft: none };
  }
  get #draws(): boolean {
    const { images = "auto" } = this.#options;
    return images !== "never" && images !== 0 && this.#manifest.noise.some(({ input }) => input !== null);
  }
  close(): void {
    this.#context.close();
    for (const { drawing } of this.#documents) drawing?.close();
  }

  async *write(): AsyncGenerator<GenerateEvent, void, undefined> {
    yield { is: "start", prompts: this.#prompts, maxTokens: this.#maxTokens, steps: this.#steps };
    for (const document of this.#documents) yield* this.#next(document);
    while (this.#documents.some(({ continuation }) => !continuation.ended)) {
      for (const phase of PHASES) {
        const wanting = this.#documents.flatMap((document) => {
          const wanted = this.#wanted(document);
          return wanted?.phase === phase ? [{ document, wanted }] : [];
        });
        if (wanting.length > 0) yield* this.#call(phase, wanting);
      }
    }
    yield { is: "usage", phases: { ...this.#taken }, tokens: this.#tokens, images: this.#images };
  }

  /** Of an image that is drawn, the step that is next. */
  #wanted({ continuation, drawing }: Document): Wanted | undefined {
    const wanted = continuation.wanted();
    return wanted?.phase === "denoise" ? { phase: drawing!.phase } : wanted;
  }
  async *#call(
    phase: Phase,
    wanting: readonly { readonly document: Document; readonly wanted: Wanted }[],
  ): AsyncGenerator<GenerateEvent, void, undefined> {
    this.#options.signal?.throwIfAborted();
    const parts: Part[] = this.#documents.map(() => ({ rows: [] }));
    for (const { document, wanted } of wanting) parts[document.at] = this.#partOf(document, wanted);
    const { inputs = {} } = this.#options;
    const given = withInputs(this.#manifest, phase, parts, inputs, (d) => this.#documents[d]!.drawing?.noisy);
    if (isStep(phase))
      for (const { document } of wanting)
        await this.#timed(phase, () => document.drawing!.push(document.continuation, this.#context, document.at));
    const result = await this.#timed(phase, () => this.#session.append(this.#context, phase, given));
    const { calls, rows, ms } = this.#taken[phase];
    const count = parts.reduce((sum, part) => sum + part.rows.length, 0);
    this.#taken[phase] = { calls: calls + 1, rows: rows + count, ms };
    for (const { document, wanted } of wanting)
      if ("rows" in wanted) document.continuation.appended(wanted.rows.length);
    if (isStep(phase)) for (const { document } of wanting) yield* this.#drawn(document, result);
    if (phase === "decode") for (const { document } of wanting) yield* this.#chosen(document, result);
  }
  /** What a phase takes, and not what is done with its events. */
  async #timed<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    const since = performance.now();
    const done = await work();
    const taken = this.#taken[phase];
    this.#taken[phase] = { ...taken, ms: taken.ms + performance.now() - since };
    return done;
  }
  #partOf({ continuation, drawing }: Document, wanted: Wanted): Part {
    return "rows" in wanted ? { rows: wanted.rows, spans: continuation.spansOf(wanted.rows) } : drawing!.part();
  }
  /** A token behind the last row, and what comes of it. */
  async *#chosen(document: Document, result: Result): AsyncGenerator<GenerateEvent, void, undefined> {
    const { at, continuation, ids, streaming } = document;
    const id = this.#text.draw(headRows(result, "logits", at)(continuation.rows.length - 1), {
      ids,
      seed: document.seed,
      admits: (row) => continuation.admits(row),
      draws: this.#options.images === undefined || this.#options.images === "auto",
    });
    if (id === undefined) return yield* this.#end(document, "session");
    const opened = this.#text.opens(id);
    ids.push(id);
    this.#tokens++;
    if (opened !== undefined) {
      yield* this.#rest(document);
      return this.#open(document, opened);
    }
    if (this.#text.ends(id)) return yield* this.#end(document, "stop");
    continuation.add([{ kind: tokensIn(this.#manifest).name, span: 0, index: 0, values: { id } }]);
    const piece = streaming.add(id);
    if (piece !== undefined) yield { is: "text", document: at, ...piece };
    if (streaming.stopped) return yield* this.#end(document, "stop");
    yield* this.#next(document);
  }
  /** What a document does when nothing is under way: an image that is due, text, or nothing. */
  async *#next(document: Document): AsyncGenerator<GenerateEvent, void, undefined> {
    if (document.due > 0) {
      document.due--;
      this.#open(document, Drawing.modalityOf(this.#manifest));
      return;
    }
    if (document.ids.length >= this.#maxTokens) yield* this.#end(document, "length");
  }
  async *#end(document: Document, why: "stop" | "length" | "session"): AsyncGenerator<GenerateEvent, void, undefined> {
    if (!document.streaming.stopped) yield* this.#rest(document);
    document.continuation.end();
    yield { is: "end", document: document.at, why };
  }

  /** Text that was held back, when no more of it follows. */
  *#rest({ at, streaming }: Document): Generator<GenerateEvent, void, undefined> {
    const piece = streaming.end();
    if (piece !== undefined) yield { is: "text", document: at, ...piece };
  }

  #open(document: Document, modality: string): void {
    const index = document.continuation.spans[modality]?.length ?? 0;
    const drawing = new Drawing(this.#session, modality, index, document.seed, this.#options);
    document.continuation.openImage(drawing.before);
    document.drawing = drawing;
  }
  async *#drawn(document: Document, result: Result): AsyncGenerator<GenerateEvent, void, undefined> {
    const { at, continuation } = document;
    const drawing = document.drawing!;
    const { step, estimate } = drawing.take(result, continuation, at);
    const { index, steps } = drawing;
    yield { is: "step", document: at, image: index, step, steps, estimate };
    if (step < steps) return;
    const rows = drawing.rows;
    continuation.closeImage(drawing.modality, drawing.drawn(), drawing.after);
    drawing.close();
    document.drawing = undefined;
    this.#images++;
    yield { is: "image", document: at, image: index, rows, picture: pictureOf(drawing, rows) };
    yield* this.#next(document);
  }
}

const seedsOf = ({ seed = 0 }: GenerateOptions, count: number): readonly number[] => {
  const seeds = typeof seed === "number" ? Array<number>(count).fill(seed) : seed;
  if (seeds.length !== count)
    throw new Failure("call", `${seeds.length} seeds were given, and there are ${count} documents`);
  const wrong = seeds.find((each) => !(Number.isSafeInteger(each) && each >= 0 && each < 2 ** 32));
  if (wrong === undefined) return seeds;
  throw new Failure("call", `the seed is ${String(wrong)}`, "give a whole number from 0 to 2^32 - 1");
};

/** Rows that are pixels as a picture. */
const pictureOf = ({ grid }: Drawing, rows: Float32Array): Picture | undefined => {
  if (grid.order === null || grid.channels !== 3) return undefined;
  const { size, patches } = layoutOf(grid);
  return fromPatches(rows, size, patches);
};
