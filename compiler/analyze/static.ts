// Names bound to values, and values that must be known when a model is compiled: sizes, flags, symbols.
import type * as ast from "../../grammar/ast.ts";
import type { Context, Draft } from "./context.ts";
import type { At, Mask } from "./model.ts";
import { describe, error, type Scope, type Value } from "./value.ts";

/** Puts a name into a scope, unless that would hide another one. */
export const declare = (cx: Context, scope: Scope, name: ast.Name, value: Value | (() => Value)): void => {
  const at = scope.at(name);
  const before = scope.where(name.text);
  if (scope.has(name.text))
    cx.fail("name-taken", at, [name.text], ...(before ? [{ ...before, text: "declared here first" }] : []));
  else if (typeof value === "function") scope.define(name.text, value, at);
  else scope.set(name.text, value, at);
};

/** Whether something was already said about what a name stands for. */
export const isBroken = (cx: Context, scope: Scope, name: ast.Name): boolean => {
  const found = scope.lookup(name.text);
  if (!found || found === "cycle" || found.kind !== "error") return false;
  cx.failed = true;
  return true;
};

/** `name = expr`, `[a, b] = expr`, `let name = expr` inside functions and models. */
export const bind = (cx: Context, binding: ast.Binding, scope: Scope): void => {
  const value = cx.evaluate(binding.value, scope);
  const at = scope.at(binding.value);
  if (!binding.list) {
    const name = binding.names[0]!;
    if (value.kind === "row") cx.rows.name(value.row, name.text);
    return declare(cx, scope, name, value);
  }
  const items = value.kind === "list" ? value.items : [];
  if (value.kind !== "error" && (value.kind !== "list" || items.length !== binding.names.length)) {
    if (value.kind === "list") cx.fail("destructuring", at, [binding.names.length, items.length]);
    else cx.fail("not-a-list", at, [describe(value)]);
    return binding.names.forEach((name) => declare(cx, scope, name, error));
  }
  binding.names.forEach((name, i) => {
    const item = items[i] ?? error;
    if (item.kind === "row") cx.rows.name(item.row, name.text);
    declare(cx, scope, name, item);
  });
};

/** Notes a statement that may stand once; false where it stands for the second time. */
export const once = (cx: Context, draft: Draft, what: string, at: At): boolean => {
  const before = draft.said.get(what);
  if (before) cx.fail("twice", at, [what], { ...before, text: "here first" });
  else draft.said.set(what, at);
  return !before;
};

/** A name that may stand for itself where nothing of that name is declared. */
export const orSymbol = (cx: Context, expr: ast.Expr, scope: Scope): Value =>
  expr.kind === "reference" && !scope.has(expr.name)
    ? { kind: "symbol", name: expr.name, at: scope.at(expr) }
    : cx.evaluate(expr, scope);

// ── Static values ──────────────────────────────────────────────────────────────────────────────
/** A whole number of at least 1; undefined after a mistake that was reported. */
export const size = (cx: Context, expr: ast.Expr, scope: Scope): number | undefined => {
  const value = cx.evaluate(expr, scope);
  if (value.kind === "number" && Number.isSafeInteger(value.value) && value.value >= 1 && value.value < 2 ** 31)
    return value.value;
  if (value.kind === "number") cx.fail("bad-size", scope.at(expr), [textOf(expr), value.value]);
  else if (value.kind !== "error") cx.fail("number-wanted", scope.at(expr), [describe(value)]);
  return undefined;
};
export const staticNumber = (cx: Context, expr: ast.Expr, scope: Scope): number | undefined => {
  const value = cx.evaluate(expr, scope);
  if (value.kind === "number") return value.value;
  if (value.kind !== "error") cx.fail("number-wanted", scope.at(expr), [describe(value)]);
  return undefined;
};
export const staticFlag = (cx: Context, expr: ast.Expr, scope: Scope): boolean | undefined => {
  const value = cx.evaluate(expr, scope);
  if (value.kind === "flag") return value.value;
  if (value.kind !== "error") cx.fail("flag-wanted", scope.at(expr), [describe(value)]);
  return undefined;
};
/** A short text of a simple expression, for messages. */
export const textOf = (expr: ast.Expr): string => {
  if (expr.kind === "reference") return expr.name;
  if (expr.kind === "number") return expr.text;
  if (expr.kind === "member") return `${textOf(expr.of)}.${expr.name.text}`;
  if (expr.kind === "infix") return `${textOf(expr.left)} ${expr.op} ${textOf(expr.right)}`;
  if (expr.kind === "call")
    return `${textOf(expr.callee)}(${expr.arguments.map(({ label, value }) => `${label ? `${label.text}: ` : ""}${textOf(value)}`).join(", ")})`;
  return "...";
};

export const asMask = (value: Value): Mask | undefined => (value.kind === "mask" ? value.mask : undefined);
