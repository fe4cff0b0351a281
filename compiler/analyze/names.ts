// Names in bodies that no model makes use of: a light walk that finds what is declared nowhere, without values or shapes.
// Where analysis comes to the same place it says the same, and that is said once.
import type * as ast from "../../grammar/ast.ts";
import { rowBuiltin, rowBuiltins } from "./builtins.ts";
import type { Context } from "./context.ts";
import { unknownName } from "./evaluate.ts";
import { specials } from "./special.ts";
import { none, Scope } from "./value.ts";

/** Reports every unknown name in the templates and models of a file whose declarations stand in `scope`. */
export const reportUnknownNames = (cx: Context, file: ast.File, scope: Scope): void => {
  for (const declaration of file.declarations) {
    if (declaration.kind === "template") template(cx, declaration, scope);
    else if (declaration.kind === "model") model(cx, declaration, scope);
  }
};

const inner = (scope: Scope): Scope => new Scope(scope, scope.file, "");
const add = (scope: Scope, names: Iterable<string>): void => {
  for (const name of names) if (!scope.has(name)) scope.set(name, none);
};
const parameters = (cx: Context, given: readonly ast.Parameter[], scope: Scope): void => {
  for (const { name, value, contract } of given) {
    if (contract && !scope.has(contract.text))
      cx.fail("unknown-contract", scope.at(contract), [contract.text, cx.nearest(contract.text, scope.visible())]);
    if (value) visit(cx, value, scope);
    add(scope, [name.text]);
  }
};

// ── Templates ──────────────────────────────────────────────────────────────────────────────────
const template = (cx: Context, { parameters: given, items }: ast.Template, outer: Scope): void => {
  const scope = inner(outer);
  parameters(cx, given, scope);
  for (const item of items) {
    if (item.kind === "weight")
      add(
        scope,
        item.weights.map((w) => w.name.text),
      );
    else if (item.kind === "layers") add(scope, ["layers"]);
    else if (item.kind === "part" || item.kind === "constant" || item.kind === "function") add(scope, [item.name.text]);
  }
  for (const each of items) item(cx, each, scope);
};
const item = (cx: Context, each: ast.Item, scope: Scope): void => {
  switch (each.kind) {
    case "weight":
      return each.weights.forEach((declared) => weight(cx, declared, scope));
    case "layers":
    case "part":
    case "constant":
      return visit(cx, each.value, scope);
    case "require":
      visit(cx, each.left, scope);
      return visit(cx, each.right, scope);
    case "function":
      return functionBody(cx, each, scope);
    case "checkpoint":
      return;
    default:
      each satisfies never;
  }
};
const weight = (cx: Context, { shape, init, condition }: ast.WeightDeclaration, scope: Scope): void => {
  for (const expr of [...(shape?.dims ?? []), init, condition]) if (expr) visit(cx, expr, scope);
};
/** Sizes that nothing declares take what they meet, and are then known. */
const functionBody = (cx: Context, { parameters: given, results, body }: ast.FunctionItem, outer: Scope): void => {
  const scope = inner(outer);
  for (const shape of [...given.map((p) => p.shape), ...results]) {
    for (const dim of shape?.dims ?? []) {
      if (dim.kind === "reference") add(scope, [dim.name]);
      else visit(cx, dim, scope);
    }
  }
  add(scope, [...given.flatMap((p) => (p.name ? [p.name.text] : [])), "row", "col", "index"]);
  for (const binding of body.bindings) {
    visit(cx, binding.value, scope);
    add(
      scope,
      binding.names.map((n) => n.text),
    );
  }
  visit(cx, body.result, scope);
};

// ── Models ─────────────────────────────────────────────────────────────────────────────────────
const model = (cx: Context, { parameters: given, statements }: ast.Model, outer: Scope): void => {
  const scope = inner(outer);
  parameters(cx, given, scope);
  add(scope, ["clean"]);
  for (const each of statements) statement(cx, each, scope);
};
const statement = (cx: Context, each: ast.Statement, scope: Scope): void => {
  switch (each.kind) {
    case "modality":
      if (each.value.kind === "segments") {
        for (const { value } of each.value.segments) if (value.kind !== "marker") given(cx, value, scope);
      } else given(cx, each.value, scope);
      return add(scope, [each.name.text]);
    case "group":
      each.kinds.forEach((kind) => visit(cx, kind, scope));
      return add(scope, [each.name.text]);
    case "input":
      if (each.type.kind === "call") given(cx, each.type, scope);
      if (each.per && !(each.per.kind === "reference" && each.per.name === "document")) visit(cx, each.per, scope);
      return add(scope, [each.name.text]);
    case "binding":
    case "part":
    case "weight":
    case "loop":
      return layerItem(cx, each, scope);
    case "embed": {
      visit(cx, each.target, scope);
      const own = inner(scope);
      add(own, [...each.parameters.map((p) => p.text), "row", "col", "index"]);
      return visit(cx, each.value, own);
    }
    case "mask":
      return visit(cx, each.value, scope);
    case "position":
      return given(cx, each.value, scope);
    case "noise":
      visit(cx, each.process, scope);
      if (each.given) visit(cx, each.given.value, scope);
      if (each.drawn) visit(cx, each.drawn.distribution, scope);
      return;
    case "head": {
      const own = inner(scope);
      add(own, ["h"]);
      return visit(cx, each.value, own);
    }
    case "loss": {
      // The terms of the model's loss are heads and losses, which have names of their own.
      if (each.name === undefined) return;
      const own = inner(scope);
      add(own, ["h"]);
      return visit(cx, each.value, own);
    }
    case "freeze":
    case "train":
    case "guide":
    case "session":
    case "later":
      return;
    default:
      each satisfies never;
  }
};
/** The arguments of a call whose name is a word of its statement: `tokens(...)`, `grid(...)`, `running(...)`. */
const given = (cx: Context, expr: ast.Expr, scope: Scope): void => {
  if (expr.kind === "call") for (const { value } of expr.arguments) visit(cx, value, scope);
};
const layerItem = (cx: Context, each: ast.LayersStatement["body"][number], scope: Scope): void => {
  switch (each.kind) {
    case "binding":
      visit(cx, each.value, scope);
      return add(
        scope,
        each.names.map((n) => n.text),
      );
    case "part":
      visit(cx, each.value, scope);
      return add(scope, [each.name.text]);
    case "weight":
      for (const declared of each.weights) {
        weight(cx, declared, scope);
        add(scope, [declared.name.text]);
      }
      return;
    case "loop": {
      each.variables.forEach(({ list }) => visit(cx, list, scope));
      add(scope, [each.name.text]);
      const own = inner(scope);
      add(own, [...each.variables.map(({ name }) => name.text), "h"]);
      return each.body.forEach((within) => layerItem(cx, within, own));
    }
    case "later":
      return;
    default:
      each satisfies never;
  }
};

// ── Expressions ────────────────────────────────────────────────────────────────────────────────
const visit = (cx: Context, expr: ast.Expr, scope: Scope): void => {
  const all = (exprs: readonly ast.Expr[]): void => exprs.forEach((each) => visit(cx, each, scope));
  switch (expr.kind) {
    case "number":
    case "string":
    case "with":
      return;
    case "reference":
      return void (scope.has(expr.name) || unknownName(cx, expr, scope));
    case "member":
      return visit(cx, expr.of, scope);
    case "call":
      return call(cx, expr, scope);
    case "index":
      return all([expr.of, ...expr.indices]);
    case "list":
      return all(expr.items.filter((each) => each.kind !== "reference"));
    case "tuple":
      return all(expr.items);
    case "infix":
      return expr.op === "is" ? stateOrKinds(cx, expr.right, scope) : all([expr.left, expr.right]);
    case "prefix":
      return visit(cx, expr.operand, scope);
    case "arms":
      return all(expr.arms.flatMap((arm) => [arm.kinds, arm.value]));
    case "sees":
      return all([expr.call, expr.mask]);
    default:
      expr satisfies never;
  }
};
/** Right of `is`: kinds, or one of the words for a span's state. */
const stateOrKinds = (cx: Context, kinds: ast.Expr, scope: Scope): void => {
  const isWord = kinds.kind === "reference" && (kinds.name === "drawn" || kinds.name === "given");
  if (!isWord) visit(cx, kinds, scope);
};
const call = (cx: Context, { callee, arguments: all }: ast.ExprOf<"call">, scope: Scope): void => {
  const free = callee.kind === "reference" && !scope.has(callee.name) ? callee : undefined;
  if (!free) visit(cx, callee, scope);
  else if (!specials.has(free.name) && !rowBuiltin(free.name)) {
    const names = [...scope.visible(), ...Object.keys(rowBuiltins), ...specials.keys()];
    cx.fail("unknown-function", scope.at(free), [free.name, cx.nearest(free.name, names)]);
  }
  for (const [i, { label, value }] of all.entries())
    if (value.kind !== "reference" || !free || !isWord(free.name, label?.text ?? i)) visit(cx, value, scope);
};
/** Whether an argument of a built-in function is a word of its own: `predicts: velocity`, `layout: pairs`. */
const isWord = (callee: string, argument: string | number): boolean => {
  const words = callee === "flow" ? ["predicts", 2] : callee === "ddpm" ? ["schedule", "predicts", 1, 2] : [];
  const builtin = rowBuiltin(callee)?.parameters.find((p, i) => p.name === argument || i === argument);
  return words.includes(argument) || builtin?.type === "text";
};
