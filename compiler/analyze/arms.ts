// `select`, `joint` and `sees`: who computes which rows, and who sees whom.
import type * as ast from "../../grammar/ast.ts";
import { calledBlock } from "./block.ts";
import { show } from "./builtins.ts";
import type { Context } from "./context.ts";
import type { Arm, At, Mask, SeqOf } from "./model.ts";
import { asSeq, makeSeq, narrowed, ordered, wrap, type Shapes } from "./sequence.ts";
import { asMask } from "./static.ts";
import { describe, error, none, type Scope, type Value } from "./value.ts";

interface ArmSource {
  readonly kinds: readonly string[];
  readonly expr: ast.Expr;
}
export const arms = (cx: Context, expr: ast.ExprOf<"arms">, scope: Scope): Value => {
  const name = expr.name.text;
  const at = scope.at(expr);
  if (name !== "select" && name !== "joint") return cx.fail("not-yet", scope.at(expr.name), [`\`${name} { ... }\``]);
  const sources: ArmSource[] = [];
  const taken = new Map<string, ast.Arm>();
  for (const arm of expr.arms) {
    const kinds = cx.evaluate(arm.kinds, scope);
    if (kinds.kind === "error") return kinds;
    if (kinds.kind !== "kinds") return cx.fail("kinds-wanted", scope.at(arm.kinds), [describe(kinds)]);
    for (const kind of kinds.names) {
      const before = taken.get(kind);
      if (before) return cx.fail("arms-overlap", scope.at(arm.kinds), [kind, name], { ...scope.at(before.kinds), text: "and here" });
      taken.set(kind, arm);
    }
    sources.push({ kinds: kinds.names, expr: arm.value });
  }
  return name === "select" ? select(cx, sources, at, scope) : joint(cx, sources, at, scope);
};
const select = (cx: Context, sources: readonly ArmSource[], at: At, scope: Scope): Value => {
  const values = sources.map(({ expr }) => cx.evaluate(expr, scope));
  if (values.some((v) => v.kind === "error")) return error;
  if (values.every((v) => v.kind === "none")) return none;
  const made: Arm[] = [];
  for (const [i, { kinds, expr }] of sources.entries()) {
    const seq = asSeq(cx, values[i]!, scope.at(expr));
    if (!seq) return error;
    const missing = kinds.filter((kind) => !seq.shapes.has(kind));
    if (missing.length) return cx.fail("no-such-rows", scope.at(expr), [missing.join(", "), [...seq.shapes.keys()].join(", ") || "none"]);
    made.push({ kinds, value: seq });
  }
  return wrap(makeSeq(cx, "select", { arms: made }, armShapes(cx, made), at));
};
const armShapes = (cx: Context, made: readonly Arm[]): Shapes =>
  ordered(cx, made.flatMap(({ kinds, value }) => kinds.map((kind) => [kind, value.shapes.get(kind)!] as const)));

/** Each arm is one call on its own rows only, or a sequence that passes its rows on. */
const joint = (cx: Context, sources: readonly ArmSource[], at: At, scope: Scope): Value => {
  const made: Arm[] = [];
  for (const { kinds, expr } of sources) {
    const own = new Set(kinds);
    const value = expr.kind === "sees" ? sees(cx, expr, scope, own) : (calledBlock(cx, expr, scope, { own }) ?? cx.evaluate(expr, scope));
    if (value.kind === "error") return value;
    const seq = asSeq(cx, value, scope.at(expr));
    if (!seq) return error;
    const missing = kinds.filter((kind) => !seq.shapes.has(kind));
    if (missing.length) return cx.fail("no-such-rows", scope.at(expr), [missing.join(", "), [...seq.shapes.keys()].join(", ")]);
    if (seq.op === "call" && seq.attrs.block.attends.length !== 1)
      return cx.fail("joint-attends", scope.at(expr), [seq.attrs.block.template, seq.attrs.block.attends.length]);
    made.push({ kinds, value: narrowed(cx, seq, own, scope.at(expr)) });
  }
  return jointHeads(cx, made, at) ? wrap(makeSeq(cx, "joint", { arms: made }, armShapes(cx, made), at)) : error;
};
const jointHeads = (cx: Context, made: readonly Arm[], at: At): boolean => {
  const calls = made.flatMap(({ value }) => (value.op === "call" ? [value] : []));
  const [first] = calls;
  if (!first) return (cx.fail("joint-empty", at, []), false);
  const heads = (seq: SeqOf<"call">) => seq.attrs.block.attends[0]!.src.slice(1).map((row) => show(row.shape));
  for (const other of calls.slice(1)) {
    const [a, b] = [heads(first), heads(other)];
    if (a.join() !== b.join()) {
      cx.fail("joint-heads", other.at, [first.attrs.block.template, `${a[0]} and ${a[1]}`, other.attrs.block.template, `${b[0]} and ${b[1]}`], { ...first.at, text: `keys ${a[0]}` });
      return false;
    }
  }
  return true;
};

/** `b(h) sees p`: the model's mask and p, for this call. */
export const sees = (cx: Context, expr: ast.ExprOf<"sees">, scope: Scope, own?: ReadonlySet<string>): Value => {
  const given = cx.evaluate(expr.mask, scope);
  if (given.kind === "error") return given;
  const mask: Mask | undefined = given.kind === "kinds" ? { op: "key", kinds: given.names } : asMask(given);
  if (!mask) return cx.fail("mask-wanted", scope.at(expr.mask), [describe(given)]);
  return calledBlock(cx, expr.call, scope, { own, sees: mask }) ?? cx.fail("sees-call", scope.at(expr.call), []);
};
