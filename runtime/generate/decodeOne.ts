// A token behind each document that draws, from logits that a call gives: what there is where a session draws none itself.
import type { Context, Part } from "../context.ts";
import type { Decoded, Decoding } from "../decoding.ts";
import type { Phases } from "../phases.ts";
import { headRows } from "./heads.ts";
import { sampler } from "./sampling.ts";

export const decodeOne = async (
  session: Pick<Phases, "append">,
  context: Context,
  parts: readonly Part[],
  { sampling, drawers }: Decoding,
): Promise<Decoded> => {
  const result = await session.append(context, "decode", parts);
  return drawers.map((drawer, d) => {
    if (drawer === undefined) return [];
    const { seed, ids, allowed } = drawer;
    const logits = headRows(result, "logits", d)(context.length(d) - 1);
    return [sampler({ ...sampling, seed }).draw(logits, { counter: ids.length, recent: ids, allowed })];
  });
};
