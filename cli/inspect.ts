// `graftwerk inspect`: what a model has and what its programs cost, for people or as JSON.
import { inspect } from "../compiler/inspect/index.ts";
import { inspectionText } from "../compiler/inspect/print.ts";
import type { Run } from "./command.ts";
import { modelOf, readSpecification } from "./specification.ts";

export const run: Run = async (call) => {
  const found = inspect(modelOf(await readSpecification(call.operand), call.value("model")));
  return { exit: 0, json: { ...found }, text: inspectionText(found) };
};
