// The help texts, made of the commands' own data.
import type { Command, Option } from "./command.ts";
import { commands, common } from "./commands.ts";

const columns = (rows: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
};

export const help = (): string => `graftwerk describes towers that share one sequence, and compiles them.

usage: graftwerk COMMAND FILE [OPTIONS]

${columns(commands.map(({ name, operand, summary }) => [`${name} ${operand}`, summary]))}
A FILE may be \`-\`, for standard input. \`graftwerk COMMAND --help\` lists the options of a command.

exit status: 0 done, 1 mistakes in the specification, 2 wrong usage, 3 files, 4 verification failed, 70 a bug of
graftwerk, 130 interrupted
`;

const shown = ([name, { value }]: [string, Option]): string => `--${name}${value === undefined ? "" : ` ${value}`}`;

export const commandHelp = ({ name, operand, summary, options }: Command): string => `${name} ${summary}.

usage: graftwerk ${operand === "" ? name : `${name} ${operand}`} [OPTIONS]

${columns(Object.entries({ ...options, ...common }).map((each) => [shown(each), each[1].doc]))}`;
