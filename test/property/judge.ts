// What is wrong with one specification: everything it goes through, and the first place where two things that must agree
// do not.
import type { Document } from "../../compiler/analyze/model.ts";
import type { Model } from "../../compiler/index.ts";
import type { ProfileName } from "../../compiler/target/onnx/profile.ts";
import { bare, mustFormat, mustParse } from "../grammar/reading.ts";
import { batchOf, shaken, weightsOf } from "./documents.ts";
import { print } from "./print.ts";
import { analyse, Compiled, distances, oracle, Refused, scaleOf, type Result, type WeightOf } from "./run.ts";
import type { Spec } from "./spec.ts";

const figures = { nmse: 1e-10, max: 1e-4 };

export interface Fault {
  /** the same for failures of one cause, so that a smaller specification can be seen to fail alike */
  readonly kind: string;
  readonly text: string;
}
export const tally = { documents: 0, sensitive: 0, profiles: 0 };

const printing = (text: string): Fault | undefined => {
  const canonical = mustFormat(text);
  if (JSON.stringify(bare(mustParse(canonical))) !== JSON.stringify(bare(mustParse(text))))
    return { kind: "print", text: `another tree after formatting:\n${canonical}` };
  return mustFormat(canonical) === canonical
    ? undefined
    : { kind: "print", text: "formatting twice is not formatting once" };
};

/**
 * How two results differ by more than the figures, in words. Where f32 itself cannot meet them, the result only has to be
 * as near as a hundred bits of every weight move it, or as the rows that cancelled in it are exact.
 */
export const apart = (
  got: Result,
  want: Result,
  of: { readonly model: Model; readonly weights: WeightOf; readonly document: Document },
): string | undefined => {
  for (const [head, { nmse, max, rms, worst }] of distances(got, want)) {
    if (nmse <= figures.nmse && max <= figures.max) continue;
    tally.sensitive++;
    const own = distances(oracle(of.model, shaken(of.weights), of.document), want).get(head)!;
    const scale = scaleOf(of.model, of.weights, of.document);
    if (nmse <= 1e4 * own.nmse || (rms < scale / 10 && worst <= 1e-5 * scale)) continue;
    return `head ${head}: NMSE ${nmse}, max ${max} of rms ${rms}; one bit of the weights moves NMSE ${own.nmse}; rows are of ${scale}`;
  }
  return undefined;
};

const numbers = async (text: string, seed: number): Promise<Fault | undefined> => {
  const weights = weightsOf(seed);
  const compiled = await Compiled.make(text, weights);
  try {
    const { model } = compiled;
    const documents = batchOf(model, seed);
    const want = documents.map((d) => oracle(model, weights, d));
    const judge = (got: Result, d: number, how: string): Fault | undefined => {
      tally.documents++;
      const words = apart(got, want[d]!, { model, weights, document: documents[d]! });
      return words === undefined
        ? undefined
        : { kind: `numbers ${how.split(",")[0]}`, text: `${how}: document ${d}: ${words}` };
    };
    const profiles: ProfileName[] = [
      "ort-cpu",
      ...(seed % 4 === 0 ? (["portable"] as const) : []),
      ...(seed % 4 === 2 ? (["ort-webgpu"] as const) : []),
    ];
    for (const profile of profiles) {
      tally.profiles++;
      const together = await compiled.run(documents, profile);
      for (const [d, got] of together.entries()) {
        const fault = judge(got, d, `${profile}, in a batch`);
        if (fault) return fault;
      }
      for (const [d, document] of documents.entries()) {
        const fault = judge((await compiled.run([document], profile))[0]!, d, `${profile}, alone`);
        if (fault) return fault;
      }
    }
    return undefined;
  } finally {
    await compiled.close();
  }
};

/** Undefined: nothing is wrong. */
export const faultOf = async (spec: Spec, seed: number): Promise<Fault | undefined> => {
  const text = print(spec);
  try {
    analyse(text);
    return printing(text) ?? (await numbers(text, seed));
  } catch (error) {
    if (error instanceof Refused) return { kind: `refused ${error.codes.join(" ")}`, text: error.message };
    const { message, stack } = error as Error;
    return { kind: `threw ${message.replaceAll(/[\d.]+|`[^`]*`|"[^"]*"/g, "").slice(0, 40)}`, text: stack ?? message };
  }
};
