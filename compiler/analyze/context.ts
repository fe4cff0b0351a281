// What one analysis carries along: the report, the rows and weights made so far, and where in a model it stands.
import type { Report } from "../../grammar/diagnostic.ts";
import type * as ast from "../../grammar/ast.ts";
import type { At, Embed, Head, Input, Kind, Mask, Modality, Model, Noise, Seq, Step } from "./model.ts";
import type { Code, MessageTable } from "./messages.ts";
import { Rows } from "./rows.ts";
import { error, type Bridge, type Instance, type Mutable, type Scope, type Value, type WeightDraft } from "./value.ts";

/** The state of the model that is being analysed. */
export interface ModelState {
  readonly kinds: Mutable<Kind>[];
  readonly modalities: Modality[];
  readonly inputs: Input[];
  readonly noise: Noise[];
  readonly steps: Step[];
  h: Seq | undefined;
  /** kind whose `embed` is being evaluated: conditions are read at it */
  embedding: string | undefined;
  /** path of the innermost layer, `fuse[3]` */
  layer: string;
  readonly bridge: Bridge | undefined;
  /** adapters made for a bridge, by path */
  readonly adapters: Map<string, Value>;
  /** kinds by the tower that embeds them, for `held` */
  readonly home: Map<string, Instance>;
  /** the tower behind a token modality's `vocab`, whose `features` the added tokens read */
  readonly languages: Map<string, Instance>;
}

/** What statements give as they are read. */
export interface Draft {
  readonly embeds: Map<string, Embed>;
  readonly heads: Head[];
  mask: Mask | undefined;
  position: Model["position"] | undefined;
  readonly fates: ast.FreezeStatement[];
}

/** Limits of one analysis: beyond them a mistake is reported and nothing more is made. */
export const limits = { layers: 1024, rows: 1_000_000, parameters: 2 ** 40, depth: 64 } as const;

export type Evaluate = (cx: Context, expr: ast.Expr, scope: Scope) => Value;

export class Context {
  readonly report: Report<MessageTable>;
  readonly rows = new Rows();
  readonly weights: WeightDraft[] = [];
  readonly weightsByPath = new Map<string, WeightDraft>();
  /** templates whose bodies are being instantiated, outermost first */
  readonly stack: ast.Template[] = [];
  /** whether the body of a block is being evaluated: rows meet nowhere else */
  attending = false;
  parameters = 0;
  stopped = false;
  model: ModelState | undefined;
  readonly #said: Set<string>;
  readonly #evaluate: Evaluate;

  constructor(report: Report<MessageTable>, said: Set<string>, evaluate: Evaluate) {
    this.report = report;
    this.#said = said;
    this.#evaluate = evaluate;
  }

  /** The value of an expression (`evaluate.ts`, which everything here is called from). */
  evaluate(expr: ast.Expr, scope: Scope): Value {
    return this.#evaluate(this, expr, scope);
  }

  /** Says what is wrong, once for each place and code, and gives the error value. */
  fail<C extends Code>(code: C, at: At, args: Parameters<MessageTable[C]>, ...notes: Parameters<Report<MessageTable>["error"]>[3][]): typeof error {
    const key = `${code} ${at.path}:${at.span.from}`;
    if (!this.#said.has(key)) {
      this.#said.add(key);
      this.report.error(code, at, args, ...notes);
    }
    this.report.failed = true;
    return error;
  }
}
