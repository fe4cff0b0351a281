// How many tokens are drawn before any of them is looked at: so many that they take a tenth of a second, by how long the
// last ones took. So text comes smoothly, and whoever stops it does not wait.
import { Failure } from "../failure.ts";

const LONGEST_MS = 100;

export interface Pace {
  /** how many are drawn next, at most */
  readonly next: number;
  took(tokens: number, ms: number): void;
}

export class Measured implements Pace {
  readonly #most: number;
  #next = 1;

  /** @throws Failure "call" */
  constructor(most = 16) {
    if (!Number.isSafeInteger(most) || most < 1)
      throw new Failure("call", `ahead is ${String(most)}`, "give a whole number from 1 on");
    this.#most = most;
  }
  get next(): number {
    return this.#next;
  }
  took(tokens: number, ms: number): void {
    const fitting = Math.floor((LONGEST_MS * tokens) / ms);
    // At first a device makes itself ready, which says nothing of what comes; and some sessions draw one at a time.
    this.#next = Math.max(1, Math.min(this.#most, fitting, 2 * tokens));
  }
}
