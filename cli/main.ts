// One call: parsed, run, its outcome printed, and whatever is thrown turned into a message and an exit status.
import { parseCall } from "./arguments.ts";
import { type Exit, type Io, type Outcome, UsageError } from "./command.ts";
import { commands } from "./commands.ts";
import { commandHelp, help } from "./help.ts";
import { isTerminal, overwriting, say } from "./stderr.ts";
import { version } from "./version.ts";

const print = (text: string): void => void process.stdout.write(text);

/** @returns the exit status; never throws. */
export const main = async (words: readonly string[]): Promise<Exit> => {
  const json = words.includes("--json");
  try {
    const outcome = await call(words);
    if (typeof outcome === "number") return outcome;
    if (outcome.messages !== undefined && outcome.messages !== "") say(outcome.messages);
    print(json ? `${JSON.stringify(outcome.json, undefined, 2)}\n` : outcome.text);
    return outcome.exit;
  } catch (thrown) {
    const { explain } = await import("./explain.ts");
    const { exit, message, json: body } = explain(thrown, words, colour());
    say(message);
    if (json) print(`${JSON.stringify(body, undefined, 2)}\n`);
    return exit;
  }
};

const call = async (words: readonly string[]): Promise<Outcome | Exit> => {
  const [name, ...rest] = words;
  if (name === "--version") return (print(`${version}\n`), 0);
  if (name === "--help" || name === "help" || name === "-h") return (print(help()), 0);
  if (name === undefined) return (say(help()), 2);
  const command = commands.find((each) => each.name === name);
  if (command === undefined) {
    const { nearest } = await import("../grammar/nearest.ts");
    const near = nearest(
      name,
      commands.map((each) => each.name),
    );
    const advice = near === undefined ? "graftwerk --help lists the commands" : `did you mean ${near}?`;
    throw new UsageError(`there is no command ${JSON.stringify(name)}`, advice);
  }
  if (rest.includes("--help") || rest.includes("-h")) return (print(commandHelp(command)), 0);
  const parsed = parseCall(command, rest);
  const { run } = await command.load();
  const over = overwriting();
  const write = rest.includes("--json") ? () => undefined : print;
  const io: Io = { colour: colour(), write, note: say, ...(over && { over }) };
  return run(parsed, io);
};

/** Whether messages are coloured: on a terminal, unless the environment says otherwise. */
const colour = (): boolean => {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== "") return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== "" && FORCE_COLOR !== "0") return true;
  return isTerminal();
};
