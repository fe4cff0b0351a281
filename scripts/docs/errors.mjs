// The index of errors: every code with an example, what is said of it, and what mends it.

const block = (text) => `\`\`\`text\n${text}\n\`\`\``;

const section = ([code, { name, wrong, right, said }]) =>
  [
    `## ${code}`,
    `${name[0].toUpperCase()}${name.slice(1)}.`,
    ...(wrong === "" ? [] : ["Wrong:", block(wrong)]),
    "What is said:",
    block(said),
    ...(right === "" ? [] : ["Right:", block(right)]),
  ].join("\n\n");

export const errorsPage = (explanations) => {
  const entries = Object.entries(explanations);
  const list = entries.map(([code, { name }]) => `- [${code}](#${code}): ${name}`).join("\n");
  return `# Errors and warnings

Made by \`npm run docs\` from the examples of the tests. \`graftwerk explain CODE\` shows the same of one code. Lines that
stand alone are lines of a larger specification.

${list}

${entries.map(section).join("\n\n")}
`;
};
