// Which towers a row passes in one step of the layers.
import type { Model, Seq } from "../../compiler/analyze/model.ts";

/** The towers whose blocks give rows of `kind` in `step`, in the model's order; none where a row stays as it is. */
export const towersOf = (model: Model, step: Seq, kind: string): readonly string[] => {
  const passed = new Set<string>();
  const visit = (seq: Seq): void => {
    if (seq.path !== step.path) return;
    switch (seq.op) {
      case "embed":
        return;
      case "call": {
        passed.add(seq.attrs.block.path);
        // A chain: what goes in is another call of the same step. Foreign rows that are only read are not asked about.
        const [first] = seq.attrs.arguments;
        return first === undefined ? undefined : visit(first);
      }
      case "restrict":
        return visit(seq.attrs.of);
      case "union":
        return seq.attrs.parts.filter((part) => part.shapes.has(kind)).forEach(visit);
      case "select":
      case "joint":
        return seq.attrs.arms.filter((arm) => arm.kinds.includes(kind)).forEach((arm) => visit(arm.value));
      case "map":
        return seq.attrs.arguments.forEach(visit);
      default:
        throw new Error(`no such sequence: ${String(seq satisfies never)}`);
    }
  };
  visit(step);
  return model.towers
    .map(({ path }) => path)
    .filter((tower) => [...passed].some((block) => block.startsWith(`${tower}.`)));
};
