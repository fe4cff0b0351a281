// The words and marks of the language as a page shows them, from the table of tokens.
import { table } from "./table.mjs";

/** What the grammar calls the classes of tokens, and what they are in words. */
const CLASSES = {
  Word: ["WORD", "any word: a letter or `_`, then letters, digits and `_`"],
  Plain: ["NAME", undefined],
  Role: ["ROLE", undefined],
  ArmsWord: ["ARMS", undefined],
  InfixMark: ["INFIX", undefined],
  NumberToken: ["NUMBER", "`12`, `128_256`, `0.5`, `1e-5`"],
  StringToken: ["STRING", 'text in `"`, on one line; `\\"` and `\\\\` within it'],
  Inner: ["ANY", "any word, number, string or mark but braces"],
};

export const classes = new Map(Object.entries(CLASSES).map(([name, [shown]]) => [name, shown]));

const spelled = ({ LABEL }) => LABEL.replaceAll("`", "");
const code = (text) => `\`${text}\``;

/** A table of the classes; those of a few words list them. */
export const classTable = (vocabulary) => {
  const isIn = (token, name) => (token.CATEGORIES ?? []).some((each) => each.name === name || isIn(each, name));
  const members = (name) => vocabulary.filter((token) => isIn(token, name) && /^`[^`]+`$/.test(token.LABEL));
  const words = Object.entries(CLASSES).map(([name, [shown, said]]) => {
    if (said !== undefined) return [shown, said];
    if (name === "Plain") {
      const not = members("Word").filter((token) => !isIn(token, "Plain"));
      return [shown, `any word but ${not.map((token) => code(spelled(token))).join(", ")}`];
    }
    return [
      shown,
      members(name)
        .map((token) => code(spelled(token).replace("|", "\\|")))
        .join(", "),
    ];
  });
  return table(["class", "is"], words);
};

/** A table of the operators by how tightly they bind. */
export const operatorTable = ({ strength, prefixStrength }) => {
  const all = [
    ...Object.entries(strength).map(([operator, bound]) => ({ operator, bound, where: "between two operands" })),
    ...Object.entries(prefixStrength).map(([operator, bound]) => ({ operator, bound, where: "before an operand" })),
  ];
  const levels = [...new Set(all.map(({ bound }) => bound))].sort((a, b) => b - a);
  const rows = levels.map((level) => {
    const same = all.filter(({ bound }) => bound === level);
    return [same.map(({ operator }) => code(operator.replace("|", "\\|"))).join(", "), same[0].where];
  });
  return table(["operator", "stands"], rows);
};
