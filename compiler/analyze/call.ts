// Calls of everything but blocks on rows: templates take arguments, functions and parts act on rows, built-in functions
// make rows, layers, processes and masks.
import type * as ast from "../../grammar/ast.ts";
import { calledBlock } from "./block.ts";
import { rowBuiltin, rowBuiltins, type RowBuiltin } from "./builtins.ts";
import type { Context } from "./context.ts";
import { mayIgnore } from "./contract.ts";
import { applyFunction } from "./function.ts";
import type { At, Row, RotaryScaling } from "./model.ts";
import { lift } from "./sequence.ts";
import { specials } from "./special.ts";
import { orSymbol } from "./static.ts";
import { describe, error, none, type Application, type Instance, type Scope, type Value } from "./value.ts";

export const call = (cx: Context, expr: ast.ExprOf<"call">, scope: Scope): Value => {
  const { callee } = expr;
  const at = scope.at(expr);
  if (callee.kind === "reference" && !scope.has(callee.name)) {
    const special = specials.get(callee.name);
    if (special) return special(cx, expr, scope);
    const builtin = rowBuiltin(callee.name);
    if (builtin) return rowCall(cx, callee.name, builtin, expr, scope);
    const { name } = callee;
    const place = scope.at(callee);
    const near = cx.nearestFor("unknown-function", place, name, () => [
      ...scope.visible(),
      ...Object.keys(rowBuiltins),
      ...specials.keys(),
    ]);
    return cx.fail("unknown-function", place, [name, near]);
  }
  const block = calledBlock(cx, expr, scope, {});
  if (block) return block;
  const called = cx.evaluate(callee, scope);
  switch (called.kind) {
    case "error":
    case "none":
      return called;
    case "template": {
      const given = labelled(cx, called.template.name.text, called.template.parameters, expr, scope);
      return given
        ? {
            kind: "application",
            template: called.template,
            scope: called.scope,
            ...given,
            span: expr.span,
            path: scope.file,
          }
        : error;
    }
    case "model": {
      const given = labelled(cx, called.model.name.text, called.model.parameters, expr, scope);
      return given
        ? {
            kind: "modelApplication",
            model: called.model,
            scope: called.scope,
            ...given,
            bridge: undefined,
            span: expr.span,
            path: scope.file,
          }
        : error;
    }
    case "function":
      return functionCall(cx, called.instance, called.item, expr, scope);
    case "instance": {
      const forward = called.instance.functions.get("forward");
      return forward
        ? functionCall(cx, called.instance, forward, expr, scope)
        : cx.fail("no-forward", at, [called.instance.template.name.text]);
    }
    default:
      return cx.fail("cannot-call", scope.at(callee), [describe(called)]);
  }
};

/** Arguments of a template by parameter. */
const labelled = (
  cx: Context,
  name: string,
  parameters: readonly ast.Parameter[],
  expr: ast.ExprOf<"call">,
  scope: Scope,
): Pick<Application, "arguments" | "places"> | undefined => {
  const given = new Map<string, Value>();
  const places = new Map<string, At>();
  for (const [i, argument] of expr.arguments.entries()) {
    const at = scope.at(argument.label ?? argument.value);
    const parameter = argument.label ? parameters.find((p) => p.name.text === argument.label!.text) : parameters[i];
    if (!parameter) {
      if (argument.label)
        cx.fail("unknown-argument", at, [name, argument.label.text, parameters.map((p) => p.name.text)]);
      else cx.fail("too-many-arguments", at, [name, parameters.length]);
      return undefined;
    }
    if (given.has(parameter.name.text)) return void cx.fail("argument-twice", at, [name, parameter.name.text]);
    const value = cx.evaluate(argument.value, scope);
    if (value.kind === "error") return undefined;
    given.set(parameter.name.text, value);
    places.set(parameter.name.text, scope.at(argument.value));
  }
  return { arguments: given, places };
};

/** A named function, or a part's `forward`, on rows or sequences. */
const functionCall = (
  cx: Context,
  instance: Instance,
  item: ast.FunctionItem,
  expr: ast.ExprOf<"call">,
  scope: Scope,
): Value => {
  const at = scope.at(expr);
  const given: Value[] = item.parameters.map(() => none);
  const places: At[] = item.parameters.map(() => at);
  for (const [i, argument] of expr.arguments.entries()) {
    const value = cx.evaluate(argument.value, scope);
    if (value.kind === "error") return value;
    const index = argument.label ? item.parameters.findIndex((p) => p.name?.text === argument.label!.text) : i;
    if (index >= 0 && index < given.length) {
      const label = item.parameters[index]!.name?.text ?? `${index + 1}`;
      if (given[index]!.kind !== "none")
        return cx.fail("argument-twice", scope.at(argument.label ?? argument.value), [item.name.text, label]);
      given[index] = value;
      places[index] = scope.at(argument.value);
    } else if (value.kind !== "none" && !mayIgnore(instance, item.name.text, argument.label?.text ?? i))
      return argument.label
        ? cx.fail("unknown-argument", scope.at(argument.label), [
            item.name.text,
            argument.label.text,
            item.parameters.map((p) => p.name?.text ?? ""),
          ])
        : cx.fail("too-many-arguments", scope.at(argument.value), [item.name.text, item.parameters.length]);
  }
  const present = given.flatMap((value, i) => (value.kind === "none" ? [] : [i]));
  if (present.length === 0) return applyFunction(cx, instance, item, given, at, places);
  return lift(
    cx,
    present.map((i) => given[i]!),
    at,
    scope,
    item.name.text,
    (rows) => {
      const bound: Value[] = given.map((value) => value);
      present.forEach((i, n) => (bound[i] = { kind: "row", row: rows[n]! }));
      return rowsOf(applyFunction(cx, instance, item, bound, at, places));
    },
    present.map((i) => places[i]!),
  );
};
const rowsOf = (value: Value): Row | readonly Row[] | undefined => {
  if (value.kind === "row") return value.row;
  if (value.kind === "list" && value.items.every((v) => v.kind === "row")) return value.items.map((v) => v.row);
  return undefined;
};

// ── Built-in functions on rows ─────────────────────────────────────────────────────────────────
const rowCall = (cx: Context, name: string, builtin: RowBuiltin, expr: ast.ExprOf<"call">, scope: Scope): Value => {
  const at = scope.at(expr);
  if (name === "attend" && !cx.attending) return cx.fail("attend-outside", at, []);
  const places = new Map<string, At>();
  const values = builtinArguments(cx, name, builtin, expr, scope, places);
  if (!values) return error;
  const constant = staticCall(cx, name, builtin, values, at);
  if (constant) return constant;
  const rowParameters = builtin.parameters.filter((p) => p.type === "row");
  const present = rowParameters.filter((p) => (values.get(p.name) ?? none).kind !== "none");
  const statics = staticArguments(cx, name, builtin, values, places);
  if (!statics) return error;
  return lift(
    cx,
    present.map((p) => values.get(p.name)!),
    at,
    scope,
    name,
    (rows) => {
      const bound = new Map(present.map((p, i) => [p.name, rows[i]!]));
      const given = { ...statics, rows: rowParameters.map((p) => bound.get(p.name)) };
      return builtin.build(given, {
        name,
        make: (op, src, shape, ...attrs) => cx.rows.make({ at, path: scope.part }, op, src, shape, ...attrs) as Row,
        fail: (code, args) => void cx.fail(code, at, args),
      });
    },
    present.map((p) => places.get(p.name)!),
  );
};
const builtinArguments = (
  cx: Context,
  name: string,
  builtin: RowBuiltin,
  expr: ast.ExprOf<"call">,
  scope: Scope,
  places: Map<string, At>,
): Map<string, Value> | undefined => {
  const values = new Map<string, Value>();
  const names = builtin.parameters.map((p) => p.name);
  for (const [i, argument] of expr.arguments.entries()) {
    const label = argument.label?.text ?? names[i];
    const at = scope.at(argument.label ?? argument.value);
    if (label === undefined) return void cx.fail("too-many-arguments", at, [name, names.length]);
    if (!names.includes(label) && !(builtin.letters && /^[a-z]$/.test(label)))
      return void cx.fail("unknown-argument", at, [name, label, names]);
    if (values.has(label)) return void cx.fail("argument-twice", at, [name, label]);
    const type = builtin.parameters.find((p) => p.name === label)?.type;
    const value = type === "text" ? orSymbol(cx, argument.value, scope) : cx.evaluate(argument.value, scope);
    if (value.kind === "error") return undefined;
    values.set(label, value);
    places.set(label, scope.at(argument.value));
  }
  const absent = builtin.parameters.filter(
    (p) => !p.optional && p.value === undefined && (values.get(p.name) ?? none).kind === "none",
  );
  return absent.length ? void cx.fail("missing-argument", scope.at(expr), [name, absent.map((p) => p.name)]) : values;
};
const staticArguments = (
  cx: Context,
  name: string,
  builtin: RowBuiltin,
  values: ReadonlyMap<string, Value>,
  places: ReadonlyMap<string, At>,
) => {
  const numbers: Record<string, number> = {};
  const texts: Record<string, string> = {};
  let scaling: RotaryScaling | undefined;
  const wrong = (label: string, value: Value): void =>
    void cx.fail("static-wanted", places.get(label)!, [name, label, describe(value)]);
  for (const p of builtin.parameters) {
    if (p.type === "row") continue;
    const value =
      values.get(p.name) ??
      (p.value === undefined
        ? none
        : typeof p.value === "number"
          ? ({ kind: "number", value: p.value } as const)
          : ({ kind: "text", value: p.value } as const));
    if (value.kind === "none") continue;
    if (p.type === "number" && value.kind === "number") numbers[p.name] = value.value;
    else if (p.type === "text" && value.kind === "text") texts[p.name] = value.value;
    else if (p.type === "text" && value.kind === "symbol") texts[p.name] = value.name;
    else if (p.type === "scaling" && value.kind === "scaling") scaling = value.scaling;
    else return wrong(p.name, value);
  }
  for (const [label, value] of values) {
    if (builtin.parameters.some((p) => p.name === label)) continue;
    if (value.kind !== "number") return wrong(label, value);
    numbers[label] = value.value;
  }
  return { numbers, texts, scaling };
};
/** Of numbers known now, a number. */
const staticCall = (
  cx: Context,
  name: string,
  builtin: RowBuiltin,
  values: ReadonlyMap<string, Value>,
  at: At,
): Value | undefined => {
  const math = { sqrt: Math.sqrt, min: Math.min, max: Math.max } as const;
  if (name !== "sqrt" && name !== "min" && name !== "max") return undefined;
  const given = builtin.parameters.flatMap((p) => {
    const value = values.get(p.name);
    return value?.kind === "number" ? [value.value] : [];
  });
  if (given.length < builtin.parameters.length) return undefined;
  const op: (...x: number[]) => number = math[name];
  const value = op(...given);
  return Number.isFinite(value) ? { kind: "number", value } : cx.fail("no-number", at, [name, given]);
};
