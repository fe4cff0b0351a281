// Text and images in one stream: documents are written row after row by the phases of a session, text until the token that
// opens an image, the image step by step against what is cached, and text again. Documents of a batch may be at different
// things: each round makes one call of a phase for all documents that want it.
import type { Context, Part } from "../context.ts";
import { type Beginning, begin } from "./beginning.ts";
import { type CallOptions, Calls } from "./calls.ts";
import type { DocumentRow } from "../document.ts";
import { Failure } from "../failure.ts";
import type { Decoded, Drawer } from "../decoding.ts";
import type { Manifest } from "../manifest.ts";
import { fromPatches, type Picture } from "../media/patches.ts";
import type { Phases } from "../phases.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { Continuation, type Pending, type Wanted } from "./continuation.ts";
import { Denoising, type GuidanceOptions } from "./denoising.ts";
import { Drawing, type DrawingOptions } from "./drawing.ts";
import type { GenerateEvent } from "./events.ts";
import { Measured, type Pace } from "./pace.ts";
import { Past, pastsOf } from "./past.ts";
import { type PromptPart, promptRows, type PromptRows } from "./prompt.ts";
import { layoutOf, tokensIn } from "./rows.ts";
import type { Span } from "./sampling.ts";
import { Streaming } from "./streaming.ts";
import { TextDrawer, type TextOptions } from "./tokens.ts";

export interface GenerateOptions extends TextOptions, DrawingOptions, GuidanceOptions, CallOptions {
  /** one document, or several */
  readonly prompt: readonly PromptPart[] | readonly (readonly PromptPart[])[];
  /** what the prompts stand behind, which is not computed again: one for all documents, or one for each */
  readonly past?: Past | readonly Past[] | undefined;
  /** whether `end` events have the document as it is then, as a `past` */
  readonly keep?: boolean | undefined;
  /** tokens of each document at most; 256 if left out */
  readonly maxTokens?: number | undefined;
  /** tokens of each document that a session which can may draw before one of them is looked at; 16 if left out */
  readonly ahead?: number | undefined;
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

/** The phases that append rows, in the order of a round, and what a document wants of them. */
const APPENDING = ["prefill", "read", "draft", "decode"] as const;

/** @throws Failure "call" where options do not fit the model, and whatever its calls throw */
export const generate = async function* (
  session: Phases,
  tokenizer: Tokenizer,
  options: GenerateOptions,
  pace: Pace = new Measured(options.ahead),
): AsyncGenerator<GenerateEvent, void, undefined> {
  const writing = new Writing(session, tokenizer, options, pace);
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
  /** rows of tokens that are computed and not looked at yet */
  ahead: number;
  /** images that are to be drawn before text */
  due: number;
  drawing: Drawing | undefined;
  /** why nothing more is written, and whether that is told */
  why: "stop" | "length" | "session" | undefined;
  told: boolean;
}

/** A document, and its rows in a call. */
interface Wanting {
  readonly document: Document;
  readonly rows: readonly DocumentRow[];
}

class Writing {
  readonly #session: Phases;
  readonly #calls: Calls;
  readonly #manifest: Manifest;
  readonly #options: GenerateOptions;
  readonly #maxTokens: number;
  #context: Context | undefined;
  readonly #documents: readonly Document[];
  readonly #prompts: readonly (Beginning & Pick<PromptRows, "tokens" | "images">)[];
  readonly #steps: number;
  readonly #text: TextDrawer;
  readonly #denoising: Denoising | undefined;
  readonly #pace: Pace;
  #tokens = 0;
  #images = 0;

  constructor(session: Phases, tokenizer: Tokenizer, options: GenerateOptions, pace: Pace) {
    const { manifest } = session;
    const { prompt, maxTokens = 256, images = "auto", stop = [], inputs = {} } = options;
    if (!Number.isSafeInteger(maxTokens) || maxTokens < 0)
      throw new Failure("call", `maxTokens is ${String(maxTokens)}`, "give a whole number from 0 on");
    if (images !== "auto" && images !== "never" && !(Number.isSafeInteger(images) && images >= 0))
      throw new Failure("call", `images is ${JSON.stringify(images)}`, "give `auto`, `never` or how many");
    this.#session = session;
    this.#calls = new Calls(session, options);
    this.#manifest = manifest;
    this.#options = options;
    this.#maxTokens = maxTokens;
    this.#pace = pace;
    this.#text = new TextDrawer(manifest, tokenizer, options);
    const batch = isBatch(prompt) ? prompt : [prompt as readonly PromptPart[]];
    const pasts = pastsOf(options.past, batch.length);
    this.#prompts = batch.map((parts, d) => ({
      ...promptRows(manifest, tokenizer, parts, inputs, pasts[d]),
      past: pasts[d],
    }));
    const seeds = seedsOf(options, batch.length);
    this.#documents = this.#prompts.map((rows, at) => ({
      at,
      continuation: new Continuation(manifest, rows),
      streaming: new Streaming(tokenizer, stop),
      ids: [],
      seed: seeds[at]!,
      ahead: 0,
      due: typeof images === "number" ? images : 0,
      drawing: undefined,
      why: undefined,
      told: false,
    }));
    this.#steps = this.#draws ? Drawing.stepsOf(manifest, options) : 0;
    this.#denoising = this.#draws ? new Denoising(this.#calls, options) : undefined;
  }
  get #draws(): boolean {
    const { images = "auto" } = this.#options;
    return images !== "never" && images !== 0 && this.#manifest.noise.some(({ input }) => input !== null);
  }
  close(): void {
    this.#context?.close();
    this.#denoising?.close();
  }

  async *write(): AsyncGenerator<GenerateEvent, void, undefined> {
    const prompts = this.#prompts.map(({ tokens, images }) => ({ tokens, images }));
    yield { is: "start", prompts, maxTokens: this.#maxTokens, steps: this.#steps };
    for (const document of this.#documents) yield* this.#next(document);
    if (!this.#areTold) yield* this.#rounds();
    yield { is: "usage", phases: this.#calls.taken, tokens: this.#tokens, images: this.#images };
  }
  get #areTold(): boolean {
    return this.#documents.every(({ told }) => told);
  }
  async *#rounds(): AsyncGenerator<GenerateEvent, void, undefined> {
    const { context, computed } = await begin(this.#calls, this.#prompts);
    this.#context = context;
    for (const { at, continuation } of this.#documents) continuation.appended(computed[at]!);
    for (const document of this.#documents) yield* this.#settle(document, context);
    while (!this.#areTold) {
      for (const phase of APPENDING) {
        const wanting = this.#documents.flatMap((document) => {
          const wanted = wantedBy(document);
          return wanted?.phase === phase ? [{ document, rows: wanted.rows }] : [];
        });
        if (wanting.length === 0) continue;
        if (phase === "decode") yield* this.#decode(context, wanting);
        else yield* this.#append(context, phase, wanting);
      }
      yield* this.#denoise(context);
    }
  }

  async *#append(
    context: Context,
    phase: Pending["phase"],
    wanting: readonly Wanting[],
  ): AsyncGenerator<GenerateEvent, void, undefined> {
    await this.#calls.make(context, phase, this.#partsOf(wanting));
    for (const { document, rows } of wanting) document.continuation.appended(rows.length);
    for (const { document } of wanting) yield* this.#settle(document, context);
  }
  #partsOf(wanting: readonly Wanting[]): readonly Part[] {
    const parts: Part[] = this.#documents.map(() => ({ rows: [] }));
    for (const { document, rows } of wanting) parts[document.at] = { rows, spans: document.continuation.spansOf(rows) };
    return parts;
  }

  /** Tokens behind the last rows of documents, one or several, and what comes of them. */
  async *#decode(context: Context, wanting: readonly Wanting[]): AsyncGenerator<GenerateEvent, void, undefined> {
    const drawers: (Drawer | undefined)[] = this.#documents.map(() => undefined);
    for (const { document } of wanting) {
      const { at, seed, ids } = document;
      const allowed = this.#allowed(document);
      if (allowed === undefined) yield* this.#end(document, "session");
      else drawers[at] = { seed, ids, allowed };
    }
    const drawing = wanting.filter(({ document }) => drawers[document.at] !== undefined);
    if (drawing.length === 0) return;
    const documents = drawing.map(({ document }) => document);
    const decoding = { sampling: this.#text.sampling, most: this.#most(documents), drawers };
    const { decoded, ms } = await this.#calls.decode(context, this.#partsOf(drawing), decoding);
    this.#pace.took(decoded[documents[0]!.at]!.length, ms);
    yield* this.#drawn(documents, decoded);
  }
  #allowed({ continuation }: Document): readonly Span[] | undefined {
    const { images = "auto" } = this.#options;
    return this.#text.allowed({ admits: (row) => continuation.admits(row), draws: images === "auto" });
  }
  /** How many tokens may be drawn before one is looked at: one where other documents wait, or what may follow changes. */
  #most(drawing: readonly Document[]): number {
    const isOther = (document: Document): boolean => !document.told && !drawing.includes(document);
    if (this.#documents.some(isOther) || !drawing.every(({ continuation }) => continuation.isSettled)) return 1;
    return Math.min(this.#pace.next, ...drawing.map(({ ids }) => this.#maxTokens - ids.length));
  }
  /** What was drawn, one token of each document after the other. */
  async *#drawn(drawing: readonly Document[], decoded: Decoded): AsyncGenerator<GenerateEvent, void, undefined> {
    let writing = drawing;
    const count = decoded[drawing[0]!.at]!.length;
    for (let i = 0; writing.length > 0 && i < count; i++) {
      if (i > 0) this.#calls.checkSignal();
      this.#calls.count("decode", writing.length);
      for (const document of writing) {
        document.continuation.appended(1);
        document.ahead = count - 1 - i;
        yield* this.#chosen(document, decoded[document.at]![i]!);
      }
      writing = writing.filter(({ why, drawing: image }) => why === undefined && image === undefined);
    }
  }
  /** A token behind the last row, and what comes of it. */
  async *#chosen(document: Document, id: number): AsyncGenerator<GenerateEvent, void, undefined> {
    const { at, continuation, ids, streaming } = document;
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
    document.why = why;
    this.#takeBack(document);
    yield* this.#settle(document, this.#context);
  }
  /** What was computed behind the end of a text. */
  #takeBack(document: Document): void {
    if (document.ahead > 0) this.#context!.takeBack(document.at, document.ahead);
    document.ahead = 0;
  }
  /** The end of a document is told once nothing of it is to be computed that is kept. */
  async *#settle(document: Document, context: Context | undefined): AsyncGenerator<GenerateEvent, void, undefined> {
    const { at, continuation, told, why } = document;
    if (told || why === undefined) return;
    if (this.#options.keep !== true) {
      document.told = true;
      return yield { is: "end", document: at, why };
    }
    if (context === undefined || continuation.behind() !== undefined) return;
    document.told = true;
    const past = new Past(await this.#session.fork(context, [at]), continuation);
    yield { is: "end", document: at, why, past };
  }

  /** Text that was held back, when no more of it follows. */
  *#rest({ at, streaming }: Document): Generator<GenerateEvent, void, undefined> {
    const piece = streaming.end();
    if (piece !== undefined) yield { is: "text", document: at, ...piece };
  }

  #open(document: Document, modality: string): void {
    this.#takeBack(document);
    const index = document.continuation.spans[modality]?.length ?? 0;
    const drawing = new Drawing(this.#manifest, modality, index, document.seed, this.#options);
    document.continuation.openImage(drawing.before);
    document.drawing = drawing;
  }
  /** A step of all images that are drawn. */
  async *#denoise(context: Context): AsyncGenerator<GenerateEvent, void, undefined> {
    const drawn = this.#documents.flatMap((document) => {
      const { at, continuation, drawing } = document;
      const isDrawn = drawing !== undefined && wantedBy(document)?.phase === "denoise";
      return isDrawn ? [{ document, line: at, continuation, drawing }] : [];
    });
    if (drawn.length === 0) return;
    const predicted = await this.#denoising!.predict(context, drawn);
    for (const [i, { document, drawing }] of drawn.entries()) yield* this.#stepped(document, drawing, predicted[i]!);
  }
  async *#stepped(
    document: Document,
    drawing: Drawing,
    predicted: Float32Array,
  ): AsyncGenerator<GenerateEvent, void, undefined> {
    const { at, continuation } = document;
    const { step, estimate } = drawing.take(predicted);
    const { index, steps } = drawing;
    yield { is: "step", document: at, image: index, step, steps, estimate };
    if (step < steps) return;
    const rows = drawing.rows;
    continuation.closeImage(drawing.modality, drawing.finished(), drawing.after);
    this.#denoising!.finish(drawing);
    document.drawing = undefined;
    this.#images++;
    yield { is: "image", document: at, image: index, rows, picture: pictureOf(drawing, rows) };
    yield* this.#next(document);
  }
}

/** What a document wants of the next call; where it is kept at its end, what is not computed yet. */
const wantedBy = ({ continuation, told, why }: Document): Wanted | undefined => {
  if (told) return undefined;
  return why === undefined ? continuation.wanted() : continuation.behind();
};

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
