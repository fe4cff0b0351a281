// `graftwerk format`: the canonical text, in the file's place; `-` reads standard input and prints.
import { realpathSync } from "node:fs";
import { format, Report, source, syntaxMessages } from "../grammar/index.ts";
import { writeWhole } from "../runtime/weights/file.ts";
import type { Run } from "./command.ts";
import { Mistakes, nameOf, readOperand } from "./specification.ts";

export const run: Run = async (call) => {
  const { operand } = call;
  const file = nameOf(operand);
  const text = await readOperand(operand);
  const read = source(file, text);
  const report = new Report(syntaxMessages, file);
  const canonical = format(read, report);
  if (canonical === undefined) throw new Mistakes({ report, sources: [read] });
  const changed = canonical !== text;
  const written = changed && operand !== "-" && !call.flag("check");
  if (written) await writeWhole(realpathSync(operand), [new TextEncoder().encode(canonical)]);
  const json = { schema: "graftwerk/format@1", file, changed, written };
  if (call.flag("check")) {
    const messages = changed ? `${file}: is not in canonical form; \`graftwerk format\` writes it` : "";
    return { exit: changed ? 1 : 0, json, text: changed ? "" : `${file}: is in canonical form\n`, messages };
  }
  if (operand === "-") return { exit: 0, json: { ...json, text: canonical }, text: canonical };
  return { exit: 0, json, text: `${file}: ${changed ? "written" : "unchanged"}\n` };
};
