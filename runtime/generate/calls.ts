// The calls of one generation: each with what the model asks of calls and documents, none after its signal, all counted.
import type { Context, Part } from "../context.ts";
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
  readonly #taken: Record<Phase, Taken> = { prefill: NONE, decode: NONE, read: NONE, denoise: NONE };

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

  /** @param asked of documents that are drawn */
  async make(
    context: Context,
    phase: Phase,
    parts: readonly Part[],
    asked: (document: number) => Asked = () => ({}),
  ): Promise<Result> {
    this.#signal?.throwIfAborted();
    const given = withInputs(this.manifest, phase, parts, this.inputs, asked);
    const since = performance.now();
    const result = await this.session.append(context, phase, given);
    const { calls, rows, ms } = this.#taken[phase];
    this.#taken[phase] = {
      calls: calls + 1,
      rows: parts.reduce((sum, part) => sum + part.rows.length, rows),
      ms: ms + performance.now() - since,
    };
    return result;
  }
}
