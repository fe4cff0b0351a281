// Expressions: one function for all of them, since where an expression stands (a size, a row, a sequence, a mask) shows in
// what its names are. Every branch gives a value; a mistake is reported once and gives `error`.
import type * as ast from "../../grammar/ast.ts";
import { specials } from "./special.ts";
import { binary, rowBuiltin } from "./builtins.ts";
import { call } from "./call.ts";
import { limits, type Context } from "./context.ts";
import type { At, Row } from "./model.ts";
import { arms, sees } from "./arms.ts";
import { lift, restrictTo, union } from "./sequence.ts";
import { asMask, orSymbol } from "./static.ts";
import { describe, error, none, type Scope, type Value, type ValueOf } from "./value.ts";

export const evaluate = (cx: Context, expr: ast.Expr, scope: Scope): Value => {
  const at = scope.at(expr);
  switch (expr.kind) {
    case "number":
      return { kind: "number", value: expr.value };
    case "string":
      return { kind: "text", value: expr.value };
    case "reference":
      return reference(cx, expr, scope);
    case "member":
      return member(cx, expr, scope);
    case "call":
      return call(cx, expr, scope);
    case "index":
      return index(cx, expr, scope);
    case "list":
      return list(cx, expr.items, scope);
    case "prefix":
      return prefix(cx, expr, scope);
    case "infix":
      return infix(cx, expr, scope);
    case "arms":
      return arms(cx, expr, scope);
    case "sees":
      return sees(cx, expr, scope);
    case "with":
      return cx.fail("with-outside", at, []);
    case "tuple":
      return cx.fail("not-yet", at, ["positions of several numbers"]);
    default:
      return expr satisfies never;
  }
};

// ── Names ──────────────────────────────────────────────────────────────────────────────────────
const reference = (cx: Context, expr: ast.Reference, scope: Scope): Value => {
  const found = scope.lookup(expr.name, scope.at(expr));
  if (found === "cycle") return cx.fail("made-of-itself", scope.at(expr), [expr.name]);
  if (found?.kind === "error") cx.failed = true;
  if (found) return found;
  const coordinate = expr.name === "row" || expr.name === "col" || expr.name === "index";
  if (coordinate && cx.model?.embedding) {
    const axis = expr.name as "row" | "col" | "index";
    return { kind: "row", row: cx.rows.make({ at: scope.at(expr), path: scope.part }, "coordinate", [], [], { axis }) };
  }
  return unknownName(cx, expr, scope);
};
/** Says that nothing of this name is declared here. */
export const unknownName = (cx: Context, expr: ast.Reference, scope: Scope): Value => {
  if (expr.name === "h") return cx.fail("h-outside", scope.at(expr), []);
  if (rowBuiltin(expr.name) || specials.has(expr.name)) return cx.fail("is-a-function", scope.at(expr), [expr.name]);
  const at = scope.at(expr);
  return cx.fail("unknown-name", at, [expr.name, cx.nearestFor("unknown-name", at, expr.name, () => scope.visible())]);
};
const list = (cx: Context, items: readonly ast.Expr[], scope: Scope): Value => {
  const values = items.map((item) => orSymbol(cx, item, scope));
  return values.some((v) => v.kind === "error") ? error : { kind: "list", items: values };
};

const member = (cx: Context, expr: ast.ExprOf<"member">, scope: Scope): Value => {
  const of = cx.evaluate(expr.of, scope);
  const name = expr.name.text;
  const at = scope.at(expr.name);
  if (of.kind === "error") return of;
  if (of.kind === "kinds" && of.modality) {
    const kind = `${of.modality}.${name}`;
    if (of.names.includes(kind)) return { kind: "kinds", names: [kind], modality: undefined };
    return cx.fail("unknown-segment", at, [
      of.modality,
      name,
      of.names.map((n) => n.slice(of.modality!.length + 1)).filter(Boolean),
    ]);
  }
  if (of.kind === "layer") return named(cx, of, name, at);
  if (of.kind !== "instance") return cx.fail("no-members", at, [describe(of), name]);
  const { instance } = of;
  const own = instance.template.items.flatMap((item) =>
    item.kind === "weight"
      ? item.weights.map((w) => w.name.text)
      : item.kind === "layers"
        ? ["layers"]
        : "name" in item && item.kind !== "checkpoint"
          ? [item.name.text]
          : [],
  );
  const names = [...own, ...instance.template.parameters.map((p) => p.name.text)];
  const found = names.includes(name) ? instance.scope.lookup(name, at) : undefined;
  if (found && found !== "cycle" && found.kind === "error") cx.failed = true;
  if (found && found !== "cycle") return found;
  if (found === "cycle") return cx.fail("made-of-itself", at, [name]);
  const asked = instance.contract?.members.find((m) => m.name.text === name);
  if (asked && "optional" in asked && asked.optional) return none;
  return cx.fail("unknown-member", at, [instance.template.name.text, name, names]);
};

/** `fuse[3].seen`: what a layer of a model computes under a name. */
const named = (cx: Context, { path, scope }: ValueOf<"layer">, name: string, at: At): Value => {
  const found = scope.own.includes(name) ? scope.lookup(name, at) : undefined;
  if (found === undefined || found === "cycle") return cx.fail("no-such-name", at, [path, name, scope.own]);
  if (found.kind === "error") cx.failed = true;
  return found;
};

// ── Operators ──────────────────────────────────────────────────────────────────────────────────
const prefix = (cx: Context, expr: ast.ExprOf<"prefix">, scope: Scope): Value => {
  const operand = cx.evaluate(expr.operand, scope);
  const at = scope.at(expr);
  const operandAt = scope.at(expr.operand);
  if (operand.kind === "error") return operand;
  if (expr.op === "not") {
    const mask = asMask(operand);
    if (operand.kind === "flag") return { kind: "flag", value: !operand.value };
    return mask
      ? { kind: "mask", mask: { op: "not", of: mask } }
      : cx.fail("mask-wanted", operandAt, [describe(operand)]);
  }
  if (operand.kind === "number") return { kind: "number", value: -operand.value };
  return lift(cx, [operand], at, scope, "-", ([x]) => cx.rows.make({ at, path: scope.part }, "neg", [x!], x!.shape));
};

const arithmetic = { "+": "add", "-": "sub", "*": "mul", "/": "div" } as const;
const infix = (cx: Context, expr: ast.ExprOf<"infix">, scope: Scope): Value => {
  const at = scope.at(expr);
  if (expr.op === "is") return isMask(cx, expr, scope);
  const left = cx.evaluate(expr.left, scope);
  const right = cx.evaluate(expr.right, scope);
  if (left.kind === "error" || right.kind === "error") return error;
  switch (expr.op) {
    case "and":
    case "or": {
      if (left.kind === "flag" && right.kind === "flag")
        return { kind: "flag", value: expr.op === "and" ? left.value && right.value : left.value || right.value };
      const [a, b] = [asMask(left), asMask(right)];
      if (!a || !b) return cx.fail("mask-wanted", scope.at(a ? expr.right : expr.left), [describe(a ? right : left)]);
      return { kind: "mask", mask: { op: expr.op, left: a, right: b } };
    }
    case "|":
      return union(cx, left, right, at);
    case "..":
    case "before":
      return cx.fail("not-yet", at, [expr.op === ".." ? "a range of sizes" : "`before`"]);
    default:
      return calculate(cx, expr.op, left, right, [at, scope.at(expr.left), scope.at(expr.right)], scope);
  }
};
const calculate = (
  cx: Context,
  op: keyof typeof arithmetic,
  left: Value,
  right: Value,
  [at, ...places]: readonly [At, At, At],
  scope: Scope,
): Value => {
  if (left.kind === "number" && right.kind === "number") {
    const value = compute(op, left.value, right.value);
    return Number.isFinite(value)
      ? { kind: "number", value }
      : cx.fail("no-number", at, [op, [left.value, right.value]]);
  }
  const blocks = (v: Value): readonly Value[] | undefined =>
    v.kind === "list" ? v.items : v.kind === "application" || v.kind === "template" ? [v] : undefined;
  const [a, b] = [blocks(left), blocks(right)];
  if (op === "+" && a && b) {
    const items = [...a, ...b];
    return items.length > limits.layers ? cx.fail("limit-layers", at, [items.length]) : { kind: "list", items };
  }
  if (op === "*" && a && right.kind === "number") return repeat(cx, a, right.value, at);
  const apply = ([x, y]: readonly Row[]): Row | undefined =>
    binary(arithmetic[op], x!, y!, {
      name: op,
      make: (name, src, shape, ...attrs) => cx.rows.make({ at, path: scope.part }, name, src, shape, ...attrs) as Row,
      fail: (code, args) => void cx.fail(code, at, args),
    });
  return lift(cx, [left, right], at, scope, op, apply, places);
};
const compute = (op: keyof typeof arithmetic, a: number, b: number): number =>
  op === "+" ? a + b : op === "-" ? a - b : op === "*" ? a * b : a / b;
const repeat = (cx: Context, items: readonly Value[], times: number, at: At): Value => {
  if (!Number.isSafeInteger(times) || times < 1 || times * items.length > limits.layers)
    return cx.fail("limit-layers", at, [times * items.length]);
  return { kind: "list", items: Array.from({ length: times }, () => items).flat() };
};

// ── Indices ────────────────────────────────────────────────────────────────────────────────────
const index = (cx: Context, expr: ast.ExprOf<"index">, scope: Scope): Value => {
  const of = cx.evaluate(expr.of, scope);
  const at = scope.at(expr);
  if (of.kind === "error") return of;
  const indices = expr.indices.map((each) => cx.evaluate(each, scope));
  if (indices.some((i) => i.kind === "error")) return error;
  if (of.kind === "seq") {
    const kinds = new Set<string>();
    for (const [i, each] of indices.entries()) {
      if (each.kind !== "kinds") return cx.fail("kinds-wanted", scope.at(expr.indices[i]!), [describe(each)]);
      each.names.forEach((name) => kinds.add(name));
    }
    return restrictTo(cx, of.seq, kinds, at, scope.at(expr.indices[0]!));
  }
  const [first] = indices;
  const indexAt = scope.at(expr.indices[0] ?? expr);
  if (indices.length !== 1 || !first) return cx.fail("one-index", at, []);
  if (of.kind === "list" || of.kind === "loop") {
    if (first.kind !== "number") return cx.fail("number-wanted", indexAt, [describe(first)]);
    const items = of.kind === "list" ? of.items : of.layers;
    return items[first.value] ?? cx.fail("out-of-range", indexAt, [first.value, items.length]);
  }
  if (of.kind !== "row") return cx.fail("cannot-index", scope.at(expr.of), [describe(of)]);
  return lift(cx, [of, first], at, scope, "[ ]", ([table, i]) => lookup(cx, table!, i!, at, indexAt, scope));
};
const lookup = (cx: Context, table: Row, i: Row, at: At, indexAt: At, scope: Scope): Row | undefined => {
  const origin = { at, path: scope.part };
  if (table.op !== "weight" || !table.shape.length)
    return void cx.fail("cannot-index", at, [describe({ kind: "row", row: table })]);
  const rows = table.shape[0]!;
  if (i.op === "number") {
    const { value } = i.attrs;
    if (!Number.isSafeInteger(value) || value < 0 || value >= rows)
      return void cx.fail("out-of-range", indexAt, [value, rows]);
    return cx.rows.make(origin, "lookup", [table, cx.rows.indexNumber(origin, value)], table.shape.slice(1));
  }
  if (!i.index) return void cx.fail("index-wanted", indexAt, [describe({ kind: "row", row: i })]);
  return cx.rows.make(origin, "lookup", [table, i], table.shape.slice(1));
};

// ── Masks ──────────────────────────────────────────────────────────────────────────────────────
/** `query is K`, `key is K` */
const isMask = (cx: Context, expr: ast.ExprOf<"infix">, scope: Scope): Value => {
  const side = expr.left.kind === "reference" ? expr.left.name : "";
  if (side !== "query" && side !== "key") return cx.fail("is-sides", scope.at(expr.left), []);
  if (
    expr.right.kind === "reference" &&
    (expr.right.name === "drawn" || expr.right.name === "given") &&
    !scope.has(expr.right.name)
  )
    return cx.fail("not-yet", scope.at(expr.right), [`\`${side} is ${expr.right.name}\``]);
  const kinds = cx.evaluate(expr.right, scope);
  if (kinds.kind === "error") return kinds;
  if (kinds.kind !== "kinds") return cx.fail("kinds-wanted", scope.at(expr.right), [describe(kinds)]);
  return { kind: "mask", mask: { op: side, kinds: kinds.names } };
};
