// From an exception of the parser to one problem in our own words. The parser's messages are only the phrase for what
// was expected; this file adds after what, what was found instead, and the mistakes that deserve a sentence of their own.

import { type IParserErrorMessageProvider, type IRecognitionException, type IToken, tokenLabel } from "chevrotain";
import type { Span } from "./ast.ts";
import type { Brackets, Problem } from "./limits.ts";
import { nearest } from "./nearest.ts";
import { matches } from "./parser/expressions.ts";
import * as t from "./tokens.ts";

/** Gives the phrase for what was expected; rules override it with `ERR_MSG`. */
export const expectations: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => tokenLabel(expected),
  buildNotAllInputParsedMessage: () => "a declaration",
  buildNoViableAltMessage: ({ expectedPathsPerAlt, customUserDescription }) =>
    customUserDescription ?? oneOf(expectedPathsPerAlt.flat()),
  buildEarlyExitMessage: ({ expectedIterationPaths, customUserDescription }) =>
    customUserDescription ?? oneOf(expectedIterationPaths),
};

const oneOf = (paths: readonly (readonly { LABEL?: string; name: string }[])[]): string => {
  const labels = [...new Set(paths.flatMap(([first]) => (first ? [first.LABEL ?? first.name] : [])))];
  return labels.length < 2 ? labels.join("") : `${labels.slice(0, -1).join(", ")} or ${labels.at(-1)}`;
};

/** What may stand in a block, by the rule that reads it. */
interface BlockKind {
  readonly where: string;
  readonly one: string;
  readonly words: readonly string[];
}
const loop: BlockKind = {
  where: "in layers",
  one: "a statement",
  words: ["weight", "part", "let", "layers", "when"],
};
const blocks: Readonly<Record<string, BlockKind>> = {
  file: {
    where: "at the top of a file",
    one: "a declaration",
    words: ["import", "part", "block", "tower", "contract", "model"],
  },
  template: {
    where: "in a part, block or tower",
    one: "an item",
    words: ["weight", "layers", "part", "checkpoint", "require"],
  },
  model: {
    where: "in a model",
    one: "a statement",
    words: (
      "modality group input let part weight freeze train embed layers mask position noise head guide loss session " +
      "precision quantize codec when"
    ).split(" "),
  },
  loop,
  checkpoint: { where: "in a checkpoint", one: "an entry", words: ["ignore"] },
  noise: { where: "in a noise statement", one: "an entry", words: ["given", "drawn", "after"] },
};
const { file, template, model } = blocks as Record<"file" | "template" | "model", BlockKind>;
/** Where a word of one block belongs, for one who wrote it in another. */
const homes: readonly (readonly [words: readonly string[], belongs: string])[] = [
  [["import"], "at the top of a file, before all declarations"],
  [["block", "tower", "contract", "model"], file.where],
  [["checkpoint", "require"], template.where],
  [["weight"], "in a part, block, tower, model or its layers"],
  [model.words.filter((word) => !template.words.includes(word)), model.where],
];

export interface Context {
  readonly text: string;
  readonly tokens: readonly IToken[];
  readonly brackets: Brackets;
}

/** The problem behind the first exception of the parser. */
export const explain = (error: IRecognitionException, context: Context): Problem => {
  const at = indexOf(context.tokens, error.token);
  const before = context.tokens[at - 1];
  const token = context.tokens[at];
  const rules = error.context.ruleStack;
  return (
    unclosed(token, context) ??
    (token && blockProblem(rules.at(-1) ?? "file", error, { token, before, next: context.tokens[at + 1] })) ??
    (token && missingResult(rules, token, before)) ??
    (token && reserved(error.message, token)) ?? {
      code: "expected",
      span: spanOf(token, context.text),
      args: [error.message, afterPhrase(context.tokens, at), found(token), helpFor(error, token, before)],
    }
  );
};

interface Around {
  readonly token: IToken;
  readonly before: IToken | undefined;
  readonly next: IToken | undefined;
}

const tokenSpan = (token: IToken): Span => ({ from: token.startOffset, to: t.endOf(token) });

const indexOf = (tokens: readonly IToken[], token: IToken): number => {
  const at = tokens.indexOf(token);
  return at < 0 ? tokens.length : at;
};

/** The end of the file is marked at the end of its text. */
const spanOf = (token: IToken | undefined, text: string): Span =>
  token ? tokenSpan(token) : { from: text.trimEnd().length, to: text.trimEnd().length };

const found = (token: IToken | undefined): string => {
  if (!token) return "the end of the file";
  const { image } = token;
  const text = image.length > 40 ? `${image.slice(0, 40)}…` : image;
  return token.tokenType === t.StringToken ? `the string ${text}` : `\`${text}\``;
};

/** An error at the end of the file, or at a closing bracket of the wrong kind, is a bracket that was not closed. */
const unclosed = (token: IToken | undefined, { brackets, text }: Context): Problem | undefined => {
  const open = brackets.unclosed;
  if (!open || token !== brackets.unlike) return undefined;
  const span = spanOf(open, text);
  const note = { span: spanOf(token, text), text: token ? "it should be closed before this" : "the file ends here" };
  return { code: "unclosed-bracket", span, args: [open.image, found(token)], note };
};

/** Rules that read one statement of a block, by the rule of the block. */
const blockOf: Readonly<Record<string, string>> = {
  declaration: "file",
  item: "template",
  statement: "model",
  loopStatement: "loop",
  checkpointEntry: "checkpoint",
  noiseEntry: "noise",
};
/** What follows the words that take no name. */
const follows: Readonly<Record<string, string>> = {
  mask: "`=`",
  position: "`=`",
  session: "`=`",
  require: "`(`",
  ignore: "a string",
  when: "a condition",
};

/** A word that begins nothing where a statement should begin, or is not followed by what it takes. */
const blockProblem = (
  rule: string,
  error: IRecognitionException,
  { token, next, before }: Around,
): Problem | undefined => {
  const block = blocks[blockOf[rule] ?? rule];
  const atStart = block && (rule in blockOf || error.message === "`}`" || error.message === "a declaration");
  if (!atStart) return undefined;
  const span = tokenSpan(token);
  const { image } = token;
  if (!matches(token, t.Word)) {
    const close = block === file ? "" : " or `}`";
    const after = before ? ` after ${found(before)}` : "";
    const help =
      token.tokenType === t.Equals && before && matches(before, t.Word)
        ? `${found(before)} was read as the end of what stands before it: is something missing there?`
        : undefined;
    return { code: "expected", span, args: [`${block.one}${close}`, after, found(token), help] };
  }
  if (block === blocks["checkpoint"] && next && !matches(next, t.Word) && image !== "ignore") {
    return {
      code: "expected",
      span: tokenSpan(next),
      args: ["`<-` and a key of the file", ` after ${found(token)}`, found(next)],
    };
  }
  if (block === file && image === "import")
    return { code: "misplaced", span, args: [image, "after a declaration", homes[0]![1]] };
  if (block.words.includes(image) && next) {
    const wanted = image === "layers" && block === template ? "`:`" : (follows[image] ?? "a name");
    return { code: "expected", span: tokenSpan(next), args: [wanted, ` after ${found(token)}`, found(next)] };
  }
  const home = homes.find(([words]) => words.includes(image));
  if (home) return { code: "misplaced", span, args: [image, block.where, home[1]] };
  return { code: "unknown-statement", span, args: [image, block.where, nearest(image, block.words), block.words] };
};

const missingResult = (rules: readonly string[], token: IToken, before: IToken | undefined): Problem | undefined => {
  const inBody = rules.lastIndexOf("body");
  const justBegun = rules.slice(inBody + 1).every((rule) => rule === "expression" || rule === "operand");
  if (inBody < 0 || !justBegun || token.tokenType !== t.RightBrace || (before && before.tokenType === t.Equals))
    return undefined;
  return before && t.InfixMark.categoryMatchesMap![before.tokenTypeIdx]
    ? undefined
    : { code: "missing-result", span: tokenSpan(token), args: [] };
};

const reserved = (expected: string, token: IToken): Problem | undefined => {
  const isOperator = matches(token, t.Word) && !matches(token, t.Plain);
  if (!isOperator || !(expected === "an expression" || expected === "a name")) return undefined;
  return { code: "reserved-word", span: tokenSpan(token), args: [token.image] };
};

/** `" after the tower's name `Llama`"` */
const afterPhrase = (tokens: readonly IToken[], at: number): string => {
  const before = tokens[at - 1];
  if (!before) return "";
  const declares = tokens[at - 2];
  const named = declares && matches(before, t.Word) && declaring.has(declares.image) && matches(declares, t.Word);
  return named ? ` after the ${declares.image}'s name ${found(before)}` : ` after ${found(before)}`;
};
const declaring = new Set([
  "part",
  "block",
  "tower",
  "contract",
  "model",
  "weight",
  "modality",
  "group",
  "input",
  "checkpoint",
]);

const helpFor = (
  error: IRecognitionException,
  token: IToken | undefined,
  before: IToken | undefined,
): string | undefined => {
  const closes = token && [t.RightParen, t.RightBracket, t.RightBrace].includes(token.tokenType);
  if (before?.tokenType === t.Comma && closes) return "A list does not end with a comma: leave it out.";
  if (token?.tokenType === t.Equals && before?.tokenType === t.Equals)
    return "There is no `==`; sizes are compared with `require(a, b)`.";
  if (token?.tokenType === t.StarStar) return "There is no power operator; multiply.";
  if (token?.tokenType === t.Equals && error.message.includes("`)`"))
    return "An argument is labelled with a colon: `f(label: value)`.";
  if (error.context.ruleStack.at(-1) === "loop" && error.message === "`in`")
    return "Layers have a name: `layers NAME l in LIST { ... }`.";
  return undefined;
};
