// Writes what the pages say of the code from the code: the tables of docs/language.md between their marks, docs/grammar.md
// and docs/errors.md. They are committed, to be read where they lie; a test asks `--check` that they are current.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bring } from "./current.mjs";
import { grammarText } from "./docs/ebnf.mjs";
import { errorsPage } from "./docs/errors.mjs";
import { functionTable } from "./docs/functions.mjs";
import { libraryTable } from "./docs/library.mjs";
import { sequenceTable } from "./docs/sequences.mjs";
import { declarationTable, itemTable, statementTable } from "./docs/statements.mjs";
import { classes, classTable, operatorTable } from "./docs/words.mjs";
import { root } from "./install.mjs";
import { load } from "./load.mjs";

const [{ Grammar }, { vocabulary }, { rowBuiltins }, { specials }, { std }, { explanations }, infix] =
  await Promise.all(
    [
      "grammar/parser/file.ts",
      "grammar/tokens.ts",
      "compiler/analyze/builtins.ts",
      "compiler/analyze/special.ts",
      "compiler/std/index.ts",
      "cli/explanations.ts",
      "grammar/parser/infix.ts",
    ].map(load),
  );
const productions = new Grammar({ recoveryEnabled: false, maxLookahead: 2 }).getSerializedGastProductions();

const language = "docs/language.md";
const page = readFileSync(join(root, language), "utf8").replaceAll("\r\n", "\n");
const tables = {
  declarations: declarationTable(productions),
  items: itemTable(productions),
  functions: functionTable(rowBuiltins),
  statements: statementTable(productions),
  sequences: sequenceTable(specials, page),
  library: libraryTable(std),
};
/** A page with what stands between `<!-- name: ... -->` and `<!-- end -->` replaced. */
const filled = (text) => {
  const seen = [];
  const result = text.replace(/(<!-- (\w+): [^>]* -->\n)[^]*?(\n<!-- end -->)/g, (_, before, name, after) => {
    if (!Object.hasOwn(tables, name)) throw new Error(`${language}: there is no table ${name}`);
    seen.push(name);
    return `${before}${tables[name]}${after}`;
  });
  const lost = Object.keys(tables).filter((name) => !seen.includes(name));
  if (lost.length > 0) throw new Error(`${language}: has no mark for ${lost.join(", ")}`);
  return result;
};

const grammar = `# The grammar

Made by \`npm run docs\` from the productions that the parser runs on. \`[ ]\` may be left out, \`{ }\` may stand any number of
times, \`|\` parts what may stand in each other's place; what stands in quotes stands so in the text, and capitals are classes
of words. White space and comments (\`// ...\`) may stand between any two.

Where two rules begin alike, the first that fits is taken: \`mask = ...\` in a model is its mask, never a value of that name.
\`\`\`text
${grammarText(productions, "file", classes)}
\`\`\`

${classTable(vocabulary)}

Operators, those that bind most first; equal ones are taken from the left:

${operatorTable(infix)}
`;

bring(
  { [language]: filled(page), "docs/grammar.md": grammar, "docs/errors.md": errorsPage(explanations) },
  "npm run docs",
);
