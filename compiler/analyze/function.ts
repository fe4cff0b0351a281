// Calls of named functions on rows: parameters bound, shapes checked, the body evaluated in the instance's scope.
import type * as ast from "../../grammar/ast.ts";
import { show } from "./builtins.ts";
import { limits, type Context } from "./context.ts";
import type { At, Row } from "./model.ts";
import { bind, declare, size } from "./static.ts";
import { describe, error, none, Scope, type Instance, type Value } from "./value.ts";

/** Arguments stand in the order of the parameters; an absent one is `none`. */
export const applyFunction = (
  cx: Context,
  instance: Instance,
  item: ast.FunctionItem,
  given: readonly Value[],
  at: At,
  places: readonly (At | undefined)[] = [],
): Value => {
  const { calls } = cx;
  if (calls.some((call) => call.item === item && call.instance === instance))
    return cx.fail("calls-itself", at, [item.name.text]);
  if (calls.length >= limits.depth) return cx.stop("limit-depth", at, []);
  const scope = new Scope(instance.scope, instance.scope.file, instance.path);
  if (given.length > item.parameters.length)
    return cx.fail("too-many-arguments", at, [item.name.text, item.parameters.length]);
  for (const [i, parameter] of item.parameters.entries()) {
    const value = given[i] ?? none;
    if (value.kind === "error") return value;
    if (value.kind === "none" && !parameter.optional)
      return cx.fail("missing-argument", at, [item.name.text, [parameter.name?.text ?? `${i + 1}`]], {
        ...instance.scope.at(parameter),
        text: "declared here",
      });
    const checked =
      value.kind === "none" ? value : checkParameter(cx, instance, item, parameter, value, scope, places[i] ?? at);
    if (checked.kind === "error") return checked;
    if (parameter.name) declare(cx, scope, parameter.name, checked);
  }
  const before = cx.made;
  cx.made = instance.made ?? before;
  calls.push({ instance, item });
  for (const binding of item.body.bindings) bind(cx, binding, scope);
  const result = cx.evaluate(item.body.result, scope);
  const checked = cx.stopped ? error : checkResult(cx, item, result, scope);
  calls.pop();
  cx.made = before;
  return checked;
};

const checkParameter = (
  cx: Context,
  instance: Instance,
  item: ast.FunctionItem,
  parameter: ast.FunctionParameter,
  value: Value,
  scope: Scope,
  at: At,
): Value => {
  const origin = { at, path: instance.path };
  const row =
    value.kind === "row" ? value.row : value.kind === "number" ? cx.rows.number(origin, value.value) : undefined;
  const name = parameter.name?.text ?? "";
  if (!row) throw new Error(`${item.name.text} is applied to ${describe(value)}`);
  if (parameter.shape && !matches(cx, parameter.shape.dims, row, scope))
    return cx.fail(
      "argument-shape",
      at,
      [item.name.text, name, dimsText(cx, parameter.shape.dims, scope), show(row.shape)],
      {
        ...instance.scope.at(parameter),
        text: "declared here",
      },
    );
  return { kind: "row", row };
};
/** Shapes agree; a size that nothing declares takes the number it meets (`[heads, d]` of a rope). */
const matches = (cx: Context, dims: readonly ast.Expr[], row: Row, scope: Scope): boolean =>
  dims.length === row.shape.length &&
  dims.every((dim, i) => {
    if (dim.kind === "reference" && !scope.has(dim.name)) {
      scope.set(dim.name, { kind: "number", value: row.shape[i]! });
      return true;
    }
    const n = size(cx, dim, scope);
    return n === undefined || n === row.shape[i];
  });
const dimsText = (cx: Context, dims: readonly ast.Expr[], scope: Scope): string =>
  show(dims.map((dim) => size(cx, dim, scope) ?? 0));

const checkResult = (cx: Context, item: ast.FunctionItem, result: Value, scope: Scope): Value => {
  const declared = item.results[0];
  if (!declared || result.kind === "error") return result;
  const at = scope.at(item.body.result);
  const value: Value =
    result.kind === "number" ? { kind: "row", row: cx.rows.number({ at, path: scope.part }, result.value) } : result;
  if (value.kind !== "row")
    return cx.fail("result-shape", at, [item.name.text, dimsText(cx, declared.dims, scope), describe(value)]);
  if (!matches(cx, declared.dims, value.row, scope))
    return cx.fail("result-shape", at, [item.name.text, dimsText(cx, declared.dims, scope), show(value.row.shape)], {
      ...scope.at(declared),
      text: "declared here",
    });
  return value;
};
