// Numbers of layers as text.

/** `0..3, 5`, of numbers in order; one that stands twice is said once. */
export const ranges = (numbers: readonly number[]): string => {
  const runs: [number, number][] = [];
  for (const n of numbers) {
    const last = runs.at(-1);
    if (last && (n === last[1] + 1 || n === last[1])) last[1] = n;
    else runs.push([n, n]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}..${to}`)).join(", ");
};
