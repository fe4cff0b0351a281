// Samples by place, whatever they come from.
import { Failure } from "../failure.ts";
import { orderOf } from "./order.ts";
import type { Sample, Samples, SampleSource } from "./sample.ts";

export interface Source {
  /** null: as many as come */
  readonly count: number | null;
  /** The sample at a place, asked for in order; undefined: there are no more. */
  take(place: number): Promise<Sample | undefined>;
  close(): Promise<void>;
}

const isIndexed = (source: SampleSource): source is Samples =>
  typeof source === "object" && source !== null && "at" in source && "length" in source;

/** Shuffled where they can be had in any order. @throws Failure "call" where there are none */
export const sourceOf = (samples: SampleSource, seed: number): Source => {
  if (!isIndexed(samples)) return comingOf(samples);
  const { length } = samples;
  if (length === 0) throw new Failure("call", "there are no samples", "give one or more");
  const order = orderOf(seed, length);
  return { count: length, take: async (place) => samples.at(order(place)), close: async () => undefined };
};

/** Every sample once, in order: what is told of the same ones can be compared. */
export const allOf = async function* (samples: SampleSource): AsyncGenerator<Sample> {
  if (!isIndexed(samples)) return yield* samples;
  for (let i = 0; i < samples.length; i++) yield samples.at(i);
};

const comingOf = (samples: AsyncIterable<Sample> | Iterable<Sample>): Source => {
  if (typeof samples !== "object" || samples === null)
    throw new Failure("call", "samples are a list of them, or come one by one", "{ samples: [{ parts: [...] }] }");
  const coming = Symbol.asyncIterator in samples ? samples[Symbol.asyncIterator]() : samples[Symbol.iterator]();
  let next = 0;
  return {
    count: null,
    take: async (place) => {
      // Where training is resumed, those before are let pass.
      for (;;) {
        const { done, value } = await coming.next();
        if (done === true) return undefined;
        if (next++ === place) return value;
      }
    },
    close: async () => void (await coming.return?.()),
  };
};
