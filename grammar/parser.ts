// Text to syntax tree. A file stops at its first syntax error, so a tree has no holes; the mistake that stands first in
// the text is the one reported.

import type { File, Span } from "./ast.ts";
import type { Report } from "./diagnostic.ts";
import { expectations, explain } from "./explain.ts";
import { maxLength, measure, type Problem, wrongToken } from "./limits.ts";
import type { SyntaxMessages } from "./messages.ts";
import { Grammar } from "./parser/file.ts";
import type { Source } from "./source.ts";
import { type Comment, endOf, lex, type Lexed } from "./tokens.ts";

const grammar = new Grammar({ recoveryEnabled: false, maxLookahead: 2, errorMessageProvider: expectations });

/** The tree of a source, or undefined after one error in the report. Never throws, whatever the text. */
export const parse = (source: Source, report: Report<SyntaxMessages>): File | undefined => read(source, report)?.file;

/** A text that parsed: its tree, and its tokens and comments, of which the formatter makes the canonical text. @internal */
export interface Parsed extends Lexed {
  readonly file: File;
}

/** @internal */
export const read = (source: Source, report: Report<SyntaxMessages>): Parsed | undefined => {
  const { path, text } = source;
  const result = readText(text);
  if ("file" in result) return result;
  const { code, span, args, note } = result;
  report.error(code, { path, span }, args as never, ...(note ? [{ path, ...note }] : []));
  return undefined;
};

const readText = (text: string): Parsed | Problem => {
  if (text.length > maxLength) {
    return { code: "file-too-large", span: { from: maxLength, to: maxLength }, args: [text.length, maxLength] };
  }
  const lexed = lex(text);
  const { tokens, comments } = lexed;
  const brackets = measure(tokens);
  const wrong = wrongToken(tokens);
  if (brackets.problem) return wrong && isBefore(wrong.span, brackets.problem.span) ? wrong : brackets.problem;
  const tree = grammar.parse(tokens, docsOf(text, lexed));
  const [error] = grammar.errors;
  if (error && !(wrong && !(error.token.startOffset < wrong.span.from)))
    return explain(error, { text, tokens, brackets });
  if (wrong) return wrong;
  const twice = grammar.repetition;
  if (twice) {
    return { code: "repeated-entry", span: { from: twice.startOffset, to: endOf(twice) }, args: [twice.image] };
  }
  return { file: { ...tree, span: { from: 0, to: text.length } }, tokens, comments };
};

const isBefore = (a: Span, b: Span): boolean => a.from <= b.from;

/** The `///` lines directly before each token, by the token's offset. One beside other code on its line is no doc. */
const docsOf = (text: string, { tokens, comments }: Lexed): Map<number, string> => {
  const docs = new Map<number, string>();
  let next = 0;
  let lines: string[] = [];
  for (const comment of comments) {
    while (next < tokens.length && tokens[next]!.startOffset < comment.from) {
      next++;
      lines = [];
    }
    if (!isDoc(text, comment)) lines = [];
    else lines.push(comment.text.slice(3).trim());
    const owner = tokens[next];
    if (owner && lines.length > 0) docs.set(owner.startOffset, lines.join("\n"));
    else if (owner) docs.delete(owner.startOffset);
  }
  return docs;
};

const isDoc = (text: string, { text: comment, from }: Comment): boolean =>
  comment.startsWith("///") && text.slice(text.lastIndexOf("\n", from - 1) + 1, from).trim() === "";
