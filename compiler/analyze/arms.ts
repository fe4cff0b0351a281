// `select`, `joint` and `sees`: who computes which rows, and who sees whom.
import type * as ast from "../../grammar/ast.ts";
import { calledBlock } from "./block.ts";
import type { Context } from "./context.ts";
import type { Arm, At, Mask, Row, SeqOf } from "./model.ts";
import { makeSeq, narrowed, seqWith, ordered, wrap, type Shapes } from "./sequence.ts";
import { asMask } from "./static.ts";
import { describe, error, none, type Scope, type Value } from "./value.ts";

interface ArmSource {
  readonly kinds: readonly string[];
  readonly expr: ast.Expr;
}
export const arms = (cx: Context, expr: ast.ExprOf<"arms">, scope: Scope): Value => {
  const name = expr.name.text;
  const at = scope.at(expr);
  if (name !== "select" && name !== "joint") {
    return cx.fail("not-yet", scope.at(expr.name), [`\`${name} { ... }\``]);
  }
  const sources: ArmSource[] = [];
  const taken = new Map<string, ast.Arm>();
  for (const arm of expr.arms) {
    if (arm.state) return cx.fail("not-yet", scope.at(arm.kinds), [`\`${arm.state}\` before the kinds of an arm`]);
    const kinds = cx.evaluate(arm.kinds, scope);
    if (kinds.kind === "error") return kinds;
    if (kinds.kind !== "kinds") return cx.fail("kinds-wanted", scope.at(arm.kinds), [describe(kinds)]);
    for (const kind of kinds.names) {
      const before = taken.get(kind);
      if (before)
        return cx.fail("arms-overlap", scope.at(arm.kinds), [kind, name], {
          ...scope.at(before.kinds),
          text: "and here",
        });
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
    if (values[i]!.kind === "none") return cx.fail("absent", scope.at(expr), ["select"]);
    const seq = seqWith(cx, values[i]!, kinds, scope.at(expr));
    if (!seq) return error;
    made.push({ kinds, value: seq });
  }
  return wrap(makeSeq(cx, "select", { arms: made }, armShapes(cx, made), at));
};
const armShapes = (cx: Context, made: readonly Arm[]): Shapes =>
  ordered(
    cx,
    made.flatMap(({ kinds, value }) => kinds.map((kind) => [kind, value.shapes.get(kind)!] as const)),
  );

/** Each arm is one call on its own rows only, or a sequence that passes its rows on. */
const joint = (cx: Context, sources: readonly ArmSource[], at: At, scope: Scope): Value => {
  const made: Arm[] = [];
  for (const { kinds, expr } of sources) {
    const own = new Set(kinds);
    const passes = expr.kind === "reference" || expr.kind === "index";
    const called = expr.kind === "sees" ? sees(cx, expr, scope, own) : calledBlock(cx, expr, scope, { own });
    if (!called && !passes) return cx.fail("joint-arm", scope.at(expr), []);
    const seq = seqWith(cx, called ?? cx.evaluate(expr, scope), kinds, scope.at(expr));
    if (!seq) return error;
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
  const [, ...read] = headsOf(first);
  for (const other of calls.slice(1)) {
    const [, ...too] = headsOf(other);
    if (too.every((row, i) => row.shape.join() === read[i]!.shape.join())) continue;
    const says = (call: SeqOf<"call">, rows: readonly Row[]): [string, ...string[]] => [
      towerOf(call),
      ...rows.map(({ shape: [heads, width] }) => `${heads} heads of ${width}`),
    ];
    const [a, keysA, valuesA] = says(first, read);
    const [b, keysB, valuesB] = says(other, too);
    const wide = keysA === keysB;
    cx.fail(
      "joint-heads",
      other.at,
      [wide ? "values" : "keys", a, (wide ? valuesA : keysA)!, b, (wide ? valuesB : keysB)!],
      { ...first.at, text: "and here" },
    );
    return false;
  }
  return true;
};
/** queries, keys and values of a block that attends once */
const headsOf = (call: SeqOf<"call">): readonly Row[] => call.attrs.block.attends[0]!.src;
const towerOf = (call: SeqOf<"call">): string => call.attrs.block.path.replace(/\.layers\[\d+\]$/, "");

/** `b(h) sees p`: the model's mask and p, for this call. */
export const sees = (cx: Context, expr: ast.ExprOf<"sees">, scope: Scope, own?: ReadonlySet<string>): Value => {
  const given = cx.evaluate(expr.mask, scope);
  if (given.kind === "error") return given;
  const mask: Mask | undefined = given.kind === "kinds" ? { op: "key", kinds: given.names } : asMask(given);
  if (!mask) return cx.fail("mask-wanted", scope.at(expr.mask), [describe(given)]);
  return calledBlock(cx, expr.call, scope, { own, sees: mask }) ?? cx.fail("sees-call", scope.at(expr.call), []);
};
