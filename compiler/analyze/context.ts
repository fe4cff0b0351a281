// What one analysis carries along: the report, the rows and weights made so far, and where in a model it stands.
import type { Report } from "../../grammar/diagnostic.ts";
import type * as ast from "../../grammar/ast.ts";
import type { At, Embed, Guide, Head, Input, Kind, Mask, Modality, Model, Noise, Row, Seq, Step } from "./model.ts";
import type { Code, MessageTable } from "./messages.ts";
import { Rows } from "./rows.ts";
import { nearest } from "../../grammar/nearest.ts";
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
  readonly adapters: Map<string, Row>;
  /** the first rows of unlike width, and the adapters that a bridge would put there and everywhere else */
  readonly missing: {
    first: MissingBridge | undefined;
    readonly each: Map<string, number>;
    readonly once: Map<string, number>;
  };
  /** where kinds, and tokens that a modality adds, are declared */
  readonly places: Map<string, At>;
  /** kinds by the tower that embeds them, for `held` */
  readonly home: Map<string, Instance>;
  /** the tower behind a token modality's `vocab`, whose `features` the added tokens read */
  readonly languages: Map<string, Instance>;
}

/** Rows that a block cannot read as they are. */
export interface MissingBridge {
  readonly at: At;
  readonly kinds: readonly string[];
  readonly tower: string;
  readonly from: number;
  readonly to: number;
}

/** What statements give as they are read. */
export interface Draft {
  readonly embeds: Map<string, Embed>;
  readonly heads: Head[];
  mask: Mask | undefined;
  position: Model["position"] | undefined;
  session: Model["session"];
  readonly guides: Guide[];
  /** losses that have a name, and the sum that is the model's */
  readonly losses: Map<string, { readonly value: Seq; readonly at: At }>;
  loss: ast.LossStatement | undefined;
  readonly fates: ast.FreezeStatement[];
  /** statements that may stand once, by what they say */
  readonly said: Map<string, At>;
}

/** Limits of one analysis: beyond them a mistake is reported and nothing more is made. */
export const limits = {
  layers: 1024,
  kinds: 1024,
  /** rows of a grid */
  grid: 2 ** 20,
  parameters: 2 ** 40,
  /** parts in parts, functions in functions */
  depth: 64,
  /** expressions evaluated for the sake of others */
  nesting: 1000,
  /** operations of which each reads the one before */
  chain: 2000,
  /** expressions evaluated, rows and sequences made, of all models of a program */
  work: 500_000,
} as const;
/** Names that are searched for the one a person may have meant. */
const searched = { names: 1000, length: 64 } as const;

/** Whether a file is of the library: a mistake that shows there was made elsewhere. */
export const isLibrary = (path: string): boolean => path.startsWith("std/");

/** What all analyses of one program share. */
export interface Shared {
  /** code and place of what was said */
  readonly said: Set<string>;
  /** how many expressions are being evaluated, each for the sake of the one before */
  depth: number;
  /** of all analyses so far */
  work: number;
}

export type Evaluate = (cx: Context, expr: ast.Expr, scope: Scope) => Value;

export class Context {
  readonly report: Report<MessageTable>;
  readonly rows = new Rows();
  readonly weights: WeightDraft[] = [];
  readonly weightsByPath = new Map<string, WeightDraft>();
  /** templates whose bodies are being instantiated, outermost first */
  readonly stack: ast.Template[] = [];
  /** how many instances are being made, each inside the one before */
  nested = 0;
  /** where the instance that is being made or used was asked for, outside of the library */
  made: At | undefined;
  /** functions whose bodies are being evaluated, outermost first */
  readonly calls: { readonly instance: Instance; readonly item: ast.FunctionItem }[] = [];
  /** whether the body of a block is being evaluated: rows meet nowhere else */
  attending = false;
  parameters = 0;
  /** whether anything was wrong in this analysis; the report may tell of others */
  failed = false;
  /** whether a limit was met: nothing more is made */
  stopped = false;
  model: ModelState | undefined;
  readonly #shared: Shared;
  readonly #evaluate: Evaluate;

  constructor(report: Report<MessageTable>, shared: Shared, evaluate: Evaluate) {
    this.report = report;
    this.#shared = shared;
    this.#evaluate = evaluate;
  }

  /** The value of an expression (`evaluate.ts`, which everything here is called from). */
  evaluate(expr: ast.Expr, scope: Scope): Value {
    if (!this.spend(scope.at(expr))) return error;
    if (this.#shared.depth >= limits.nesting) return this.stop("limit-depth", scope.at(expr), []);
    this.#shared.depth++;
    const value = this.#evaluate(this, expr, scope);
    this.#shared.depth--;
    return value;
  }

  /** Counts work done at a place; false beyond the limit, which is then said. */
  spend(at: At, amount = 1): boolean {
    if (this.stopped) return false;
    this.#shared.work += amount;
    if (this.#shared.work > limits.work) this.stop("limit-work", at, []);
    else if (this.rows.height > limits.chain) this.stop("limit-chain", at, [limits.chain]);
    return !this.stopped;
  }
  /** Says that a limit is met, and ends the analysis. */
  stop<C extends Code>(code: C, at: At, args: Parameters<MessageTable[C]>): typeof error {
    this.stopped = true;
    return this.fail(code, at, args);
  }

  /** `nearest` for a message of a place; none where that was said before, for a function is evaluated at every call. */
  nearestFor(code: Code, at: At, word: string, names: () => Iterable<string>): string | undefined {
    return this.#shared.said.has(`${code} ${at.path} ${at.span.from}`) ? undefined : this.nearest(word, names());
  }
  /** The known name that a mistyped one may stand for. */
  nearest(word: string, names: Iterable<string>): string | undefined {
    if (word.length > searched.length) return undefined;
    const some: string[] = [];
    for (const name of names) if (some.push(name) >= searched.names) break;
    return nearest(word, some);
  }

  /** Says what is wrong, once for each place and code, and gives the error value. */
  fail<C extends Code>(
    code: C,
    at: At,
    args: Parameters<MessageTable[C]>,
    ...notes: Parameters<Report<MessageTable>["error"]>[3][]
  ): typeof error {
    const made =
      isLibrary(at.path) && this.made && !isLibrary(this.made.path) ? [{ ...this.made, text: "for this one" }] : [];
    const asked = made.map(({ path, span }) => `${path} ${span.from} ${JSON.stringify(args)}`);
    const key = `${code} ${asked[0] ?? `${at.path} ${at.span.from}`}`;
    if (!this.#shared.said.has(key)) {
      this.#shared.said.add(key);
      this.report.error(code, at, args, ...notes, ...made);
    }
    this.failed = true;
    return error;
  }
}
