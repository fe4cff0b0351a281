// Names bound to values, and values that must be known when a model is compiled: sizes, flags, symbols.
import type * as ast from "../../grammar/ast.ts";
import type { Context } from "./context.ts";
import type { Mask } from "./model.ts";
import { describe, error, type Scope, type Value } from "./value.ts";

/** Puts a name into a scope, unless that would hide another one. */
export const declare = (cx: Context, scope: Scope, name: ast.Name, value: Value | (() => Value)): void => {
  const at = scope.at(name);
  const before = scope.where(name.text);
  if (scope.has(name.text)) cx.fail("name-taken", at, [name.text], ...(before ? [{ ...before, text: "declared here first" }] : []));
  else if (typeof value === "function") scope.define(name.text, value, at);
  else scope.set(name.text, value, at);
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
  if (value.kind !== "error" && items.length !== binding.names.length)
    cx.fail("destructuring", at, [binding.names.length, value.kind === "list" ? String(items.length) : describe(value)]);
  binding.names.forEach((name, i) => {
    const item = items[i] ?? error;
    if (item.kind === "row") cx.rows.name(item.row, name.text);
    declare(cx, scope, name, item);
  });
};

/** A name that may stand for itself where nothing of that name is declared. */
export const orSymbol = (cx: Context, expr: ast.Expr, scope: Scope): Value =>
  expr.kind === "reference" && !scope.has(expr.name) ? { kind: "symbol", name: expr.name } : cx.evaluate(expr, scope);

// ── Static values ──────────────────────────────────────────────────────────────────────────────
/** A whole number of at least 1; undefined after a mistake that was reported. */
export const size = (cx: Context, expr: ast.Expr, scope: Scope): number | undefined => {
  const value = cx.evaluate(expr, scope);
  if (value.kind === "number" && Number.isSafeInteger(value.value) && value.value >= 1 && value.value < 2 ** 31) return value.value;
  if (value.kind === "number") cx.fail("bad-size", scope.at(expr), [textOf(expr), String(value.value)]);
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
const textOf = (expr: ast.Expr): string => {
  if (expr.kind === "reference") return expr.name;
  if (expr.kind === "number") return expr.text;
  if (expr.kind === "member") return `${textOf(expr.of)}.${expr.name.text}`;
  if (expr.kind === "infix") return `${textOf(expr.left)} ${expr.op} ${textOf(expr.right)}`;
  return "this size";
};

export const asMask = (value: Value): Mask | undefined => (value.kind === "mask" ? value.mask : undefined);
