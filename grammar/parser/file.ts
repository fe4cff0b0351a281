// The grammar of whole files: imports and declarations. This is the parser; the classes below it are its parts.

import type { IParserConfig, IToken } from "chevrotain";
import type * as ast from "../ast.ts";
import * as t from "../tokens.ts";
import { commaOr, nameOf, referenceOf } from "./expressions.ts";
import { Statements } from "./statements.ts";
import type { Docs } from "./templates.ts";

export class Grammar extends Statements {
  constructor(config: IParserConfig) {
    super(config);
    this.performSelfAnalysis();
  }

  /** The tree of a text without lexical mistakes; when `errors` or `repetition` tell of a mistake, it means nothing. */
  parse(tokens: IToken[], docs: Docs): Omit<ast.File, "span"> {
    this.input = tokens;
    this.docs = docs;
    this.repeated = undefined;
    return this.file();
  }

  get repetition(): IToken | undefined {
    return this.repeated;
  }

  private readonly file = this.RULE("file", (): Omit<ast.File, "span"> => {
    const imports: ast.Import[] = [];
    const declarations: ast.Declaration[] = [];
    this.MANY(() => imports.push(this.SUBRULE(this.importLine)));
    this.MANY1(() => declarations.push(this.SUBRULE(this.declaration)));
    return { imports, declarations };
  });

  private readonly importLine = this.RULE("import", (): ast.Import => {
    const names: ast.Name[] = [];
    const first = this.CONSUME(t.Import);
    this.CONSUME(t.LeftBrace);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => names.push(nameOf(this.CONSUME(t.Word))), ERR_MSG: "a name" });
    this.CONSUME(t.RightBrace, commaOr("}"));
    this.CONSUME(t.From);
    const from = this.SUBRULE(this.stringLiteral);
    return { names, from, span: this.since(first) };
  });

  private readonly declaration = this.RULE("declaration", (): ast.Declaration =>
    this.OR<ast.Declaration>([
      { ALT: () => this.SUBRULE(this.template) },
      { ALT: () => this.SUBRULE(this.contract) },
      { ALT: () => this.SUBRULE(this.model) },
    ]),
  );

  private readonly template = this.RULE("template", (): ast.Template | ast.Alias => {
    const doc = this.doc();
    const first = this.CONSUME(t.Role);
    const role = first.image as ast.Template["role"];
    const name = nameOf(this.CONSUME(t.Word));
    return this.OR<ast.Template | ast.Alias>({
      DEF: [
        {
          ALT: () => ({
            kind: "alias",
            role,
            name,
            doc,
            value: this.SUBRULE(this.aliasValue),
            span: this.since(first),
          }),
        },
        {
          ALT: () => {
            const items: ast.Item[] = [];
            const parameters = this.OPTION(() => this.SUBRULE(this.parameters)) ?? [];
            this.CONSUME(t.LeftBrace);
            this.MANY(() => items.push(this.SUBRULE(this.item)));
            this.CONSUME(t.RightBrace);
            return { kind: "template", role, name, doc, parameters, items, span: this.since(first) };
          },
        },
      ],
      ERR_MSG: "`(`, `{` or `=`",
    });
  });

  private readonly model = this.RULE("model", (): ast.Model | ast.Alias => {
    const doc = this.doc();
    const first = this.CONSUME(t.Model);
    const role = "model";
    const name = nameOf(this.CONSUME(t.Word));
    return this.OR<ast.Model | ast.Alias>({
      DEF: [
        {
          ALT: () => ({
            kind: "alias",
            role,
            name,
            doc,
            value: this.SUBRULE(this.aliasValue),
            span: this.since(first),
          }),
        },
        {
          ALT: () => {
            const statements: ast.Statement[] = [];
            const parameters = this.OPTION(() => this.SUBRULE(this.parameters)) ?? [];
            this.CONSUME(t.LeftBrace);
            this.MANY(() => statements.push(this.SUBRULE(this.statement)));
            this.CONSUME(t.RightBrace);
            return { kind: "model", name, doc, parameters, statements, span: this.since(first) };
          },
        },
      ],
      ERR_MSG: "`(`, `{` or `=`",
    });
  });

  /** `= XFusion(...) with { bridge }` */
  private readonly aliasValue = this.RULE("aliasValue", (): ast.Expr => {
    this.CONSUME(t.Equals);
    const first = this.LA(1);
    const model = this.SUBRULE(this.expression);
    const options = this.OPTION(() => this.SUBRULE(this.withOptions));
    return options === undefined ? model : { kind: "with", model, options, span: this.since(first) };
  });

  private readonly withOptions = this.RULE("with", (): ast.Expr[] => {
    const options: ast.Expr[] = [];
    this.CONSUME(t.With);
    this.CONSUME(t.LeftBrace);
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => options.push(this.SUBRULE(this.withOption)),
      ERR_MSG: "an option",
    });
    this.CONSUME(t.RightBrace, commaOr("}"));
    return options;
  });

  /** `bridge(bias: true)`, `bridge once` */
  private readonly withOption = this.RULE("withOption", (): ast.Expr => {
    const first = this.LA(1);
    const option = this.SUBRULE(this.expression);
    const value = this.OPTION(() => referenceOf(this.CONSUME(t.Plain)));
    if (value === undefined) return option;
    return { kind: "call", callee: option, arguments: [{ label: undefined, value }], span: this.since(first) };
  });
}
