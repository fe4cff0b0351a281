// A verification in words: the verdict first, then what a person would look for next.
import { type Figures, limits } from "./figures.ts";
import type { Check, Layer, Verification } from "./result.ts";

/** Several lines without a line feed at the end. */
export const verificationText = (found: Verification): string => {
  const { model, verdict, seed } = found;
  if (verdict === "skipped")
    return `${model}: skipped: it has ${amount(found.parameters)} parameters, more than ${amount(limits.parameters)}; give --weights, or --rows or --layers to verify a part of it`;
  if (found.dull.length > 0)
    return [
      `${model}: failed: the weights drawn from seed ${seed} show too little`,
      ...found.dull.map((line) => `  ${line}`),
    ].join("\n");
  return [
    `${model}: ${verdict} (seed ${seed}, NMSE at most ${found.limit})`,
    ...programs(found.checks),
    ...batches(found),
    ...layers(found.layers),
    ...faults(found),
  ].join("\n");
};

const amount = (n: number): string => {
  const [unit, name] = n >= 1e9 ? [1e9, "G"] : [1e6, "M"];
  return `${(n / unit).toPrecision(3)} ${name}`;
};
const shown = ({ nmse, max }: Figures): string =>
  `NMSE ${nmse.toExponential(1)}, largest error ${max.toExponential(1)} of the rms`;
const worst = (all: readonly Figures[]): Figures => ({
  nmse: Math.max(...all.map(({ nmse }) => nmse)),
  max: Math.max(...all.map(({ max }) => max)),
});

/** One line for each program in each profile and output. */
const programs = (checks: readonly Check[]): string[] => {
  return [...grouped(checks)].map(([key, group]) => `  ${key}: ${shown(worst(group))}, ${group.length} documents`);
};
const keyOf = ({ profile, optimize, program, output }: Check): string =>
  `${profile} (optimize ${optimize}) ${program} ${output}`;
const grouped = (checks: readonly Check[]): Map<string, Check[]> => {
  const groups = new Map<string, Check[]>();
  for (const check of checks) groups.set(keyOf(check), [...(groups.get(keyOf(check)) ?? []), check]);
  return groups;
};

const batches = ({ batches: all }: Verification): string[] =>
  all.length === 0 ? [] : [`  documents of a batch against the same alone: ${shown(worst(all))}`];
const layers = (all: readonly Layer[]): string[] =>
  all.map(
    (layer) =>
      `  after ${layer.step}, ${layer.kind} (${layer.towers.join(", ")}): ${shown(layer)}${layer.ok ? "" : " BEYOND THE LIMITS"}`,
  );

const SHOWN = 5;
const faults = ({ checks, batches: all, divergence }: Verification): string[] => {
  const failed = ([...checks, ...all] as readonly Check[]).filter(({ ok }) => !ok);
  if (failed.length === 0) return [];
  const lines = failed.slice(0, SHOWN).map((check) => {
    const what = check.error ?? shown(check);
    return `  wrong: ${check.profile} (optimize ${check.optimize}) ${check.program} ${check.output}, ${check.case}, document ${check.document + 1}: ${what}`;
  });
  const more = failed.length > SHOWN ? [`  and ${failed.length - SHOWN} more`] : [];
  return [...lines, ...more, ...begins(divergence)];
};
const begins = (divergence: Verification["divergence"]): string[] => {
  if (divergence === undefined) return [];
  if (divergence === "heads") return ["  every layer is right: the error begins in a head"];
  const { kind, step, towers } = divergence;
  return [`  the error begins in rows of ${kind} after ${step} (${towers.join(", ")})`];
};
