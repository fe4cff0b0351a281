// The calls of one generation: each with what the model asks of calls and documents, none after its signal, all counted.
import type { Context, Part } from "../context.ts";
import type { Decoded, Decoding } from "../decoding.ts";
import type { Values } from "../document.ts";
import type { Manifest } from "../manifest.ts";
import type { Phases, Result } from "../phases.ts";
import { type Asked, withInputs } from "./conditions.ts";
import type { Phase, Taken } from "./events.ts";

export interface CallOptions {
  /** what the model asks of calls, documents and spans, by name */
  readonly inputs?: Values | undefined;
  /** looked at between calls; then its reason is thrown */
  readonly signal?: AbortSignal | undefined;
}

const NONE: Taken = { calls: 0, rows: 0, ms: 0 };

export class Calls {
  readonly session: Phases;
  readonly inputs: Values;
  readonly #signal: AbortSignal | undefined;
  readonly #taken: Record<Phase, Taken> = {
    prefill: NONE,
    decode: NONE,
    read: NONE,
    denoise: NONE,
    last: NONE,
    draft: NONE,
  };

  constructor(session: Phases, { inputs = {}, signal }: CallOptions) {
    this.session = session;
    this.inputs = inputs;
    this.#signal = signal;
  }
  get manifest(): Manifest {
    return this.session.manifest;
  }
  get taken(): Readonly<Record<Phase, Taken>> {
    return { ...this.#taken };
  }

  /** @throws the reason of the signal */
  checkSignal(): void {
    this.#signal?.throwIfAborted();
  }
  count(phase: Phase, added: number): void {
    const { calls, rows, ms } = this.#taken[phase];
    this.#taken[phase] = { calls: calls + 1, rows: rows + added, ms };
  }

  /** @param asked of documents that are drawn */
  async make(
    context: Context,
    phase: Phase,
    parts: readonly Part[],
    asked: (document: number) => Asked = () => ({}),
  ): Promise<Result> {
    const given = withInputs(this.manifest, phase, parts, this.inputs, asked);
    const { result } = await this.#timed(phase, () => this.session.append(context, phase, given));
    this.count(
      phase,
      parts.reduce((sum, part) => sum + part.rows.length, 0),
    );
    return result;
  }
  /** Tokens that are drawn; each is counted when it is looked at, for it may be of no use. */
  async decode(
    context: Context,
    parts: readonly Part[],
    decoding: Decoding,
  ): Promise<{ readonly decoded: Decoded; readonly ms: number }> {
    const given = withInputs(this.manifest, "decode", parts, this.inputs, () => ({}));
    const { result, ms } = await this.#timed("decode", () => this.session.decode(context, given, decoding));
    return { decoded: result, ms };
  }
  async #timed<T>(phase: Phase, call: () => Promise<T>): Promise<{ readonly result: T; readonly ms: number }> {
    this.checkSignal();
    const since = performance.now();
    const result = await call();
    const own = performance.now() - since;
    const { calls, rows, ms } = this.#taken[phase];
    this.#taken[phase] = { calls, rows, ms: ms + own };
    return { result, ms: own };
  }
}
