// How much a kernel computes: multiplications, of all its units together and roughly. By it a runtime keeps dispatches short.
import { keyStreams } from "../../ir/attention.ts";
import { add, type Dim, mul, product } from "../../ir/dim.ts";
import type { Group } from "./partition.ts";

const sum = (dims: readonly Dim[]): Dim => dims.reduce(add, 0);

export const workOf = (group: Group): Dim => {
  switch (group.is) {
    case "linear":
      return sum(
        group.parts.flatMap(({ linears }) =>
          linears.map(({ type, src }) => mul(product(type.shape), src[0]!.type.shape.at(-1)!)),
        ),
      );
    case "product":
      return mul(product(group.node.type.shape), group.node.src[0]!.type.shape.at(-1)!);
    case "attention": {
      const { type, src } = group.node;
      const keys = sum(keyStreams(src).map(({ k }) => k.type.shape[1]!));
      return mul(keys, add(product(src[0]!.type.shape), product(type.shape)));
    }
    case "reduce":
      return product(group.node.src[0]!.type.shape);
    case "statistics":
      return product(group.norm.src[0]!.type.shape);
    case "pointwise":
      return product(group.tip.type.shape);
    default:
      throw new Error(`no such kernel: ${String(group satisfies never)}`);
  }
};
