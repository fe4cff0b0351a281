// `graftwerk explain`: what a diagnostic means, by an example of it with what is said and what mends it; without a code,
// all codes there are.
import { nearest } from "../grammar/nearest.ts";
import { type Outcome, type Run, UsageError } from "./command.ts";
import { type Explanation, explanations } from "./explanations.ts";

export const run: Run = async (call) => {
  const asked = call.operand.replace(/^(?:error|warning)?\[(.*)\]$/, "$1");
  if (asked === "") return list();
  const found = Object.hasOwn(explanations, asked) ? explanations[asked] : undefined;
  if (found !== undefined) {
    const json = { schema: "graftwerk/explain@1", code: asked, ...found };
    return { exit: 0, json, text: textOf(asked, found) };
  }
  const near = nearest(asked, Object.keys(explanations));
  throw new UsageError(
    `there is no code ${JSON.stringify(asked)}`,
    near === undefined ? "graftwerk explain lists the codes" : `did you mean ${near}?`,
  );
};

const list = (): Outcome => {
  const codes = Object.entries(explanations).map(([code, { name }]) => ({ code, name }));
  const width = Math.max(...codes.map(({ code }) => code.length));
  const text = codes.map(({ code, name }) => `${code.padEnd(width)}  ${name}\n`).join("");
  return { exit: 0, json: { schema: "graftwerk/codes@1", codes }, text };
};

const textOf = (code: string, { name, wrong, right, said }: Explanation): string => {
  const indented = (text: string): string => text.replace(/^(?=.)/gm, "    ");
  const parts = [
    `${code}: ${name}`,
    ...(wrong === "" ? [] : ["For example, here it is wrong:", indented(wrong)]),
    "graftwerk says:",
    indented(said),
    ...(right === "" ? [] : ["So it is right:", indented(right)]),
  ];
  return `${parts.join("\n\n")}\n`;
};
