// Which sample is learnt from next: a place is a number, counted from the beginning of training, and the sample at it
// depends on the seed and the place alone. Every epoch goes through all samples once, in an order of its own.
import { stream } from "../random.ts";

/** @param count of samples */
export const orderOf = (seed: number, count: number): ((place: number) => number) => {
  let known: { readonly epoch: number; readonly order: Uint32Array } | undefined;
  return (place) => {
    const epoch = Math.floor(place / count);
    if (known?.epoch !== epoch) known = { epoch, order: shuffled(seed, epoch, count) };
    return known.order[place % count]!;
  };
};

/** By Fisher and Yates. */
const shuffled = (seed: number, epoch: number, count: number): Uint32Array => {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const { below } = stream(seed, `order/${epoch}`);
  for (let i = count - 1; i > 0; i--) {
    const other = below(i, i + 1);
    [order[i], order[other]] = [order[other]!, order[i]!];
  }
  return order;
};
