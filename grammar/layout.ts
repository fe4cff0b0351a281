// Lays tokens out in lines of at most 120 columns. It never adds, drops or reorders a token or a comment, so canonical
// text means what the text meant. Where lines break depends on the tokens and on what the tree says of them, never on the
// white space of the source, blank lines between statements aside: so the result is its own canonical text.

import type { IToken, TokenType } from "chevrotain";
import * as t from "./tokens.ts";

const width = 120;

export interface Page {
  readonly text: string;
  readonly tokens: readonly IToken[];
  readonly comments: readonly t.Comment[];
  /** offsets of the tokens that begin a line of their own: declarations, items, statements */
  readonly starts: ReadonlySet<number>;
  /** white space before a token, when it does not begin a line */
  readonly gap: (index: number) => string;
}

/** Brackets and what they hold; `hard` when it cannot be on one line. */
interface Group {
  readonly open: number;
  readonly close: number;
  readonly inside: readonly Tree[];
  readonly block: boolean;
  readonly hard: boolean;
}
/** A token, by index, or a group. */
type Tree = number | Group;

const opening = new Set<TokenType>([t.LeftParen, t.LeftBracket, t.LeftBrace]);
const closing = new Set<TokenType>([t.RightParen, t.RightBracket, t.RightBrace]);
const isInfix = (token: IToken): boolean => t.InfixMark.categoryMatchesMap![token.tokenTypeIdx] === true;

export const layOut = (page: Page): string => {
  const { text, tokens, starts, gap } = page;
  const gaps = tokens.map((_, index) => gap(index));
  /** column of each token if all stood on one line */
  const flat: number[] = [];
  tokens.reduce((column, token, index) => {
    flat.push(column + gaps[index]!.length);
    return flat[index]! + token.image.length;
  }, 0);
  const before = commentsBefore(page);
  const pen = new Pen();

  const beginsLine = (tree: Tree): boolean => starts.has(tokens[firstOf(tree)]!.startOffset);
  const endColumn = (tree: Tree): number => {
    const last = typeof tree === "number" ? tree : tree.hard ? tree.open : tree.close;
    return flat[last]! + tokens[last]!.image.length;
  };
  /** Columns of some trees on one line; a hard group counts up to its opening bracket. */
  const columns = (trees: readonly Tree[]): number =>
    trees.reduce<number>((sum, tree) => sum + gaps[firstOf(tree)]!.length + endColumn(tree) - flat[firstOf(tree)]!, 0);

  const blankBetween = (from: number, to: number): boolean => (text.slice(from, to).match(/\n/g)?.length ?? 0) > 1;

  /** The comments before a token, then, with `blanks`, the blank line that parts the token from them. */
  const comments = (index: number, indent: number, blanks: boolean): void => {
    const previous = tokens[index - 1];
    let from = previous ? t.endOf(previous) : 0;
    let first = previous === undefined || previous.tokenType === t.LeftBrace;
    for (const comment of before.get(index) ?? []) {
      const beside = previous !== undefined && from === t.endOf(previous) && !text.slice(from, comment.from).includes("\n");
      if (beside) pen.write(` ${comment.text.trimEnd()}`);
      else pen.line(indent, blanks && !first && blankBetween(from, comment.from)).write(comment.text.trimEnd());
      pen.end();
      first = false;
      from = comment.from + comment.text.length;
    }
    const token = tokens[index];
    if (blanks && !first && token && starts.has(token.startOffset) && blankBetween(from, token.startOffset)) pen.blank();
  };

  const put = (index: number, indent: number): void => {
    if (pen.ended) pen.line(indent, false);
    else pen.write(gaps[index]!);
    pen.write(tokens[index]!.image);
  };

  const putFlat = (tree: Tree): void => {
    if (typeof tree === "number") return put(tree, 0);
    put(tree.open, 0);
    tree.inside.forEach(putFlat);
    put(tree.close, 0);
  };

  const putGroup = (group: Group, outer: number, after: number): void => {
    const room = width - pen.column - gaps[group.open]!.length;
    if (!group.hard && !pen.ended && endColumn(group) - flat[group.open]! + after <= room) return putFlat(group);
    put(group.open, outer);
    const indent = group.block ? outer : pen.indent;
    for (const element of elements(group.inside, group.block)) {
      comments(firstOf(element[0]!), indent + 2, true);
      pen.end();
      sequence(element, indent + 2);
    }
    comments(group.close, indent + 2, true);
    pen.end();
    put(group.close, indent);
  };

  /** What is parted by lines: statements of a block, else what commas and the entries of a noise part. */
  const elements = (trees: readonly Tree[], block: boolean): Tree[][] => {
    const parts: Tree[][] = [];
    let part: Tree[] = [];
    for (const tree of trees) {
      const begins = block ? beginsLine(tree) : gaps[firstOf(tree)]! === entryGap;
      if (begins && part.length > 0) parts.push(part.splice(0));
      part.push(tree);
      if (!block && typeof tree === "number" && tokens[tree]!.tokenType === t.Comma) parts.push(part.splice(0));
    }
    if (part.length > 0) parts.push((part = [...part]));
    return parts;
  };

  /** One statement or element. If it is too wide, it breaks after its commas, before its operators, or within brackets. */
  const sequence = (trees: readonly Tree[], indent: number): void => {
    const fits = indent + columns(trees) <= width;
    const isToken = (tree: Tree, type: TokenType): boolean => typeof tree === "number" && tokens[tree]!.tokenType === type;
    const isOperator = (tree: Tree, at: number): boolean =>
      typeof tree === "number" && isInfix(tokens[tree]!) && at > 0 && gaps[tree] !== "";
    const until = (at: number, ends: (tree: Tree, at: number) => boolean): Tree[] => {
      let end = at;
      while (end < trees.length && !ends(trees[end]!, end)) end++;
      return trees.slice(at, end);
    };
    trees.forEach((tree, at) => {
      const inner = at === 0 ? indent : indent + 2;
      if (at > 0) comments(firstOf(tree), inner, false);
      if (!fits && isOperator(tree, at) && !pen.ended) {
        const segment = [tree, ...until(at + 1, isOperator)];
        if (pen.column + columns(segment) > width && indent + 2 + columns(segment) <= width) pen.end();
      }
      if (typeof tree !== "number") {
        const rest = until(at + 1, (next, index) => typeof next !== "number" || (!fits && isOperator(next, index)));
        return putGroup(tree, tree.block ? indent : inner, columns(rest));
      }
      put(tree, inner);
      if (!fits && isToken(tree, t.Comma)) pen.end();
    });
  };

  for (const element of elements(treesOf(tokens, starts, before), true)) {
    comments(firstOf(element[0]!), 0, true);
    pen.end();
    sequence(element, 0);
  }
  comments(tokens.length, 0, true);
  return pen.text();
};

/** The gap between the entries of a noise statement, which nothing else parts. */
export const entryGap = "   ";

const firstOf = (tree: Tree): number => (typeof tree === "number" ? tree : tree.open);

const commentsBefore = ({ tokens, comments }: Page): Map<number, t.Comment[]> => {
  const before = new Map<number, t.Comment[]>();
  let index = 0;
  for (const comment of comments) {
    while (index < tokens.length && tokens[index]!.startOffset < comment.from) index++;
    before.set(index, [...(before.get(index) ?? []), comment]);
  }
  return before;
};

const treesOf = (tokens: readonly IToken[], starts: Page["starts"], comments: ReadonlyMap<number, unknown>): Tree[] => {
  let next = 0;
  const inside = (): Tree[] => {
    const trees: Tree[] = [];
    while (next < tokens.length && !closing.has(tokens[next]!.tokenType)) trees.push(tree());
    return trees;
  };
  const tree = (): Tree => {
    const open = next++;
    if (!opening.has(tokens[open]!.tokenType)) return open;
    const held = inside();
    const close = next++;
    const block = held.some((each) => starts.has(tokens[firstOf(each)]!.startOffset));
    const commented = comments.has(close) || held.some((each) => comments.has(firstOf(each)));
    const hard = block || commented || held.some((each) => typeof each !== "number" && each.hard);
    return { open, close, inside: held, block, hard };
  };
  return inside();
};

/** Writes lines; `end` promises a line break before whatever comes next. */
class Pen {
  ended = true;
  indent = 0;
  private readonly lines: string[] = [];
  private current: string | undefined;
  private blankNext = false;

  get column(): number {
    return this.current?.length ?? 0;
  }
  write(text: string): this {
    this.current = (this.current ?? "") + text;
    return this;
  }
  end(): void {
    this.ended = true;
  }
  blank(): void {
    this.blankNext = true;
  }
  line(indent: number, blank: boolean): this {
    this.flush();
    if (blank || this.blankNext) this.lines.push("");
    this.blankNext = false;
    this.ended = false;
    this.indent = indent;
    this.current = " ".repeat(indent);
    return this;
  }
  text(): string {
    this.flush();
    return this.lines.map((line) => `${line}\n`).join("");
  }
  private flush(): void {
    if (this.current !== undefined) this.lines.push(this.current);
    this.current = undefined;
  }
}
