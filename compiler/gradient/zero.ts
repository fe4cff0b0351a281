// Gradients of what a loss does not depend on.
import type { Node } from "../ir/node.ts";

/** Nothing of the loss depends on what has such a gradient. */
export const isZero = (n: Node): boolean => {
  const value = n.op === "broadcast" ? n.src[0]! : n;
  return value.op === "constant" && value.attrs.value === 0;
};
