// Which tensor was the first that is not finite, in the order in which they are made: what was given, the weights, what the
// layers leave, what heads and losses give, and the gradients.
import { quote } from "../quote.ts";
import type { TrainedWeight, TrainingEntry } from "../manifest.ts";
import type { Tensor, Tensors } from "../tensor.ts";
import type { States } from "./states.ts";

const isWrong = ({ dtype, data }: Tensor): boolean => {
  if (dtype !== "f32") return false;
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i] as number)) return true;
  return false;
};
const at = (place: string): string => (place === "" ? "" : ` (${place})`);

/** What is known to be wrong before anything is computed. */
export const wrongBefore = (inputs: Tensors, weights: readonly TrainedWeight[], states: States): string | undefined => {
  const input = Object.keys(inputs).find((name) => isWrong(inputs[name]!));
  if (input !== undefined) return `the input ${quote(input)}`;
  const weight = weights.find(({ path }) => isWrong(states.now("weight", path)));
  return weight && `the weight ${quote(weight.path)}${at(weight.at)}`;
};

/** The outputs of a trace stand in the order in which they are made. */
export const wrongOnTheWay = ({ outputs }: TrainingEntry, traced: Tensors): string | undefined => {
  const found = outputs.find(({ name }) => isWrong(traced[name]!));
  if (found === undefined) return undefined;
  const { name, doc } = found;
  if (name.startsWith("layer/")) return `what a layer leaves: ${doc}`;
  return `${name.startsWith("head/") ? "what the head gives of" : "the loss"} ${quote(name.replace(/^(?:head\/|loss\.)/, ""))}${at(doc)}`;
};

export const wrongGradient = (weights: readonly TrainedWeight[], states: States): string => {
  const weight = weights.find(({ path }) => isWrong(states.now("gradient", path)));
  return weight === undefined
    ? "the norm of all gradients, each of which is finite"
    : `the gradient of the weight ${quote(weight.path)}${at(weight.at)}`;
};
