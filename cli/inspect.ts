// `graftwerk inspect`: what a model has and what its programs cost, for people or as JSON; with `--svg`, a picture too.
import { inspect } from "../compiler/inspect/index.ts";
import { inspectionText } from "../compiler/inspect/print.ts";
import { writeWhole } from "../runtime/weights/file.ts";
import type { Run } from "./command.ts";
import { modelOf, readSpecification } from "./specification.ts";

export const run: Run = async (call) => {
  const model = modelOf(await readSpecification(call.operand), call.value("model"));
  const found = inspect(model);
  const out = call.value("svg");
  if (out === undefined) return { exit: 0, json: { ...found }, text: inspectionText(found) };
  const { svg } = await import("../compiler/inspect/svg.ts");
  await writeWhole(out, [new TextEncoder().encode(svg(model))]);
  return { exit: 0, json: { ...found, svg: out }, text: inspectionText(found), messages: `${out}: written` };
};
