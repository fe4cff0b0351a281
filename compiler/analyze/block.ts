// Calls of blocks: `b(h)`, groups of blocks that are held or chained, and the adapters that a bridge puts where rows of
// another width are read.
import type * as ast from "../../grammar/ast.ts";
import { show } from "./builtins.ts";
import { mayIgnore } from "./contract.ts";
import type { Context, ModelState } from "./context.ts";
import { addWeight } from "./instance.ts";
import type { At, Init, Mask, Row, Seq } from "./model.ts";
import { asSeq, isKnownAt, makeSeq, narrowed, seqWith, union } from "./sequence.ts";
import { describe, error, none, type BlockInstance, type Bridge, type Scope, type Value } from "./value.ts";

interface Reading {
  /** only these kinds take part (an arm of a joint) */
  readonly own?: ReadonlySet<string> | undefined;
  readonly sees?: Mask | undefined;
}
/** The sequence that a call of a block gives; undefined where something else is called. */
export const calledBlock = (cx: Context, expr: ast.Expr, scope: Scope, reading: Reading): Value | undefined => {
  if (expr.kind !== "call") return undefined;
  const { callee } = expr;
  if (callee.kind === "reference" && !scope.has(callee.name)) {
    if (callee.name !== "chain" && callee.name !== "held") return undefined;
  }
  const called = cx.evaluate(callee, scope);
  if (called.kind === "error") return called;
  if (called.kind !== "block" && called.kind !== "group") return undefined;
  const blocks = called.kind === "block" ? [called.block] : called.blocks;
  const at = scope.at(expr);
  const [first, ...rest] = expr.arguments;
  if (cx.model?.embedding) return cx.fail("embed-reads-rows", at, []);
  const { template, parameters } = blocks[0]!.block;
  if (!first) return cx.fail("missing-argument", at, [template, [parameters[0]!.name || "h"]]);
  if (first.label && first.label.text !== parameters[0]!.name)
    return cx.fail("rows-first", scope.at(first.label), [template]);
  const e = sequenceOf(cx, cx.evaluate(first.value, scope), scope.at(first.value), reading.own);
  if (!e) return error;
  const conditions: ReadonlyMap<string, Seq>[] = [];
  for (const block of blocks) {
    const own = conditionsOf(cx, block, rest, scope, e, at);
    if (!own) return error;
    conditions.push(own);
  }
  return called.kind === "block"
    ? applyBlock(cx, called.block, e, conditions[0]!, reading.sees, at)
    : applyGroup(cx, blocks, called.mode, called.own, e, conditions, reading.sees, at);
};
const sequenceOf = (cx: Context, value: Value, at: At, own: ReadonlySet<string> | undefined): Seq | undefined => {
  const seq = seqWith(cx, value, own ?? [], at);
  if (seq && !seq.shapes.size) return void cx.fail("no-rows", at, []);
  return seq && own ? narrowed(cx, seq, own, at) : seq;
};

/** Arguments after the rows, by the block's parameters; what the slot's contract calls optional may find no parameter. */
const conditionsOf = (
  cx: Context,
  { block, tower }: BlockInstance,
  given: readonly ast.Argument[],
  scope: Scope,
  e: Seq,
  at: At,
): ReadonlyMap<string, Seq> | undefined => {
  const found = new Map<string, Seq>();
  for (const [i, argument] of given.entries()) {
    const name = argument.label?.text ?? block.parameters[i + 1]?.name;
    const value = cx.evaluate(argument.value, scope);
    if (value.kind === "error") return undefined;
    const parameter = block.parameters.slice(1).find((p) => p.name === name);
    if (!parameter) {
      if (tower && mayIgnore(tower, "layers", name ?? i + 1)) continue;
      const place = scope.at(argument.label ?? argument.value);
      if (!argument.label) return void cx.fail("too-many-arguments", place, [block.template, block.parameters.length]);
      const others = block.parameters.slice(1).map((p) => p.name);
      return void cx.fail("unknown-argument", place, [block.template, argument.label.text, others]);
    }
    if (found.has(parameter.name))
      return void cx.fail("argument-twice", scope.at(argument.label ?? argument.value), [
        block.template,
        parameter.name,
      ]);
    if (value.kind === "none") continue;
    const seq = asSeq(cx, value, scope.at(argument.value));
    if (!seq) return undefined;
    const missing = [...e.shapes.keys()].filter((kind) => !seq.shapes.has(kind));
    if (missing.length && value.kind === "row" && !isKnownAt(cx, value.row, missing, scope.at(argument.value)))
      return undefined;
    if (missing.length) return void cx.fail("condition-kinds", scope.at(argument.value), [parameter.name, missing]);
    for (const kind of e.shapes.keys()) {
      const shape = seq.shapes.get(kind)!;
      if (shape.join() !== parameter.shape.join())
        return void cx.fail("argument-shape", scope.at(argument.value), [
          block.template,
          parameter.name,
          show(parameter.shape),
          show(shape),
        ]);
    }
    found.set(parameter.name, seq);
  }
  const absent = block.parameters.slice(1).filter((p) => !p.optional && !found.has(p.name));
  return absent.length ? void cx.fail("missing-argument", at, [block.template, absent.map((p) => p.name)]) : found;
};

const applyBlock = (
  cx: Context,
  given: BlockInstance,
  e: Seq,
  conditions: ReadonlyMap<string, Seq>,
  sees: Mask | undefined,
  at: At,
): Value => {
  const adapted = adapt(cx, given, e, at);
  return adapted ? { kind: "seq", seq: callNode(cx, given, adapted, conditions, sees, at) } : error;
};
const callNode = (
  cx: Context,
  { block }: BlockInstance,
  e: Seq,
  conditions: ReadonlyMap<string, Seq>,
  sees: Mask | undefined,
  at: At,
): Seq => {
  const given = block.parameters.map((p, i) => (i === 0 ? e : conditions.get(p.name)));
  return makeSeq(
    cx,
    "call",
    { block, arguments: given, sees },
    new Map([...e.shapes.keys()].map((kind) => [kind, block.body.shape])),
    at,
  );
};

/** `chain`: rows evolve through all blocks. `held`: rows of other kinds enter every block as they came. */
const applyGroup = (
  cx: Context,
  blocks: readonly BlockInstance[],
  mode: "held" | "chain",
  asked: readonly string[] | undefined,
  e: Seq,
  conditions: readonly ReadonlyMap<string, Seq>[],
  sees: Mask | undefined,
  at: At,
): Value => {
  const first = adapt(cx, blocks[0]!, e, at);
  if (!first) return error;
  const own = new Set(asked ?? homeKinds(cx, blocks[0]!, e));
  if (mode === "held" && blocks.length > 1 && own.size === 0)
    return cx.fail("held-own", at, [blocks[0]!.tower?.path ?? blocks[0]!.block.path]);
  const foreign = new Set([...e.shapes.keys()].filter((kind) => !own.has(kind)));
  let x = first;
  let out = first;
  for (const [i, block] of blocks.entries()) {
    out = callNode(cx, block, x, conditions[i]!, sees, at);
    x = out;
    if (mode === "held" && foreign.size > 0) {
      const joined = union(
        cx,
        { kind: "seq", seq: narrowed(cx, out, own, at) },
        { kind: "seq", seq: narrowed(cx, first, foreign, at) },
        at,
      );
      if (joined.kind !== "seq") return error;
      x = joined.seq;
    }
  }
  return { kind: "seq", seq: out };
};
/** The kinds that the tower's own ends let in. */
const homeKinds = (cx: Context, { tower }: BlockInstance, e: Seq): string[] =>
  [...e.shapes.keys()].filter((kind) => tower !== undefined && cx.model?.home.get(kind) === tower);

// ── Widths ─────────────────────────────────────────────────────────────────────────────────────
/** The rows as the block reads them; rows of another width pass the bridge, or are a mistake. */
const adapt = (cx: Context, given: BlockInstance, e: Seq, at: At): Seq | undefined => {
  const asked = given.block.parameters[0]!.shape;
  const groups = new Map<string, string[]>();
  for (const [kind, shape] of e.shapes) groups.set(shape.join(), [...(groups.get(shape.join()) ?? []), kind]);
  if (groups.size === 1 && groups.has(asked.join())) return e;
  const state = cx.model!;
  let whole: Value = none;
  for (const kinds of groups.values()) {
    const shape = e.shapes.get(kinds[0]!)!;
    let part: Value = { kind: "seq", seq: narrowed(cx, e, new Set(kinds), at) };
    if (shape.join() !== asked.join()) {
      const { block, tower } = given;
      const reader = tower?.path ?? block.path;
      if (shape.length !== 1 || asked.length !== 1)
        return void cx.fail("rows-shape", at, [kinds, show(shape), reader, show(asked)]);
      const [from, to] = [shape[0]!, asked[0]!];
      if (!state.bridge) {
        state.missing.first ??= { at, kinds, tower: reader, from, to };
        cx.failed = true;
      }
      part = bridged(cx, state, given, part.seq, from, to, at);
    }
    whole = whole.kind === "none" ? part : union(cx, whole, part, at);
    if (whole.kind === "error") return undefined;
  }
  return whole.kind === "seq" ? whole.seq : void cx.fail("seq-wanted", at, [describe(whole)]);
};
/** The rows through the adapter of this layer (or of all, `bridge(once)`) from their width to a tower's. */
const bridged = (
  cx: Context,
  state: ModelState,
  { tower }: BlockInstance,
  e: Seq,
  from: number,
  to: number,
  at: At,
): Value => {
  const name = `to_${(tower?.path ?? "block").replace(/\W/g, "_")}_from_${from}`;
  const each = `${state.layer}.${name}`;
  if (!state.bridge) {
    state.missing.each.set(each, from * to);
    state.missing.once.set(`bridge.${name}`, from * to);
  }
  const body = state.bridge
    ? adapter(cx, state, state.bridge, state.bridge.once ? `bridge.${name}` : each, from, to, at)
    : cx.rows.make({ at, path: each }, "parameter", [], [to], { index: 0 });
  if (!body) return error;
  const shapes = new Map([...e.shapes.keys()].map((kind) => [kind, [to]]));
  return { kind: "seq", seq: makeSeq(cx, "map", { body, arguments: [e] }, shapes, at) };
};
/** Made when first needed. */
const adapter = (
  cx: Context,
  state: ModelState,
  bridge: Bridge,
  path: string,
  from: number,
  to: number,
  at: At,
): Row | undefined => {
  const before = state.adapters.get(path);
  if (before) return before;
  const origin = { at, path };
  const init: Init =
    bridge.init.kind === "initial"
      ? { kind: bridge.init.init }
      : bridge.init.kind === "normal"
        ? { kind: "normal", std: bridge.init.std }
        : { kind: "unset" };
  const w = addWeight(cx, { path: `${path}.w`, shape: [to, from], init, at });
  const b = bridge.bias ? addWeight(cx, { path: `${path}.b`, shape: [to], init: { kind: "zeros" }, at }) : none;
  const norm = bridge.norm ? addWeight(cx, { path: `${path}.norm`, shape: [from], init: { kind: "ones" }, at }) : none;
  if (w.kind !== "row") return undefined;
  const x = cx.rows.make(origin, "parameter", [], [from], { index: 0 });
  const read: Row = norm.kind === "row" ? cx.rows.make(origin, "rms_norm", [x, norm.row], [from], { eps: 1e-5 }) : x;
  const body = cx.rows.make(origin, "linear", b.kind === "row" ? [read, w.row, b.row] : [read, w.row], [to]);
  state.adapters.set(path, body);
  return body;
};
