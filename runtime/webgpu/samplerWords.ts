// The words that a sampler and its kernel tell each other.
/** In the place of an id where none can be drawn: a logit is NaN or +Infinity, or none is left. */
export const UNDEFINED = 0xffff_ffff;
export const NONE = 0xffff_fffe;

/** Words of `Numbers`, in their order: what all draws of a step have in common. */
export const NUMBERS = [
  "count",
  "step",
  "steps",
  "bitWords",
  "rowsAt",
  "followsAt",
  "follows",
  "drawnAt",
  "shift",
  "scale",
  "topK",
  "topP",
  "factorAbove",
  "factorOther",
] as const;
export type Numbers = Readonly<Record<(typeof NUMBERS)[number], number>>;

/** Words of a row of `given`, in their order. */
export const ROW = [
  "seedLow",
  "seedHigh",
  "counterLow",
  "counterHigh",
  "stream",
  "recentFrom",
  "recentTo",
  "document",
] as const;
export type Row = Readonly<Record<(typeof ROW)[number], number>>;
/** Words of a number that follows an id: whose id, what is added to it, and between which two it is kept. */
export const FOLLOW = 4;
