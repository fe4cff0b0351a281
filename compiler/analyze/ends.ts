// How rows enter and leave a model: `embed` and `head`, with the rows and logits of added tokens.
import type * as ast from "../../grammar/ast.ts";
import { show } from "./builtins.ts";
import type { Context, Draft, ModelState } from "./context.ts";
import { applyFunction } from "./function.ts";
import { addWeight } from "./instance.ts";
import type { At, Embed, Kind, Modality, Row, Seq } from "./model.ts";
import { isPlace } from "./modality.ts";
import { asSeq, isKnownAt, lift, narrowed } from "./sequence.ts";
import { declare, isBroken, once, textOf } from "./static.ts";
import { describe, Scope, type Value } from "./value.ts";

/** `embed text(id) = language.enter(id)`: also of the markers of that modality. */
export const embedStatement = (
  cx: Context,
  state: ModelState,
  draft: Draft,
  statement: ast.EmbedStatement,
  scope: Scope,
): void => {
  const at = scope.at(statement);
  const target = cx.evaluate(statement.target, scope);
  if (target.kind === "error") return;
  const kind =
    target.kind === "kinds" && target.names.length === 1
      ? state.kinds.find((k) => k.name === target.names[0])
      : undefined;
  if (!kind || kind.rows.kind === "marker")
    return void cx.fail("embed-target", scope.at(statement.target), [textOf(statement.target)]);
  if (!once(cx, draft, `embed ${kind.name}`, at)) return;
  const { rows } = kind;
  const inner = new Scope(scope, scope.file, "");
  const [parameter, ...more] = statement.parameters;
  if (!parameter || more.length) return void cx.fail("embed-parameters", scope.at(statement.target), [kind.name]);
  if (isPlace(parameter.text)) return void cx.fail("reserved-input", scope.at(parameter), [parameter.text]);
  const origin = { at: scope.at(parameter), path: "" };
  const argument = { argument: parameter.text };
  const own =
    rows.kind === "token"
      ? cx.rows.index(origin, "argument", argument)
      : cx.rows.make(origin, "argument", [], [rows.width], argument);
  declare(cx, inner, parameter, { kind: "row", row: own });
  state.embedding = kind.name;
  const value = cx.evaluate(statement.value, inner);
  const extended =
    value.kind === "row" && rows.kind === "token" ? withAdded(cx, state, kind, own, value.row, at) : value;
  state.embedding = undefined;
  if (extended.kind === "error") return;
  if (extended.kind !== "row" || extended.row.shape.length !== 1)
    return void cx.fail("embed-result", scope.at(statement.value), [describe(extended)]);
  const entering = state.kinds.filter((k) => k === kind || (k.rows.kind === "marker" && k.rows.of === kind.modality));
  const entered = entering.map((k) => k.name);
  if (!isKnownAt(cx, extended.row, entered, scope.at(statement.value))) return;
  const embed: Embed = {
    arguments: [{ name: parameter.text, type: rows.kind === "token" ? "index" : "numbers" }],
    row: extended.row,
  };
  const home = homeOf(cx, statement.value, scope);
  for (const each of entering) {
    each.width = extended.row.shape[0]!;
    draft.embeds.set(each.name, embed);
    if (home) state.home.set(each.name, home);
  }
};
/** The tower whose function lets a kind's rows in. */
const homeOf = (cx: Context, value: ast.Expr, scope: Scope) => {
  if (value.kind !== "call" || value.callee.kind !== "member") return undefined;
  const tower = cx.evaluate(value.callee.of, scope);
  return tower.kind === "instance" ? tower.instance : undefined;
};
const tokensOf = (state: ModelState, name: string): Extract<Modality, { kind: "tokens" }> | undefined => {
  const modality = state.modalities.find((m) => m.name === name);
  return modality?.kind === "tokens" ? modality : undefined;
};
/** Ids from `vocab` on are rows of a table of their own. */
const withAdded = (cx: Context, state: ModelState, kind: Kind, id: Row, own: Row, at: At): Value => {
  const modality = tokensOf(state, kind.modality)!;
  if (!modality.added.length || own.shape.length !== 1) return { kind: "row", row: own };
  const path = `${modality.name}.added.enter`;
  const table = addWeight(cx, { path, shape: [modality.added.length, own.shape[0]!], init: { kind: "unset" }, at });
  if (table.kind !== "row") return table;
  return {
    kind: "row",
    row: cx.rows.make({ at, path: "" }, "extend", [id, own, table.row], own.shape, { below: modality.vocab }),
  };
};

/** `head text = next_token(language.logits(h))`, where `h` is the rows that the head reads. */
export const headStatement = (
  cx: Context,
  state: ModelState,
  draft: Draft,
  statement: ast.HeadStatement,
  scope: Scope,
): void => {
  const at = scope.at(statement.target);
  const name = statement.target.text;
  const modality = state.modalities.find((m) => m.name === name);
  if (!modality) {
    const near = cx.nearest(
      name,
      state.modalities.map((m) => m.name),
    );
    return isBroken(cx, scope, statement.target) ? undefined : void cx.fail("head-target", at, [name, near]);
  }
  if (!once(cx, draft, `head ${name}`, at)) return;
  if (!state.h) return cx.failed ? undefined : void cx.fail("head-before-layers", at, [name]);
  const kinds =
    modality.kind === "tokens"
      ? predictors(state, name)
      : state.kinds.filter((k) => k.modality === name && k.rows.kind === "grid");
  if (!kinds.length) return void cx.fail("head-rows", at, [name]);
  const h = narrowed(cx, state.h, new Set(kinds.map((k) => k.name)), at);
  const inner = new Scope(scope, scope.file, "");
  inner.set("h", { kind: "seq", seq: h });
  const value = cx.evaluate(statement.value, inner);
  if (value.kind === "error") return;
  const asked = modality.kind === "tokens" ? "next_token" : "denoise";
  if (value.kind !== "head" || value.head !== asked)
    return void cx.fail("head-kind", scope.at(statement.value), [name, asked, describe(value)]);
  const seq = asSeq(cx, value.value, scope.at(statement.value));
  if (!seq) return;
  const result = modality.kind === "tokens" ? withAddedLogits(cx, state, modality, h, seq, at, inner) : seq;
  if (!result || !headShapes(cx, modality, kinds, seq, scope.at(statement.value))) return;
  draft.heads.push({ modality: name, kind: asked, value: result, at });
};
/** The token rows after which a token may come: all but markers that a row of another sort follows. */
const predictors = (state: ModelState, name: string): Kind[] =>
  state.kinds.filter((kind) => {
    if (kind.name === name) return true;
    if (kind.rows.kind !== "marker" || kind.rows.of !== name) return false;
    const span = state.modalities.find((m) => m.name === kind.modality);
    if (span?.kind !== "span") return false;
    const next = span.segments[span.segments.indexOf(kind.name) + 1];
    const rows = state.kinds.find((k) => k.name === next)?.rows;
    return !rows || (rows.kind === "marker" && rows.of === name);
  });
const headShapes = (cx: Context, modality: Modality, kinds: readonly Kind[], seq: Seq, at: At): boolean => {
  for (const kind of kinds) {
    const shape = seq.shapes.get(kind.name);
    const want = modality.kind === "tokens" ? modality.vocab : kind.rows.kind === "grid" ? kind.rows.width : 0;
    if (!shape || shape.length !== 1 || shape[0] !== want) {
      cx.fail("head-shape", at, [modality.kind, kind.name, want, shape ? show(shape) : "nothing"]);
      return false;
    }
  }
  return true;
};
/** The logits of added tokens stand after the tower's own, made from the features that its head reads. */
const withAddedLogits = (
  cx: Context,
  state: ModelState,
  modality: Extract<Modality, { kind: "tokens" }>,
  h: Seq,
  logits: Seq,
  at: At,
  scope: Scope,
): Seq | undefined => {
  if (!modality.added.length) return logits;
  const tower = state.languages.get(modality.name);
  const features = tower?.functions.get("features");
  const vocab = state.places.get(`${modality.name}.vocab`) ?? at;
  if (!tower) return void cx.fail("added-vocab", vocab, [modality.name]);
  if (!features) return void cx.fail("no-features", vocab, [modality.name, tower.template.name.text]);
  const read = lift(cx, [{ kind: "seq", seq: h }], at, scope, "features", ([x]) => {
    const value = applyFunction(cx, tower, features, [{ kind: "row", row: x! }], at);
    return value.kind === "row" ? value.row : undefined;
  });
  if (read.kind !== "seq") return undefined;
  const width = [...read.seq.shapes.values()][0]![0]!;
  const table = addWeight(cx, {
    path: `${modality.name}.added.head`,
    shape: [modality.added.length, width],
    init: { kind: "unset" },
    at,
  });
  if (table.kind !== "row") return undefined;
  const weight = table.row;
  const both = lift(cx, [{ kind: "seq", seq: logits }, read], at, scope, "logits", ([own, x]) => {
    const added = cx.rows.make({ at, path: "" }, "linear", [x!, weight], [modality.added.length]);
    return cx.rows.make({ at, path: "" }, "concat", [own!, added], [modality.vocab + modality.added.length]);
  });
  return both.kind === "seq" ? both.seq : undefined;
};
