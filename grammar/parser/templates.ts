// The grammar of parts, blocks, towers and contracts: parameters, weights, functions, checkpoints.

import type { ParserMethod } from "chevrotain";
import type * as ast from "../ast.ts";
import * as t from "../tokens.ts";
import { commaOr, Expressions, nameOf, spanOf } from "./expressions.ts";

/** Text of the `///` lines before a token, by the token's offset. */
export type Docs = ReadonlyMap<number, string>;

export class Templates extends Expressions {
  /** those of the text being parsed */
  protected docs: Docs = new Map();

  /** The doc comment before the next token. */
  protected doc(): ast.Doc {
    return this.docs.get(this.LA(1).startOffset);
  }

  /** `(D, eps = 1e-5, rope: Rope)` */
  readonly parameters: ParserMethod<[], ast.Parameter[]> = this.RULE("parameters", (): ast.Parameter[] => {
    const parameters: ast.Parameter[] = [];
    this.CONSUME(t.LeftParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => parameters.push(this.SUBRULE(this.parameter)) });
    this.CONSUME(t.RightParen, commaOr(")"));
    return parameters;
  });

  private readonly parameter = this.RULE("parameter", (): ast.Parameter => {
    const first = this.LA(1);
    const name = nameOf(this.CONSUME(t.Word));
    const contract = this.OPTION(() => {
      this.CONSUME(t.Colon);
      return nameOf(this.CONSUME1(t.Word, { ERR_MSG: "the name of a contract" }));
    });
    const value = this.OPTION1(() => {
      this.CONSUME(t.Equals);
      return this.SUBRULE(this.expression);
    });
    return { name, contract, value, span: this.since(first) };
  });

  // ── Contracts ────────────────────────────────────────────────────────────────────────────────
  readonly contract: ParserMethod<[], ast.Contract> = this.RULE("contract", (): ast.Contract => {
    const doc = this.doc();
    const members: ast.ContractMember[] = [];
    const first = this.CONSUME(t.Contract);
    const name = nameOf(this.CONSUME(t.Word));
    this.CONSUME(t.LeftBrace);
    this.MANY(() => {
      members.push(this.SUBRULE(this.contractMember));
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    const span = spanOf(first, this.CONSUME(t.RightBrace));
    return { kind: "contract", name, doc, members, span };
  });

  private readonly contractMember = this.RULE("contractMember", (): ast.ContractMember => {
    const first = this.LA(1);
    const name = nameOf(this.CONSUME(t.Word));
    const optional = this.OPTION(() => this.CONSUME(t.Question)) !== undefined;
    const rest = this.OPTION1(() =>
      this.OR([
        { ALT: () => ({ kind: "function" as const, ...this.SUBRULE(this.signature) }) },
        {
          ALT: () => {
            this.CONSUME(t.Colon);
            return this.OR1({
              DEF: [
                { ALT: () => ({ kind: "layers" as const, ...this.SUBRULE1(this.signature) }) },
                { ALT: () => ({ kind: "value" as const, type: nameOf(this.CONSUME1(t.Word)) }) },
              ],
              ERR_MSG: "a type, or a signature such as `([D]) -> [D]`",
            });
          },
        },
      ]),
    );
    const span = this.since(first);
    if (rest === undefined) return { kind: "size", name, span };
    return rest.kind === "layers" ? { ...rest, name, span } : { ...rest, name, optional, span };
  });

  /** `([D], c?: [C]) -> [D]` */
  private readonly signature = this.RULE("signature", (): ast.Signature => {
    const parameters = this.SUBRULE(this.functionParameters);
    this.CONSUME(t.RightArrow, { ERR_MSG: "`->` and the shape of the result" });
    const results = [this.SUBRULE(this.shape)];
    this.MANY({
      GATE: () => this.LA(this.LA(2).tokenType === t.Grid ? 3 : 2).tokenType === t.LeftBracket,
      DEF: () => {
        this.CONSUME(t.Comma);
        results.push(this.SUBRULE1(this.shape));
      },
    });
    return { parameters, results };
  });

  // ── Items ────────────────────────────────────────────────────────────────────────────────────
  readonly item: ParserMethod<[], ast.Item> = this.RULE("item", (): ast.Item =>
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.weight) },
        { ALT: () => this.SUBRULE(this.layersItem) },
        { ALT: () => this.SUBRULE(this.part) },
        { ALT: () => this.SUBRULE(this.checkpoint) },
        { ALT: () => this.SUBRULE(this.requirement) },
        { ALT: () => this.SUBRULE(this.constant) },
        { ALT: () => this.SUBRULE(this.functionItem) },
      ],
      IGNORE_AMBIGUITIES: true, // `require(` is the requirement, never a function of that name
    }),
  );

  readonly weight: ParserMethod<[], ast.WeightItem> = this.RULE("weight", (): ast.WeightItem => {
    const weights: ast.WeightDeclaration[] = [];
    const doc = this.doc();
    const first = this.CONSUME(t.Weight);
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => weights.push(this.SUBRULE(this.weightDeclaration)),
      ERR_MSG: "a name",
    });
    this.ACTION(() => {
      if (doc !== undefined) weights[0] = { ...weights[0]!, doc };
    });
    return { kind: "weight", weights, span: this.since(first) };
  });

  private readonly weightDeclaration = this.RULE("weightDeclaration", (): ast.WeightDeclaration => {
    const doc = this.doc();
    const first = this.LA(1);
    const name = nameOf(this.CONSUME(t.Word));
    const shape = this.OPTION(() => {
      this.CONSUME(t.Colon);
      return this.SUBRULE(this.shape);
    });
    const init = this.OPTION1(() => {
      this.CONSUME(t.Equals);
      return this.SUBRULE(this.expression);
    });
    const condition = this.OPTION2(() => {
      this.CONSUME(t.If);
      return this.SUBRULE1(this.expression);
    });
    return { name, doc, shape, init, condition, span: this.since(first) };
  });

  private readonly layersItem = this.RULE("layersItem", (): ast.LayersItem => {
    const first = this.CONSUME(t.Layers);
    this.CONSUME(t.Colon);
    const value = this.SUBRULE(this.expression);
    return { kind: "layers", value, span: this.since(first) };
  });

  readonly part: ParserMethod<[], ast.PartItem> = this.RULE("part", (): ast.PartItem => {
    const first = this.CONSUME(t.Part);
    const name = nameOf(this.CONSUME(t.Word));
    this.CONSUME(t.Equals);
    const value = this.SUBRULE(this.expression);
    return { kind: "part", name, value, span: this.since(first) };
  });

  private readonly constant = this.RULE("constant", (): ast.ConstantItem => {
    const first = this.LA(1);
    const name = nameOf(this.CONSUME(t.Plain));
    this.CONSUME(t.Equals);
    const value = this.SUBRULE(this.expression);
    return { kind: "constant", name, value, span: this.since(first) };
  });

  private readonly requirement = this.RULE("require", (): ast.RequireItem => {
    const first = this.CONSUME(t.Require);
    this.CONSUME(t.LeftParen);
    const left = this.SUBRULE(this.expression);
    this.CONSUME(t.Comma, { ERR_MSG: "`,` and the size that it must equal" });
    const right = this.SUBRULE1(this.expression);
    const message = this.OPTION(() => {
      this.CONSUME1(t.Comma);
      return this.SUBRULE(this.stringLiteral);
    });
    const span = spanOf(first, this.CONSUME(t.RightParen, commaOr(")")));
    return { kind: "require", left, right, message, span };
  });

  // ── Functions ────────────────────────────────────────────────────────────────────────────────
  private readonly functionItem = this.RULE("function", (): ast.FunctionItem => {
    const doc = this.doc();
    const first = this.LA(1);
    const name = nameOf(this.CONSUME(t.Plain));
    const parameters = this.SUBRULE(this.functionParameters);
    const results: ast.Shape[] = [];
    const named: ast.Name[] = [];
    this.CONSUME(t.RightArrow, { ERR_MSG: "`->` and the shape of the result" });
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () =>
        this.OR({
          DEF: [
            { ALT: () => results.push(this.SUBRULE(this.shape)) },
            { ALT: () => named.push(nameOf(this.CONSUME1(t.Word))) },
          ],
          IGNORE_AMBIGUITIES: true, // `grid [` is a shape
          ERR_MSG: "a shape such as `[D]`",
        }),
    });
    const body = this.SUBRULE(this.body);
    return { kind: "function", name, doc, parameters, results, named, body, span: this.since(first) };
  });

  private readonly functionParameters = this.RULE("functionParameters", (): ast.FunctionParameter[] => {
    const parameters: ast.FunctionParameter[] = [];
    this.CONSUME(t.LeftParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => parameters.push(this.SUBRULE(this.functionParameter)) });
    this.CONSUME(t.RightParen, commaOr(")"));
    return parameters;
  });

  private readonly functionParameter = this.RULE("functionParameter", (): ast.FunctionParameter => {
    const first = this.LA(1);
    const parameter = this.OR({
      DEF: [
        { ALT: () => ({ name: undefined, optional: false, shape: this.SUBRULE(this.shape), rows: undefined }) },
        { ALT: () => this.SUBRULE(this.namedParameter) },
      ],
      IGNORE_AMBIGUITIES: true, // `grid [` is a shape
      ERR_MSG: "a parameter",
    });
    return { ...parameter, span: this.since(first) };
  });

  private readonly namedParameter = this.RULE("namedParameter", (): Omit<ast.FunctionParameter, "span"> => {
    const name = nameOf(this.CONSUME(t.Word));
    const optional = this.OPTION(() => this.CONSUME(t.Question)) !== undefined;
    let shape: ast.Shape | undefined;
    let rows: ast.Name[] | undefined;
    this.OPTION1(() => {
      this.CONSUME(t.Colon);
      this.OR({
        DEF: [
          { ALT: () => void (rows = this.SUBRULE(this.rowNames)) },
          { ALT: () => void (shape = this.SUBRULE(this.shape)) },
        ],
        ERR_MSG: "a shape such as `[D]`",
      });
    });
    return { name, optional, shape, rows };
  });

  /** `rows { k, v }` */
  private readonly rowNames = this.RULE("rowNames", (): ast.Name[] => {
    const names: ast.Name[] = [];
    this.CONSUME(t.Rows);
    this.CONSUME(t.LeftBrace);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => names.push(nameOf(this.CONSUME(t.Word))), ERR_MSG: "a name" });
    this.CONSUME(t.RightBrace, commaOr("}"));
    return names;
  });

  private readonly body = this.RULE("body", (): ast.Body => {
    const bindings: ast.Binding[] = [];
    const open = this.CONSUME(t.LeftBrace);
    this.MANY({ GATE: () => this.startsBinding(), DEF: () => bindings.push(this.SUBRULE(this.binding)) });
    const result = this.SUBRULE(this.expression);
    return { bindings, result, span: spanOf(open, this.CONSUME(t.RightBrace)) };
  });

  // ── Checkpoints ──────────────────────────────────────────────────────────────────────────────
  private readonly checkpoint = this.RULE("checkpoint", (): ast.CheckpointItem => {
    const entries: ast.CheckpointEntry[] = [];
    const first = this.CONSUME(t.Checkpoint);
    const name = nameOf(this.CONSUME(t.Word));
    this.CONSUME(t.LeftBrace);
    this.MANY(() => entries.push(this.SUBRULE(this.checkpointEntry)));
    return { kind: "checkpoint", name, entries, span: spanOf(first, this.CONSUME(t.RightBrace)) };
  });

  private readonly checkpointEntry = this.RULE("checkpointEntry", (): ast.CheckpointEntry =>
    this.OR([
      {
        ALT: () => {
          const first = this.CONSUME(t.Ignore);
          const pattern = this.SUBRULE(this.stringLiteral);
          return { kind: "ignore", pattern, span: this.since(first) };
        },
      },
      {
        ALT: () => {
          const first = this.LA(1);
          const target = this.SUBRULE(this.glob);
          this.CONSUME(t.LeftArrow, { ERR_MSG: "`<-` and a key of the file" });
          const source = this.SUBRULE(this.expression);
          return { kind: "map", target, source, span: this.since(first) };
        },
      },
    ]),
  );
}
