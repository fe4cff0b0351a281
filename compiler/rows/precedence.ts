// Which rows of new streams may stand before which, and what a mask is between them then.
import type { Mask } from "../analyze/model.ts";
import { type Cases, casesOf, type Order } from "./mask.ts";
import type { Stream } from "./stream.ts";

/** Whether a row of one stream may stand before a row of another, or of itself in another span. */
export type Precedes = (first: Stream, next: Stream) => boolean;
export const anyOrder: Precedes = () => true;
/** The cases between rows of two streams that there are where documents have an order. */
export const casesIn = (mask: Mask, query: Stream, key: Stream, precedes: Precedes): Cases => {
  const cases = casesOf(mask, query.kinds[0]!, key.kinds[0]!);
  const there = ({ before, after }: Order): Order => ({
    before: before && precedes(key, query),
    after: after && precedes(query, key),
  });
  return { same: query === key ? cases.same : there(cases.same), other: there(cases.other) };
};
