// The random specification of a seed: the same on every machine.
import { Dice } from "./dice.ts";
import { drawFrame } from "./frame.ts";
import { drawLoops } from "./layers.ts";
import type { Spec } from "./spec.ts";

export const draw = (seed: number): Spec => {
  const dice = new Dice(seed);
  const frame = drawFrame(dice);
  return { ...frame, loops: drawLoops(dice, frame) };
};
