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

export const layOut = (page: Page): string => new Layout(page).write();

class Layout {
  private readonly page: Page;
  private readonly tokens: readonly IToken[];
  private readonly gaps: readonly string[];
  /** column of each token if all stood on one line */
  private readonly flat: number[] = [];
  private readonly commentsBefore: ReadonlyMap<number, readonly t.Comment[]>;
  private readonly pen = new Pen();

  constructor(page: Page) {
    this.page = page;
    this.tokens = page.tokens;
    this.gaps = page.tokens.map((_, index) => page.gap(index));
    this.commentsBefore = commentsBefore(page);
    let column = 0;
    page.tokens.forEach((token, index) => {
      this.flat.push(column + this.gaps[index]!.length);
      column = this.flat[index]! + token.image.length;
    });
  }

  write(): string {
    const trees = treesOf(this.tokens, this.page.starts, this.commentsBefore);
    for (const element of this.elements(trees, true)) this.element(element, 0);
    this.comments(this.tokens.length, 0, true);
    return this.pen.text();
  }

  private element(trees: readonly Tree[], indent: number): void {
    this.comments(firstOf(trees[0]!), indent, true);
    this.pen.end();
    this.sequence(trees, indent);
  }

  /** What is parted by lines: statements of a block, else what commas and the entries of a noise part. */
  private elements(trees: readonly Tree[], block: boolean): Tree[][] {
    const parts: Tree[][] = [];
    let part: Tree[] = [];
    const end = (): void => {
      if (part.length > 0) parts.push(part);
      part = [];
    };
    for (const tree of trees) {
      const first = firstOf(tree);
      if (block ? this.page.starts.has(this.tokens[first]!.startOffset) : this.gaps[first] === entryGap) end();
      part.push(tree);
      if (!block && this.isComma(tree)) end();
    }
    end();
    return parts;
  }

  /** One statement or element. If it is too wide, it breaks after its commas, before its operators, or within brackets. */
  private sequence(trees: readonly Tree[], indent: number): void {
    const { pen } = this;
    const fits = indent + this.columns(trees) <= width;
    const breaksBefore = (tree: Tree, at: number): boolean => !fits && at > 0 && this.isOperator(tree);
    const until = (at: number, ends: (tree: Tree, at: number) => boolean): Tree[] => {
      let end = at;
      while (end < trees.length && !ends(trees[end]!, end)) end++;
      return trees.slice(at, end);
    };
    trees.forEach((tree, at) => {
      const inner = at === 0 ? indent : indent + 2;
      if (at > 0) this.comments(firstOf(tree), inner, false);
      if (breaksBefore(tree, at) && !pen.ended) {
        const segment = this.columns([tree, ...until(at + 1, breaksBefore)]);
        if (pen.column + segment > width && indent + 2 + segment <= width) pen.end();
      }
      if (typeof tree === "number") {
        this.token(tree, inner);
        if (!fits && this.isComma(tree)) pen.end();
      } else {
        const rest = until(at + 1, (next, index) => typeof next !== "number" || breaksBefore(next, index));
        this.group(tree, tree.block ? indent : inner, this.columns(rest));
      }
    });
  }

  /** Brackets on one line if they fit with the `after` columns that must follow them there; else one element a line. */
  private group(group: Group, outer: number, after: number): void {
    const { pen, flat } = this;
    const column = pen.ended ? outer : pen.column + this.gaps[group.open]!.length;
    if (!group.hard && column + this.endColumn(group) - flat[group.open]! + after <= width)
      return this.onOneLine(group, outer);
    this.token(group.open, outer);
    const indent = group.block ? outer : pen.indent;
    for (const element of this.elements(group.inside, group.block)) this.element(element, indent + 2);
    this.comments(group.close, indent + 2, true);
    pen.end();
    this.token(group.close, indent);
  }

  private onOneLine({ open, close }: Group, indent: number): void {
    for (let index = open; index <= close; index++) this.token(index, indent);
  }

  private token(index: number, indent: number): void {
    if (this.pen.ended) this.pen.line(indent, false);
    else this.pen.write(this.gaps[index]!);
    this.pen.write(this.tokens[index]!.image);
  }

  /** The comments before a token. With `blanks` they, and the token if it begins a line, keep a blank line before them. */
  private comments(index: number, indent: number, blanks: boolean): void {
    const { pen, tokens } = this;
    const { text, starts } = this.page;
    const previous = tokens[index - 1];
    const isBlank = (from: number, to: number): boolean =>
      blanks && (text.slice(from, to).match(/\n/g)?.length ?? 0) > 1;
    let from = previous ? t.endOf(previous) : 0;
    let first = previous === undefined || previous.tokenType === t.LeftBrace;
    for (const comment of this.commentsBefore.get(index) ?? []) {
      const beside =
        previous !== undefined && from === t.endOf(previous) && !text.slice(from, comment.from).includes("\n");
      if (beside) pen.write(` ${comment.text.trimEnd()}`);
      else pen.line(indent, !first && isBlank(from, comment.from)).write(comment.text.trimEnd());
      pen.end();
      first = false;
      from = comment.from + comment.text.length;
    }
    const token = tokens[index];
    if (!first && token && starts.has(token.startOffset) && isBlank(from, token.startOffset)) pen.blank();
  }

  /** Columns of some trees on one line; a hard group counts up to its opening bracket. */
  private columns(trees: readonly Tree[]): number {
    const one = (tree: Tree): number =>
      this.gaps[firstOf(tree)]!.length + this.endColumn(tree) - this.flat[firstOf(tree)]!;
    return trees.reduce<number>((sum, tree) => sum + one(tree), 0);
  }

  private endColumn(tree: Tree): number {
    const last = typeof tree === "number" ? tree : tree.hard ? tree.open : tree.close;
    return this.flat[last]! + this.tokens[last]!.image.length;
  }

  private isComma(tree: Tree): boolean {
    return typeof tree === "number" && this.tokens[tree]!.tokenType === t.Comma;
  }

  private isOperator(tree: Tree): boolean {
    return typeof tree === "number" && isInfix(this.tokens[tree]!) && this.gaps[tree] !== "";
  }
}

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
