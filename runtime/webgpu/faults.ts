// What goes wrong on a device, as Failures: what its error scopes catch, and its loss, in the middle of whatever is waited
// for.
import { Failure, reasonOf } from "../failure.ts";
import type { Loss } from "./adapter.ts";

const SCOPES = ["out-of-memory", "validation", "internal"] as const;
const WORDS: Readonly<Record<(typeof SCOPES)[number], readonly [what: string, help: string | undefined]>> = {
  "out-of-memory": ["the GPU is out of memory", "close what else uses it, or take fewer documents or rows in a call"],
  validation: ["the GPU refuses this", undefined],
  internal: ["the GPU failed", "try again; if it stays, its driver does not bear this program"],
};

/** What a device found wrong with `body`, which must do all that it does before it returns. */
export const faultOf = async (device: GPUDevice, body: () => void): Promise<Failure | undefined> => {
  for (const filter of SCOPES) device.pushErrorScope(filter);
  let popped: readonly Promise<GPUError | null>[] = [];
  try {
    body();
  } finally {
    popped = SCOPES.map(() => device.popErrorScope());
    for (const each of popped) each.catch(() => undefined);
  }
  // The last one pushed is popped first.
  const errors = (await Promise.all(popped)).toReversed();
  const i = errors.findIndex((error) => error !== null);
  if (i < 0) return undefined;
  const [what, help] = WORDS[SCOPES[i]!];
  return new Failure("device", `${what}: ${errors[i]!.message}`, help);
};

/** The same failure with where it came about before it. */
export const located = (where: string, { kind, message, help, cause }: Failure): Failure => {
  const bare = help === undefined ? message : message.slice(0, message.length - `\n  help: ${help}`.length);
  return new Failure(kind, `${where}: ${bare}`, help, cause);
};

/** Waits for a device that may be lost meanwhile. */
export class Lifeline {
  readonly #waiting = new Set<(loss: Loss) => void>();
  #loss: Loss | undefined;

  constructor(lost: Promise<Loss>) {
    // One listener however many wait: those on a promise that never settles are never freed.
    void lost.then((loss) => this.cut(loss));
  }
  get loss(): Loss | undefined {
    return this.#loss;
  }
  /** All that waits ends, as if the device were lost. */
  cut(loss: Loss): void {
    this.#loss ??= loss;
    for (const tell of this.#waiting) tell(this.#loss);
    this.#waiting.clear();
  }

  /** @throws Failure as `fail` makes it of a loss, at once */
  async wait<T>(promise: Promise<T>, fail: (loss: Loss) => Failure): Promise<T> {
    let tell: (loss: Loss) => void = () => undefined;
    const ended = new Promise<never>((_, reject) => {
      tell = (loss) => reject(fail(loss));
      if (this.#loss === undefined) this.#waiting.add(tell);
      else tell(this.#loss);
    });
    try {
      return await Promise.race([promise, ended]);
    } catch (thrown) {
      if (thrown instanceof Failure) throw thrown;
      // What was waited for may fail of the loss just before the loss itself is told.
      await new Promise((go) => setTimeout(go, 0));
      if (this.#loss !== undefined) throw fail(this.#loss);
      throw new Failure("device", reasonOf(thrown), undefined, thrown);
    } finally {
      this.#waiting.delete(tell);
      promise.catch(() => undefined);
    }
  }
}
