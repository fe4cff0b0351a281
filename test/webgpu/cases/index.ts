// The cases of every op, beside the samples that all targets agree on: tsc names the op that is missing.
import type { Op } from "../../../compiler/ir/vocabulary.ts";
import type { Case } from "../draw.ts";
import { attentions } from "./attention.ts";
import { linears } from "./linear.ts";
import { broadcasts, concats, gathers, given, merges, scatters, slices, splits, transposes } from "./moves.ts";
import { constants, pointwises } from "./pointwise.ts";
import { iotas, layerNorms, matmuls, reduces, rmsNorms, sinusoids, softmaxes } from "./sums.ts";

/** Cases that are about another op and have this one in them at its edges. */
const within = (others: readonly Case[], title: RegExp): readonly Case[] => {
  const found = others.filter((each) => title.test(each.title));
  if (found.length === 0) throw new Error(`no case is called ${title}`);
  return found;
};

export const edges: Record<Op, readonly Case[]> = {
  ...pointwises,
  input: given,
  param: within(given, /what was given/),
  constant: [...constants, ...within(given, /what was given/)],
  table: within(gathers, /tables/),
  iota: iotas,
  transpose: transposes,
  broadcast: broadcasts,
  split: splits,
  merge: merges,
  slice: slices,
  sum: reduces("sum"),
  amax: reduces("amax"),
  matmul: matmuls,
  gather: gathers,
  concat: concats,
  sinusoid: sinusoids,
  linear: linears,
  softmax: softmaxes,
  rmsNorm: rmsNorms,
  layerNorm: layerNorms,
  rotary: within(linears, /turned/),
  attention: attentions,
  scatter: scatters,
  stopGradient: within(scatters, /stopped/),
  barrier: within(scatters, /stopped/),
};
