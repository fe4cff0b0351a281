// Draws the layers: loops over lists of layers, and expressions over sequences that have the widths asked for. An
// expression is drawn for a set of kinds, each with the width it must have; whatever width is at hand is adapted.
import type { Dice } from "./dice.ts";
import { drawMask, isKnown, numberAt, type Frame } from "./frame.ts";
import type {
  BlockSpec,
  Expr,
  Kinds,
  KindSpec,
  LoopSpec,
  Shapes,
  StatementSpec,
  TowerSpec,
  VariableSpec,
} from "./spec.ts";
import { kindsOf, layersOf } from "./spec.ts";

/** A variable of a loop: what is known of every block that it stands for. */
export interface Variable {
  readonly name: string;
  readonly tower: TowerSpec;
  readonly grouped: boolean;
  /** keys and values of its one attend, where all its blocks agree; absent: it may not join */
  readonly joins: string | undefined;
}
/** What an expression may use where it stands. */
export class Drawing {
  readonly dice: Dice;
  readonly frame: Frame;
  readonly kinds: readonly KindSpec[];
  readonly variables: readonly Variable[];
  readonly lets: { readonly name: string; readonly shapes: Shapes }[] = [];
  /** weights and parts that the expressions asked for */
  readonly items: StatementSpec[] = [];
  readonly #counter: { next: number };

  constructor(dice: Dice, frame: Frame, variables: readonly Variable[], counter: { next: number }) {
    this.dice = dice;
    this.frame = frame;
    this.kinds = kindsOf(frame.modalities, frame.towers);
    this.variables = variables;
    this.#counter = counter;
  }

  fresh(stem: string): string {
    return `${stem}${this.#counter.next++}`;
  }
  item(stem: string, text: (name: string) => string): string {
    const name = this.fresh(stem);
    this.items.push({ kind: "item", name, text: text(name) });
    return name;
  }
  get home(): Shapes {
    return new Map(this.kinds.map((k) => [k.name, k.width]));
  }
  kindsIn(shapes: Shapes): KindSpec[] {
    return this.kinds.filter((k) => shapes.has(k.name));
  }

  /** A sequence with exactly the kinds and widths of `want`. */
  expr(want: Shapes, depth: number): Expr {
    if (depth <= 0) return this.leaf(want);
    const made = this.dice.pick(this.#forms(want))(depth - 1);
    return made ?? this.leaf(want);
  }

  #forms(want: Shapes): ((depth: number) => Expr | undefined)[] {
    const calls = (depth: number): Expr | undefined => this.call(want, depth);
    const select = (depth: number): Expr => this.#arms(want, depth);
    const joint = (depth: number): Expr | undefined => this.joint(want, depth);
    const two = (depth: number): Expr => this.#two(want, depth);
    const around = (depth: number): Expr => this.#around(want, depth);
    const union = (depth: number): Expr | undefined => {
      const parts = this.#halves(want);
      return parts.length > 1
        ? parts.map((part) => this.expr(part, depth)).reduce((left, right) => ({ op: "union", left, right }))
        : undefined;
    };
    return [calls, calls, calls, select, select, joint, joint, two, two, around, around, union, () => this.leaf(want)];
  }

  leaf(want: Shapes): Expr {
    const fitting = this.lets.filter(({ shapes }) => [...want].every(([kind, width]) => shapes.get(kind) === width));
    if (fitting.length > 0 && this.dice.chance(0.6)) {
      const { name, shapes } = this.dice.pick(fitting);
      return narrow({ op: "name", text: name }, shapes, want);
    }
    const groups = new Map<string, string[]>();
    for (const { name, width } of this.kindsIn(want)) {
      const key = `${width} ${want.get(name)!}`;
      groups.set(key, [...(groups.get(key) ?? []), name]);
    }
    const parts = [...groups].map(([key, kinds]): Expr => {
      const [from, to] = key.split(" ");
      const of = narrow({ op: "name", text: "h" }, this.home, new Map(kinds.map((kind) => [kind, 0])));
      if (from === to) return of;
      return {
        op: "around",
        before: `${this.item("p", (name) => `part ${name} = Linear(${from}, ${to}${this.dice.chance(0.3) ? ", bias: true" : ""})`)}(`,
        of,
        after: ")",
      };
    });
    return parts.reduce((left, right) => ({ op: "union", left, right }));
  }

  /** A call of a block as wide as all that is wanted; it may see more rows than are wanted. */
  call(want: Shapes, depth: number): Expr | undefined {
    const widths = new Set(want.values());
    const fitting = this.variables.filter((v) => widths.size === 1 && widths.has(v.tower.width));
    if (fitting.length === 0) return undefined;
    return this.callOf(this.dice.pick(fitting), want, depth);
  }
  callOf(variable: Variable, want: Shapes, depth: number): Expr {
    const all = this.dice.chance(0.5) ? this.kinds.map((k) => k.name) : [...want.keys()];
    const bridged = this.frame.bridge !== undefined && this.dice.chance(0.7);
    const given = new Map(all.map((kind) => [kind, bridged ? this.home.get(kind)! : variable.tower.width]));
    const own = new Map(all.map((kind) => [kind, variable.tower.width]));
    const call: Expr = {
      op: "call",
      ...this.#callee(variable, own),
      of: this.expr(given, depth),
      condition: conditionOf(variable),
      sees: this.dice.maybe(0.25, () => this.#sees(own)),
    };
    return narrow(call, own, want);
  }
  #callee(variable: Variable, e: Shapes): { callee: string; own: Kinds | undefined } {
    if (!variable.grouped && this.dice.chance(0.9)) return { callee: variable.name, own: undefined };
    const at = this.kindsIn(e);
    const athome = at.some((k) => k.tower === variable.tower.name && !this.#gained(k));
    if (athome && this.dice.chance(0.4)) return { callee: variable.name, own: undefined };
    if (this.dice.chance(0.5)) return { callee: `chain(${variable.name})`, own: undefined };
    return { callee: variable.name, own: this.dice.some(at.map((k) => k.name)) };
  }
  /** rows that do not enter by a plain call of a tower's function are at home nowhere */
  #gained(kind: KindSpec): boolean {
    const of = this.frame.modalities.find((m) => m.name === kind.modality)!;
    const marker = of.kind === "span" ? of.segments.find((s) => `${of.name}.${s.name}` === kind.name) : undefined;
    const tokens = marker?.kind === "marker" ? this.frame.modalities.find((m) => m.name === marker.of)! : of;
    return tokens.kind === "tokens" && tokens.gain !== undefined;
  }
  #sees(e: Shapes) {
    return this.dice.chance(0.5)
      ? ({ op: "key", kinds: this.dice.some([...e.keys()]) } as const)
      : drawMask(this.dice, this.kinds, 1);
  }

  #arms(want: Shapes, depth: number): Expr {
    const parts = this.#halves(want);
    return {
      op: "select",
      arms: parts.map((part) => {
        const whole = this.dice.chance(0.4);
        return { kinds: [...part.keys()], value: this.expr(whole ? want : part, depth) };
      }),
    };
  }
  /** Arms that attend together, and maybe one that passes its rows on. */
  joint(want: Shapes, depth: number): Expr | undefined {
    const parts = this.#halves(want);
    const joins = this.dice.pick([...new Set(this.variables.map((v) => v.joins))]);
    if (joins === undefined) return undefined;
    let calls = 0;
    const arms = parts.map((part) => {
      const kinds = [...part.keys()];
      const fitting = this.variables.filter(
        (v) => v.joins === joins && !v.grouped && [...part.values()].every((w) => w === v.tower.width),
      );
      if (fitting.length === 0 || this.dice.chance(0.1))
        return { kinds, value: this.#passed(part, Math.min(depth, 1)) };
      calls++;
      const variable = this.dice.pick(fitting);
      const given =
        this.frame.bridge !== undefined && this.dice.chance(0.5)
          ? new Map(kinds.map((kind) => [kind, this.home.get(kind)!]))
          : part;
      const value: Expr = {
        op: "call",
        callee: variable.name,
        own: undefined,
        of: this.expr(given, depth),
        condition: conditionOf(variable),
        sees: this.dice.maybe(0.2, () => this.#sees(want)),
      };
      return { kinds, value };
    });
    return calls > 0 ? { op: "joint", arms } : undefined;
  }

  /** An arm that attends with no other: rows as they are, or under a name. */
  #passed(want: Shapes, depth: number): Expr {
    const home = [...want].every(([kind, width]) => this.home.get(kind) === width);
    if (home && this.dice.chance(0.6)) return narrow({ op: "name", text: "h" }, this.home, want);
    const of = this.expr(want, depth);
    const name = this.fresh("e");
    this.items.push({ kind: "let", name, value: { op: "around", before: "tanh(", of, after: ")" } });
    return { op: "name", text: name };
  }
  #two(want: Shapes, depth: number): Expr {
    const left = this.expr(want, depth);
    const right = this.expr(want, depth);
    const sign = this.dice.pick(["+", "+", "- 0.5 *", "*", "min", "max"]);
    return {
      op: "two",
      sign,
      left,
      right: sign === "*" ? { op: "around", before: "tanh(", of: right, after: ")" } : right,
    };
  }
  #around(want: Shapes, depth: number): Expr {
    const wrap = (before: string, after = ")"): Expr => ({ op: "around", before, of: this.expr(want, depth), after });
    const widths = [...new Set(want.values())];
    const [width] = widths;
    const forms: (() => Expr)[] = [
      () =>
        wrap(
          `${this.dice.pick(["tanh", "silu", "gelu", "gelu_tanh", "sigmoid", "relu", "rms_norm", "stop_gradient"])}(`,
        ),
      () => wrap(`${this.item("a", (name) => `weight ${name} = ${this.dice.pick(["1", "0", "0.5"])}`)} * `, ""),
      () => wrap(this.dice.pick(["0.5 * ", "-"]), ""),
    ];
    const inputs = this.frame.inputs.filter((i) => i.type === "number" && isKnown(i, this.kindsIn(want)));
    if (inputs.length > 0)
      forms.push(
        () => wrap(`${this.dice.pick(inputs).name} * `, ""),
        () => wrap(`(1 + ${numberAt(this.dice, inputs, this.kindsIn(want))}) * `, ""),
      );
    if (widths.length === 1) {
      forms.push(
        () =>
          wrap(
            "linear(",
            `, ${this.item("w", (name) => `weight ${name}: [${width}, ${width}] = ${this.dice.pick(["identity", "zeros", "normal(0.1)"])}`)})`,
          ),
        () => wrap("rms_norm(", `, ${this.item("s", (name) => `weight ${name}: [${width}] = ones`)}, eps: 1e-3)`),
      );
      const other = this.dice.pick([1, 2, 3, 4, 6, ...this.variables.map((v) => v.tower.width)]);
      const changed = new Map([...want.keys()].map((kind) => [kind, other]));
      forms.push(() => ({
        op: "around",
        before: `${this.item("p", (name) => `part ${name} = Linear(${other}, ${width})`)}(`,
        of: this.expr(changed, depth),
        after: ")",
      }));
      if (width! % 2 === 0)
        forms.push(() => {
          const name = this.fresh("e");
          this.items.push({ kind: "let", name, value: this.expr(want, Math.min(depth, 1)) });
          return {
            op: "around",
            before: `concat(chunk(${name}, 2)[1], chunk(`,
            of: this.expr(want, depth),
            after: ", 2)[0])",
          };
        });
    }
    return this.dice.pick(forms)();
  }
  /** The wanted kinds in one to three parts. */
  #halves(want: Shapes): Shapes[] {
    const parts: [string, number][][] = [[], [], []];
    const count = this.dice.pick([2, 2, 2, 3]);
    for (const entry of want) parts[this.dice.below(count)]!.push(entry);
    return parts.filter((part) => part.length > 0).map((part) => new Map(part));
  }
}
const conditionOf = ({ tower }: Variable): string | undefined =>
  tower.condition === undefined ? undefined : `c_${tower.name}`;
export const narrow = (e: Expr, has: Shapes, want: Shapes): Expr =>
  has.size === want.size ? e : { op: "restrict", of: e, kinds: [...want.keys()] };

// ── Loops ──────────────────────────────────────────────────────────────────────────────────────
export const drawLoops = (dice: Dice, frame: Frame): LoopSpec[] => {
  const counter = { next: 0 };
  return Array.from({ length: dice.pick([1, 1, 1, 2]) }, () => drawLoop(dice, frame, counter, [], 3));
};
export interface Listing {
  readonly variables: readonly VariableSpec[];
  readonly known: readonly Variable[];
}
/** Lists of equal length over one to three towers. */
export const drawLists = (dice: Dice, frame: Frame, counter: { next: number }): Listing => {
  const towers = [dice.pick(frame.towers), ...frame.towers.filter(() => dice.chance(0.6))].slice(0, 3);
  const depths = towers.map((tower) => layersOf(frame, tower).length);
  const least = Math.min(...depths);
  const n = dice.chance(0.7) ? least : dice.within(1, least);
  const made = towers.map((tower, i) => {
    const spec: VariableSpec = {
      name: `l${counter.next++}`,
      tower: tower.name,
      spread: depths[i] === n && dice.chance(0.8) ? undefined : n,
    };
    return { spec, known: { name: spec.name, tower, grouped: depths[i]! > n, joins: joinsOf(frame, tower) } };
  });
  return { variables: made.map(({ spec }) => spec), known: made.map(({ known }) => known) };
};
const joinsOf = (frame: Frame, tower: TowerSpec): string | undefined => {
  const blocks: BlockSpec[] = layersOf(frame, tower).map((i) => frame.blocks[i]!);
  const keys = new Set(blocks.map((b) => (b.attends === 1 ? `${b.kv} ${b.dim} ${b.value}` : undefined)));
  return keys.size === 1 ? [...keys][0] : undefined;
};
const drawLoop = (
  dice: Dice,
  frame: Frame,
  counter: { next: number },
  outer: readonly Variable[],
  depth: number,
): LoopSpec => {
  const name = `f${counter.next++}`;
  const { variables, known } = drawLists(dice, frame, counter);
  const drawing = new Drawing(dice, frame, [...outer, ...known], counter);
  const body: StatementSpec[] = [];
  const push = (statement: StatementSpec): void => void body.push(...drawing.items.splice(0), statement);
  for (let i = dice.pick([0, 0, 1]); i > 0; i--) {
    const width = dice.pick(drawing.variables).tower.width;
    const shapes: Shapes = dice.chance(0.4)
      ? drawing.home
      : new Map(dice.some(drawing.kinds).map((k) => [k.name, width]));
    const value = drawing.expr(shapes, 2);
    const label = drawing.fresh("e");
    push({ kind: "let", name: label, value });
    drawing.lets.push({ name: label, shapes });
  }
  if (outer.length === 0 && dice.chance(0.15)) {
    body.push({ kind: "loop", loop: drawLoop(dice, frame, counter, drawing.variables, 2) });
    if (dice.chance(0.5)) return { name, variables, body };
  }
  const value = drawing.expr(drawing.home, depth);
  push({
    kind: "h",
    value: dice.chance(0.3) ? { op: "two", sign: "+", left: { op: "name", text: "h" }, right: value } : value,
  });
  return { name, variables, body };
};
