// Calls of blocks: `b(h)`, groups of blocks that are held or chained, and the adapters that a bridge puts where rows of
// another width are read.
import type * as ast from "../../grammar/ast.ts";
import { show } from "./builtins.ts";
import { mayIgnore } from "./contract.ts";
import type { Context, ModelState } from "./context.ts";
import { addWeight } from "./instance.ts";
import type { At, Init, Mask, Row, Seq } from "./model.ts";
import { asSeq, makeSeq, narrowed, union } from "./sequence.ts";
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
  if (!first || first.label) return cx.fail("missing-argument", at, [blocks[0]!.block.template, "rows"]);
  const e = sequenceOf(cx, cx.evaluate(first.value, scope), scope.at(first.value), reading.own);
  if (!e) return error;
  const conditions = conditionsOf(cx, blocks[0]!, rest, scope, e, at);
  if (!conditions) return error;
  return called.kind === "block"
    ? applyBlock(cx, called.block, e, conditions, reading.sees, at)
    : applyGroup(cx, blocks, called.mode, called.own, e, conditions, reading.sees, at);
};
const sequenceOf = (cx: Context, value: Value, at: At, own: ReadonlySet<string> | undefined): Seq | undefined => {
  const seq = asSeq(cx, value, at);
  if (!seq || !own) return seq;
  const missing = [...own].filter((kind) => !seq.shapes.has(kind));
  if (missing.length) return void cx.fail("no-such-rows", at, [missing.join(", "), [...seq.shapes.keys()].join(", ")]);
  return narrowed(cx, seq, own, at);
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
      return void cx.fail("unknown-argument", scope.at(argument.label ?? argument.value), [block.template, name ?? `${i + 2}`, block.parameters.slice(1).map((p) => p.name)]);
    }
    if (value.kind === "none") continue;
    const seq = asSeq(cx, value, scope.at(argument.value));
    if (!seq) return undefined;
    const missing = [...e.shapes.keys()].filter((kind) => !seq.shapes.has(kind));
    if (missing.length) return void cx.fail("condition-kinds", scope.at(argument.value), [name!, missing.join(", ")]);
    for (const kind of e.shapes.keys()) {
      const shape = seq.shapes.get(kind)!;
      if (shape.join() !== parameter.shape.join())
        return void cx.fail("argument-shape", scope.at(argument.value), [block.template, parameter.name, show(parameter.shape), show(shape)]);
    }
    found.set(name!, seq);
  }
  const absent = block.parameters.slice(1).find((p) => !p.optional && !found.has(p.name));
  return absent ? void cx.fail("missing-argument", at, [block.template, absent.name]) : found;
};

const applyBlock = (cx: Context, given: BlockInstance, e: Seq, conditions: ReadonlyMap<string, Seq>, sees: Mask | undefined, at: At): Value => {
  const adapted = adapt(cx, given, e, at);
  return adapted ? { kind: "seq", seq: callNode(cx, given, adapted, conditions, sees, at) } : error;
};
const callNode = (cx: Context, { block }: BlockInstance, e: Seq, conditions: ReadonlyMap<string, Seq>, sees: Mask | undefined, at: At): Seq => {
  const given = block.parameters.map((p, i) => (i === 0 ? e : conditions.get(p.name)));
  return makeSeq(cx, "call", { block, arguments: given, sees }, new Map([...e.shapes.keys()].map((kind) => [kind, block.body.shape])), at);
};

/** `chain`: rows evolve through all blocks. `held`: rows of other kinds enter every block as they came. */
const applyGroup = (
  cx: Context,
  blocks: readonly BlockInstance[],
  mode: "held" | "chain",
  asked: readonly string[] | undefined,
  e: Seq,
  conditions: ReadonlyMap<string, Seq>,
  sees: Mask | undefined,
  at: At,
): Value => {
  const first = adapt(cx, blocks[0]!, e, at);
  if (!first) return error;
  const own = new Set(asked ?? homeKinds(cx, blocks[0]!, e));
  if (mode === "held" && blocks.length > 1 && own.size === 0) return cx.fail("held-own", at, [blocks[0]!.tower?.path ?? blocks[0]!.block.path]);
  const foreign = new Set([...e.shapes.keys()].filter((kind) => !own.has(kind)));
  let x = first;
  let out = first;
  for (const block of blocks) {
    out = callNode(cx, block, x, conditions, sees, at);
    x = out;
    if (mode === "held" && foreign.size > 0) {
      const joined = union(cx, { kind: "seq", seq: narrowed(cx, out, own, at) }, { kind: "seq", seq: narrowed(cx, first, foreign, at) }, at);
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
      if (!state.bridge || shape.length !== 1 || asked.length !== 1) return void widthMismatch(cx, given, kinds, shape, asked, at);
      part = bridged(cx, state, state.bridge, given, part.seq, shape[0]!, asked[0]!, at);
    }
    whole = whole.kind === "none" ? part : union(cx, whole, part, at);
    if (whole.kind === "error") return undefined;
  }
  return whole.kind === "seq" ? whole.seq : void cx.fail("seq-wanted", at, [describe(whole)]);
};
const widthMismatch = (cx: Context, { block, tower }: BlockInstance, kinds: readonly string[], shape: readonly number[], asked: readonly number[], at: At): void => {
  const layers = tower?.layers?.length ?? 1;
  const cost = shape.length === 1 && asked.length === 1 ? 2 * shape[0]! * asked[0]! : undefined;
  cx.fail("width-mismatch", at, [kinds.join(", "), show(shape), tower?.path ?? block.path, show(asked), cost, layers]);
};
/** The adapter of this layer (or of all, `bridge(once)`) from one width to a tower; made when first needed. */
const bridged = (cx: Context, state: ModelState, bridge: Bridge, { tower }: BlockInstance, e: Seq, from: number, to: number, at: At): Value => {
  const holder = bridge.once ? "bridge" : state.layer;
  const path = `${holder}.to_${(tower?.path ?? "block").replace(/\W/g, "_")}_from_${from}`;
  const origin = { at, path };
  let body = state.adapters.get(path);
  if (!body) {
    const init: Init = bridge.init.kind === "initial" ? { kind: bridge.init.init } : bridge.init.kind === "normal" ? { kind: "normal", std: bridge.init.std } : { kind: "unset" };
    const w = addWeight(cx, { path: `${path}.w`, shape: [to, from], init, at });
    const b = bridge.bias ? addWeight(cx, { path: `${path}.b`, shape: [to], init: { kind: "zeros" }, at }) : none;
    const scale = bridge.norm ? addWeight(cx, { path: `${path}.norm`, shape: [from], init: { kind: "ones" }, at }) : none;
    if (w.kind !== "row") return error;
    const x = cx.rows.make(origin, "parameter", [], [from], { index: 0 });
    const read: Row = scale.kind === "row" ? cx.rows.make(origin, "rms_norm", [x, scale.row], [from], { eps: 1e-5 }) : x;
    body = { kind: "row", row: cx.rows.make(origin, "linear", b.kind === "row" ? [read, w.row, b.row] : [read, w.row], [to]) };
    state.adapters.set(path, body);
  }
  if (body.kind !== "row") return error;
  return { kind: "seq", seq: makeSeq(cx, "map", { body: body.row, arguments: [e] }, new Map([...e.shapes.keys()].map((kind) => [kind, [to]])), at) };
};
