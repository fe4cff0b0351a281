// `graftwerk check`: every diagnostic of a file and of every model in it.
import { renderAll } from "../grammar/diagnostic.ts";
import type { Run } from "./command.ts";
import { diagnosticsJson, nameOf, readSpecification } from "./specification.ts";

export const run: Run = async ({ operand }, { colour }) => {
  const checked = await readSpecification(operand);
  const { report, sources, models } = checked;
  const sound = models.filter((name) => checked.model(name) !== undefined);
  const messages = renderAll(sources, report, { colour });
  const mistakes = report.found.filter(({ severity }) => severity === "error").length + report.more;
  const file = nameOf(operand);
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  return {
    exit: report.failed ? 1 : 0,
    json: { schema: "graftwerk/check@1", file, ok: !report.failed, models: sound, ...diagnosticsJson(checked) },
    text: report.failed ? "" : `${file}: ${count(models.length, "model")}, no mistakes\n`,
    messages: report.failed ? `${messages}\n\n${file}: ${count(mistakes, "mistake")}` : messages,
  };
};
