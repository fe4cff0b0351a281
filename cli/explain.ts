// Whatever a command throws, as a message for people, a body for `--json` and an exit status. Mistakes of a user have no
// stack trace; anything else is a bug of ours, and says what to report.
import { renderAll } from "../grammar/diagnostic.ts";
import { Failure } from "../runtime/failure.ts";
import { type Exit, UsageError } from "./command.ts";
import { diagnosticsJson, Mistakes } from "./specification.ts";
import { version } from "./version.ts";

export interface Explained {
  readonly exit: Exit;
  readonly message: string;
  readonly json: { readonly schema: string } & Readonly<Record<string, unknown>>;
}

export const explain = (thrown: unknown, words: readonly string[], colour: boolean): Explained => {
  if (thrown instanceof Mistakes) {
    const { report, sources } = thrown.found;
    const json = { schema: "graftwerk/diagnostics@1", ...diagnosticsJson(thrown.found) };
    return { exit: 1, message: renderAll(sources, report, { colour }), json };
  }
  if (thrown instanceof UsageError) return failed(2, "usage", thrown.message, thrown.help);
  if (thrown instanceof Failure) {
    const message = thrown.help === undefined ? thrown.message : thrown.message.replace(`\n  help: ${thrown.help}`, "");
    return failed(thrown.kind === "call" ? 2 : 3, thrown.kind, message, thrown.help);
  }
  return bug(thrown, words);
};

const failed = (exit: Exit, kind: string, message: string, help: string | undefined): Explained => ({
  exit,
  message: `error: ${printable(message)}${help === undefined ? "" : `\nhelp: ${printable(help)}`}`,
  json: { schema: "graftwerk/error@1", kind, message, ...(help !== undefined && { help }) },
});

const bug = (thrown: unknown, words: readonly string[]): Explained => {
  const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  const report = [
    `graftwerk ${version}, Node ${process.versions.node}, ${process.platform} ${process.arch}`,
    `command: graftwerk ${words.map((word) => JSON.stringify(word)).join(" ")}`,
    stack,
  ].join("\n");
  const message =
    "error: this is a bug of graftwerk, not of your specification.\n" +
    `Please report what follows, with the specification if you can:\n\n${printable(report)}`;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return { exit: 70, message, json: { schema: "graftwerk/error@1", kind: "bug", message: reason, report } };
};

/** Names of files and keys may hold anything: what could steer a terminal is shown as a replacement character. */
const printable = (text: string): string =>
  text.replace(/[^\P{Cc}\n\t]|[\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, "\ufffd");
