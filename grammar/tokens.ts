// The words and marks of Graft, and the lexer. Every word that begins a statement is a token of its own but stays
// usable as a name: `Word` matches any word, `Plain` any but the operators. The lexer is one regular expression that
// cannot backtrack across tokens, and it never fails: what is no token becomes one that `limits.ts` complains about.

import { createToken, Lexer, type IToken, type TokenType } from "chevrotain";

const token = (name: string, label: string, ...categories: TokenType[]): TokenType =>
  createToken({ name, label, pattern: Lexer.NA, categories });

/** Anything but braces, for the bodies of later statements, which are skipped. */
export const Inner = token("Inner", "a word or mark");
/** Any word: labels, members, declared names. */
export const Word = token("Word", "a name", Inner);
/** Any word that is not an operator: what may stand alone in an expression. */
export const Plain = token("Plain", "a name", Word);
/** `select`, `joint`, `count`, `axes`: the words that take arms. */
export const ArmsWord = token("ArmsWord", "`select` or `joint`", Plain);
/** `part`, `block`, `tower` */
export const Role = token("Role", "`part`, `block` or `tower`", Plain);
/** Operators between two operands. */
export const InfixMark = token("InfixMark", "an operator", Inner);
/** `and`, `or`, `is`, `before`, `sees`: operators that are words, so they are names elsewhere. */
export const InfixWord = token("InfixWord", "an operator", InfixMark, Word);

export const Identifier = token("Identifier", "a name", Plain);

const keywords = new Map<string, TokenType>();
const word = (text: string, ...categories: TokenType[]): TokenType => {
  const type = token(`${text[0]!.toUpperCase()}${text.slice(1)}Word`, `\`${text}\``, ...categories);
  keywords.set(text, type);
  return type;
};

export const Import = word("import", Plain);
export const From = word("from", Plain);
export const Part = word("part", Role);
export const Block = word("block", Role);
export const Tower = word("tower", Role);
export const Contract = word("contract", Plain);
export const Model = word("model", Plain);
export const Weight = word("weight", Plain);
export const Layers = word("layers", Plain);
export const Checkpoint = word("checkpoint", Plain);
export const Ignore = word("ignore", Plain);
export const Require = word("require", Plain);
export const Modality = word("modality", Plain);
export const SpanWord = word("span", Plain);
export const Group = word("group", Plain);
export const Input = word("input", Plain);
export const Per = word("per", Plain);
export const Let = word("let", Plain);
export const Freeze = word("freeze", Plain);
export const Train = word("train", Plain);
export const Embed = word("embed", Plain);
export const Mask = word("mask", Plain);
export const Position = word("position", Plain);
export const Noise = word("noise", Plain);
export const Given = word("given", Plain);
export const Drawn = word("drawn", Plain);
export const After = word("after", Plain);
export const Head = word("head", Plain);
export const Guide = word("guide", Plain);
export const Loss = word("loss", Plain);
export const Session = word("session", Plain);
export const Precision = word("precision", Plain);
export const Quantize = word("quantize", Plain);
export const Codec = word("codec", Plain);
export const When = word("when", Plain);
export const Aside = word("aside", Plain);
export const Rows = word("rows", Plain);
export const Grid = word("grid", Plain);
export const Select = word("select", ArmsWord);
export const Joint = word("joint", ArmsWord);
export const Count = word("count", ArmsWord);
export const Axes = word("axes", ArmsWord);
export const And = word("and", InfixWord);
export const Or = word("or", InfixWord);
export const Is = word("is", InfixWord);
export const Before = word("before", InfixWord);
export const Sees = word("sees", InfixWord);
export const Not = word("not", Word);
export const With = word("with", Word);
export const If = word("if", Word);
export const In = word("in", Word);

const marks = new Map<string, TokenType>();
const mark = (text: string, name: string, ...categories: TokenType[]): TokenType => {
  const type = token(name, `\`${text}\``, ...categories);
  marks.set(text, type);
  return type;
};

export const StarStar = mark("**", "StarStar", Inner);
export const Range = mark("..", "Range", InfixMark);
export const LeftArrow = mark("<-", "LeftArrow", Inner);
export const RightArrow = mark("->", "RightArrow", Inner);
export const Plus = mark("+", "Plus", InfixMark);
export const Minus = mark("-", "Minus", InfixMark);
export const Star = mark("*", "Star", InfixMark);
export const Slash = mark("/", "Slash", InfixMark);
export const Bar = mark("|", "Bar", InfixMark);
export const Dot = mark(".", "Dot", Inner);
export const Comma = mark(",", "Comma", Inner);
export const Colon = mark(":", "Colon", Inner);
export const Equals = mark("=", "Equals", Inner);
export const Tilde = mark("~", "Tilde", Inner);
export const Question = mark("?", "Question", Inner);
export const LeftParen = mark("(", "LeftParen", Inner);
export const RightParen = mark(")", "RightParen", Inner);
export const LeftBracket = mark("[", "LeftBracket", Inner);
export const RightBracket = mark("]", "RightBracket", Inner);
export const LeftBrace = mark("{", "LeftBrace");
export const RightBrace = mark("}", "RightBrace");

/** Whatever starts with a digit; `limits.ts` says whether it is a number. `8..64` is three tokens. */
export const NumberToken = token("NumberToken", "a number", Inner);
export const StringToken = token("StringToken", "a string", Inner);
/** A string without its closing quote on its line: an error. */
export const OpenString = token("OpenString", "a string");
/** Characters that begin no token: an error. */
export const Unknown = token("Unknown", "a character");

/** All token types, as the parser wants them. */
export const vocabulary: TokenType[] = [
  Inner,
  Word,
  Plain,
  ArmsWord,
  Role,
  InfixMark,
  InfixWord,
  ...keywords.values(),
  ...marks.values(),
  Identifier,
  NumberToken,
  StringToken,
  OpenString,
  Unknown,
];

/** Groups: comment, word, number, closed string, open string, mark, anything else. White space has none. */
const pattern = new RegExp(
  [
    /\s+/,
    /(\/\/[^\n\r]*)/,
    /([A-Za-z_][A-Za-z0-9_]*)/,
    /([0-9](?:[eE][+-][0-9]|[0-9A-Za-z_]|\.[0-9])*)/,
    /("[^"\\\n\r]*(?:\\[^\n\r][^"\\\n\r]*)*")/,
    /("[^\n\r]*)/,
    /(\*\*|\.\.|<-|->|[-+*/|.,:=~?()[\]{}])/,
    /([^\s"-~]+|[^])/,
  ]
    .map((part) => part.source)
    .join("|"),
  "y",
);

export interface Comment {
  /** with its slashes */
  readonly text: string;
  readonly from: number;
}
export interface Lexed {
  readonly tokens: IToken[];
  /** `//` and `///` comments, in order */
  readonly comments: readonly Comment[];
}

export const lex = (text: string): Lexed => {
  const tokens: IToken[] = [];
  const comments: Comment[] = [];
  pattern.lastIndex = 0;
  for (let from = 0; from < text.length; from = pattern.lastIndex) {
    const [image, comment, name, number, string, open, sign, other] = pattern.exec(text)!;
    const add = (type: TokenType): unknown =>
      tokens.push({ image, startOffset: from, tokenType: type, tokenTypeIdx: type.tokenTypeIdx! });
    if (name !== undefined) add(keywords.get(name) ?? Identifier);
    else if (sign !== undefined) add(marks.get(sign)!);
    else if (number !== undefined) add(NumberToken);
    else if (string !== undefined) add(StringToken);
    else if (comment !== undefined) comments.push({ text: comment, from });
    else if (open !== undefined) add(OpenString);
    else if (other !== undefined) add(Unknown);
  }
  return { tokens, comments };
};

/** Offset after a token; the end of file, which has no offset, stands at the end of the text. */
export const endOf = (token: IToken): number => token.startOffset + token.image.length;
