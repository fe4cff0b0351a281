// Choices from a seed.
import { Random } from "../ir/random.ts";

export class Dice extends Random {
  chance(share: number): boolean {
    return this.next() < share;
  }
  /** a whole number in low .. high */
  within(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }
  maybe<T>(share: number, make: () => T): T | undefined {
    return this.chance(share) ? make() : undefined;
  }
  /** some of `from` in its order, at least one */
  some<T>(from: readonly T[], share = 0.5): T[] {
    const found = from.filter(() => this.chance(share));
    return found.length > 0 ? found : [this.pick(from)];
  }
}
