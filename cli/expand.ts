// `graftwerk expand`: a model as it is after imports, templates and bridges, for people or as JSON.
import { expand, expandedText } from "../compiler/analyze/print.ts";
import type { Run } from "./command.ts";
import { modelOf, readSpecification } from "./specification.ts";

export const run: Run = async (call) => {
  const model = modelOf(await readSpecification(call.operand), call.value("model"));
  const found = expand(model);
  return { exit: 0, json: { ...found }, text: expandedText(found) };
};
