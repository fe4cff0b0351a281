// What was seen in a range of samples: sums, largest values with the sample that had them, kinds that were met, and faults.
// Tallies of several ranges add up, so a long run may be split over processes, stopped and taken up again.

/** As a line of a log. */
export interface Line {
  readonly from: number;
  readonly to: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly most: Readonly<Record<string, readonly [value: number, at: number]>>;
  readonly kinds: readonly string[];
  readonly faults: readonly string[];
}

/** Faults whose text is kept; all are counted. */
const KEPT = 5;

export class Tally {
  readonly counts = new Map<string, number>();
  readonly most = new Map<string, readonly [value: number, at: number]>();
  readonly kinds = new Set<string>();
  readonly faults: string[] = [];

  count(what: string, n = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + n);
  }
  get(what: string): number {
    return this.counts.get(what) ?? 0;
  }
  /** Whether the value is the largest yet. */
  reach(what: string, value: number, at: number): boolean {
    if (value <= (this.most.get(what)?.[0] ?? -1)) return false;
    this.most.set(what, [value, at]);
    return true;
  }
  fault(text: string): void {
    this.count("faults");
    if (this.faults.length < KEPT) this.faults.push(text);
  }
  line(from: number, to: number): Line {
    const [counts, most] = [Object.fromEntries(this.counts), Object.fromEntries(this.most)];
    return { from, to, counts, most, kinds: [...this.kinds], faults: this.faults };
  }
  add({ counts, most, kinds, faults }: Line): void {
    for (const [what, n] of Object.entries(counts)) this.count(what, n);
    for (const [what, [value, at]] of Object.entries(most)) this.reach(what, value, at);
    for (const kind of kinds) this.kinds.add(kind);
    this.faults.push(...faults.slice(0, KEPT - this.faults.length));
  }
  /** One line a figure. */
  text(): string {
    const number = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 1 });
    return [
      ...[...this.counts].map(([what, n]) => `${number(n)} ${what}`),
      ...[...this.most].map(([what, [value, at]]) => `${what}: ${number(value)}, of ${at}`),
      `${this.kinds.size} kinds of messages`,
      ...this.faults,
    ].join("\n");
  }
}
