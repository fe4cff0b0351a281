// Some of a model's layers by themselves: rows enter as they do in the whole, pass those layers and reach the heads. So
// a model of real width can be judged a few layers at a time.
import type { Model, Seq } from "../../compiler/analyze/model.ts";
import { Failure } from "../../runtime/index.ts";
import { sequences } from "./roles.ts";

/** Steps `from` to `to`, both counted from 0 and both included. */
export type LayerRange = readonly [from: number, to: number];

/** @throws Failure "call" where the model has no such layers. */
export const sectionOf = (model: Model, [from, to]: LayerRange): Model => {
  const steps = model.steps.slice(from, to + 1);
  if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to < model.steps.length))
    throw new Failure("call", `${model.name} has no layers ${from}..${to}: it has 0..${model.steps.length - 1}`);
  const entry = sequences(model).find(({ op }) => op === "embed");
  if (entry === undefined) throw new Error(`internal: no rows enter ${model.name}`);
  const before = from === 0 ? undefined : model.steps[from - 1]!.value;
  const layers = replacing((seq) => (seq === before ? entry : undefined));
  const whole = steps.map((step) => ({ ...step, value: layers(step.value) }));
  const end = whole.at(-1)!.value;
  const heads = replacing((seq) => (seq === model.h ? end : undefined));
  return {
    ...model,
    steps: whole,
    h: end,
    heads: model.heads.map((head) => ({ ...head, value: heads(head.value) })),
  };
};

/** A function that rebuilds sequences with some of their parts replaced; equal parts stay one object. */
export const replacing = (other: (seq: Seq) => Seq | undefined): ((seq: Seq) => Seq) => {
  const done = new Map<Seq, Seq>();
  const visit = (seq: Seq): Seq => {
    const known = done.get(seq);
    if (known !== undefined) return known;
    const made = other(seq) ?? withParts(seq, visit);
    done.set(seq, made);
    return made;
  };
  return visit;
};

/** The same expression over other parts. */
export const withParts = (seq: Seq, part: (seq: Seq) => Seq): Seq => {
  switch (seq.op) {
    case "embed":
      return seq;
    case "call":
      return { ...seq, attrs: { ...seq.attrs, arguments: seq.attrs.arguments.map((each) => each && part(each)) } };
    case "restrict":
      return { ...seq, attrs: { of: part(seq.attrs.of) } };
    case "union":
      return { ...seq, attrs: { parts: seq.attrs.parts.map(part) } };
    case "select":
    case "joint":
      return {
        ...seq,
        attrs: { arms: seq.attrs.arms.map((arm) => ({ ...arm, value: part(arm.value) })) },
      };
    case "map":
      return { ...seq, attrs: { ...seq.attrs, arguments: seq.attrs.arguments.map(part) } };
    default:
      throw new Error(`no such sequence: ${String(seq satisfies never)}`);
  }
};
