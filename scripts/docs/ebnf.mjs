// The grammar as text, from the productions that the parser itself runs on.

const WIDTH = 100;

/** How a terminal is written: a word or a mark in quotes, a class of words by its name in capitals. */
const terminal = ({ name, label }, classes) => classes.get(name) ?? `"${/^`(.*)`$/.exec(label)?.[1] ?? label}"`;

const isGroup = (text) => / /.test(text) && !/^[[{(][^[\]{}()]*[\]})]$/.test(text);

const sequence = (definition, classes) =>
  definition
    .map((part) => written(part, classes))
    .filter(Boolean)
    .join(" ");

const written = (part, classes) => {
  const inner = () => sequence(part.definition, classes);
  const again = () => (isGroup(inner()) ? `( ${inner()} )` : inner());
  switch (part.type) {
    case "NonTerminal":
      return part.name;
    case "Terminal":
      return terminal(part, classes);
    case "Alternative":
      return inner();
    case "Option":
      return `[ ${inner()} ]`;
    case "Repetition":
      return `{ ${inner()} }`;
    case "RepetitionMandatory":
      return `${again()} { ${inner()} }`;
    case "RepetitionWithSeparator":
      return `[ ${inner()} { ${terminal(part.separator, classes)} ${inner()} } ]`;
    case "RepetitionMandatoryWithSeparator":
      return `${inner()} { ${terminal(part.separator, classes)} ${inner()} }`;
    case "Alternation": {
      const choices = choicesOf(part, classes);
      return choices.length === 1 ? choices[0] : `( ${choices.join(" | ")} )`;
    }
    default:
      throw new Error(`no such production: ${part.type}`);
  }
};

const choicesOf = ({ definition }, classes) => definition.map((each) => written(each, classes) || "nothing");

/** A rule over as many lines as it needs. */
const ruleText = ({ name, definition }, classes) => {
  const [first, ...rest] = definition;
  const indent = " ".repeat(name.length + 1);
  if (rest.length === 0 && first?.type === "Alternation") {
    const choices = choicesOf(first, classes);
    const line = `${name} = ${choices.join(" | ")}`;
    return line.length <= WIDTH ? line : `${name} = ${choices.join(`\n${indent}| `)}`;
  }
  const lines = [`${name} =`];
  for (const part of definition.map((each) => written(each, classes)).filter(Boolean)) {
    if (lines.at(-1).length + part.length < WIDTH) lines[lines.length - 1] += ` ${part}`;
    else lines.push(`${indent}  ${part}`);
  }
  return lines.join("\n");
};

/** The rules as text, the first one first, then each where it is first used. */
export const grammarText = (productions, start, classes) => {
  const rules = new Map(productions.map((rule) => [rule.name, rule]));
  const order = new Set();
  const visit = (parts) => {
    for (const part of parts)
      if (part.type === "NonTerminal") order.add(part.name);
      else if (part.definition) visit(part.definition);
  };
  order.add(start);
  for (const name of order) visit(rules.get(name).definition);
  const unused = [...rules.keys()].filter((name) => !order.has(name));
  if (unused.length > 0) throw new Error(`no rule uses ${unused.join(", ")}`);
  return [...order].map((name) => ruleText(rules.get(name), classes)).join("\n");
};

/** The rules that one rule chooses between. */
export const alternatives = (productions, name) => {
  const [choice] = productions.find((rule) => rule.name === name).definition;
  return choice.definition.map(({ definition }) => definition[0].name);
};
