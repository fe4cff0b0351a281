// What an expression can stand for while a program is analysed, and the scopes that give names their values. Templates become instances, names become rows,
// sequences, kinds or masks; `error` is a value about which something was already said, and nothing complains of it again.
import type * as ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/ast.ts";
import type { At, Block, Head, Mask, Noise, Process, RotaryScaling, Row, Seq, Weight } from "./model.ts";

export type Value =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "flag"; readonly value: boolean }
  | { readonly kind: "text"; readonly value: string }
  /** a name that stands for itself: `predicts: velocity`, `share: [attn_norm]` */
  | { readonly kind: "symbol"; readonly name: string; readonly at: At }
  | { readonly kind: "list"; readonly items: readonly Value[] }
  | { readonly kind: "template"; readonly template: ast.Template; readonly scope: Scope }
  | { readonly kind: "model"; readonly model: ast.Model; readonly scope: Scope }
  | Application
  | ModelApplication
  | { readonly kind: "contract"; readonly contract: ast.Contract; readonly scope: Scope }
  /** the layers of another tower, to be instantiated anew with those weights as initial values */
  | { readonly kind: "copy"; readonly of: BlockInstance; readonly share: ReadonlySet<string> }
  | { readonly kind: "instance"; readonly instance: Instance }
  | { readonly kind: "function"; readonly instance: Instance; readonly item: ast.FunctionItem }
  | { readonly kind: "block"; readonly block: BlockInstance }
  /** blocks that stand where one layer is asked; `own` undefined: the kinds at home in their tower */
  | {
      readonly kind: "group";
      readonly blocks: readonly BlockInstance[];
      readonly mode: "held" | "chain";
      readonly own: readonly string[] | undefined;
    }
  | { readonly kind: "row"; readonly row: Row }
  | { readonly kind: "seq"; readonly seq: Seq }
  | { readonly kind: "kinds"; readonly names: readonly string[]; readonly modality: string | undefined }
  | { readonly kind: "mask"; readonly mask: Mask }
  | { readonly kind: "process"; readonly process: Process }
  | { readonly kind: "scaling"; readonly scaling: RotaryScaling }
  | { readonly kind: "distribution"; readonly distribution: NonNullable<Noise["drawn"]>["distribution"] }
  | { readonly kind: "head"; readonly head: Head["kind"]; readonly value: Value }
  | { readonly kind: "initial"; readonly init: "zeros" | "ones" | "identity" | "unset" }
  | { readonly kind: "normal"; readonly std: number }
  /** an optional member or argument that is absent */
  | { readonly kind: "none" }
  /** the name of a model's `layers`, which paths of weights begin with, and the names inside of each */
  | { readonly kind: "loop"; readonly name: string; readonly layers: readonly ValueOf<"layer">[] }
  | { readonly kind: "layer"; readonly path: string; readonly scope: Scope }
  | { readonly kind: "error" };
export type ValueOf<K extends Value["kind"]> = Extract<Value, { readonly kind: K }>;

/** A template with arguments, not yet an instance: each slot that takes it makes its own. */
export interface Application {
  readonly kind: "application";
  readonly template: ast.Template;
  /** where the template was declared */
  readonly scope: Scope;
  readonly arguments: ReadonlyMap<string, Value>;
  /** where each argument was given */
  readonly places: ReadonlyMap<string, At>;
  readonly span: ast.Span;
  readonly path: string;
}
export interface ModelApplication {
  readonly kind: "modelApplication";
  readonly model: ast.Model;
  readonly scope: Scope;
  readonly arguments: ReadonlyMap<string, Value>;
  readonly places: ReadonlyMap<string, At>;
  readonly bridge: Bridge | undefined;
  readonly span: ast.Span;
  readonly path: string;
}
/** `with { bridge(once, bias: true) }`: what stands between towers of unlike width. */
export interface Bridge {
  readonly once: boolean;
  readonly bias: boolean;
  readonly norm: boolean;
  readonly init: Value;
}
/** A block as analysis knows it: the model's block, and what a copy of it needs. */
export interface BlockInstance {
  readonly block: Block;
  readonly instance: Instance;
  readonly application: Application;
  /** the tower whose layer it is */
  readonly tower: Instance | undefined;
}
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type WeightDraft = Omit<Mutable<Weight>, "aliases" | "sources"> & {
  aliases: string[];
  sources: Weight["sources"][number][];
  /** set by freeze or train */
  fate: { readonly trained: boolean; readonly at: At } | undefined;
};

export const none: ValueOf<"none"> = { kind: "none" };
export const error: ValueOf<"error"> = { kind: "error" };

/** What a value is, in the user's words. */
export const describe = (value: Value): string => {
  switch (value.kind) {
    case "number":
      return `the number ${value.value}`;
    case "flag":
      return String(value.value);
    case "text":
      return `the text "${value.value}"`;
    case "symbol":
      return `\`${value.name}\`, which is declared nowhere`;
    case "list":
      return `a list of ${value.items.length}`;
    case "template":
      return `the ${value.template.role} template \`${value.template.name.text}\``;
    case "application":
      return `a ${value.template.role} \`${value.template.name.text}\``;
    case "model":
    case "modelApplication":
      return `the model \`${value.model.name.text}\``;
    case "contract":
      return `the contract \`${value.contract.name.text}\``;
    case "copy":
      return `a copy of \`${value.of.block.path}\``;
    case "instance":
      return `the ${value.instance.template.role} \`${value.instance.path}\``;
    case "function":
      return `the function \`${value.item.name.text}\``;
    case "block":
      return `the block \`${value.block.block.path}\``;
    case "group":
      return `a group of ${value.blocks.length} blocks`;
    case "row":
      return value.row.shape.length
        ? `a row of shape [${value.row.shape.join(", ")}]`
        : value.row.index
          ? "an index"
          : "a number of a row";
    case "seq":
      return "a sequence of rows";
    case "kinds":
      return "a set of kinds";
    case "mask":
      return "a mask";
    case "process":
      return `a ${value.process.kind} process`;
    case "scaling":
      return "a scaling of frequencies";
    case "distribution":
      return "a distribution";
    case "head":
      return `a ${value.head} head`;
    case "initial":
    case "normal":
      return "an initial value";
    case "none":
      return "absent";
    case "loop":
      return `the name of the layers \`${value.name}\``;
    case "layer":
      return `the layer \`${value.path}\``;
    case "error":
      return "a mistake";
  }
};

// ── Instances ──────────────────────────────────────────────────────────────────────────────────
export interface Instance {
  readonly path: string;
  readonly template: ast.Template;
  readonly application: Application;
  /** where it was asked for, outside of the library if anywhere */
  readonly made: At | undefined;
  readonly scope: Scope;
  readonly functions: ReadonlyMap<string, ast.FunctionItem>;
  readonly weights: Map<string, WeightDraft>;
  /** instances inside it, by name: its parts and the parts its parameters brought */
  readonly parts: Map<string, Instance>;
  layers: readonly BlockInstance[] | undefined;
  /** what the slot that holds it asks for */
  readonly contract: ast.Contract | undefined;
}

// ── Scopes ─────────────────────────────────────────────────────────────────────────────────────
interface Entry {
  readonly at: At | undefined;
  make: ((by: At | undefined) => Value) | undefined;
  value: Value | undefined;
}
/**
 * Lexical names. Values are made when first asked for, so that declarations may stand in any order; a name that needs
 * itself is found out. Names are never hidden: declaring one that is visible is a mistake.
 */
export class Scope {
  readonly #names = new Map<string, Entry>();
  readonly parent: Scope | undefined;
  /** path of the source file whose text is evaluated in it */
  readonly file: string;
  /** path of the part whose code it is: where its weights live */
  readonly part: string;

  constructor(parent: Scope | undefined, file: string, part: string) {
    this.parent = parent;
    this.file = file;
    this.part = part;
  }

  /** The place of a declaration that is visible under this name; undefined when there is none. */
  where(name: string): At | undefined {
    return this.#names.get(name)?.at ?? this.parent?.where(name);
  }
  has(name: string): boolean {
    return this.#names.has(name) || (this.parent?.has(name) ?? false);
  }
  set(name: string, value: Value, at?: At): void {
    this.#names.set(name, { at, make: undefined, value });
  }
  /** `make` learns where the name was first used */
  define(name: string, make: (by: At | undefined) => Value, at?: At): void {
    this.#names.set(name, { at, make, value: undefined });
  }
  /** "cycle": the name is being made just now, from itself. */
  lookup(name: string, by?: At): Value | "cycle" | undefined {
    const entry = this.#names.get(name);
    if (!entry) return this.parent?.lookup(name, by);
    if (entry.value) return entry.value;
    const make = entry.make;
    if (!make) return "cycle";
    entry.make = undefined;
    entry.value = make(by);
    return entry.value;
  }
  /** the names that are declared in it */
  get own(): readonly string[] {
    return [...this.#names.keys()];
  }
  *visible(): Generator<string> {
    yield* this.#names.keys();
    if (this.parent) yield* this.parent.visible();
  }
  at(node: { readonly span: Span }): At {
    return { path: this.file, span: node.span };
  }
}
