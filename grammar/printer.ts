// Canonical text. The tree says which tokens begin a line and what stands close together; `layout.ts` does the rest.
// Comments, parentheses and the order of things stay as they were written.

import type { IToken } from "chevrotain";
import type { ContractMember, File, Item, Later, LayersStatement, Signature, Statement } from "./ast.ts";
import type { Report } from "./diagnostic.ts";
import { entryGap, layOut } from "./layout.ts";
import type { SyntaxMessages } from "./messages.ts";
import { read, type Parsed } from "./parser.ts";
import { matches } from "./parser/expressions.ts";
import type { Source } from "./source.ts";
import * as t from "./tokens.ts";

/** The canonical text of a source, or undefined after one error in the report. Formatting it again changes nothing. */
export const format = (source: Source, report: Report<SyntaxMessages>): string | undefined => {
  const parsed = read(source, report);
  if (!parsed) return undefined;
  const marks = marksOf(parsed, source.text);
  const gap = (index: number): string => gapBefore(parsed.tokens, index, marks);
  return layOut({ text: source.text, tokens: parsed.tokens, comments: parsed.comments, starts: marks.starts, gap });
};

/** What the tokens alone do not tell, by offset. */
interface Marks {
  /** tokens that begin a line */
  readonly starts: Set<number>;
  /** ends of session terms that have a repetition mark */
  readonly repeated: Set<number>;
  /** `grid` before a shape */
  readonly grids: Set<number>;
}

const marksOf = ({ file, tokens }: Parsed, text: string): Marks => {
  const marks: Marks = { starts: new Set(), repeated: new Set(), grids: new Set() };
  markFile(file, marks);
  // `D, vocab` of a contract stay on one line
  tokens.forEach((token, index) => {
    if (tokens[index - 1]?.tokenType === t.Comma) marks.starts.delete(token.startOffset);
  });
  for (const declaration of file.declarations) {
    if (declaration.kind !== "model") continue;
    for (const statement of whens(declaration.statements)) markWhen(statement, tokens, text, marks.starts);
  }
  return marks;
};

const markFile = (file: File, marks: Marks): void => {
  const { starts } = marks;
  for (const { span } of [...file.imports, ...file.declarations]) starts.add(span.from);
  for (const declaration of file.declarations) {
    switch (declaration.kind) {
      case "alias":
        break;
      case "contract":
        declaration.members.forEach((member) => markMember(member, marks));
        break;
      case "template":
        declaration.items.forEach((item) => markItem(item, marks));
        break;
      case "model":
        declaration.statements.forEach((statement) => markStatement(statement, marks));
        break;
      default:
        declaration satisfies never;
    }
  }
};

const markMember = (member: ContractMember, marks: Marks): void => {
  marks.starts.add(member.span.from);
  if (member.kind === "function" || member.kind === "layers") markShapes(member, marks);
};

const markItem = (item: Item, marks: Marks): void => {
  marks.starts.add(item.span.from);
  if (item.kind === "checkpoint") for (const entry of item.entries) marks.starts.add(entry.span.from);
  if (item.kind !== "function") return;
  markShapes(item, marks);
  const { bindings, result } = item.body;
  if (bindings.length > 0) for (const { span } of [...bindings, result]) marks.starts.add(span.from);
};

const markShapes = (signature: Signature, marks: Marks): void => {
  const shapes = [...signature.parameters.map(({ shape }) => shape), ...signature.results];
  for (const shape of shapes) if (shape?.grid) marks.grids.add(shape.span.from);
};

const markStatement = (statement: Statement | LayersStatement["body"][number], marks: Marks): void => {
  marks.starts.add(statement.span.from);
  if (statement.kind === "loop") statement.body.forEach((each) => markStatement(each, marks));
  if (statement.kind !== "session") return;
  for (const { name, repeat } of statement.terms) if (repeat) marks.repeated.add(name.span.to);
};

/** The tree says nothing of what a `when` holds, so there a new thing begins a line where it began one before. */
const markWhen = (statement: Later, tokens: readonly IToken[], text: string, starts: Set<number>): void => {
  let index = tokens.findIndex(({ startOffset }) => startOffset >= statement.span.from);
  /** for each open bracket, whether statements may stand in it */
  const open = [false];
  for (; index < tokens.length && tokens[index]!.startOffset < statement.span.to; index++) {
    const token = tokens[index]!;
    const before = tokens[index - 1]!;
    const onNewLine = text.slice(t.endOf(before), token.startOffset).includes("\n");
    const newThing = before.tokenType === t.LeftBrace || (onNewLine && matches(token, t.Plain) && endsOperand(before));
    if (closers.has(token.tokenType)) open.pop();
    else if (open.at(-1) && newThing) starts.add(token.startOffset);
    if (token.tokenType === t.LeftBrace) open.push(!holdsList(before));
    else if (token.tokenType === t.LeftParen || token.tokenType === t.LeftBracket) open.push(false);
  }
};

const holdsList = (before: IToken): boolean =>
  matches(before, t.ArmsWord) || before.tokenType === t.SpanWord || before.tokenType === t.With;

const whens = (statements: LayersStatement["body"] | readonly Statement[]): Later[] =>
  statements.flatMap((each) => {
    if (each.kind === "loop") return whens(each.body);
    return each.kind === "later" && each.keyword === "when" ? [each] : [];
  });

// ── Gaps ───────────────────────────────────────────────────────────────────────────────────────

const isName = (token: IToken, before: IToken | undefined): boolean =>
  matches(token, t.Plain) || (matches(token, t.Word) && before?.tokenType === t.Dot);
const closers = new Set([t.RightParen, t.RightBracket, t.RightBrace]);
const endsOperand = (token: IToken, before?: IToken): boolean =>
  isName(token, before) ||
  closers.has(token.tokenType) ||
  token.tokenType === t.NumberToken ||
  token.tokenType === t.StringToken;

const noGapAfter = new Set([t.LeftParen, t.LeftBracket, t.Dot, t.Range]);
const noGapBefore = new Set([t.RightParen, t.RightBracket, t.Dot, t.Range, t.Comma, t.Colon, t.Question]);
const entryWords = new Set([t.Given, t.Drawn, t.After]);

const gapBefore = (tokens: readonly IToken[], index: number, marks: Marks): string => {
  const token = tokens[index]!;
  const previous = tokens[index - 1];
  if (!previous) return "";
  const before = tokens[index - 2];
  if (noGapAfter.has(previous.tokenType) || noGapBefore.has(token.tokenType)) return "";
  if (previous.tokenType === t.LeftBrace && token.tokenType === t.RightBrace) return "";
  if (previous.tokenType === t.Minus && !(before && endsOperand(before, tokens[index - 3]))) return "";
  if (marks.repeated.has(t.endOf(previous)) && isRepeat(token)) return "";
  if (token.tokenType === t.LeftParen || token.tokenType === t.LeftBracket) {
    if (marks.grids.has(previous.startOffset)) return " ";
    if (previous.tokenType === t.Let && marks.starts.has(previous.startOffset)) return " ";
    return previous.tokenType === t.Question || endsOperand(previous, before) ? "" : " ";
  }
  const isEntry = entryWords.has(token.tokenType) && tokens[index + 1]?.tokenType === t.Colon;
  return isEntry && endsOperand(previous, before) ? entryGap : " ";
};

const isRepeat = ({ tokenType }: IToken): boolean => tokenType === t.Star || tokenType === t.Plus;
