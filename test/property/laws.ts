// Pairs of specifications that a law says are equal, in random surroundings: all is the same but one expression.
import { Dice } from "./dice.ts";
import { drawFrame, drawMask, type Frame } from "./frame.ts";
import { drawLists, Drawing, narrow, type Variable } from "./layers.ts";
import type { Expr, Kinds, MaskSpec, Shapes, Spec, StatementSpec } from "./spec.ts";
import { layersOf, towerOf } from "./spec.ts";

/** Equal expressions, and the rows that they have. */
export interface Equal {
  readonly sides: readonly Expr[];
  readonly shapes: Shapes;
}
type Build = (drawing: Drawing) => Equal | undefined;

/** Specifications that are to agree; the first seed from `seed` on for which the law has an instance. */
export const instance = (
  seed: number,
  build: Build,
  change: (frame: Frame) => Frame = (frame) => frame,
): readonly Spec[] => {
  for (let tried = 0; tried < 200; tried++) {
    const dice = new Dice(seed * 1009 + tried);
    const frame = change({ ...drawFrame(dice), bridge: undefined });
    const counter = { next: 0 };
    const lists = drawLists(dice, frame, counter);
    const drawing = new Drawing(dice, frame, lists.known, counter);
    const before = dice.chance(0.5) ? statement(drawing) : [];
    const made = build(drawing);
    if (!made) continue;
    const fitting = drawing.kinds.filter((k) => made.shapes.get(k.name) === k.width);
    if (fitting.length === 0) continue;
    const own = new Map(fitting.map((k) => [k.name, k.width]));
    const rest = drawing.kinds.filter((k) => !own.has(k.name)).map((k) => k.name);
    const items = drawing.items.splice(0);
    const after = dice.chance(0.5) ? statement(drawing) : [];
    return made.sides.map((side) => {
      const changed: Expr = {
        op: "two",
        sign: "+",
        left: narrow(h, drawing.home, own),
        right: narrow(side, made.shapes, own),
      };
      const value: Expr = rest.length
        ? { op: "union", left: changed, right: { op: "restrict", of: h, kinds: rest } }
        : changed;
      return {
        ...frame,
        loops: [{ name: "f", variables: lists.variables, body: [...before, ...items, { kind: "h", value }, ...after] }],
      };
    });
  }
  throw new Error(`no instance of the law near seed ${seed}`);
};
const h: Expr = { op: "name", text: "h" };
const statement = (drawing: Drawing): StatementSpec[] => {
  const value = drawing.expr(drawing.home, 2);
  return [...drawing.items.splice(0), { kind: "h", value }];
};
/** An expression under a name, so that all sides use the same rows. */
const named = (drawing: Drawing, shapes: Shapes, depth = 2): Expr => {
  const value = drawing.expr(shapes, depth);
  const name = drawing.fresh("e");
  drawing.items.push({ kind: "let", name, value });
  return { op: "name", text: name };
};
const at = (kinds: Kinds, width: number): Shapes => new Map(kinds.map((kind) => [kind, width]));
const someKinds = (drawing: Drawing): string[] =>
  drawing.dice.some(
    drawing.kinds.map((k) => k.name),
    0.8,
  );
/** Two parts, neither empty. */
const parted = (dice: Dice, kinds: Kinds): [Kinds, Kinds] | undefined => {
  const first = dice.some(kinds);
  const second = kinds.filter((kind) => !first.includes(kind));
  return second.length ? [first, second] : undefined;
};
const called = (
  { name, tower }: Variable,
  of: Expr,
  sees: MaskSpec | undefined,
  more: { callee?: string; own?: Kinds } = {},
): Expr => ({
  op: "call",
  callee: more.callee ?? name,
  own: more.own,
  of,
  condition: tower.condition === undefined ? undefined : `c_${tower.name}`,
  sees,
});
const key = (kinds: Kinds): MaskSpec => ({ op: "key", kinds });
const joinable = (drawing: Drawing): Variable[] => drawing.variables.filter((v) => v.joins !== undefined && !v.grouped);

/** 1: arms that call one block are the block. */
export const oneBlock: Build = (drawing) => {
  const v = joinable(drawing)[0];
  if (!v) return undefined;
  const kinds = someKinds(drawing);
  const parts = parted(drawing.dice, kinds);
  if (!parts) return undefined;
  const shapes = at(kinds, v.tower.width);
  const e = named(drawing, shapes);
  const call = called(
    v,
    e,
    drawing.dice.maybe(0.4, () => drawMask(drawing.dice, drawing.kinds, 2)),
  );
  const arms = parts.map((part) => ({ kinds: part, value: call }));
  return { sides: [call, { op: "select", arms }, { op: "joint", arms }], shapes };
};
/** 2: arms that see only themselves are alone. */
export const alone: Build = (drawing) => {
  const [a] = joinable(drawing);
  const b = drawing.dice.pick(joinable(drawing).filter((v) => v.joins === a?.joins));
  const parts = parted(drawing.dice, someKinds(drawing));
  if (!a || !b || !parts) return undefined;
  const [A, B] = parts;
  const shapes = new Map([...at(A, a.tower.width), ...at(B, b.tower.width)]);
  const e = named(drawing, shapes);
  const arms = [
    { kinds: A, value: called(a, e, key(A)) },
    { kinds: B, value: called(b, e, key(B)) },
  ];
  const union: Expr = {
    op: "union",
    left: called(a, { op: "restrict", of: e, kinds: A }, undefined),
    right: called(b, { op: "restrict", of: e, kinds: B }, undefined),
  };
  // `select` calls each block on all rows, which then must be as wide as both.
  return {
    sides: [
      union,
      { op: "joint", arms },
      ...(a.tower.width === b.tower.width ? [{ op: "select", arms } as const] : []),
    ],
    shapes,
  };
};
/** 3: restriction, union and row-wise functions. */
export const rowWise: Build = (drawing) => {
  const { dice } = drawing;
  const parts = parted(dice, someKinds(drawing));
  if (!parts) return undefined;
  const [A, B] = parts;
  const home = drawing.home;
  const of = (kinds: Kinds): Shapes => new Map(kinds.map((kind) => [kind, home.get(kind)!]));
  const shapes = of([...A, ...B]);
  const [a, b] = [named(drawing, of(A)), named(drawing, of(B))];
  const both: Expr = { op: "union", left: a, right: b };
  const law = dice.below(3);
  if (law === 0) return { sides: [a, { op: "restrict", of: both, kinds: A }], shapes: of(A) };
  if (law === 1)
    return {
      sides: [
        narrow(h, home, shapes),
        { op: "union", left: { op: "restrict", of: h, kinds: A }, right: { op: "restrict", of: h, kinds: B } },
      ],
      shapes,
    };
  const widths = [...new Set(shapes.values())];
  const weight =
    widths.length === 1 ? drawing.item("w", (name) => `weight ${name}: [${widths[0]}, ${widths[0]}]`) : undefined;
  const [before, after] =
    weight !== undefined && dice.chance(0.5)
      ? ["linear(", `, ${weight})`]
      : [`${dice.pick(["tanh", "silu", "rms_norm", "layer_norm", "softmax", "gelu"])}(`, ")"];
  const f = (e: Expr): Expr => ({ op: "around", before: before!, of: e, after: after! });
  return { sides: [f(both), { op: "union", left: f(a), right: f(b) }], shapes };
};
/** 4: a call on rows that lack some kinds, narrowed by those. */
export const narrowedCall: Build = (drawing) => {
  const v = drawing.variables.find(({ grouped }) => !grouped);
  const parts = parted(
    drawing.dice,
    drawing.kinds.map((k) => k.name),
  );
  if (!v || !parts) return undefined;
  const shapes = at(parts[0], v.tower.width);
  const e = named(drawing, shapes);
  return {
    sides: [called(v, e, undefined), called(v, e, unless(drawing, parts[1])), called(v, e, key(parts[0]))],
    shapes,
  };
};
/** True of every key that is not of `kinds`. */
export const unless = ({ dice, kinds: all }: Pick<Drawing, "dice" | "kinds">, kinds: Kinds): MaskSpec => ({
  op: "or",
  left: drawMask(dice, all, 1),
  right: { op: "not", of: key(kinds) },
});
/** 7: what is held and what evolves are the same where no foreign row is seen. */
export const chained: Build = (drawing) => {
  const v = drawing.variables.find(({ grouped }) => grouped);
  const kinds = someKinds(drawing);
  if (!v) return undefined;
  const own = drawing.dice.some(kinds);
  const [chain, shapes] = [{ callee: `chain(${v.name})` }, at(own, v.tower.width)];
  if (drawing.dice.chance(0.5)) {
    const e = named(drawing, shapes);
    return { sides: [called(v, e, undefined, chain), called(v, e, undefined, { own })], shapes };
  }
  const whole = at(kinds, v.tower.width);
  const e = named(drawing, whole);
  const only = (call: Expr): Expr => narrow(call, whole, shapes);
  return { sides: [only(called(v, e, key(own), chain)), only(called(v, e, key(own), { own }))], shapes };
};
/** 7: layers spread over as many groups as there are. */
export const spreadAsIs = (seed: number): readonly Spec[] => {
  const found = instance(seed, (drawing) => {
    const shapes = drawing.home;
    return { sides: [drawing.expr(shapes, 3)], shapes };
  });
  return [true, false].map((spread) => ({
    ...found[0]!,
    loops: found[0]!.loops.map((loop) => ({
      ...loop,
      variables: loop.variables.map((v) => {
        const depth = layersOf(found[0]!, towerOf(found[0]!, v.tower)).length;
        return v.spread !== undefined && v.spread !== depth ? v : { ...v, spread: spread ? depth : undefined };
      }),
    })),
  }));
};

/** 9: a language tower beside others, and alone. The text rows of each layer are the tower's; others are anything. */
export const beside = (seed: number): { readonly dual: Spec; readonly lone: Spec; readonly vocab: number } => {
  for (let tried = 0; ; tried++) {
    const dice = new Dice(seed * 7919 + tried);
    const drawn = drawFrame(dice);
    const text = drawn.modalities.find((m) => m.kind === "tokens" && m.name === "text");
    if (text?.kind !== "tokens" || drawn.modalities.length < 2) continue;
    const t0 = drawn.towers[0]!;
    const condition =
      t0.condition === undefined ? [] : [{ name: "c_t0", arms: [{ kinds: ["text"], source: "t0.condition(0.25)" }] }];
    const modalities = drawn.modalities.map((m) =>
      m === text ? { ...text, tower: "t0", head: true, gain: undefined } : m,
    );
    const frame: Frame = {
      ...drawn,
      modalities,
      bridge: undefined,
      conditions: [...condition, ...drawn.conditions.filter((c) => c.name !== "c_t0")],
    };
    const counter = { next: 0 };
    const known: Variable = { name: "l", tower: t0, grouped: false, joins: undefined };
    const drawing = new Drawing(dice, frame, [known], counter);
    const kinds = drawing.kinds.map((k) => k.name);
    const und = drawing.kinds.filter((k) => k.token && k.tower === "t0").map((k) => k.name);
    const rest = kinds.filter((kind) => !und.includes(kind));
    if (rest.length === 0) continue;
    const others = (shapes: Shapes): Expr => drawing.expr(shapes, 2);
    const read: Expr = { op: "union", left: { op: "restrict", of: h, kinds: und }, right: others(at(rest, t0.width)) };
    const value: Expr = {
      op: "select",
      arms: [
        { kinds: und, value: called(known, read, undefined) },
        { kinds: rest, value: others(new Map(rest.map((kind) => [kind, drawing.home.get(kind)!]))) },
      ],
    };
    const variables = [{ name: "l", tower: "t0", spread: undefined }];
    const mask = dice.pick<MaskSpec>([
      { op: "causal" },
      { op: "or", left: { op: "causal" }, right: { op: "within", kinds: [rest[0]!] } },
      { op: "or", left: { op: "causal" }, right: { op: "query", kinds: rest } },
      { op: "and", left: { op: "causal" }, right: { op: "not", of: { op: "key", kinds: rest } } },
    ]);
    const everywhere = condition.map((c) => ({ ...c, arms: c.arms.map((arm) => ({ ...arm, kinds })) }));
    const dual = {
      ...frame,
      conditions: [...everywhere, ...frame.conditions.filter((c) => c.name !== "c_t0")],
      mask,
      loops: [{ name: "f", variables, body: [...drawing.items, { kind: "h" as const, value }] }],
    };
    const lone: Spec = {
      ...frame,
      towers: [t0],
      modalities: [{ ...text, tower: "t0", head: true, gain: undefined, added: [] }],
      inputs: [],
      conditions: condition,
      mask: { op: "causal" },
      fates: "freeze",
      loops: [{ name: "f", variables, body: [{ kind: "h", value: called(known, h, undefined) }] }],
    };
    return { dual, lone, vocab: t0.vocab! };
  }
};
