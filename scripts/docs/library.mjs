// The standard library: what each module declares, with parameters and description as they stand in its text.
import { table } from "./table.mjs";

const HEADER = /((?:^\/\/\/.*\n)*)^(?:part|block|tower|contract|model) (\w+)(.*)$/gm;

const rowOf = (module, [, docs, name, rest]) => {
  const doc = docs
    .replace(/^\/\/\/ ?/gm, "")
    .trim()
    .replaceAll("\n", " ");
  const alias = /^ = (.*)$/.exec(rest)?.[1];
  const parameters = rest.replace(/ ?\{.*$/, "");
  const said = [alias && `\`${alias}\``, doc].filter(Boolean).join("; ");
  return [`\`${module}\``, `\`${name}${alias ? "" : parameters}\``, said.replaceAll("|", "\\|")];
};

export const libraryTable = (std) =>
  table(
    ["module", "name", "is"],
    [...std].flatMap(([module, text]) => [...text.matchAll(HEADER)].map((found) => rowOf(module, found))),
  );
