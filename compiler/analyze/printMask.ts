// Masks as they are written.
import type { Mask } from "./model.ts";

export const maskText = (mask: Mask): string => {
  switch (mask.op) {
    case "causal":
    case "all":
      return mask.op;
    case "within":
      return `within(${mask.kinds.join(", ")})`;
    case "query":
    case "key":
      return `${mask.op} is ${mask.kinds.length === 1 ? mask.kinds[0] : `(${mask.kinds.join(", ")})`}`;
    case "not":
      return `not (${maskText(mask.of)})`;
    case "and":
    case "or":
      return `(${maskText(mask.left)} ${mask.op} ${maskText(mask.right)})`;
    default:
      return mask satisfies never;
  }
};
