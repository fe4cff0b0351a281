// Two ways to do the same, call by call in turn and in alternating order, so that whatever else the machine does meets both.
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}
const spreadOf = (times: readonly number[]): Spread => {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round((sorted.length - 1) * share)]!;
  return { median: at(0.5), low: at(0.1), high: at(0.9) };
};

/** Milliseconds of each, after one call each that is not counted. */
export const inTurn = async (
  ours: () => Promise<unknown>,
  theirs: () => Promise<unknown>,
  rounds: number,
): Promise<{ readonly ours: Spread; readonly theirs: Spread; readonly ratio: number }> => {
  const took = async (call: () => Promise<unknown>): Promise<number> => {
    const since = performance.now();
    await call();
    return performance.now() - since;
  };
  await ours();
  await theirs();
  const times = { ours: [] as number[], theirs: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) times.ours.push(await took(ours));
    times.theirs.push(await took(theirs));
    if (round % 2 === 1) times.ours.push(await took(ours));
  }
  const [a, b] = [spreadOf(times.ours), spreadOf(times.theirs)];
  return { ours: a, theirs: b, ratio: b.median / a.median };
};
