// One model: parameters bound, statements in order, and at the end what holds of the whole (weights' fates, checkpoints).
import type * as ast from "../../grammar/ast.ts";
import { limits, type Context, type Draft, type ModelState } from "./context.ts";
import { embedStatement, headStatement } from "./ends.ts";
import { bindSlot, makePart, makeWeight } from "./instance.ts";
import { groupStatement, inputStatement, modalityStatement } from "./modality.ts";
import type { At, Model, Tower } from "./model.ts";
import { makeSeq } from "./sequence.ts";
import { asMask, bind, declare } from "./static.ts";
import { describe, error, Scope, type Instance, type ModelApplication, type Value } from "./value.ts";
import { fates, mapCheckpoints } from "./weight.ts";

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
  };
  cx.model = state;
  const scope = new Scope(application.scope, application.scope.file, "");
  const instances = bindModelParameters(cx, application, scope, at);
  if (!instances) return undefined;
  const draft: Draft = { embeds: new Map(), heads: [], mask: undefined, position: undefined, fates: [] };
  scope.define("clean", () => cleanValue(cx, model, scope));
  for (const statement of model.statements) {
    if (cx.stopped) return undefined;
    modelStatement(cx, state, draft, statement, scope, instances);
  }
  complete(cx, state, draft, model, scope);
  fates(cx, draft.fates, scope, scope.at(model.name));
  mapCheckpoints(cx, instances);
  if (cx.report.failed || !state.h || !draft.mask || !draft.position) return undefined;
  if (cx.rows.size > limits.rows) return void cx.fail("limit-rows", at, []);
  return {
    name,
    doc: model.doc ?? "",
    modalities: state.modalities,
    kinds: state.kinds,
    inputs: state.inputs,
    weights: cx.weights.map(({ fate, ...weight }) => Object.assign(cx.weightsByPath.get(weight.path)!, { trained: fate?.trained ?? false })),
    towers: instances.flatMap(towersOf),
    embeds: draft.embeds,
    steps: state.steps,
    h: state.h,
    mask: draft.mask,
    position: draft.position,
    noise: state.noise,
    heads: draft.heads,
    at: scope.at(model.name),
  };
};

const bindModelParameters = (cx: Context, application: ModelApplication, scope: Scope, at: At): Instance[] | undefined => {
  const instances: Instance[] = [];
  let ok = true;
  for (const parameter of application.model.parameters) {
    const name = parameter.name.text;
    const given = application.arguments.get(name) ?? (parameter.value && cx.evaluate(parameter.value, scope));
    if (!given) {
      cx.fail("missing-argument", at, [application.model.name.text, name], { ...scope.at(parameter), text: "declared here" });
      return undefined;
    }
    const value = bindSlot(cx, parameter, given, name, scope, at);
    if (value.kind === "error") ok = false;
    if (value.kind === "instance") instances.push(value.instance);
    declare(cx, scope, parameter.name, value);
  }
  return ok ? instances : undefined;
};
const towersOf = (instance: Instance): Tower[] => {
  const { path, template, layers } = instance;
  const own: Tower[] = layers ? [{ path, template: template.name.text, layers: layers.map(({ block }) => block), at: { path: instance.scope.file, span: template.span } }] : [];
  return [...own, ...[...instance.parts.values()].flatMap(towersOf)];
};

const modelStatement = (cx: Context, state: ModelState, draft: Draft, statement: ast.Statement, scope: Scope, instances: Instance[]): void => {
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
      if (draft.mask) return void cx.fail("twice", at, ["mask"]);
      if (mask) draft.mask = mask;
      else if (value.kind !== "error") cx.fail("mask-wanted", scope.at(statement.value), [describe(value)]);
      return;
    }
    case "position":
      return positionStatement(cx, draft, statement, scope);
    case "noise":
      return noiseStatement(cx, state, statement, scope);
    case "head":
      return headStatement(cx, state, draft, statement, scope);
    case "loss":
      return;
    case "guide":
      return void cx.fail("not-yet", at, ["`guide`"]);
    case "session":
      return void cx.fail("not-yet", at, ["`session`"]);
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
    if (shape.length !== 1 || shape[0] !== kind.width) return void cx.fail("h-width", at, [kind.name, kind.width, `[${shape.join(", ")}]`]);
  }
  state.h = value.seq;
};

/** The rows as they enter, once every kind has its `embed`. */
const enter = (cx: Context, state: ModelState, draft: Draft, at: At): boolean => {
  if (state.h || cx.report.failed) return state.h !== undefined;
  const without = state.kinds.find((kind) => !draft.embeds.has(kind.name));
  if (without) return (cx.fail("no-embed", at, [without.name]), false);
  state.h = makeSeq(cx, "embed", {}, new Map(state.kinds.map((kind) => [kind.name, [kind.width]])), at);
  return true;
};

const loop = (cx: Context, state: ModelState, draft: Draft, statement: ast.LayersStatement, scope: Scope, outer: string): void => {
  if (!enter(cx, state, draft, scope.at(statement))) return;
  const lists: (readonly Value[])[] = [];
  for (const { list } of statement.variables) {
    const value = cx.evaluate(list, scope);
    if (value.kind === "error") return;
    const items = value.kind === "list" ? value.items : value.kind === "group" ? value.blocks.map((block): Value => ({ kind: "block", block })) : [];
    if (!items.length || items.some((item) => item.kind !== "block" && item.kind !== "group")) return void cx.fail("layers-wanted", scope.at(list), [describe(value)]);
    lists.push(items);
  }
  const [first] = lists;
  const other = lists.findIndex((items) => items.length !== first!.length);
  if (other > 0) return void cx.fail("depths-differ", scope.at(statement.variables[other]!.list), [first!.length, lists[other]!.length, statement.variables[0]!.name.text, statement.variables[other]!.name.text]);
  for (let i = 0; i < first!.length; i++) {
    const path = `${outer}${statement.name.text}[${i}]`;
    const inner = new Scope(scope, scope.file, path);
    statement.variables.forEach(({ name }, n) => declare(cx, inner, name, lists[n]![i]!));
    state.layer = path;
    inner.define("h", () => error);
    if (!iteration(cx, state, draft, statement, inner, path)) return;
  }
  state.layer = "";
};
const iteration = (cx: Context, state: ModelState, draft: Draft, statement: ast.LayersStatement, outer: Scope, path: string): boolean => {
  const before = state.h;
  const nested = statement.body.some((item) => item.kind === "loop");
  for (const item of statement.body) {
    if (cx.stopped || !state.h) return false;
    outer.set("h", { kind: "seq", seq: state.h });
    if (item.kind === "binding") assign(cx, state, item, outer);
    else if (item.kind === "weight") for (const weight of item.weights) declare(cx, outer, weight.name, makeWeight(cx, weight, outer, undefined));
    else if (item.kind === "part") declare(cx, outer, item.name, makePart(cx, item, outer, undefined));
    else if (item.kind === "loop") loop(cx, state, draft, item, outer, `${path}.`);
    else cx.fail("not-yet", outer.at(item), [`\`${item.keyword}\``]);
  }
  if (!state.h) return false;
  if (!nested && state.h !== before) state.steps.push({ path, value: state.h, at: outer.at(statement) });
  return true;
};

const positionStatement = (cx: Context, draft: Draft, statement: ast.PositionStatement, scope: Scope): void => {
  const at = scope.at(statement);
  if (statement.of) return void cx.fail("not-yet", at, ["a position rule for part of a model"]);
  if (draft.position) return void cx.fail("twice", at, ["position"]);
  const { value } = statement;
  const call = value.kind === "call" ? value : undefined;
  const name = call ? call.callee : value;
  if (name.kind !== "reference" || name.name !== "running") return void cx.fail("position-rule", scope.at(value), []);
  let limit = 8192;
  for (const argument of call?.arguments ?? []) {
    const given = cx.evaluate(argument.value, scope);
    if (argument.label?.text !== "limit") return void cx.fail("unknown-argument", scope.at(argument.value), ["running", argument.label?.text ?? "", ["limit"]]);
    if (given.kind !== "number" || !Number.isSafeInteger(given.value) || given.value < 1 || given.value > 1 << 20)
      return void cx.fail("bad-size", scope.at(argument.value), ["limit", describe(given)]);
    limit = given.value;
  }
  draft.position = { rule: "running", limit };
};

/** `clean`: what the input of the model's one noise process is for a clean span. A DDPM's last step is 0. */
const cleanValue = (cx: Context, model: ast.Model, scope: Scope): Value => {
  const statements = model.statements.filter((s) => s.kind === "noise");
  const [only] = statements;
  if (!only || statements.length > 1) return cx.fail("clean-of", scope.at(model.name), [statements.length]);
  const process = cx.evaluate(only.process, scope);
  if (process.kind !== "process") return process.kind === "error" ? process : cx.fail("process-wanted", scope.at(only.process), [describe(process)]);
  return { kind: "number", value: process.process.kind === "flow" ? process.process.clean : 0 };
};

const noiseStatement = (cx: Context, state: ModelState, statement: ast.NoiseStatement, scope: Scope): void => {
  const modality = state.modalities.find((m) => m.name === statement.target.text);
  if (!modality || modality.kind !== "span") return void cx.fail("noise-target", scope.at(statement.target), [statement.target.text]);
  if (state.noise.some((n) => n.modality === modality.name)) return void cx.fail("twice", scope.at(statement), [`noise ${modality.name}`]);
  const process = cx.evaluate(statement.process, scope);
  if (process.kind === "error") return;
  if (process.kind !== "process") return void cx.fail("process-wanted", scope.at(statement.process), [describe(process)]);
  const inputOf = (name: ast.Name) => {
    const input = state.inputs.find((i) => i.name === name.text);
    if (!input) cx.fail("unknown-name", scope.at(name), [name.text, undefined]);
    return input;
  };
  const given = statement.given && { input: inputOf(statement.given.input), value: cx.evaluate(statement.given.value, scope) };
  const drawn = statement.drawn && { input: inputOf(statement.drawn.input), value: cx.evaluate(statement.drawn.distribution, scope) };
  if (given && given.value.kind !== "number") return void (given.value.kind !== "error" && cx.fail("number-wanted", scope.at(statement.given!.value), [describe(given.value)]));
  if (drawn && drawn.value.kind !== "distribution")
    return void (drawn.value.kind !== "error" && cx.fail("distribution-wanted", scope.at(statement.drawn!.distribution), [describe(drawn.value)]));
  if ((given && !given.input) || (drawn && !drawn.input)) return;
  const after = statement.after?.text ?? "given";
  if (after !== "given" && after !== "last" && after !== "never") return void cx.fail("bad-choice", scope.at(statement.after!), ["after", after, "given, last, never"]);
  state.noise.push({
    modality: modality.name,
    process: process.process,
    given: given?.value.kind === "number" ? { input: given.input!, value: given.value.value } : undefined,
    drawn: drawn?.value.kind === "distribution" ? { input: drawn.input!, distribution: drawn.value.distribution } : undefined,
    after,
  });
};

/** What every model must have. */
const complete = (cx: Context, state: ModelState, draft: Draft, model: ast.Model, scope: Scope): void => {
  const at = scope.at(model.name);
  if (!state.modalities.length) cx.fail("missing-statement", at, ["modality"]);
  if (!draft.mask && !cx.report.failed) cx.fail("missing-statement", at, ["mask"]);
  if (!draft.position && !cx.report.failed) cx.fail("missing-statement", at, ["position"]);
  if (!state.h && !cx.report.failed) cx.fail("missing-statement", at, ["layers"]);
  if (!draft.heads.length && !cx.report.failed) cx.fail("missing-statement", at, ["head"]);
};
