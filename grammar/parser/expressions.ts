// The grammar of names, expressions, shapes and paths. A rule only assembles its node, and its span from tokens; it looks
// into no node that another rule returned, because chevrotain records each rule once with dummies.

import { EmbeddedActionsParser, type IParserConfig, type IToken, type ParserMethod, type TokenType } from "chevrotain";
import type {
  Argument,
  Arm,
  Binding,
  Expr,
  ExprOf,
  Glob,
  GlobStep,
  Name,
  NumberLiteral,
  Shape,
  Span,
  StringLiteral,
} from "../ast.ts";
import * as t from "../tokens.ts";
import { type Link, treeOf } from "./infix.ts";

export const spanOf = (first: IToken, last: IToken = first): Span => ({ from: first.startOffset, to: t.endOf(last) });
export const nameOf = (token: IToken): Name => ({ text: token.image, span: spanOf(token) });
export const referenceOf = (token: IToken): Expr => ({ kind: "reference", name: token.image, span: spanOf(token) });

export const commaOr = (close: string): { readonly ERR_MSG: string } => ({ ERR_MSG: `\`,\` or \`${close}\`` });
const anExpression = "an expression";

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t" };

export class Expressions extends EmbeddedActionsParser {
  constructor(config: IParserConfig) {
    super(t.vocabulary, config);
  }

  /** The span from a token to the last one consumed. */
  protected since(first: IToken): Span {
    return spanOf(first, this.LA(0));
  }

  readonly expression = this.RULE("expression", (): Expr => {
    const chain: Link[] = [];
    this.MANY(() => chain.push(this.SUBRULE(this.prefix)));
    chain.push(this.SUBRULE(this.operand));
    this.MANY2(() => {
      chain.push({ kind: "operator", prefix: false, token: this.CONSUME(t.InfixMark) });
      this.MANY3(() => chain.push(this.SUBRULE2(this.prefix)));
      chain.push(this.SUBRULE2(this.operand));
    });
    return this.ACTION(() => (chain.length === 1 ? (chain[0] as Expr) : treeOf(chain)));
  });

  private readonly prefix = this.RULE("prefix", (): Link => {
    const token = this.OR([{ ALT: () => this.CONSUME(t.Minus) }, { ALT: () => this.CONSUME(t.Not) }]);
    return { kind: "operator", prefix: true, token };
  });

  /** A primary with the calls, indices and members after it. */
  private readonly operand = this.RULE("operand", (): Expr => {
    const first = this.LA(1);
    let of = this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.arms) },
        { ALT: () => referenceOf(this.CONSUME(t.Plain)) },
        { ALT: () => this.SUBRULE(this.numberLiteral) },
        { ALT: () => this.SUBRULE(this.stringLiteral) },
        { ALT: () => this.SUBRULE(this.parenthesis) },
        { ALT: () => this.SUBRULE(this.list) },
      ],
      ERR_MSG: anExpression,
      IGNORE_AMBIGUITIES: true,
    });
    this.MANY({
      GATE: () => !isLiteral(first) && !this.startsDestructuring(),
      DEF: () => {
        of = this.OR1([
          { ALT: () => this.call(first, of) },
          { ALT: () => this.index(first, of) },
          { ALT: () => this.member(first, of) },
        ]);
      },
    });
    return of;
  });

  private call(first: IToken, callee: Expr): Expr {
    const args: Argument[] = [];
    this.CONSUME(t.LeftParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => args.push(this.SUBRULE(this.argument)) });
    this.CONSUME(t.RightParen, commaOr(")"));
    return { kind: "call", callee, arguments: args, span: this.since(first) };
  }

  private index(first: IToken, of: Expr): Expr {
    const indices: Expr[] = [];
    this.CONSUME(t.LeftBracket);
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => indices.push(this.SUBRULE1(this.expression)),
      ERR_MSG: anExpression,
    });
    this.CONSUME(t.RightBracket, commaOr("]"));
    return { kind: "index", of, indices, span: this.since(first) };
  }

  private member(first: IToken, of: Expr): Expr {
    this.CONSUME(t.Dot);
    const name = nameOf(this.CONSUME(t.Word));
    return { kind: "member", of, name, span: this.since(first) };
  }

  private readonly argument = this.RULE("argument", (): Argument => {
    const label = this.OPTION(() => {
      const name = nameOf(this.CONSUME(t.Word));
      this.CONSUME(t.Colon);
      return name;
    });
    return { label, value: this.SUBRULE(this.expression) };
  });

  readonly numberLiteral: ParserMethod<[], NumberLiteral> = this.RULE("number", (): NumberLiteral => {
    const token = this.CONSUME(t.NumberToken);
    return { kind: "number", value: Number(token.image.replaceAll("_", "")), text: token.image, span: spanOf(token) };
  });

  readonly stringLiteral: ParserMethod<[], StringLiteral> = this.RULE("string", (): StringLiteral => {
    const token = this.CONSUME(t.StringToken);
    const value = token.image.slice(1, -1).replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter);
    return { kind: "string", value, span: spanOf(token) };
  });

  /** `(a + b)`: the expression, its span with the parentheses; `(a, b)`: a tuple. */
  private readonly parenthesis = this.RULE("parenthesis", (): Expr => {
    const items: Expr[] = [];
    const open = this.CONSUME(t.LeftParen);
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => items.push(this.SUBRULE(this.expression)),
      ERR_MSG: anExpression,
    });
    const span = spanOf(open, this.CONSUME(t.RightParen, commaOr(")")));
    return items.length === 1 ? { ...items[0]!, span } : { kind: "tuple", items, span };
  });

  private readonly list = this.RULE("list", (): Expr => {
    const items: Expr[] = [];
    const open = this.CONSUME(t.LeftBracket);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => items.push(this.SUBRULE(this.expression)) });
    return { kind: "list", items, span: spanOf(open, this.CONSUME(t.RightBracket, commaOr("]"))) };
  });

  /** `select { und: a, image.patch: b }` */
  private readonly arms = this.RULE("arms", (): Expr => {
    const arms: Arm[] = [];
    const name = this.CONSUME(t.ArmsWord);
    this.CONSUME(t.LeftBrace);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => arms.push(this.SUBRULE(this.arm)) });
    return { kind: "arms", name: nameOf(name), arms, span: spanOf(name, this.CONSUME(t.RightBrace, commaOr("}"))) };
  });

  private readonly arm = this.RULE("arm", (): Arm => {
    const state = this.OPTION({
      GATE: () => this.isPlain(this.LA(2)),
      DEF: () => this.OR([{ ALT: () => this.CONSUME(t.Given) }, { ALT: () => this.CONSUME(t.Drawn) }]),
    });
    const kinds = this.SUBRULE(this.expression);
    this.CONSUME(t.Colon, { ERR_MSG: "`:` and the arm's value" });
    const value = this.SUBRULE1(this.expression);
    return { state: state?.image as Arm["state"], kinds, value };
  });

  /** `[heads * head_dim, D]`, and `grid [C, H, W]` where `grid` is allowed. */
  readonly shape: ParserMethod<[], Shape> = this.RULE("shape", (): Shape => {
    const dims: Expr[] = [];
    const first = this.LA(1);
    const grid = this.OPTION(() => this.CONSUME(t.Grid));
    this.CONSUME(t.LeftBracket, { ERR_MSG: "a shape such as `[D]`" });
    this.MANY_SEP({ SEP: t.Comma, DEF: () => dims.push(this.SUBRULE(this.expression)) });
    this.CONSUME(t.RightBracket, commaOr("]"));
    return { kind: "shape", grid: grid !== undefined, dims, span: this.since(first) };
  });

  /** `text`, `image.patch`: a name with members, after which a parenthesis means something else. */
  readonly kindPath: ParserMethod<[], Expr> = this.RULE("kindPath", (): Expr => {
    const first = this.CONSUME1(t.Word);
    let path: Expr = { kind: "reference", name: first.image, span: spanOf(first) };
    this.MANY(() => {
      path = this.member(first, path);
    });
    return path;
  });

  /** `vision.layers[*].q`, `language.**` */
  readonly glob: ParserMethod<[], Glob> = this.RULE("glob", (): Glob => {
    const first = this.LA(1);
    const steps = [this.SUBRULE(this.globStart)];
    this.MANY({
      GATE: () => !this.startsDestructuring(),
      DEF: () => {
        this.OR([
          {
            ALT: () => {
              this.CONSUME(t.Dot);
              steps.push(this.SUBRULE(this.globName));
            },
          },
          { ALT: () => steps.push(this.SUBRULE(this.globIndex)) },
        ]);
      },
    });
    return { steps, span: this.since(first) };
  });

  /** The first step is no operator, so that a path may follow an expression. */
  private readonly globStart = this.RULE("globStart", (): GlobStep =>
    this.OR({
      DEF: [
        { ALT: () => ({ kind: "name", text: this.CONSUME(t.Plain).image }) },
        { ALT: () => (this.CONSUME(t.Star), { kind: "any" }) },
        { ALT: () => (this.CONSUME(t.StarStar), { kind: "rest" }) },
      ],
      ERR_MSG: "a path",
    }),
  );

  private readonly globName = this.RULE("globName", (): GlobStep =>
    this.OR({
      DEF: [
        { ALT: () => ({ kind: "name", text: this.CONSUME(t.Word).image }) },
        { ALT: () => (this.CONSUME(t.Star), { kind: "any" }) },
        { ALT: () => (this.CONSUME(t.StarStar), { kind: "rest" }) },
      ],
      ERR_MSG: "a name, `*` or `**`",
    }),
  );

  private readonly globIndex = this.RULE("globIndex", (): GlobStep => {
    this.CONSUME(t.LeftBracket);
    const value = this.OR({
      DEF: [{ ALT: () => void this.CONSUME(t.Star) }, { ALT: () => this.SUBRULE(this.expression) }],
      ERR_MSG: "a number, `*` or an index such as `i`",
    });
    this.CONSUME(t.RightBracket, { ERR_MSG: "`]`" });
    return this.ACTION(() => ({ kind: "index", value: value === undefined ? "any" : plainNumber(value) }));
  });

  /** `n = rms_norm(x)`, `[a, b] = chunk(x, 2)` */
  readonly binding: ParserMethod<[], Binding> = this.RULE("binding", (): Binding => {
    const names: Name[] = [];
    const first = this.LA(1);
    const keyword = this.OPTION(() => this.CONSUME(t.Let));
    const list = this.OR({
      DEF: [
        { ALT: () => void names.push(nameOf(this.CONSUME(t.Plain, { ERR_MSG: "a name" }))) },
        {
          ALT: () => {
            const open = this.CONSUME(t.LeftBracket);
            this.AT_LEAST_ONE_SEP({
              SEP: t.Comma,
              DEF: () => names.push(nameOf(this.CONSUME1(t.Plain))),
              ERR_MSG: "a name",
            });
            this.CONSUME(t.RightBracket, commaOr("]"));
            return open;
          },
        },
      ],
      ERR_MSG: "a name",
    });
    this.CONSUME(t.Equals);
    const value = this.SUBRULE(this.expression);
    return {
      kind: "binding",
      let: keyword !== undefined,
      names,
      list: list !== undefined,
      value,
      span: this.since(first),
    };
  });

  /** Whether a binding comes next: `name =`, or `[name, ...] =`. */
  protected startsBinding(): boolean {
    return (this.LA(2).tokenType === t.Equals && this.isPlain(this.LA(1))) || this.startsDestructuring();
  }

  /** Whether `[name, ...] =` comes next: newlines do not matter, so else it would be an index of what stands before. */
  protected startsDestructuring(): boolean {
    if (this.LA(1).tokenType !== t.LeftBracket) return false;
    let at = 2;
    for (; this.isPlain(this.LA(at)); at += 2) {
      const after = this.LA(at + 1).tokenType;
      if (after === t.RightBracket) return this.LA(at + 2).tokenType === t.Equals;
      if (after !== t.Comma) return false;
    }
    return false;
  }

  protected isPlain(token: IToken): boolean {
    return matches(token, t.Plain);
  }
}

export const matches = (token: IToken, type: TokenType): boolean =>
  token.tokenType === type || type.categoryMatchesMap?.[token.tokenTypeIdx] === true;

const isLiteral = ({ tokenType }: IToken): boolean => tokenType === t.NumberToken || tokenType === t.StringToken;

const plainNumber = (value: Expr): number | Expr =>
  value.kind === "number" ? (value as ExprOf<"number">).value : value;
