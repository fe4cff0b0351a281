// The syntax tree of Graft: what was written, and where. It resolves no name and checks no number; analysis returns a
// new structure and never annotates this one. Distinct roles have distinct types (a declared name, a reference, a path).

/** Half-open range of UTF-16 offsets in the source text. */
export interface Span {
  readonly from: number;
  readonly to: number;
}
/** What every node has: where it was written. */
export interface Spanned {
  readonly span: Span;
}
/** A name where it is declared, or the label of an argument or arm. */
export interface Name extends Spanned {
  readonly text: string;
}
/** Text of `///` lines before a declaration, without the slashes, joined by newlines. */
export type Doc = string | undefined;

export interface File extends Spanned {
  readonly imports: readonly Import[];
  readonly declarations: readonly Declaration[];
}
/** `import { Llama, Copied } from "std/llama"` */
export interface Import extends Spanned {
  readonly names: readonly Name[];
  readonly from: StringLiteral;
}

// ── Declarations ───────────────────────────────────────────────────────────────────────────────
export type Declaration = Template | Alias | Contract | Model;

/** `block LlamaBlock(D, heads, kv_heads = heads) { ... }`: weights and named functions, a template over its parameters. */
export interface Template extends Spanned {
  readonly kind: "template";
  readonly role: "part" | "block" | "tower";
  readonly name: Name;
  readonly doc: Doc;
  readonly parameters: readonly Parameter[];
  readonly items: readonly Item[];
}
/** `tower Llama_3_2_1B = Llama(L: 16, D: 2048)`, `model XFusionDiT = XFusion(...) with { bridge }` */
export interface Alias extends Spanned {
  readonly kind: "alias";
  readonly role: "part" | "block" | "tower" | "model";
  readonly name: Name;
  readonly doc: Doc;
  readonly value: Expr;
}
/** `D`, `eps = 1e-5`, `rope: Rope`, `vision: Painter = Copied(language)` */
export interface Parameter extends Spanned {
  readonly name: Name;
  /** the contract that a slot asks for; absent: a number, a flag or a list */
  readonly contract: Name | undefined;
  readonly value: Expr | undefined;
}
export interface Contract extends Spanned {
  readonly kind: "contract";
  readonly name: Name;
  readonly doc: Doc;
  readonly members: readonly ContractMember[];
}
export type ContractMember =
  /** `D` */
  | { readonly kind: "size"; readonly name: Name; readonly span: Span }
  /** `noise: Process` */
  | {
      readonly kind: "value";
      readonly name: Name;
      readonly optional: boolean;
      readonly type: Name;
      readonly span: Span;
    }
  /** `layers: ([D], c?: [C]) -> [D]` */
  | ({ readonly kind: "layers"; readonly name: Name; readonly span: Span } & Signature)
  /** `condition?(t) -> [C]` */
  | ({ readonly kind: "function"; readonly name: Name; readonly optional: boolean; readonly span: Span } & Signature);

// ── Items of a part, block or tower ────────────────────────────────────────────────────────────
export type Item = WeightItem | LayersItem | PartItem | ConstantItem | FunctionItem | CheckpointItem | RequireItem;

/** `weight q: [heads * head_dim, D],  k: [kv_heads * head_dim, D] = zeros`: one item a declaration, one entry a weight */
export interface WeightItem extends Spanned {
  readonly kind: "weight";
  readonly weights: readonly WeightDeclaration[];
}
export interface WeightDeclaration extends Spanned {
  readonly name: Name;
  readonly doc: Doc;
  /** absent: a scalar, `weight gamma = 0` */
  readonly shape: Shape | undefined;
  readonly init: Expr | undefined;
  /** `share(embed) if tied` */
  readonly condition: Expr | undefined;
}
/** `layers: LlamaBlock(...) * L` */
export interface LayersItem extends Spanned {
  readonly kind: "layers";
  readonly value: Expr;
}
/** `part up = Linear(vision.D, language.D)` */
export interface PartItem extends Spanned {
  readonly kind: "part";
  readonly name: Name;
  readonly value: Expr;
}
/** `hidden = 4 * D`, `noise = flow(clean: 0, noise: 1, predicts: velocity)` */
export interface ConstantItem extends Spanned {
  readonly kind: "constant";
  readonly name: Name;
  readonly value: Expr;
}
/** `([D], c?: [C]) -> [D]` */
export interface Signature {
  readonly parameters: readonly FunctionParameter[];
  readonly results: readonly Shape[];
}
export interface FunctionItem extends Signature {
  readonly kind: "function";
  readonly name: Name;
  readonly doc: Doc;
  /** later: `forward(x: [D]) -> [D], k, v`, results that another block reads as `seen: rows { k, v }` */
  readonly named: readonly Name[];
  readonly body: Body;
  readonly span: Span;
}
/** `x: [D]`, `c?: [C]`, `id` */
export interface FunctionParameter extends Spanned {
  /** absent in a contract's `([D]) -> [D]` */
  readonly name: Name | undefined;
  readonly optional: boolean;
  readonly shape: Shape | undefined;
  /** later: the names of `seen: rows { k, v }`, which has no shape of its own */
  readonly rows: readonly Name[] | undefined;
}
export interface Body extends Spanned {
  readonly bindings: readonly Binding[];
  readonly result: Expr;
}
/** `n = rms_norm(x)`, `[a, b] = chunk(x, 2)`; also `let c = ...` and `h = ...` in models */
export interface Binding extends Spanned {
  readonly kind: "binding";
  readonly let: boolean;
  readonly names: readonly Name[];
  readonly list: boolean;
  readonly value: Expr;
}
/** `require D == heads * head_dim` is written `require(D, heads * head_dim, "why")`: equal sizes, or this sentence. */
export interface RequireItem extends Spanned {
  readonly kind: "require";
  readonly left: Expr;
  readonly right: Expr;
  readonly message: StringLiteral | undefined;
}
/** `checkpoint huggingface { layers[i].q <- "model.layers.{i}.self_attn.q_proj.weight"   ignore "*.inv_freq" }` */
export interface CheckpointItem extends Spanned {
  readonly kind: "checkpoint";
  readonly name: Name;
  readonly entries: readonly CheckpointEntry[];
}
export type CheckpointEntry =
  | { readonly kind: "map"; readonly target: Glob; readonly source: Expr; readonly span: Span }
  | { readonly kind: "ignore"; readonly pattern: StringLiteral; readonly span: Span };

// ── Models ─────────────────────────────────────────────────────────────────────────────────────
export interface Model extends Spanned {
  readonly kind: "model";
  readonly name: Name;
  readonly doc: Doc;
  readonly parameters: readonly Parameter[];
  readonly statements: readonly Statement[];
}
export type Statement =
  | ModalityStatement
  | GroupStatement
  | InputStatement
  | Binding
  | PartItem
  | WeightItem
  | FreezeStatement
  | EmbedStatement
  | LayersStatement
  | MaskStatement
  | PositionStatement
  | NoiseStatement
  | HeadStatement
  | GuideStatement
  | LossStatement
  | SessionStatement
  | Later;

/** `modality image = span { open: text "<boi>", patch: grid(16, 16, of: [16]), close: text "<eoi>" } aside` */
export interface ModalityStatement extends Spanned {
  readonly kind: "modality";
  readonly name: Name;
  readonly doc: Doc;
  /** an expression such as `tokens(vocab: language.vocab)`, or the segments of a span */
  readonly value: Expr | SpanSegments;
}
export interface SpanSegments extends Spanned {
  readonly kind: "segments";
  readonly segments: readonly Segment[];
  readonly aside: Span | undefined;
}
export interface Segment extends Spanned {
  readonly name: Name;
  /** `text "<boi>"` (a marker of that token modality), `silent "<boi>"`, or an expression such as `grid(8, 8, of: [48])` */
  readonly value: Marker | Expr;
}
export interface Marker extends Spanned {
  readonly kind: "marker";
  /** the modality whose `embed` makes the row, or `silent` */
  readonly of: Name;
  /** a token that `add:` names, or the id of one that the tokenizer has */
  readonly token: StringLiteral | NumberLiteral;
}
/** `group und = text, image.open, image.close` */
export interface GroupStatement extends Spanned {
  readonly kind: "group";
  readonly name: Name;
  readonly kinds: readonly Expr[];
}
/** `input t: number per image` */
export interface InputStatement extends Spanned {
  readonly kind: "input";
  readonly name: Name;
  readonly doc: Doc;
  /** `number`, `index(1001)` or a shape `[1024]` */
  readonly type: Expr | Shape;
  /** `document`, a modality or a kind; absent: a constant of the call */
  readonly per: Expr | undefined;
}
/** `freeze language.**`, `train vision.**, text.added` */
export interface FreezeStatement extends Spanned {
  readonly kind: "freeze" | "train";
  readonly paths: readonly Glob[];
}
/** `embed image.patch(z) = vision.enter(z, c)` */
export interface EmbedStatement extends Spanned {
  readonly kind: "embed";
  readonly target: Expr;
  readonly parameters: readonly Name[];
  readonly value: Expr;
}
/** `layers fuse l in language.layers, v in spread(vision.layers, language.L) { ... }` */
export interface LayersStatement extends Spanned {
  readonly kind: "loop";
  readonly name: Name;
  readonly variables: readonly { readonly name: Name; readonly list: Expr }[];
  readonly body: readonly (WeightItem | PartItem | Binding | LayersStatement | Later)[];
}
export interface MaskStatement extends Spanned {
  readonly kind: "mask";
  readonly value: Expr;
}
/** `position = running` */
export interface PositionStatement extends Spanned {
  readonly kind: "position";
  /** `position vision.** = axes { ... }` is a later form */
  readonly of: Glob | undefined;
  readonly value: Expr;
}
/** `noise image = vision.noise { given: t = clean   drawn: t ~ logit_normal(0, 1)   after: given }` */
export interface NoiseStatement extends Spanned {
  readonly kind: "noise";
  readonly target: Name;
  readonly process: Expr;
  readonly given: { readonly input: Name; readonly value: Expr } | undefined;
  readonly drawn: { readonly input: Name; readonly distribution: Expr } | undefined;
  readonly after: Name | undefined;
}
/** `head text = next_token(language.logits(h))` */
export interface HeadStatement extends Spanned {
  readonly kind: "head";
  readonly target: Name;
  readonly value: Expr;
}
/** `guide text = without(text before image)` */
export interface GuideStatement extends Spanned {
  readonly kind: "guide";
  readonly name: Name;
  readonly value: Expr;
}
/** `loss = 0.2 * text + image`, `loss align = 1 - cosine(a, b)` */
export interface LossStatement extends Spanned {
  readonly kind: "loss";
  readonly name: Name | undefined;
  readonly value: Expr;
}
/** `session = text image?`: a regular expression over modalities, kept as its terms */
export interface SessionStatement extends Spanned {
  readonly kind: "session";
  readonly terms: readonly { readonly name: Name; readonly repeat: "" | "?" | "*" | "+" }[];
}
/** A statement of the language that this version parses and does not run: `precision p = f16`, `quantize`, `codec`. */
export interface Later extends Spanned {
  readonly kind: "later";
  readonly keyword: "precision" | "quantize" | "codec" | "when";
}

// ── Paths with wildcards ───────────────────────────────────────────────────────────────────────
/** `language.**`, `vision.layers[*].q`, `layers[i].attn_norm` */
export interface Glob extends Spanned {
  readonly steps: readonly GlobStep[];
}
export type GlobStep =
  | { readonly kind: "name"; readonly text: string }
  /** `*`: one step; `**`: any number of steps */
  | { readonly kind: "any" | "rest" }
  /** `[3]`, `[*]`, or `[i]` and `[2 * i + 1]` in a checkpoint map */
  | { readonly kind: "index"; readonly value: number | "any" | Expr };

// ── Expressions ────────────────────────────────────────────────────────────────────────────────
export interface Shape extends Spanned {
  readonly kind: "shape";
  /** later: `grid [C, H, W]` in a function's signature */
  readonly grid: boolean;
  readonly dims: readonly Expr[];
}
export interface NumberLiteral extends Spanned {
  readonly kind: "number";
  readonly value: number;
  /** as written, `128_256` */
  readonly text: string;
}
export interface StringLiteral extends Spanned {
  readonly kind: "string";
  readonly value: string;
}
export interface Reference extends Spanned {
  readonly kind: "reference";
  readonly name: string;
}
export interface Argument {
  readonly label: Name | undefined;
  readonly value: Expr;
}
export interface Arm {
  /** later: `count { given image: once, drawn image: never }` */
  readonly state: "given" | "drawn" | undefined;
  /** `und`, `image.patch` */
  readonly kinds: Expr;
  readonly value: Expr;
}
export type Infix = "+" | "-" | "*" | "/" | "|" | "and" | "or" | ".." | "is" | "before";

export type Expr =
  | NumberLiteral
  | StringLiteral
  | Reference
  /** `language.layers` */
  | { readonly kind: "member"; readonly of: Expr; readonly name: Name; readonly span: Span }
  /** `linear(n, q)`, `v(h, c: c)` */
  | { readonly kind: "call"; readonly callee: Expr; readonly arguments: readonly Argument[]; readonly span: Span }
  /** `h[und, image.patch]`, `embed[id]` */
  | { readonly kind: "index"; readonly of: Expr; readonly indices: readonly Expr[]; readonly span: Span }
  /** `[16]`, `["<boi>", "<eoi>"]` */
  | { readonly kind: "list"; readonly items: readonly Expr[]; readonly span: Span }
  /** later: `(0, row, col)`, a position of several axes */
  | { readonly kind: "tuple"; readonly items: readonly Expr[]; readonly span: Span }
  | { readonly kind: "infix"; readonly op: Infix; readonly left: Expr; readonly right: Expr; readonly span: Span }
  | { readonly kind: "prefix"; readonly op: "-" | "not"; readonly operand: Expr; readonly span: Span }
  /** `select { und: l(h), image.patch: v(h) }`, `joint { ... }`, later `count { ... }`, `axes { ... }` */
  | { readonly kind: "arms"; readonly name: Name; readonly arms: readonly Arm[]; readonly span: Span }
  /** `l(h) sees und` */
  | { readonly kind: "sees"; readonly call: Expr; readonly mask: Expr; readonly span: Span }
  /** `XFusion(...) with { bridge(bias: 1), expand }`; `bridge once` is read as the call `bridge(once)` */
  | { readonly kind: "with"; readonly model: Expr; readonly options: readonly Expr[]; readonly span: Span };

export type ExprOf<K extends Expr["kind"]> = Extract<Expr, { readonly kind: K }>;
