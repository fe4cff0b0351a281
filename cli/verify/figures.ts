// How far numbers may stand from the oracle's, and how far they do. All limits are in this one table.

export const limits = {
  /** squared error over sum of squares, of one output of one document */
  nmse: 1e-10,
  /** the same for a whole model of real width and depth, where errors add up */
  nmseFullSize: 1e-9,
  /** the largest error over the root mean square */
  max: 1e-4,
  /** standard deviation of the logits of every attention, on an ordinary document with drawn weights */
  logits: [1, 3],
  /** a branch over the stream that it is added to */
  branch: [0.3, 3],
  /** models of more parameters are verified only when asked for */
  parameters: 5_000_000,
} as const;

export interface Figures {
  readonly nmse: number;
  /** largest error over the rms of what is right */
  readonly max: number;
}
/** Numbers of rows: row of the document -> its numbers. */
export type RowNumbers = ReadonlyMap<number, ArrayLike<number>>;

/**
 * `got` against `want`, which decides what rows there must be. Infinite where a row is missing or of another width, or a
 * NaN or an infinity stands where there is none, or the other way round.
 */
export const figuresOf = (got: RowNumbers, want: RowNumbers): Figures => {
  const sum = { error: 0, square: 0, worst: 0, count: 0 };
  if (got.size !== want.size) return { nmse: Infinity, max: Infinity };
  for (const [row, right] of want) {
    const given = got.get(row);
    if (given?.length !== right.length) return { nmse: Infinity, max: Infinity };
    for (let i = 0; i < right.length; i++) {
      const [x, y] = [given[i]!, right[i]!];
      if (Object.is(x, y) || (x === y && !Number.isFinite(y))) continue;
      const error = Math.abs(x - y);
      if (!Number.isFinite(error)) return { nmse: Infinity, max: Infinity };
      sum.error += error * error;
      sum.worst = Math.max(sum.worst, error);
    }
    for (let i = 0; i < right.length; i++) {
      if (!Number.isFinite(right[i]!)) continue;
      sum.square += right[i]! * right[i]!;
      sum.count++;
    }
  }
  if (sum.worst === 0) return { nmse: 0, max: 0 };
  return { nmse: sum.error / sum.square, max: sum.worst / Math.sqrt(sum.square / sum.count) };
};

export const within = ({ nmse, max }: Figures, most: number): boolean => nmse <= most && max <= limits.max;
