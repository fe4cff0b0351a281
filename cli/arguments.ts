// From words to a call. Nothing is guessed: an unknown option, a missing value, an option given twice is a UsageError,
// with the nearest name that exists.
import { parseArgs } from "node:util";
import { nearest } from "../grammar/nearest.ts";
import { type Call, type Command, type Option, UsageError } from "./command.ts";
import { common } from "./commands.ts";

/** @throws UsageError */
export const parseCall = (command: Command, words: readonly string[]): Call => {
  const options: Readonly<Record<string, Option>> = { ...command.options, ...common };
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(
      Object.entries(options).map(([name, { value }]) => [name, { type: value === undefined ? "boolean" : "string" }]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const operands: string[] = [];
  const given = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined || token.rawName === `-${token.name}`)
      throw unknownOption(token.rawName, options, command);
    const value = valueOf(token.rawName, option, token.value, token.inlineValue ?? false);
    const before = given.get(token.name) ?? [];
    if (before.length > 0 && option.many !== true) throw new UsageError(`${token.rawName} is given twice`);
    given.set(token.name, [...before, value]);
  }
  const most = command.operand === "" ? 0 : 1;
  const operand = operands[0] ?? "";
  const more = operands.slice(most);
  const usage = `graftwerk ${command.name} ${command.operand}`.trimEnd();
  const needed = most > 0 && !command.operand.startsWith("[");
  if (needed && operands.length === 0) throw new UsageError(`${command.name} needs ${command.operand}`, usage);
  if (more.length > 0)
    throw new UsageError(
      `${command.name} takes ${most === 0 ? "no operand" : `one ${command.operand}`}, and ${more.join(" ")} is more`,
      usage,
    );
  const values = (name: string): readonly string[] => given.get(name) ?? [];
  return { operand, values, value: (name) => values(name)[0], flag: (name) => given.has(name) };
};

const unknownOption = (raw: string, options: Readonly<Record<string, Option>>, command: Command): UsageError => {
  const near = nearest(raw.replace(/^-+/, ""), Object.keys(options));
  const help = near === undefined ? `graftwerk ${command.name} --help lists the options` : `did you mean --${near}?`;
  return new UsageError(`${command.name} has no option ${raw}`, help);
};

const valueOf = (raw: string, { value: wanted }: Option, given: string | undefined, inline: boolean): string => {
  if (wanted === undefined) {
    if (given !== undefined) throw new UsageError(`${raw} takes no value`);
    return "";
  }
  if (given === undefined || given === "") throw new UsageError(`${raw} needs a value: ${raw} ${wanted}`);
  if (!inline && given.startsWith("--"))
    throw new UsageError(`${raw} needs a value: ${raw} ${wanted}`, `write ${raw}=${given} if ${given} is the value`);
  return given;
};
