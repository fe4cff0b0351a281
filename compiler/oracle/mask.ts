// Masks: which rows a row sees. A predicate over two rows of one document, on places, never on positions. Whatever a mask
// says, a draft is seen by no rows but its own, and a row may be told of kinds that it does not see.
import type { Mask } from "../analyze/model.ts";
import type { Place } from "./place.ts";

/** Whether `query` does not see `key` whatever the mask says. */
export function isHidden(query: Place, key: Place): boolean {
  if (key.place < query.place && query.row.unseen?.includes(key.kind.name) === true) return true;
  return key.row.draft === true && !(query.row.draft === true && query.span === key.span);
}

/** May `query` see `key`? */
export function sees(mask: Mask, query: Place, key: Place): boolean {
  switch (mask.op) {
    case "all":
      return true;
    case "causal":
      return key.place <= query.place;
    case "within":
      return mask.kinds.includes(query.kind.name) && mask.kinds.includes(key.kind.name) && query.span === key.span;
    case "query":
      return mask.kinds.includes(query.kind.name);
    case "key":
      return mask.kinds.includes(key.kind.name);
    case "and":
      return sees(mask.left, query, key) && sees(mask.right, query, key);
    case "or":
      return sees(mask.left, query, key) || sees(mask.right, query, key);
    case "not":
      return !sees(mask.of, query, key);
    default:
      throw new Error(`internal: no such mask: ${JSON.stringify(mask satisfies never)}`);
  }
}
