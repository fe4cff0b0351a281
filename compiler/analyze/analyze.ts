// One model: parameters bound, statements in order, and at the end what holds of the whole (weights' fates, checkpoints).
import type * as ast from "../../grammar/ast.ts";
import { nearest } from "../../grammar/nearest.ts";
import type { Context, Draft, ModelState } from "./context.ts";
import { embedStatement, headStatement } from "./ends.ts";
import { show } from "./builtins.ts";
import { bindSlot, makePart, makeWeight } from "./instance.ts";
import { guideStatement } from "./guide.ts";
import { lossesOf, lossStatement } from "./loss.ts";
import { groupStatement, inputStatement, modalityStatement } from "./modality.ts";
import type { At, Model, Tower } from "./model.ts";
import { cleanValue, noiseStatement } from "./noise.ts";
import { makeSeq } from "./sequence.ts";
import { asMask, bind, declare, once, textOf } from "./static.ts";
import { describe, error, Scope, type Instance, type ModelApplication, type Value, type ValueOf } from "./value.ts";
import { fates, hasFate, mapCheckpoints } from "./weight.ts";

/** The model of an application; undefined after a mistake that was reported. */
export const analyzeModel = (cx: Context, application: ModelApplication, name: string): Model | undefined => {
  const { model } = application;
  const at: At = { path: application.path, span: application.span };
  const state: ModelState = {
    kinds: [],
    modalities: [],
    inputs: [],
    noise: [],
    steps: [],
    h: undefined,
    embedding: undefined,
    layer: "",
    bridge: application.bridge,
    adapters: new Map(),
    home: new Map(),
    languages: new Map(),
    missing: { first: undefined, each: new Map(), once: new Map() },
    places: new Map(),
  };
  cx.model = state;
  const scope = new Scope(application.scope, application.scope.file, "");
  const instances = bindModelParameters(cx, application, scope, at);
  if (!instances) return undefined;
  const draft: Draft = {
    embeds: new Map(),
    heads: [],
    mask: undefined,
    position: undefined,
    guides: [],
    losses: new Map(),
    loss: undefined,
    fates: [],
    said: new Map(),
    session: undefined,
  };
  scope.define("clean", (by) => cleanValue(cx, model, scope, by ?? scope.at(model.name)));
  for (const statement of model.statements) {
    if (cx.stopped) return undefined;
    modelStatement(cx, state, draft, statement, scope, instances);
  }
  missingBridge(cx, state, draft);
  complete(cx, state, draft, model, scope);
  const losses = cx.failed ? [] : lossesOf(cx, draft, scope);
  const failed = cx.failed;
  fates(cx, draft.fates, scope, scope.at(model.name));
  const ignored = failed ? [] : mapCheckpoints(cx, instances);
  if (cx.failed || !state.h || !draft.mask || !draft.position) return undefined;
  return {
    name,
    doc: model.doc ?? "",
    modalities: state.modalities,
    kinds: state.kinds,
    inputs: state.inputs,
    weights: cx.weights.map(({ fate, ...weight }) =>
      Object.assign(cx.weightsByPath.get(weight.path)!, { trained: fate?.trained ?? false }),
    ),
    ignored,
    towers: instances.flatMap(towersOf),
    embeds: draft.embeds,
    steps: state.steps,
    h: state.h,
    mask: draft.mask,
    session: draft.session,
    guides: draft.guides,
    position: draft.position,
    noise: state.noise,
    heads: draft.heads,
    losses,
    at: scope.at(model.name),
  };
};

const bindModelParameters = (
  cx: Context,
  application: ModelApplication,
  scope: Scope,
  at: At,
): Instance[] | undefined => {
  const instances: Instance[] = [];
  let ok = true;
  const absent = application.model.parameters.filter((p) => !p.value && !application.arguments.has(p.name.text));
  if (absent.length) {
    const names = absent.map((p) => p.name.text);
    const note = { ...scope.at(absent[0]!), text: "declared here" };
    return void cx.fail("missing-argument", at, [application.model.name.text, names], note);
  }
  for (const parameter of application.model.parameters) {
    const name = parameter.name.text;
    const given = application.arguments.get(name) ?? cx.evaluate(parameter.value!, scope);
    const place = application.places.get(name) ?? scope.at(parameter.value ?? parameter);
    const value = bindSlot(cx, parameter, given, name, scope, place);
    if (value.kind === "error") ok = false;
    if (value.kind === "instance") instances.push(value.instance);
    declare(cx, scope, parameter.name, value);
  }
  return ok ? instances : undefined;
};
const towersOf = (instance: Instance): Tower[] => {
  const { path, template, layers } = instance;
  const own: Tower[] = layers
    ? [
        {
          path,
          template: template.name.text,
          layers: layers.map(({ block }) => block),
          at: { path: instance.scope.file, span: template.span },
        },
      ]
    : [];
  return [...own, ...[...instance.parts.values()].flatMap(towersOf)];
};

const modelStatement = (
  cx: Context,
  state: ModelState,
  draft: Draft,
  statement: ast.Statement,
  scope: Scope,
  instances: Instance[],
): void => {
  const at = scope.at(statement);
  switch (statement.kind) {
    case "modality":
      return modalityStatement(cx, state, statement, scope);
    case "group":
      return groupStatement(cx, statement, scope);
    case "input":
      return inputStatement(cx, state, statement, scope);
    case "part": {
      const value = makePart(cx, statement, scope, undefined);
      if (value.kind === "instance") instances.push(value.instance);
      return declare(cx, scope, statement.name, value);
    }
    case "weight":
      for (const weight of statement.weights) declare(cx, scope, weight.name, makeWeight(cx, weight, scope, undefined));
      return;
    case "binding":
      return assign(cx, state, statement, scope);
    case "freeze":
    case "train":
      draft.fates.push(statement);
      return;
    case "embed":
      return embedStatement(cx, state, draft, statement, scope);
    case "loop":
      return loop(cx, state, draft, statement, scope, "");
    case "mask": {
      const value = cx.evaluate(statement.value, scope);
      const mask = asMask(value);
      if (!once(cx, draft, "mask", at)) return;
      if (mask) draft.mask = mask;
      else if (value.kind !== "error") cx.fail("mask-wanted", scope.at(statement.value), [describe(value)]);
      return;
    }
    case "position":
      return positionStatement(cx, draft, statement, scope);
    case "noise":
      return noiseStatement(cx, state, draft, statement, scope);
    case "head":
      return headStatement(cx, state, draft, statement, scope);
    case "loss":
      return lossStatement(cx, state, draft, statement, scope);
    case "guide":
      return guideStatement(cx, state, draft, statement, scope);
    case "session":
      return sessionStatement(cx, state, draft, statement, scope);
    case "later":
      return void cx.fail("not-yet", at, [`\`${statement.keyword}\``]);
    default:
      statement satisfies never;
  }
};

/** `h = e`, `let name = e` */
const assign = (cx: Context, state: ModelState, binding: ast.Binding, scope: Scope): void => {
  const [name] = binding.names;
  if (binding.list || binding.let || name?.text !== "h") return bind(cx, binding, scope);
  const value = cx.evaluate(binding.value, scope);
  const at = scope.at(binding.value);
  if (value.kind === "error") return void (state.h = undefined);
  if (value.kind !== "seq") return void cx.fail("seq-wanted", at, [describe(value)]);
  for (const kind of state.kinds) {
    const shape = value.seq.shapes.get(kind.name);
    if (!shape) return void cx.fail("h-kinds", at, [kind.name]);
    if (shape.length !== 1 || shape[0] !== kind.width)
      return void cx.fail("h-width", at, [kind.name, kind.width, show(shape)]);
  }
  state.h = value.seq;
};

/** The rows as they enter, once every kind has its `embed`. */
const enter = (cx: Context, state: ModelState, draft: Draft, at: At): boolean => {
  if (state.h || cx.failed) return state.h !== undefined;
  const without = state.kinds.find((kind) => !draft.embeds.has(kind.name));
  if (without) {
    const name = without.rows.kind === "marker" ? without.rows.of : without.name;
    return (cx.fail("no-embed", state.places.get(name) ?? at, [name]), false);
  }
  state.h = makeSeq(cx, "embed", {}, new Map(state.kinds.map((kind) => [kind.name, [kind.width]])), at);
  return true;
};

const loop = (
  cx: Context,
  state: ModelState,
  draft: Draft,
  statement: ast.LayersStatement,
  scope: Scope,
  outer: string,
): void => {
  if (!enter(cx, state, draft, scope.at(statement.name))) return;
  const layers: ValueOf<"layer">[] = [];
  declare(cx, scope, statement.name, { kind: "loop", name: statement.name.text, layers });
  const lists: (readonly Value[])[] = [];
  for (const { list } of statement.variables) {
    const value = cx.evaluate(list, scope);
    if (value.kind === "error") return;
    const items =
      value.kind === "list"
        ? value.items
        : value.kind === "group"
          ? value.blocks.map((block): Value => ({ kind: "block", block }))
          : [];
    if (!items.length || items.some((item) => item.kind !== "block" && item.kind !== "group"))
      return void cx.fail("layers-wanted", scope.at(list), [describe(value)]);
    lists.push(items);
  }
  const around = state.layer;
  const [first] = lists;
  const other = lists.findIndex((items) => items.length !== first!.length);
  if (other > 0) return void depthsDiffer(cx, statement, lists, other, scope);
  // A layer makes a scope and its names.
  for (let i = 0; i < first!.length && cx.spend(scope.at(statement.name), 8); i++) {
    const path = `${outer}${statement.name.text}[${i}]`;
    const inner = new Scope(scope, scope.file, path);
    statement.variables.forEach(({ name }, n) => declare(cx, inner, name, lists[n]![i]!));
    state.layer = path;
    inner.define("h", () => error);
    if (!iteration(cx, state, draft, statement, inner, path)) return;
    layers.push({ kind: "layer", path, scope: inner });
  }
  state.layer = around;
};
const depthsDiffer = (
  cx: Context,
  { variables }: ast.LayersStatement,
  lists: readonly (readonly Value[])[],
  other: number,
  scope: Scope,
): void => {
  const least = Math.min(...lists.map((items) => items.length));
  const spread = variables.flatMap(({ name, list }, i) =>
    lists[i]!.length > least ? [`${name.text} in spread(${textOf(list)}, ${least})`] : [],
  );
  const [a, b] = [variables[0]!, variables[other]!];
  const note = { ...scope.at(a.list), text: `${lists[0]!.length} layers` };
  const counts = [a.name.text, lists[0]!.length, b.name.text, lists[other]!.length] as const;
  cx.fail("depths-differ", scope.at(b.list), [...counts, spread], note);
};
const iteration = (
  cx: Context,
  state: ModelState,
  draft: Draft,
  statement: ast.LayersStatement,
  outer: Scope,
  path: string,
): boolean => {
  const before = state.h;
  const nested = statement.body.some((item) => item.kind === "loop");
  for (const item of statement.body) {
    if (cx.stopped || !state.h) return false;
    outer.set("h", { kind: "seq", seq: state.h });
    if (item.kind === "binding") assign(cx, state, item, outer);
    else if (item.kind === "weight")
      for (const weight of item.weights) declare(cx, outer, weight.name, makeWeight(cx, weight, outer, undefined));
    else if (item.kind === "part") declare(cx, outer, item.name, makePart(cx, item, outer, undefined));
    else if (item.kind === "loop") loop(cx, state, draft, item, outer, `${path}.`);
    else cx.fail("not-yet", outer.at(item), [`\`${item.keyword}\``]);
  }
  if (!state.h) return false;
  outer.set("h", { kind: "seq", seq: state.h });
  if (!nested && state.h !== before) state.steps.push({ path, value: state.h, at: outer.at(statement) });
  return true;
};

const positionStatement = (cx: Context, draft: Draft, statement: ast.PositionStatement, scope: Scope): void => {
  const at = scope.at(statement);
  if (statement.of) return void cx.fail("not-yet", at, ["a position rule for part of a model"]);
  if (!once(cx, draft, "position", at)) return;
  const { value } = statement;
  const call = value.kind === "call" ? value : undefined;
  const name = call ? call.callee : value;
  if (name.kind !== "reference" || name.name !== "running") return void cx.fail("position-rule", scope.at(value), []);
  let limit = 8192;
  for (const argument of call?.arguments ?? []) {
    const given = cx.evaluate(argument.value, scope);
    if (argument.label?.text !== "limit")
      return void cx.fail("unknown-argument", scope.at(argument.value), [
        "running",
        argument.label?.text ?? "",
        ["limit"],
      ]);
    if (given.kind !== "number" || !Number.isSafeInteger(given.value) || given.value < 1 || given.value > 1 << 20)
      return void cx.fail("position-limit", scope.at(argument.value), [describe(given)]);
    limit = given.value;
  }
  draft.position = { rule: "running", limit };
};

/** Says, once for a model, that rows meet towers of another width, and what a bridge would add. */
const missingBridge = (cx: Context, state: ModelState, draft: Draft): void => {
  const { first, each, once: shared } = state.missing;
  if (!first) return;
  const price = (adapters: ReadonlyMap<string, number>) => {
    const open = [...adapters.keys()].filter((path) => !hasFate(draft.fates, `${path}.w`));
    const train = [...new Set(open.map((path) => `${path.slice(0, path.search(/[.[]/))}.**`))];
    return { parameters: [...adapters.values()].reduce((sum, n) => sum + n, 0), train };
  };
  cx.fail("width-mismatch", first.at, [first.kinds, first.from, first.tower, first.to, price(each), price(shared)]);
};

/** `session = text image?`: what a document may be made of, in order. */
const sessionStatement = (
  cx: Context,
  state: ModelState,
  draft: Draft,
  statement: ast.SessionStatement,
  scope: Scope,
): void => {
  if (draft.session) return void cx.fail("twice", scope.at(statement), ["session"]);
  const names = state.modalities.map((modality) => modality.name);
  for (const { name } of statement.terms)
    if (!names.includes(name.text)) cx.fail("session-term", scope.at(name), [name.text, nearest(name.text, names)]);
  draft.session = statement.terms.map(({ name, repeat }) => ({ modality: name.text, repeat }));
};

/** What every model must have. */
const complete = (cx: Context, state: ModelState, draft: Draft, model: ast.Model, scope: Scope): void => {
  if (cx.failed) return;
  const at = scope.at(model.name);
  if (!state.modalities.length) cx.fail("no-modality", at, []);
  else if (!state.h) cx.fail("no-layers", at, []);
  else if (!draft.heads.length) cx.fail("no-head", at, []);
  for (const { modality, kind, at: head } of draft.heads)
    if (kind === "denoise" && !state.noise.some((noise) => noise.modality === modality))
      cx.fail("no-noise", head, [modality]);
  if (!draft.mask) cx.fail("no-mask", at, []);
  if (!draft.position) cx.fail("no-position", at, []);
};
