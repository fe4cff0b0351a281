// What a text may hold before it is parsed: characters, numbers, strings, names, and how deep it nests. Depth is counted
// on tokens, so that neither the parser nor anything after it can run out of stack.

import type { IToken, TokenType } from "chevrotain";
import type { Span } from "./ast.ts";
import type { SyntaxMessages } from "./messages.ts";
import * as t from "./tokens.ts";

export const maxLength = 1 << 20;
export const maxNesting = 128;
/** Operators, calls, indices and members, summed over the open brackets: no tree is higher than this and the nesting. */
export const maxChain = 512;
export const maxName = 256;
export const maxDigits = 20;

/** One thing wrong with a text, as the arguments of `Report.error`. */
export type Problem = {
  readonly [C in keyof SyntaxMessages]: {
    readonly code: C;
    readonly span: Span;
    readonly args: Parameters<SyntaxMessages[C]>;
    readonly note?: { readonly span: Span; readonly text: string };
  };
}[keyof SyntaxMessages];

/** The first token that is wrong by itself. */
export const wrongToken = (tokens: readonly IToken[]): Problem | undefined => {
  for (const token of tokens) {
    const problem =
      checks.get(token.tokenType)?.(token) ?? (token.image.length > maxName ? longName(token) : undefined);
    if (problem) return problem;
  }
  return undefined;
};

const spanOf = (token: IToken): Span => ({ from: token.startOffset, to: t.endOf(token) });

const longName = (token: IToken): Problem | undefined =>
  token.tokenType === t.Identifier
    ? { code: "name-too-long", span: spanOf(token), args: [token.image.length, maxName] }
    : undefined;

const numeric = /^[0-9]+(_[0-9]+)*(\.[0-9]+(_[0-9]+)*)?([eE][+-]?[0-9]+)?$/;

const checks = new Map<TokenType, (token: IToken) => Problem | undefined>([
  [
    t.NumberToken,
    (token) => {
      const text = token.image.length > 40 ? `${token.image.slice(0, 40)}…` : token.image;
      if (!numeric.test(token.image)) return { code: "malformed-number", span: spanOf(token), args: [text] };
      const digits = token.image.replaceAll("_", "");
      const large = (limit: string): Problem => ({
        code: "number-too-large",
        span: spanOf(token),
        args: [text, limit],
      });
      if (/^[0-9]+$/.test(digits))
        return Number.isSafeInteger(Number(digits)) ? undefined : large("integers end at 2^53 - 1");
      if (!Number.isFinite(Number(digits))) return large("decimals end near 1.8e308");
      const written = digits.replace(/[eE].*|\./g, "");
      return written.length > maxDigits ? large(`decimals have at most ${maxDigits} digits`) : undefined;
    },
  ],
  [
    t.StringToken,
    (token) => {
      if (!token.image.includes("\\")) return undefined;
      for (const { 0: escape, index } of token.image.matchAll(/\\./g)) {
        if ('"\\nt'.includes(escape[1]!)) continue;
        const from = token.startOffset + index;
        return { code: "unknown-escape", span: { from, to: from + 2 }, args: [escape] };
      }
      return undefined;
    },
  ],
  [t.OpenString, (token) => ({ code: "unclosed-string", span: spanOf(token), args: [] })],
  [
    t.Unknown,
    (token) => {
      const character = String.fromCodePoint(token.image.codePointAt(0)!);
      const code = `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
      const span = { from: token.startOffset, to: token.startOffset + character.length };
      return { code: "unknown-character", span, args: [character, code, replacements[character]] };
    },
  ],
]);

/** What someone who typed this character may have meant. */
const replacements: Readonly<Record<string, string>> = {
  ";": "Statements need nothing between them: leave it out.",
  "#": "Comments begin with `//`.",
  "'": 'Strings stand in double quotes: `"`.',
  "“": 'Strings stand in straight double quotes: `"`.',
  "”": 'Strings stand in straight double quotes: `"`.',
  "&": "For masks write `and`.",
  "!": "For masks write `not`.",
  "^": "There is no power operator; multiply.",
  "@": "A product with a weight is `linear(x, w)`.",
  "<": "Sizes are not compared; `require(a, b)` asks for equal ones.",
  ">": "Sizes are not compared; `require(a, b)` asks for equal ones.",
};

/** How the brackets of a text match. */
export interface Brackets {
  /** the first point that is too deep or too long */
  readonly problem: Problem | undefined;
  /** the innermost bracket that is open where the brackets stop matching, or at the end of the text */
  readonly unclosed: IToken | undefined;
  /** the closing bracket that matches no opening one, if that is where they stop */
  readonly unlike: IToken | undefined;
}

const closing = new Map<TokenType, TokenType>([
  [t.LeftParen, t.RightParen],
  [t.LeftBracket, t.RightBracket],
  [t.LeftBrace, t.RightBrace],
]);
const closers = new Set(closing.values());
/** Tokens after which a new expression begins. */
const fresh = new Set([t.Comma, t.Colon, t.Equals, t.LeftArrow, t.RightArrow, t.Tilde]);
const isOf = (type: TokenType, category: TokenType): boolean =>
  category.categoryMatchesMap![type.tokenTypeIdx!] === true;
const isValue = (type: TokenType): boolean => type === t.NumberToken || type === t.StringToken || isOf(type, t.Plain);

/** Matches brackets, and counts nesting and chains, in one pass. */
export const measure = (tokens: readonly IToken[]): Brackets => {
  const open: { readonly token: IToken; readonly outer: number }[] = [];
  let chain = 0;
  let base = 0;
  let endsOperand = false;
  for (const token of tokens) {
    const type = token.tokenType;
    // two operands side by side belong to two statements
    if (endsOperand && isValue(type)) chain = base;
    endsOperand = isValue(type) || closers.has(type);
    if (closing.has(type)) {
      open.push({ token, outer: base });
      base = ++chain;
      if (open.length > maxNesting) return stop({ code: "too-deep", span: spanOf(token), args: [maxNesting] });
    } else if (closers.has(type)) {
      const last = open.pop();
      if (!last || closing.get(last.token.tokenType) !== type) {
        // a bracket that closes nothing says nothing of the one that is open
        const crossed = open.some((each) => closing.get(each.token.tokenType) === type);
        return { problem: undefined, unclosed: crossed ? last?.token : undefined, unlike: token };
      }
      chain = base;
      base = last.outer;
    } else if (fresh.has(type)) chain = base;
    else if (type === t.Dot || type === t.Not || isOf(type, t.InfixMark)) chain++;
    if (chain > maxChain) return stop({ code: "expression-too-long", span: spanOf(token), args: [maxChain] });
  }
  return { problem: undefined, unclosed: open.at(-1)?.token, unlike: undefined };
};

const stop = (problem: Problem): Brackets => ({ problem, unclosed: undefined, unlike: undefined });
