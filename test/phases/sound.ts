// Schedules of one model, each of which must be right.
import { expect } from "vitest";
import { judge, type Subject } from "./judge.ts";
import { type Small, sizesOf } from "./models.ts";
import { schedule } from "./schedule.ts";

/** `count` of them from seed `first` on; `batchOf` says how many documents the one of index `i` has. */
export const areSound = async (
  subject: Subject,
  small: Small,
  {
    count,
    first,
    batchOf,
  }: { readonly count: number; readonly first: number; readonly batchOf: (i: number) => number },
): Promise<void> => {
  for (let i = 0; i < count; i++) {
    const findings = await judge(subject, schedule(first + i, batchOf(i), sizesOf(small)));
    expect(findings).not.toEqual([]);
    expect(
      findings.filter(({ ok }) => !ok),
      `${small.name}, seed ${first + i}, batch ${batchOf(i)}`,
    ).toEqual([]);
  }
};
