// Modalities and their kinds of rows, groups of kinds, inputs of a call.
import type * as ast from "../../grammar/ast.ts";
import { limits, type Context, type ModelState } from "./context.ts";
import type { Input, KindRows } from "./model.ts";
import { declare, isBroken, size } from "./static.ts";
import { describe, error, type Scope, type Value } from "./value.ts";

export const modalityStatement = (
  cx: Context,
  state: ModelState,
  statement: ast.ModalityStatement,
  scope: Scope,
): void => {
  if (["batch", "past", "new", "tap"].includes(statement.name.text))
    return void cx.fail("reserved-modality", scope.at(statement.name), [statement.name.text]);
  if (state.h !== undefined) return void cx.fail("modality-late", scope.at(statement.name), []);
  const value =
    statement.value.kind === "segments"
      ? spanModality(cx, state, statement, statement.value, scope)
      : tokensModality(cx, state, statement, statement.value, scope);
  declare(cx, scope, statement.name, value);
};

/** `tokens(vocab: language.vocab, add: ["<boi>", "<eoi>"])` */
const tokensModality = (
  cx: Context,
  state: ModelState,
  statement: ast.ModalityStatement,
  value: ast.Expr,
  scope: Scope,
): Value => {
  const name = statement.name.text;
  const at = scope.at(value);
  const callee = value.kind === "call" && value.callee.kind === "reference" ? value.callee.name : "";
  if (value.kind !== "call" || callee !== "tokens") {
    const later = ["vector", "vectors", "learned"].includes(callee);
    return later ? cx.fail("not-yet", at, [`a modality of \`${callee}\``]) : cx.fail("modality-form", at, []);
  }
  let vocab: number | undefined;
  const added: string[] = [];
  const seen = new Set<string>();
  for (const [i, argument] of value.arguments.entries()) {
    const label = argument.label?.text ?? ["vocab", "add"][i];
    if (label === undefined) return cx.fail("too-many-arguments", scope.at(argument.value), ["tokens", 2]);
    if (seen.has(label))
      return cx.fail("argument-twice", scope.at(argument.label ?? argument.value), ["tokens", label]);
    seen.add(label);
    if (label === "vocab") {
      vocab = size(cx, argument.value, scope);
      if (vocab === undefined) return error;
      const tower = argument.value.kind === "member" ? cx.evaluate(argument.value.of, scope) : undefined;
      state.places.set(`${name}.vocab`, scope.at(argument.value));
      if (tower?.kind === "instance") state.languages.set(name, tower.instance);
    } else if (label === "add") {
      const list = cx.evaluate(argument.value, scope);
      if (list.kind === "error") return list;
      const items = list.kind === "list" ? list.items : [];
      for (const end of ["enter", "head"]) state.places.set(`${name}.added.${end}`, scope.at(argument.value));
      for (const item of items) if (item.kind === "text") added.push(item.value);
      if (list.kind !== "list" || added.length !== items.length || new Set(added).size !== added.length)
        return cx.fail("add-texts", scope.at(argument.value), []);
    } else return cx.fail("unknown-argument", scope.at(argument.label!), ["tokens", label, ["vocab", "add"]]);
  }
  if (vocab === undefined) return cx.fail("missing-argument", at, ["tokens", ["vocab"]]);
  state.modalities.push({ kind: "tokens", name, vocab, added, doc: statement.doc ?? "" });
  state.kinds.push({ name, modality: name, rows: { kind: "token" }, width: 0 });
  state.places.set(name, scope.at(statement.name));
  return { kind: "kinds", names: [name], modality: name };
};

const spanModality = (
  cx: Context,
  state: ModelState,
  statement: ast.ModalityStatement,
  value: ast.SpanSegments,
  scope: Scope,
): Value => {
  const name = statement.name.text;
  if (value.aside) return cx.fail("not-yet", { path: scope.file, span: value.aside }, ["`aside`"]);
  const names: string[] = [];
  for (const segment of value.segments) {
    const kind = `${name}.${segment.name.text}`;
    if (names.includes(kind)) return cx.fail("name-taken", scope.at(segment.name), [segment.name.text]);
    const rows =
      segment.value.kind === "marker" ? marker(cx, state, segment.value, scope) : grid(cx, segment.value, scope);
    if (!rows) return error;
    names.push(kind);
    state.places.set(kind, scope.at(segment.name));
    if (state.kinds.length >= limits.kinds) return cx.stop("limit-kinds", scope.at(segment), [limits.kinds]);
    state.kinds.push({ name: kind, modality: name, rows, width: 0 });
  }
  if (!names.length) return cx.fail("span-empty", scope.at(value), []);
  state.modalities.push({ kind: "span", name, segments: names, doc: statement.doc ?? "" });
  return { kind: "kinds", names, modality: name };
};
const marker = (cx: Context, state: ModelState, value: ast.Marker, scope: Scope): KindRows | undefined => {
  if (value.of.text === "silent") return void cx.fail("not-yet", scope.at(value), ["`silent`"]);
  const of = state.modalities.find((m) => m.name === value.of.text);
  if (!of && isBroken(cx, scope, value.of)) return undefined;
  if (of?.kind !== "tokens") return void cx.fail("marker-of", scope.at(value.of), [value.of.text]);
  if (value.token.kind === "number") {
    const id = value.token.value;
    if (!Number.isSafeInteger(id) || id < 0 || id >= of.vocab)
      return void cx.fail("out-of-range", scope.at(value.token), [id, of.vocab]);
    return { kind: "marker", of: of.name, id, token: String(id) };
  }
  const index = of.added.indexOf(value.token.value);
  if (index < 0) return void cx.fail("marker-token", scope.at(value.token), [value.token.value, of.name, of.added]);
  return { kind: "marker", of: of.name, id: of.vocab + index, token: value.token.value };
};
/** `grid(8, 8, of: vision.patch, order: "p q c", channels: 3)` */
const grid = (cx: Context, value: ast.Expr, scope: Scope): KindRows | undefined => {
  const at = scope.at(value);
  const callee = value.kind === "call" && value.callee.kind === "reference" ? value.callee.name : "";
  if (value.kind !== "call" || callee !== "grid") {
    if (["vector", "vectors", "learned"].includes(callee))
      return void cx.fail("not-yet", at, [`a segment of \`${callee}\``]);
    return void cx.fail("segment-form", at, []);
  }
  const sizes: number[] = [];
  let width: number | undefined;
  let channels: number | undefined;
  let order: string | undefined;
  const seen = new Set<string>();
  for (const argument of value.arguments) {
    const label = argument.label?.text;
    if (label !== undefined && seen.has(label))
      return void cx.fail("argument-twice", scope.at(argument.label!), ["grid", label]);
    if (label !== undefined) seen.add(label);
    const given =
      argument.value.kind === "infix" && argument.value.op === ".."
        ? void cx.fail("not-yet", scope.at(argument.value), ["a range of sizes"])
        : argument.value;
    if (!given) return undefined;
    if (label === undefined || label === "channels" || (label === "of" && given.kind !== "list")) {
      const n = size(cx, given, scope);
      if (n === undefined) return undefined;
      if (label === undefined) sizes.push(n);
      else if (label === "of") width = n;
      else channels = n;
    } else if (label === "of" && given.kind === "list" && given.items.length === 1)
      width = size(cx, given.items[0]!, scope);
    else if (label === "order") {
      const text = cx.evaluate(given, scope);
      if (text.kind === "error") return undefined;
      if (text.kind !== "text" || text.value.split(" ").sort().join() !== "c,p,q")
        return void cx.fail("patch-order", scope.at(given), [describe(text)]);
      order = text.value;
    } else
      return void cx.fail("unknown-argument", scope.at(argument.label ?? given), [
        "grid",
        label,
        ["of", "order", "channels"],
      ]);
  }
  if (sizes.length !== 2 || width === undefined) return void cx.fail("grid-form", at, []);
  if (sizes[0]! * sizes[1]! > limits.grid) return void cx.fail("grid-rows", at, [sizes[0]! * sizes[1]!, limits.grid]);
  if (channels !== undefined) {
    const side = Math.sqrt(width / channels);
    if (!Number.isInteger(side)) return void cx.fail("patch-side", at, [width, channels]);
    if (!order) return void cx.fail("missing-argument", at, ["grid", ["order"]]);
  }
  return { kind: "grid", rows: sizes[0]!, cols: sizes[1]!, width, order, channels };
};

export const groupStatement = (cx: Context, statement: ast.GroupStatement, scope: Scope): void => {
  const names: string[] = [];
  for (const each of statement.kinds) {
    const value = cx.evaluate(each, scope);
    if (value.kind === "kinds") names.push(...value.names);
    else {
      if (value.kind !== "error") cx.fail("kinds-wanted", scope.at(each), [describe(value)]);
      return declare(cx, scope, statement.name, error);
    }
  }
  declare(cx, scope, statement.name, { kind: "kinds", names: [...new Set(names)], modality: undefined });
};

/** `input t: number per image` */
export const inputStatement = (cx: Context, state: ModelState, statement: ast.InputStatement, scope: Scope): void => {
  const at = scope.at(statement.name);
  const type = inputType(cx, statement, scope);
  const per = inputExtent(cx, state, statement, scope);
  if (!type || !per) return declare(cx, scope, statement.name, error);
  if (typeof per === "object" && "row" in per && isPlace(statement.name.text)) {
    cx.fail("reserved-input", at, [statement.name.text]);
    return declare(cx, scope, statement.name, error);
  }
  const input: Input = { name: statement.name.text, per, type, doc: statement.doc ?? "", at };
  state.inputs.push(input);
  const origin = { at, path: "" };
  const row =
    type.kind === "index"
      ? cx.rows.index(origin, "input", { input })
      : cx.rows.make(origin, "input", [], type.shape, { input });
  declare(cx, scope, statement.name, { kind: "row", row });
};
/** What a program is given of every row: no other value of a row may have that name. */
export const isPlace = (name: string): boolean => ["order", "position", "span", "row", "col", "index"].includes(name);
const inputType = (cx: Context, { type }: ast.InputStatement, scope: Scope): Input["type"] | undefined => {
  const items = type.kind === "shape" ? type.dims : type.kind === "list" ? type.items : undefined;
  if (items) {
    const shape = items.map((dim) => size(cx, dim, scope));
    return shape.every((n) => n !== undefined) ? { kind: "number", shape } : undefined;
  }
  if (type.kind === "reference" && type.name === "number") return { kind: "number", shape: [] };
  if (
    type.kind === "call" &&
    type.callee.kind === "reference" &&
    type.callee.name === "index" &&
    type.arguments.length === 1
  ) {
    const below = size(cx, type.arguments[0]!.value, scope);
    return below === undefined ? undefined : { kind: "index", below };
  }
  return void cx.fail("input-type", scope.at(type), []);
};
const inputExtent = (
  cx: Context,
  state: ModelState,
  { per }: ast.InputStatement,
  scope: Scope,
): Input["per"] | undefined => {
  if (!per) return "call";
  if (per.kind === "reference" && per.name === "document" && !scope.has("document")) return "document";
  const value = cx.evaluate(per, scope);
  if (value.kind === "kinds") {
    const modality = state.modalities.find((m) => m.name === value.modality);
    if (modality?.kind === "span") return { span: modality.name };
    if (value.names.length === 1) return { row: value.names[0]! };
  }
  if (value.kind !== "error") cx.fail("input-per", scope.at(per), []);
  return undefined;
};
