// Every sentence that the syntax of Graft can answer with. The key is the stable code; the text lives nowhere else.

import type { Messages } from "./diagnostic.ts";

const didYouMean = (near: string | undefined): string | undefined => near && `Did you mean \`${near}\`?`;

export const syntaxMessages = {
  expected: (expected: string, after: string, found: string, help?: string) => ({
    message: `Expected ${expected}${after}, found ${found}.`,
    help,
  }),
  "unknown-statement": (word: string, where: string, near: string | undefined, words: readonly string[]) => ({
    message: `\`${word}\` does not begin anything that may stand ${where}.`,
    help: didYouMean(near) ?? `What may stand there: ${words.map((each) => `\`${each}\``).join(", ")}.`,
  }),
  misplaced: (word: string, where: string, belongs: string) => ({
    message: `\`${word}\` may not stand ${where}.`,
    help: `It belongs ${belongs}.`,
  }),
  "reserved-word": (word: string) => ({
    message: `\`${word}\` is an operator, so it cannot be a name here.`,
    help: "Choose another name, or use it only after a dot or as the label of an argument.",
  }),
  "missing-result": () => ({
    message: "This function ends without a result.",
    help: "A function's body is any number of bindings and then one expression, its result.",
  }),
  "repeated-entry": (word: string) => ({
    message: `This noise has two \`${word}\` entries.`,
    help: "Keep one of them.",
  }),
  "unclosed-bracket": (bracket: string, found: string) => ({
    message: `This \`${bracket}\` is never closed: found ${found}.`,
    help: `Close it with \`${({ "(": ")", "[": "]", "{": "}" } as Record<string, string>)[bracket]}\`.`,
  }),
  "unclosed-string": () => ({
    message: "This string is not closed on its line.",
    help: 'End it with `"`; a line break within a string is written `\\n`.',
  }),
  "unknown-escape": (escape: string) => ({
    message: `A string has no escape \`${escape}\`.`,
    help: 'There are `\\"`, `\\\\`, `\\n` and `\\t`.',
  }),
  "unknown-character": (character: string, code: string, help?: string) => ({
    message: `The character \`${character}\` (${code}) has no meaning here.`,
    help: help ?? "Names are made of the letters A to Z and a to z, digits and `_`.",
  }),
  "malformed-number": (text: string) => ({
    message: `\`${text}\` is not a number.`,
    help: "Numbers are written `16`, `128_256`, `0.25` or `1e-5`; names do not begin with a digit.",
  }),
  "number-too-large": (text: string, limit: string) => ({
    message: `The number \`${text}\` has no exact value here: ${limit}.`,
    help: "Write a number that can be kept exactly.",
  }),
  "name-too-long": (length: number, limit: number) => ({
    message: `This name has ${length} characters; the limit is ${limit}.`,
    help: "Give it a shorter name.",
  }),
  "file-too-large": (length: number, limit: number) => ({
    message: `This file has ${length} characters; the limit is ${limit}.`,
    help: "Split it, and import the parts.",
  }),
  "too-deep": (limit: number) => ({
    message: `Brackets are nested more than ${limit} deep here.`,
    help: "Name a part of it with a binding.",
  }),
  "expression-too-long": (limit: number) => ({
    message: `This expression has more than ${limit} operators, calls, indices and members in a row.`,
    help: "Name a part of it with a binding.",
  }),
} satisfies Messages;
export type SyntaxMessages = typeof syntaxMessages;
