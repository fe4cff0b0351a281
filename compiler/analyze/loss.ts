// What training makes small: the losses of heads and losses that are named, each with its factor.
import type * as ast from "../../grammar/ast.ts";
import { nearest } from "../../grammar/nearest.ts";
import { show } from "./builtins.ts";
import type { Context, Draft, ModelState } from "./context.ts";
import type { At, Loss, Seq } from "./model.ts";
import { asSeq } from "./sequence.ts";
import { once } from "./static.ts";
import { Scope } from "./value.ts";

/** `loss = 0.2 * text + image`, `loss align = 1 - cosine(a, b)` */
export const lossStatement = (
  cx: Context,
  state: ModelState,
  draft: Draft,
  statement: ast.LossStatement,
  scope: Scope,
): void => {
  const { name, value } = statement;
  if (!once(cx, draft, name === undefined ? "loss" : `loss ${name.text}`, scope.at(statement))) return;
  if (name === undefined) return void (draft.loss = statement);
  const modality = state.modalities.find((each) => each.name === name.text);
  if (modality) return void cx.fail("loss-name", scope.at(name), [name.text]);
  const at = scope.at(value);
  if (!state.h) return cx.failed ? undefined : void cx.fail("loss-before-layers", at, [name.text]);
  const inner = new Scope(scope, scope.file, "");
  inner.set("h", { kind: "seq", seq: state.h });
  const seq = asSeq(cx, cx.evaluate(value, inner), at);
  if (seq && isNumbers(cx, seq, at)) draft.losses.set(name.text, { value: seq, at: scope.at(name) });
};
const isNumbers = (cx: Context, seq: Seq, at: At): boolean => {
  const wrong = [...seq.shapes].find(([, shape]) => shape.length > 0);
  if (wrong === undefined) return true;
  cx.fail("loss-shape", at, [wrong[0], show(wrong[1])]);
  return false;
};

/** The terms of a model's loss; where it says nothing, that of each head. */
export const lossesOf = (cx: Context, draft: Draft, scope: Scope): readonly Loss[] => {
  const own = draft.heads.map(({ modality, at }): Loss => ({ name: modality, factor: 1, value: undefined, at }));
  const { loss } = draft;
  const found = loss === undefined ? own : termsOf(cx, draft, loss.value, scope);
  for (const [name, { at }] of draft.losses)
    if (!found.some((term) => term.name === name)) cx.fail("loss-unused", at, [name]);
  return found;
};

/** A sum of losses with factors, from left to right. */
const termsOf = (cx: Context, draft: Draft, root: ast.Expr, scope: Scope): Loss[] => {
  const found: Loss[] = [];
  const stack = [{ expr: root, sign: 1 }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { expr, sign } = top;
    if (expr.kind === "infix" && (expr.op === "+" || expr.op === "-")) {
      stack.push({ expr: expr.right, sign: expr.op === "-" ? -sign : sign }, { expr: expr.left, sign });
      continue;
    }
    const term = termOf(cx, draft, expr, sign, scope);
    if (term === undefined) return [];
    if (found.some(({ name }) => name === term.name)) return (cx.fail("loss-twice", term.at, [term.name]), []);
    found.push(term);
  }
  return found;
};
const termOf = (cx: Context, draft: Draft, expr: ast.Expr, sign: number, scope: Scope): Loss | undefined => {
  const at = scope.at(expr);
  const [factor, of] =
    expr.kind !== "infix"
      ? [undefined, expr]
      : expr.op === "*" && expr.right.kind === "reference"
        ? [expr.left, expr.right]
        : (expr.op === "*" || expr.op === "/") && expr.left.kind === "reference"
          ? [expr.right, expr.left]
          : [undefined, expr];
  if (of.kind !== "reference") return void cx.fail("loss-form", at, []);
  const value = factor === undefined ? 1 : numberOf(cx, factor, scope);
  if (value === undefined) return undefined;
  const { name } = of;
  const names = [...draft.heads.map(({ modality }) => modality), ...draft.losses.keys()];
  if (!names.includes(name)) return void cx.fail("loss-term", scope.at(of), [name, nearest(name, names), names]);
  const size = expr.kind === "infix" && expr.op === "/" ? 1 / value : value;
  return Number.isFinite(size)
    ? { name, factor: sign * size, value: draft.losses.get(name)?.value, at: scope.at(of) }
    : void cx.fail("loss-form", at, []);
};
const numberOf = (cx: Context, expr: ast.Expr, scope: Scope): number | undefined => {
  const value = cx.evaluate(expr, scope);
  if (value.kind === "number") return value.value;
  return value.kind === "error" ? undefined : void cx.fail("loss-form", scope.at(expr), []);
};
