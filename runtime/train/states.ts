// What training keeps of each trained weight, twice: a program reads one of the two and writes the other, and then they
// change places. So nothing is made anew with a step, and a step that fails leaves everything as it was.
import type { TrainedWeight } from "../manifest.ts";
import { CHANGED } from "../soundTraining.ts";
import { elements, type Tensor, type Tensors } from "../tensor.ts";

type F32 = Extract<Tensor, { dtype: "f32" }>;
export type Changed = (typeof CHANGED)[number];

/** One of a pair is now, the other next. */
class Pair {
  now: F32;
  next: F32;

  constructor(shape: readonly number[]) {
    const fresh = (): F32 => ({ dtype: "f32", shape, data: new Float32Array(elements(shape)) });
    this.now = fresh();
    this.next = fresh();
  }
  swap(): void {
    [this.now, this.next] = [this.next, this.now];
  }
}

export class States {
  /** by the names of ports: `moment1/vision.layers[0].q` */
  readonly #pairs: ReadonlyMap<string, Pair>;

  constructor(weights: readonly TrainedWeight[]) {
    this.#pairs = new Map(
      weights.flatMap(({ path, shape }) =>
        [...CHANGED, "gradient"].map((what) => [`${what}/${path}`, new Pair(shape)] as const),
      ),
    );
  }

  /** Sets states from outside. */
  set(what: Changed, path: string, values: Float32Array): void {
    this.#pairs.get(`${what}/${path}`)!.now.data.set(values);
  }
  now(what: Changed | "gradient", path: string): F32 {
    return this.#pairs.get(`${what}/${path}`)!.now;
  }
  /** Those among inputs that are states. */
  inputs(names: readonly string[]): Tensors {
    return Object.fromEntries(names.flatMap((name) => this.#named(name, ({ now }) => [[name, now]])));
  }
  /** Where outputs go that are states. */
  outputs(names: readonly string[]): Tensors {
    return Object.fromEntries(
      names.flatMap((name) =>
        name.startsWith("new.") ? this.#named(name.slice(4), ({ next }) => [[name, next]]) : [],
      ),
    );
  }
  /** What was written counts from now on. */
  swap(outputs: readonly string[]): void {
    for (const name of outputs) if (name.startsWith("new.")) this.#pairs.get(name.slice(4))?.swap();
  }
  clearGradients(): void {
    for (const [name, { now }] of this.#pairs) if (name.startsWith("gradient/")) now.data.fill(0);
  }

  #named(name: string, of: (pair: Pair) => [string, F32][]): [string, F32][] {
    const pair = this.#pairs.get(name);
    return pair === undefined ? [] : of(pair);
  }
}
