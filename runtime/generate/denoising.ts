// The steps of images that are drawn at the same time. With guidance each document stands beside another one, of which its
// predictions are pushed away: one without text, or the same one where the image does not see the text or has another value
// of an input. For as long as images are drawn, both are copied into a context of their own, so that a step is one call for
// all of them. A last step that stays is asked of the documents themselves, which the call appends it to.
import type { Context, Part, Source } from "../context.ts";
import type { Values } from "../document.ts";
import { Failure } from "../failure.ts";
import type { Guide, Manifest } from "../manifest.ts";
import { appendPending } from "./beginning.ts";
import type { Calls } from "./calls.ts";
import { Continuation } from "./continuation.ts";
import { Drawing } from "./drawing.ts";
import { guided } from "./guidance.ts";
import { tokensIn } from "./rows.ts";

export interface GuidanceOptions {
  /**
   * how far predictions are pushed from those that the guide gives, or a document without text; 1 or left out: not at all, for
   * half the rows
   */
  readonly guidance?: number | undefined;
  /** which of the model's guides, where it has several */
  readonly guide?: string | undefined;
}
/** A document whose image is drawn, and which of the context it is. */
export interface Drawn {
  readonly line: number;
  readonly continuation: Continuation;
  readonly drawing: Drawing;
}
/** What is asked of one document of a call. */
interface Asked {
  readonly context: Context;
  readonly line: number;
  readonly drawing: Drawing;
  readonly phase: Drawing["phase"];
  readonly replaced: Values;
  readonly unseen: readonly string[];
}

export class Denoising {
  readonly #calls: Calls;
  readonly #guidance: number;
  readonly #guide: Guide;
  /** where the document beside that of a drawing is */
  readonly #beside = new Map<Drawing, Source>();
  /** of those that were drawn last, first the documents and then those beside them */
  #pairs: { readonly context: Context; readonly of: readonly Drawing[] } | undefined;

  /** @throws Failure "call" where the options do not fit the model */
  constructor(calls: Calls, { guidance = 1, guide }: GuidanceOptions) {
    this.#calls = calls;
    this.#guidance = guidance;
    this.#guide = guideFor(calls.manifest, guidance, guide);
  }

  /** What the model predicts of the clean rows of each, at the step that it is at. */
  async predict(context: Context, drawn: readonly Drawn[]): Promise<readonly Float32Array[]> {
    const own = drawn.map(({ line, drawing }): Asked => ({
      context,
      line,
      drawing,
      phase: drawing.phase,
      replaced: {},
      unseen: [],
    }));
    if (this.#guidance === 1) return this.#ask(own);
    const guide = this.#guide;
    const replaced = guide.is === "replace" ? { [guide.input]: guide.value } : {};
    const unseen = guide.is === "hide" ? [guide.modality] : [];
    const count = drawn.length;
    // What is the same in a whole call cannot differ between its documents.
    const isShared = guide.is === "replace" && inputsOfCalls(this.#calls.manifest).includes(guide.input);
    const both = isShared ? context : await this.#paired(context, drawn);
    const beside = own.map((each, i): Asked => ({
      ...each,
      ...(isShared ? {} : { context: both, line: count + i }),
      phase: "denoise",
      replaced,
      unseen,
    }));
    const conditional = own.map((each, i) =>
      isShared || each.phase === "last" ? each : { ...each, context: both, line: i },
    );
    // Those beside come first: a last step that stays is of a document that has not changed.
    const found = await this.#ask([...beside, ...conditional]);
    return drawn.map((_, i) => guided(found[i]!, found[count + i]!, this.#guidance));
  }

  /** One call for all that ask the same of it, in the order of those that ask it first. */
  async #ask(asked: readonly Asked[]): Promise<readonly Float32Array[]> {
    const found = new Map<Asked, Float32Array>();
    for (let left = asked; left.length > 0; left = left.filter((each) => !found.has(each))) {
      const [first] = left as [Asked, ...Asked[]];
      const group = left.filter((each) => this.#isOneCall(first, each));
      const { context, phase } = first;
      const parts = Array.from({ length: context.batch }, (): Part => ({ rows: [] }));
      const of = new Map(group.map((each) => [each.line, each]));
      for (const { line, drawing, replaced, unseen } of group) parts[line] = { ...drawing.part(replaced), unseen };
      const places = group.map(({ line }) => context.length(line));
      const result = await this.#calls.make(context, phase, parts, (line) => {
        const { drawing, replaced } = of.get(line) ?? first;
        return { noisy: drawing.noisy, replaced };
      });
      for (const [i, each] of group.entries()) found.set(each, each.drawing.predicted(result, each.line, places[i]!));
    }
    return asked.map((each) => found.get(each)!);
  }
  /** A call has one context, one phase, and one value of each input of calls. */
  #isOneCall(a: Asked, b: Asked): boolean {
    const own = ({ replaced, drawing: { noisy } }: Asked): string =>
      inputsOfCalls(this.#calls.manifest)
        .map((name) => String(replaced[name] ?? (name === noisy.input ? noisy.t : "")))
        .join();
    return a.context === b.context && a.phase === b.phase && own(a) === own(b);
  }

  /** The documents that are drawn, and behind them those beside them. */
  async #paired(context: Context, drawn: readonly Drawn[]): Promise<Context> {
    const of = drawn.map(({ drawing }) => drawing);
    const before = this.#pairs;
    if (before?.of.length === of.length && of.every((drawing, i) => drawing === before.of[i])) return before.context;
    const fresh = await this.#open(
      context,
      drawn.filter(({ drawing }) => !this.#beside.has(drawing)),
    );
    try {
      const made = await this.#calls.session.gather([
        ...drawn.map(({ line }) => ({ context, document: line })),
        ...of.map((drawing) => this.#beside.get(drawing)!),
      ]);
      this.close();
      this.#pairs = { context: made, of };
      for (const [i, drawing] of of.entries()) this.#beside.set(drawing, { context: made, document: of.length + i });
      return made;
    } finally {
      fresh?.close();
    }
  }
  /** What those that are drawn now stand beside; a context that it is in, where it is of its own. */
  async #open(context: Context, drawn: readonly Drawn[]): Promise<Context | undefined> {
    const guide = this.#guide;
    if (guide.is !== "without") {
      for (const { line, drawing } of drawn) this.#beside.set(drawing, { context, document: line });
      return undefined;
    }
    if (drawn.length === 0) return undefined;
    const fresh = this.#calls.session.start(drawn.length);
    try {
      const others = drawn.map(({ continuation: { rows, spans, drafts } }) => {
        const left = rows.filter(({ kind }) => kind !== guide.modality);
        return new Continuation(this.#calls.manifest, { rows: left, spans, drafts });
      });
      await appendPending(this.#calls, fresh, others);
      for (const [document, { drawing }] of drawn.entries()) this.#beside.set(drawing, { context: fresh, document });
      return fresh;
    } catch (thrown) {
      fresh.close();
      throw thrown;
    }
  }

  /** An image is drawn: the context for pairs goes with the last. */
  finish(drawing: Drawing): void {
    this.#beside.delete(drawing);
    if (this.#beside.size === 0) this.close();
  }
  close(): void {
    this.#pairs?.context.close();
    this.#pairs = undefined;
  }
}

const inputsOfCalls = ({ conditions }: Manifest): readonly string[] =>
  conditions.filter(({ per }) => per === "call").map(({ name }) => name);

/** The guide that is named, or the only one; without text where the model has none. @throws Failure "call" */
const guideFor = (manifest: Manifest, guidance: number, named: string | undefined): Guide => {
  const { guides = [], model } = manifest;
  const names = guides.map(({ name }) => name);
  const found = named === undefined ? guides[0] : guides.find(({ name }) => name === named);
  if (named !== undefined && found === undefined)
    throw new Failure("call", `${model} has no guide ${named}`, `it has ${names.join(", ") || "none"}`);
  if (guidance !== 1 && named === undefined && guides.length > 1)
    throw new Failure("call", `${model} has several guides`, `name one as \`guide\`: ${names.join(", ")}`);
  const before = Drawing.modalityOf(manifest);
  return found ?? { is: "without", name: "text", modality: tokensIn(manifest).name, before };
};
