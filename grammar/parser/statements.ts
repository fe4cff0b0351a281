// The grammar of a model's statements: modalities, inputs, layers, masks, noise, heads, losses.

import type { IToken, ParserMethod } from "chevrotain";
import type * as ast from "../ast.ts";
import * as t from "../tokens.ts";
import { commaOr, nameOf, spanOf } from "./expressions.ts";
import { Templates } from "./templates.ts";

export class Statements extends Templates {
  /** `given`, `drawn` or `after` written twice in a noise statement: the keyword of the first such repetition */
  protected repeated: IToken | undefined;
  /** tokens that begin a statement: they end the terms of a session */
  private readonly starts = new Set([
    t.Modality,
    t.Group,
    t.Input,
    t.Let,
    t.Part,
    t.Weight,
    t.Freeze,
    t.Train,
    t.Embed,
    t.Layers,
    t.Mask,
    t.Position,
    t.Noise,
    t.Head,
    t.Guide,
    t.Loss,
    t.Session,
    t.Precision,
    t.Quantize,
    t.Codec,
    t.When,
  ]);

  // ── Statements ───────────────────────────────────────────────────────────────────────────────
  readonly statement: ParserMethod<[], ast.Statement> = this.RULE("statement", (): ast.Statement =>
    this.OR<ast.Statement>({
      DEF: [
        { ALT: () => this.SUBRULE(this.modality) },
        { ALT: () => this.SUBRULE(this.group) },
        { ALT: () => this.SUBRULE(this.inputStatement) },
        { ALT: () => this.SUBRULE(this.part) },
        { ALT: () => this.SUBRULE(this.weight) },
        { ALT: () => this.SUBRULE(this.freeze) },
        { ALT: () => this.SUBRULE(this.embed) },
        { ALT: () => this.SUBRULE(this.loop) },
        { ALT: () => this.SUBRULE(this.mask) },
        { ALT: () => this.SUBRULE(this.position) },
        { ALT: () => this.SUBRULE(this.noise) },
        { ALT: () => this.SUBRULE(this.head) },
        { ALT: () => this.SUBRULE(this.guide) },
        { ALT: () => this.SUBRULE(this.loss) },
        { ALT: () => this.SUBRULE(this.session) },
        { ALT: () => this.SUBRULE(this.later) },
        { ALT: () => this.SUBRULE(this.binding) },
      ],
      IGNORE_AMBIGUITIES: true, // `mask =` is the mask, never a value of that name; so too position, loss, session
    }),
  );

  private readonly modality = this.RULE("modality", (): ast.ModalityStatement => {
    const doc = this.doc();
    const first = this.CONSUME(t.Modality);
    const name = nameOf(this.CONSUME(t.Word));
    this.CONSUME(t.Equals);
    const value = this.OR<ast.Expr | ast.SpanSegments>({
      DEF: [{ ALT: () => this.SUBRULE(this.segments) }, { ALT: () => this.SUBRULE(this.expression) }],
      IGNORE_AMBIGUITIES: true, // `span {` is a span, `span` alone a name
      ERR_MSG: "`tokens(...)` or `span { ... }`",
    });
    return { kind: "modality", name, doc, value, span: this.since(first) };
  });

  private readonly segments = this.RULE("segments", (): ast.SpanSegments => {
    const segments: ast.Segment[] = [];
    const first = this.CONSUME(t.SpanWord);
    this.CONSUME(t.LeftBrace);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => segments.push(this.SUBRULE(this.segment)) });
    this.CONSUME(t.RightBrace, commaOr("}"));
    const aside = this.OPTION({
      GATE: () => this.LA(2).tokenType !== t.Equals,
      DEF: () => spanOf(this.CONSUME(t.Aside)),
    });
    return { kind: "segments", segments, aside, span: this.since(first) };
  });

  private readonly segment = this.RULE("segment", (): ast.Segment => {
    const first = this.LA(1);
    const name = nameOf(this.CONSUME(t.Word));
    this.CONSUME(t.Colon);
    const value = this.OR<ast.Marker | ast.Expr>({
      DEF: [{ ALT: () => this.SUBRULE(this.marker) }, { ALT: () => this.SUBRULE(this.expression) }],
      IGNORE_AMBIGUITIES: true, // a name before a string or a number is a marker's
      ERR_MSG: "the rows of the segment",
    });
    return { name, value, span: this.since(first) };
  });

  private readonly marker = this.RULE("marker", (): ast.Marker => {
    const first = this.CONSUME(t.Plain);
    const token = this.OR<ast.Marker["token"]>([
      { ALT: () => this.SUBRULE(this.stringLiteral) },
      { ALT: () => this.SUBRULE(this.numberLiteral) },
    ]);
    return { kind: "marker", of: nameOf(first), token, span: this.since(first) };
  });

  private readonly group = this.RULE("group", (): ast.GroupStatement => {
    const kinds: ast.Expr[] = [];
    const first = this.CONSUME(t.Group);
    const name = nameOf(this.CONSUME(t.Word));
    this.CONSUME(t.Equals);
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => kinds.push(this.SUBRULE(this.expression)),
      ERR_MSG: "a kind of rows",
    });
    return { kind: "group", name, kinds, span: this.since(first) };
  });

  private readonly inputStatement = this.RULE("inputStatement", (): ast.InputStatement => {
    const doc = this.doc();
    const first = this.CONSUME(t.Input);
    const name = nameOf(this.CONSUME(t.Word));
    this.CONSUME(t.Colon);
    const type = this.OR<ast.Expr | ast.Shape>({
      DEF: [{ ALT: () => this.SUBRULE(this.shape) }, { ALT: () => this.SUBRULE(this.expression) }],
      IGNORE_AMBIGUITIES: true, // a bracket begins a shape
      ERR_MSG: "`number`, `index(...)` or a shape such as `[D]`",
    });
    const per = this.OPTION(() => {
      this.CONSUME(t.Per);
      return this.SUBRULE(this.kindPath);
    });
    return { kind: "input", name, doc, type, per, span: this.since(first) };
  });

  private readonly freeze = this.RULE("freeze", (): ast.FreezeStatement => {
    const paths: ast.Glob[] = [];
    const first = this.LA(1);
    const keyword = this.OR([{ ALT: () => this.CONSUME(t.Freeze) }, { ALT: () => this.CONSUME(t.Train) }]);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => paths.push(this.SUBRULE(this.glob)), ERR_MSG: "a path" });
    return { kind: keyword.image as ast.FreezeStatement["kind"], paths, span: this.since(first) };
  });

  private readonly embed = this.RULE("embed", (): ast.EmbedStatement => {
    const parameters: ast.Name[] = [];
    const first = this.CONSUME(t.Embed);
    const target = this.SUBRULE(this.kindPath);
    this.OPTION(() => {
      this.CONSUME(t.LeftParen);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => parameters.push(nameOf(this.CONSUME(t.Word))) });
      this.CONSUME(t.RightParen, commaOr(")"));
    });
    this.CONSUME(t.Equals);
    const value = this.SUBRULE(this.expression);
    return { kind: "embed", target, parameters, value, span: this.since(first) };
  });

  private readonly loop: ParserMethod<[], ast.LayersStatement> = this.RULE("loop", (): ast.LayersStatement => {
    const variables: { name: ast.Name; list: ast.Expr }[] = [];
    const body: ast.LayersStatement["body"][number][] = [];
    const first = this.CONSUME(t.Layers);
    const name = nameOf(this.CONSUME(t.Word, { ERR_MSG: "a name for these layers" }));
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => {
        const variable = nameOf(this.CONSUME1(t.Word));
        this.CONSUME(t.In);
        variables.push({ name: variable, list: this.SUBRULE(this.expression) });
      },
      ERR_MSG: "a variable, as in `l in language.layers`",
    });
    this.CONSUME(t.LeftBrace, commaOr("{"));
    this.MANY(() => body.push(this.SUBRULE(this.loopStatement)));
    this.CONSUME(t.RightBrace);
    return { kind: "loop", name, variables, body, span: this.since(first) };
  });

  private readonly loopStatement = this.RULE("loopStatement", (): ast.LayersStatement["body"][number] =>
    this.OR<ast.LayersStatement["body"][number]>([
      { ALT: () => this.SUBRULE(this.weight) },
      { ALT: () => this.SUBRULE(this.part) },
      { ALT: () => this.SUBRULE(this.loop) },
      { ALT: () => this.SUBRULE(this.when) },
      { ALT: () => this.SUBRULE(this.binding) },
    ]),
  );

  private readonly mask = this.RULE("mask", (): ast.MaskStatement => {
    const first = this.CONSUME(t.Mask);
    this.CONSUME(t.Equals);
    const value = this.SUBRULE(this.expression);
    return { kind: "mask", value, span: this.since(first) };
  });

  private readonly position = this.RULE("position", (): ast.PositionStatement => {
    const first = this.CONSUME(t.Position);
    const of = this.OPTION(() => this.SUBRULE(this.glob));
    this.CONSUME(t.Equals);
    const value = this.SUBRULE(this.expression);
    return { kind: "position", of, value, span: this.since(first) };
  });

  private readonly noise = this.RULE("noise", (): ast.NoiseStatement => {
    let given: ast.NoiseStatement["given"];
    let drawn: ast.NoiseStatement["drawn"];
    let after: ast.Name | undefined;
    const first = this.CONSUME(t.Noise);
    const target = nameOf(this.CONSUME(t.Word));
    this.CONSUME(t.Equals);
    const process = this.SUBRULE(this.expression);
    this.CONSUME(t.LeftBrace);
    this.MANY(() => {
      const keyword = this.LA(1);
      const entry = this.SUBRULE(this.noiseEntry);
      this.ACTION(() => {
        const before = { given, drawn, after };
        ({ given, drawn, after } = { ...before, ...entry });
        if (Object.keys(entry).some((key) => before[key as keyof typeof before])) this.repeated ??= keyword;
      });
    });
    this.CONSUME(t.RightBrace);
    return { kind: "noise", target, process, given, drawn, after, span: this.since(first) };
  });

  private readonly noiseEntry = this.RULE("noiseEntry", () =>
    this.OR<Partial<Pick<ast.NoiseStatement, "given" | "drawn" | "after">>>([
      {
        ALT: () => {
          this.CONSUME(t.Given);
          this.CONSUME(t.Colon);
          const input = nameOf(this.CONSUME(t.Word));
          this.CONSUME(t.Equals);
          return { given: { input, value: this.SUBRULE(this.expression) } };
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.Drawn);
          this.CONSUME1(t.Colon);
          const input = nameOf(this.CONSUME1(t.Word));
          this.CONSUME(t.Tilde);
          return { drawn: { input, distribution: this.SUBRULE1(this.expression) } };
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.After);
          this.CONSUME2(t.Colon);
          return { after: nameOf(this.CONSUME2(t.Word)) };
        },
      },
    ]),
  );

  private readonly head = this.RULE("head", (): ast.HeadStatement => {
    const first = this.CONSUME(t.Head);
    const target = nameOf(this.CONSUME(t.Word));
    this.CONSUME(t.Equals);
    const value = this.SUBRULE(this.expression);
    return { kind: "head", target, value, span: this.since(first) };
  });

  private readonly guide = this.RULE("guide", (): ast.GuideStatement => {
    const first = this.CONSUME(t.Guide);
    const name = nameOf(this.CONSUME(t.Word));
    this.CONSUME(t.Equals);
    const value = this.SUBRULE(this.expression);
    return { kind: "guide", name, value, span: this.since(first) };
  });

  private readonly loss = this.RULE("loss", (): ast.LossStatement => {
    const first = this.CONSUME(t.Loss);
    const name = this.OPTION(() => nameOf(this.CONSUME(t.Word)));
    this.CONSUME(t.Equals);
    const value = this.SUBRULE(this.expression);
    return { kind: "loss", name, value, span: this.since(first) };
  });

  private readonly session = this.RULE("session", (): ast.SessionStatement => {
    const terms: ast.SessionStatement["terms"][number][] = [];
    const first = this.CONSUME(t.Session);
    this.CONSUME(t.Equals);
    this.AT_LEAST_ONE({
      GATE: () => this.LA(2).tokenType !== t.Equals && !this.starts.has(this.LA(1).tokenType),
      DEF: () => terms.push(this.SUBRULE(this.sessionTerm)),
      ERR_MSG: "the name of a modality",
    });
    return { kind: "session", terms, span: this.since(first) };
  });

  private readonly sessionTerm = this.RULE("sessionTerm", (): ast.SessionStatement["terms"][number] => {
    const name = nameOf(this.CONSUME(t.Word));
    const repeat = this.OPTION(() =>
      this.OR([
        { ALT: () => this.CONSUME(t.Question) },
        { ALT: () => this.CONSUME(t.Star) },
        { ALT: () => this.CONSUME(t.Plus) },
      ]),
    );
    return { name, repeat: (repeat?.image ?? "") as "" | "?" | "*" | "+" };
  });

  // ── Statements that are read and not yet run ─────────────────────────────────────────────────
  private readonly later = this.RULE("later", (): ast.Later =>
    this.OR([
      { ALT: () => this.SUBRULE(this.storage) },
      { ALT: () => this.SUBRULE(this.codec) },
      { ALT: () => this.SUBRULE(this.when) },
    ]),
  );

  /** `precision vision.** = f16`, `quantize language.** = int4(group: 32)` */
  private readonly storage = this.RULE("storage", (): ast.Later => {
    const first = this.LA(1);
    const keyword = this.OR([{ ALT: () => this.CONSUME(t.Precision) }, { ALT: () => this.CONSUME(t.Quantize) }]);
    this.SUBRULE(this.glob);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
    return { kind: "later", keyword: keyword.image as ast.Later["keyword"], span: this.since(first) };
  });

  private readonly codec = this.RULE("codec", (): ast.Later => {
    const first = this.CONSUME(t.Codec);
    this.CONSUME(t.Word);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
    this.OPTION(() => this.SUBRULE(this.skipped));
    return { kind: "later", keyword: "codec", span: this.since(first) };
  });

  private readonly when = this.RULE("when", (): ast.Later => {
    const first = this.CONSUME(t.When);
    this.SUBRULE(this.expression);
    this.SUBRULE(this.skipped);
    return { kind: "later", keyword: "when", span: this.since(first) };
  });

  /** Balanced braces and anything within. */
  private readonly skipped: ParserMethod<[], void> = this.RULE("skipped", (): void => {
    this.CONSUME(t.LeftBrace);
    this.MANY(() => this.OR([{ ALT: () => this.CONSUME(t.Inner) }, { ALT: () => this.SUBRULE(this.skipped) }]));
    this.CONSUME(t.RightBrace);
  });
}
