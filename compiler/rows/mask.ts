// Who sees whom. A mask on a pair of kinds is decided by two facts, whether the rows share a span and whether the key
// stands before the query; so it is a table of four truths, and masks written differently that mean the same are equal.
import type { Kind, Mask } from "../analyze/model.ts";

interface Pair {
  readonly query: Kind;
  readonly key: Kind;
  /** both rows are of one span */
  readonly same: boolean;
  /** place(key) <= place(query) */
  readonly before: boolean;
}
/** By whether the key stands before the query, or is it. */
export interface Order {
  readonly before: boolean;
  readonly after: boolean;
}
/** What a mask allows a query of one kind and a key of another. */
export interface Cases {
  readonly same: Order;
  readonly other: Order;
}

/** Both masks at once; `sees` may be absent. */
export const both = (mask: Mask, sees: Mask | undefined): Mask =>
  sees === undefined ? mask : { op: "and", left: mask, right: sees };

export const casesOf = (mask: Mask, query: Kind, key: Kind): Cases => {
  const at = (same: boolean): Order => ({
    before: allows(mask, { query, key, same, before: true }),
    after: allows(mask, { query, key, same, before: false }),
  });
  const other = at(false);
  if (query.modality !== key.modality) return { same: other, other };
  const same = at(true);
  // A token's span is its own row, which cannot come after itself: that truth is free, so take the one that says least.
  if (query.rows.kind === "token")
    return { same: same.before === other.before ? other : { before: same.before, after: same.before }, other };
  return { same, other };
};

/** Some row of `query` may see some row of `key`. */
export const visible = ({ same, other }: Cases): boolean => same.before || same.after || other.before || other.after;

/** Every row of this kind sees itself. */
export const seesItself = (mask: Mask, kind: Kind): boolean =>
  allows(mask, { query: kind, key: kind, same: true, before: true });

const allows = (mask: Mask, pair: Pair): boolean => {
  switch (mask.op) {
    case "all":
      return true;
    case "causal":
      return pair.before;
    case "within":
      return pair.same && mask.kinds.includes(pair.query.name) && mask.kinds.includes(pair.key.name);
    case "query":
      return mask.kinds.includes(pair.query.name);
    case "key":
      return mask.kinds.includes(pair.key.name);
    case "and":
      return allows(mask.left, pair) && allows(mask.right, pair);
    case "or":
      return allows(mask.left, pair) || allows(mask.right, pair);
    case "not":
      return !allows(mask.of, pair);
    default:
      throw new Error(`no such mask: ${String(mask satisfies never)}`);
  }
};

/** A past row stands before every new one, but for those that are computed again. */
export const seesPast = ({ same, other }: Cases): boolean => same.before || other.before;
