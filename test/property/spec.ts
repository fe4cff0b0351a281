// A specification as data: what the generator draws, the printer writes and the shrinker takes apart. Only forms that
// LANGUAGE calls valid can be said; whether a shrunk one still is, `check` decides.

export type Kinds = readonly string[];
/** Width of the rows of each kind. */
export type Shapes = ReadonlyMap<string, number>;

/** A block template and the arguments it is applied with. */
export interface BlockSpec {
  readonly name: string;
  readonly width: number;
  readonly heads: number;
  readonly kv: number;
  readonly dim: number;
  readonly value: number;
  readonly norm: "rms" | "layer" | "none";
  readonly rope: "none" | "halves" | "pairs" | "llama3" | "part";
  readonly softcap: number | undefined;
  readonly scale: number | undefined;
  readonly bias: boolean;
  /** q, k and v as chunks of one matrix: `heads * dim`, `kv * dim` and `kv * value` are equal */
  readonly fused: boolean;
  /** width of the condition; absent: it takes none */
  readonly condition: number | undefined;
  readonly feed: "gated" | "gelu" | "part" | "none";
  readonly attends: 1 | 2;
}
export interface TowerSpec {
  /** the slot; the template is called the same in capitals */
  readonly name: string;
  readonly width: number;
  readonly layers: readonly { readonly block: number; readonly times: number }[];
  /** made by `copy` of another slot's layers, sharing these weights */
  readonly copy: { readonly of: string; readonly share: readonly string[] } | undefined;
  readonly condition: number | undefined;
  readonly vocab: number | undefined;
  readonly tied: boolean;
  /** the slot has a contract, by which blocks may ignore the condition */
  readonly contract: boolean;
}

export type ModalitySpec = TokensSpec | SpanSpec;
export interface TokensSpec {
  readonly kind: "tokens";
  readonly name: string;
  readonly tower: string;
  readonly added: readonly string[];
  readonly head: boolean;
  /** what the entered row is multiplied by: an input that is known everywhere */
  readonly gain: string | undefined;
}
export interface SpanSpec {
  readonly kind: "span";
  readonly name: string;
  readonly tower: string;
  readonly segments: readonly SegmentSpec[];
  readonly head: boolean;
  readonly enter: { readonly condition: boolean; readonly coordinates: boolean; readonly reorder: boolean };
  readonly process: string;
}
export type SegmentSpec =
  | { readonly kind: "marker"; readonly name: string; readonly of: string; readonly token: string | number }
  | GridSpec;
export interface GridSpec {
  readonly kind: "grid";
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  readonly channels: number;
  readonly side: number;
  readonly ordered: boolean;
}
export interface InputSpec {
  readonly name: string;
  readonly type: string;
  /** `document`, a modality of spans, a kind; absent: one for the call */
  readonly per: string | undefined;
}
/** `let c1 = select { text: t1.condition(0.5), image: t1.condition(t) }` */
export interface ConditionSpec {
  readonly name: string;
  readonly arms: readonly { readonly kinds: Kinds; readonly source: string }[];
}

export interface LoopSpec {
  readonly name: string;
  readonly variables: readonly VariableSpec[];
  readonly body: readonly StatementSpec[];
}
export interface VariableSpec {
  readonly name: string;
  readonly tower: string;
  /** groups asked of `spread`; absent: the layers as they are */
  readonly spread: number | undefined;
}
export type StatementSpec =
  /** `weight a = 1`, `part up = Linear(4, 6)` */
  | { readonly kind: "item"; readonly name: string; readonly text: string }
  | { readonly kind: "let"; readonly name: string; readonly value: Expr }
  | { readonly kind: "h"; readonly value: Expr }
  | { readonly kind: "loop"; readonly loop: LoopSpec };

export type Expr =
  | { readonly op: "name"; readonly text: string }
  | { readonly op: "restrict"; readonly of: Expr; readonly kinds: Kinds }
  | {
      readonly op: "call";
      /** `l`, `chain(v)`, or with kinds: `held(v, own: kinds)` */
      readonly callee: string;
      readonly own: Kinds | undefined;
      readonly of: Expr;
      readonly condition: string | undefined;
      readonly sees: MaskSpec | undefined;
    }
  | { readonly op: "select" | "joint"; readonly arms: readonly { readonly kinds: Kinds; readonly value: Expr }[] }
  | { readonly op: "union"; readonly left: Expr; readonly right: Expr }
  /** `(left) + (right)`, `min(left, right)` */
  | { readonly op: "two"; readonly sign: string; readonly left: Expr; readonly right: Expr }
  /** text around a sequence: `tanh(` and `)` */
  | { readonly op: "around"; readonly before: string; readonly of: Expr; readonly after: string };

export type MaskSpec =
  | { readonly op: "causal" | "all" }
  | { readonly op: "within" | "query" | "key"; readonly kinds: Kinds }
  | { readonly op: "and" | "or"; readonly left: MaskSpec; readonly right: MaskSpec }
  | { readonly op: "not"; readonly of: MaskSpec };

export interface Spec {
  readonly blocks: readonly BlockSpec[];
  readonly towers: readonly TowerSpec[];
  readonly modalities: readonly ModalitySpec[];
  readonly inputs: readonly InputSpec[];
  readonly conditions: readonly ConditionSpec[];
  readonly loops: readonly LoopSpec[];
  readonly mask: MaskSpec;
  /** `limit:` of the running positions */
  readonly limit: number | undefined;
  /** `bridge(once, bias: true)` */
  readonly bridge: string | undefined;
  readonly fates: "train" | "freeze" | "apart";
}

// ── Trees ──────────────────────────────────────────────────────────────────────────────────────
export const childrenOf = (e: Expr): readonly Expr[] => {
  switch (e.op) {
    case "name":
      return [];
    case "restrict":
    case "call":
    case "around":
      return [e.of];
    case "select":
    case "joint":
      return e.arms.map((arm) => arm.value);
    case "union":
    case "two":
      return [e.left, e.right];
    default:
      return e satisfies never;
  }
};
export const withChildren = (e: Expr, children: readonly Expr[]): Expr => {
  switch (e.op) {
    case "name":
      return e;
    case "restrict":
    case "call":
    case "around":
      return { ...e, of: children[0]! };
    case "select":
    case "joint":
      return { ...e, arms: e.arms.map((arm, i) => ({ ...arm, value: children[i]! })) };
    case "union":
    case "two":
      return { ...e, left: children[0]!, right: children[1]! };
    default:
      return e satisfies never;
  }
};

// ── What a specification has ───────────────────────────────────────────────────────────────────
export interface KindSpec {
  readonly name: string;
  readonly modality: string;
  readonly width: number;
  /** the slot whose ends let it in */
  readonly tower: string;
  readonly token: boolean;
}
/** All kinds of rows, in the order of the model. */
export const kindsOf = (modalities: readonly ModalitySpec[], towers: readonly TowerSpec[]): KindSpec[] => {
  const width = (name: string): number => towers.find((tower) => tower.name === name)!.width;
  const make = (name: string, modality: string, tower: string, token: boolean): KindSpec => ({
    name,
    modality,
    width: width(tower),
    tower,
    token,
  });
  return modalities.flatMap((m) =>
    m.kind === "tokens"
      ? [make(m.name, m.name, m.tower, true)]
      : m.segments.map((segment) => {
          const of = segment.kind === "marker" ? modalities.find(({ name }) => name === segment.of)! : m;
          return make(`${m.name}.${segment.name}`, m.name, of.tower, segment.kind === "marker");
        }),
  );
};
export const towerOf = (spec: Pick<Spec, "towers">, name: string): TowerSpec =>
  spec.towers.find((tower) => tower.name === name)!;
/** The blocks of a tower's layers, through copies. */
export const layersOf = (spec: Pick<Spec, "towers">, tower: TowerSpec): number[] =>
  tower.copy
    ? layersOf(spec, towerOf(spec, tower.copy.of))
    : tower.layers.flatMap(({ block, times }) => Array<number>(times).fill(block));
