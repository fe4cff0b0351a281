// Templates become instances: parameters bound, weights made, layers built. Every slot that takes a template makes its
// own instance; a copy is a second instance whose weights start from the first one's.
import type * as ast from "../../grammar/ast.ts";
import { show } from "./builtins.ts";
import { conform } from "./contract.ts";
import { isLibrary, limits, type Context } from "./context.ts";
import { applyFunction } from "./function.ts";
import type { At, Block, Init, Row, RowOf } from "./model.ts";
import { declare, size, staticFlag } from "./static.ts";
import {
  describe,
  error,
  none,
  Scope,
  type Application,
  type BlockInstance,
  type Instance,
  type Mutable,
  type Value,
  type WeightDraft,
} from "./value.ts";

export interface Making {
  readonly contract?: { readonly contract: ast.Contract; readonly scope: Scope } | undefined;
  readonly copy?: { readonly of: Instance; readonly share: ReadonlySet<string> } | undefined;
  /** where the slot was given its template */
  readonly asked?: At | undefined;
}

/** An instance at a path; undefined after a mistake that was reported. */
export const instantiate = (
  cx: Context,
  application: Application,
  path: string,
  making: Making = {},
): Instance | undefined => {
  const { template, scope: outer } = application;
  const at: At = { path: application.path, span: application.span };
  // An instance is as large as many rows are.
  if (!cx.spend(at, 32)) return undefined;
  if (cx.nested >= limits.depth) return void cx.stop("limit-depth", at, []);
  const before = cx.made;
  const made = isLibrary(at.path) ? (before ?? at) : at;
  const scope = new Scope(outer, outer.file, path);
  const instance: Instance = {
    path,
    template,
    application,
    made,
    scope,
    functions: new Map(template.items.filter((item) => item.kind === "function").map((item) => [item.name.text, item])),
    weights: new Map(),
    parts: new Map(),
    layers: undefined,
    contract: making.contract?.contract,
  };
  cx.nested++;
  cx.made = made;
  const whole = bindParameters(cx, instance, at, making) && makeItems(cx, instance, at, making);
  cx.nested--;
  cx.made = before;
  if (!whole) return undefined;
  return making.contract && !conform(cx, instance, making.contract, making.asked ?? at) ? undefined : instance;
};
const makeItems = (cx: Context, instance: Instance, at: At, making: Making): boolean => {
  const { template } = instance;
  if (cx.stack.includes(template)) return (cx.fail("contains-itself", at, [template.name.text]), false);
  cx.stack.push(template);
  defineItems(cx, instance, making);
  for (const item of template.items) forceItem(cx, instance, item, at);
  cx.stack.pop();
  return true;
};

const bindParameters = (cx: Context, instance: Instance, at: At, making: Making): boolean => {
  const { application, scope, template } = instance;
  const absent = template.parameters.filter((p) => !p.value && !application.arguments.has(p.name.text));
  if (absent.length) {
    const names = absent.map((p) => p.name.text);
    return (
      cx.fail("missing-argument", at, [template.name.text, names], { ...scope.at(absent[0]!), text: "declared here" }),
      false
    );
  }
  let ok = true;
  for (const parameter of template.parameters) {
    const name = parameter.name.text;
    const given = application.arguments.get(name) ?? cx.evaluate(parameter.value!, scope);
    const value = bindSlot(
      cx,
      parameter,
      given,
      `${instance.path}.${name}`,
      scope,
      application.places.get(name) ?? scope.at(parameter.value ?? parameter),
      making.copy?.of.parts.get(name),
      making.copy?.share,
    );
    if (value.kind === "error") ok = false;
    if (value.kind === "instance" && asApplication(given, at)) instance.parts.set(name, value.instance);
    declare(cx, scope, parameter.name, value);
  }
  return ok;
};

/** What a parameter holds: its own instance where a template is given, and what its contract asks for. */
export const bindSlot = (
  cx: Context,
  parameter: ast.Parameter,
  given: Value,
  path: string,
  scope: Scope,
  at: At,
  copied?: Instance,
  share?: ReadonlySet<string>,
): Value => {
  if (given.kind === "error") return given;
  const contract = parameter.contract && contractOf(cx, parameter.contract, scope);
  if (parameter.contract && !contract) return error;
  const application = asApplication(given, at);
  if (application) {
    const made = instantiate(cx, application, path, {
      contract,
      asked: at,
      copy: copied && { of: copied, share: share ?? new Set() },
    });
    return made ? { kind: "instance", instance: made } : error;
  }
  if (!contract) return given;
  if (given.kind !== "instance")
    return cx.fail("slot", at, [parameter.name.text, contract.contract.name.text, describe(given)]);
  return conform(cx, given.instance, contract, at) ? given : error;
};
const contractOf = (cx: Context, name: ast.Name, scope: Scope) => {
  const found = scope.lookup(name.text, scope.at(name));
  if (!found || found === "cycle")
    return void cx.fail("unknown-contract", scope.at(name), [name.text, cx.nearest(name.text, scope.visible())]);
  if (found.kind === "contract") return found;
  if (found.kind !== "error") return void cx.fail("not-a-contract", scope.at(name), [describe(found)]);
  cx.failed = true;
  return undefined;
};
/** A template named without arguments is applied to none. */
export const asApplication = (value: Value, at: At): Application | undefined => {
  if (value.kind === "application") return value;
  if (value.kind !== "template") return undefined;
  const { template, scope } = value;
  return { kind: "application", template, scope, arguments: new Map(), places: new Map(), ...at };
};

const defineItems = (cx: Context, instance: Instance, making: Making): void => {
  const { scope, template } = instance;
  for (const item of template.items) {
    switch (item.kind) {
      case "weight":
        for (const weight of item.weights)
          declare(cx, scope, weight.name, () => makeWeight(cx, weight, scope, instance, making.copy));
        break;
      case "constant":
        declare(cx, scope, item.name, () => cx.evaluate(item.value, scope));
        break;
      case "part":
        declare(cx, scope, item.name, () => makePart(cx, item, scope, instance, making.copy));
        break;
      case "function":
        declare(cx, scope, item.name, { kind: "function", instance, item });
        break;
      case "layers":
        scope.define("layers", () => makeLayers(cx, item, instance), scope.at(item));
        break;
      case "require":
      case "checkpoint":
        break;
      default:
        item satisfies never;
    }
  }
};
const forceItem = (cx: Context, instance: Instance, item: ast.Item, at: At): void => {
  const { scope } = instance;
  if (item.kind === "weight") for (const weight of item.weights) scope.lookup(weight.name.text);
  else if (item.kind === "part" || item.kind === "constant") scope.lookup(item.name.text);
  else if (item.kind === "layers") scope.lookup("layers");
  else if (item.kind === "require") {
    const [left, right] = [size(cx, item.left, scope), size(cx, item.right, scope)];
    if (left !== undefined && right !== undefined && left !== right)
      cx.fail("require", at, [instance.template.name.text, item.message?.value, left, right], {
        ...scope.at(item),
        text: "asked here",
      });
  } else if (item.kind === "function") notYet(cx, item, scope);
};

/** Forms of functions that this version does not run. */
const notYet = (cx: Context, item: ast.FunctionItem, scope: Scope): void => {
  const [named] = item.named;
  if (named) cx.fail("not-yet", scope.at(named), ["named results"]);
  const [, second] = item.results;
  if (second) cx.fail("not-yet", scope.at(second), ["several results of a function"]);
  const rows = item.parameters.find((p) => p.rows);
  if (rows) cx.fail("not-yet", scope.at(rows), ["a parameter of `rows`"]);
  const grid = [...item.results, ...item.parameters.map((p) => p.shape)].find((shape) => shape?.grid);
  if (grid) cx.fail("not-yet", scope.at(grid), ["a `grid` of rows"]);
};

export const makePart = (
  cx: Context,
  item: ast.PartItem,
  scope: Scope,
  holder: Instance | undefined,
  copy?: Making["copy"],
): Value => {
  const given = cx.evaluate(item.value, scope);
  if (given.kind === "error") return given;
  const application = asApplication(given, scope.at(item.value));
  if (!application) return cx.fail("not-a-part", scope.at(item.value), [describe(given)]);
  const of = copy?.of.parts.get(item.name.text);
  const path = `${scope.part}${scope.part ? "." : ""}${item.name.text}`;
  const made = instantiate(cx, application, path, { copy: of && { of, share: copy?.share ?? new Set() } });
  if (!made) return error;
  holder?.parts.set(item.name.text, made);
  return { kind: "instance", instance: made };
};

// ── Weights ────────────────────────────────────────────────────────────────────────────────────
/** The row of a declared weight. A weight under a condition that is false is absent, or is its own where `share` would stand. */
export const makeWeight = (
  cx: Context,
  declared: ast.WeightDeclaration,
  scope: Scope,
  holder: Instance | undefined,
  copy?: Making["copy"],
): Value => {
  const at = scope.at(declared);
  const name = declared.name.text;
  const path = `${scope.part}${scope.part ? "." : ""}${name}`;
  const shared = callOf(declared.init, "share");
  const when = declared.condition ? staticFlag(cx, declared.condition, scope) : true;
  if (when === undefined) return error;
  if (!when && !shared) return none;
  const shape: number[] = [];
  for (const dim of declared.shape?.dims ?? []) {
    const n = size(cx, dim, scope);
    if (n === undefined) return error;
    shape.push(n);
  }
  const original = copy?.of.weights.get(name);
  if (original && copy!.share.has(name)) return shareWeight(cx, original, path, shape, at, holder, name);
  if (shared && when) {
    const of = weightNamed(cx, shared, scope, "share");
    return of ? shareWeight(cx, of, path, shape, at, holder, name) : error;
  }
  const init: Init | undefined = original
    ? { kind: "copy", of: original }
    : shared
      ? { kind: "unset" }
      : initial(cx, declared.init, scope);
  if (!init) return error;
  if (init.kind === "copy" && init.of.shape.join() !== shape.join())
    return cx.fail("copy-shape", at, [path, show(shape), init.of.path, show(init.of.shape)], declaredAt(init.of));
  if (init.kind === "identity" && (shape.length !== 2 || shape[0] !== shape[1]))
    return cx.fail("identity-shape", scope.at(declared.init!), [path, show(shape)]);
  return addWeight(cx, { path, shape, init, at: scope.at(declared.name) }, holder, name);
};
const declaredAt = ({ at, path }: { readonly at: At; readonly path: string }) => ({ ...at, text: `\`${path}\`` });
const shareWeight = (
  cx: Context,
  of: WeightDraft,
  path: string,
  shape: readonly number[],
  at: At,
  holder: Instance | undefined,
  name: string,
): Value => {
  if (shape.join() !== of.shape.join())
    return cx.fail("share-shape", at, [path, show(shape), of.path, show(of.shape)], declaredAt(of));
  of.aliases.push(path);
  holder?.weights.set(name, of);
  return { kind: "row", row: cx.rows.make({ at, path: "" }, "weight", [], shape, { weight: of }) };
};
export const addWeight = (
  cx: Context,
  { path, shape, init, at }: { path: string; shape: readonly number[]; init: Init; at: At },
  holder?: Instance,
  name?: string,
): Value => {
  const taken = cx.weightsByPath.get(path);
  if (taken) return cx.fail("name-taken", at, [path], { ...taken.at, text: "declared here first" });
  cx.parameters += shape.reduce((n, d) => n * d, 1);
  if (cx.parameters > limits.parameters) return cx.stop("limit-parameters", at, []);
  if (!cx.spend(at)) return error;
  const weight: WeightDraft = { path, shape, init, trained: false, aliases: [], sources: [], fate: undefined, at };
  cx.weights.push(weight);
  cx.weightsByPath.set(path, weight);
  if (holder && name) holder.weights.set(name, weight);
  return { kind: "row", row: cx.rows.make({ at, path: "" }, "weight", [], shape, { weight }) };
};
const initial = (cx: Context, init: ast.Expr | undefined, scope: Scope): Init | undefined => {
  if (!init) return { kind: "unset" };
  const copied = callOf(init, "copy");
  if (copied) {
    const of = weightNamed(cx, copied, scope, "copy");
    return of && { kind: "copy", of };
  }
  const value = cx.evaluate(init, scope);
  if (value.kind === "error") return undefined;
  if (value.kind === "initial") return { kind: value.init };
  if (value.kind === "normal") return { kind: "normal", std: value.std };
  if (value.kind === "number") return { kind: "value", value: value.value };
  cx.fail("not-an-init", scope.at(init), [describe(value)]);
  return undefined;
};
const callOf = (expr: ast.Expr | undefined, name: string): ast.ExprOf<"call"> | undefined =>
  expr?.kind === "call" && expr.callee.kind === "reference" && expr.callee.name === name ? expr : undefined;
const weightNamed = (cx: Context, call: ast.ExprOf<"call">, scope: Scope, op: string): WeightDraft | undefined => {
  if (call.arguments.length !== 1) return void cx.fail("weight-wanted", scope.at(call), [op]);
  const value = cx.evaluate(call.arguments[0]!.value, scope);
  if (value.kind === "row" && value.row.op === "weight") return cx.weightsByPath.get(value.row.attrs.weight.path);
  if (value.kind !== "error") cx.fail("weight-wanted", scope.at(call.arguments[0]!.value), [op]);
  return undefined;
};

// ── Layers ─────────────────────────────────────────────────────────────────────────────────────
const makeLayers = (cx: Context, item: ast.LayersItem, instance: Instance): Value => {
  const value = cx.evaluate(item.value, instance.scope);
  if (value.kind === "error") return value;
  const items = value.kind === "list" ? value.items : [value];
  const at = instance.scope.at(item.value);
  if (items.length > limits.layers) return cx.fail("limit-layers", at, [items.length]);
  const layers: BlockInstance[] = [];
  for (const [i, each] of items.entries()) {
    const copy = each.kind === "copy" ? { of: each.of.instance, share: each.share } : undefined;
    const application = each.kind === "copy" ? each.of.application : asApplication(each, at);
    if (!application) return each.kind === "error" ? each : cx.fail("not-layers", at, [describe(each)]);
    if (application.template.role !== "block") return cx.fail("not-layers", at, [describe(application)]);
    const made = makeBlock(cx, application, `${instance.path}.layers[${i}]`, copy, instance);
    if (!made) return error;
    layers.push(made);
  }
  instance.layers = layers;
  return { kind: "list", items: layers.map((block) => ({ kind: "block", block })) };
};
const makeBlock = (
  cx: Context,
  application: Application,
  path: string,
  copy: Making["copy"],
  tower: Instance,
): BlockInstance | undefined => {
  const instance = instantiate(cx, application, path, { copy });
  if (!instance) return undefined;
  const { template, scope } = instance;
  const forward = instance.functions.get("forward");
  if (!forward) return void cx.fail("block-forward", scope.at(template.name), [template.name.text]);
  if (!forward.parameters.length) return void cx.fail("forward-rows", scope.at(forward.name), [template.name.text]);
  const parameters: Mutable<Block["parameters"][number]>[] = [];
  const rows: Row[] = [];
  for (const [index, parameter] of forward.parameters.entries()) {
    const shape: number[] = [];
    for (const dim of parameter.shape?.dims ?? []) {
      const n = size(cx, dim, scope);
      if (n === undefined) return undefined;
      shape.push(n);
    }
    parameters.push({ name: parameter.name?.text ?? "", shape, optional: parameter.optional });
    rows.push(cx.rows.make({ at: scope.at(parameter), path }, "parameter", [], shape, { index }));
  }
  cx.attending = true;
  const result = applyFunction(
    cx,
    instance,
    forward,
    rows.map((row) => ({ kind: "row", row })),
    scope.at(forward),
  );
  cx.attending = false;
  if (result.kind !== "row") return undefined;
  const block: Block = {
    path,
    template: template.name.text,
    parameters,
    body: result.row,
    attends: attendsOf(result.row),
    at: scope.at(forward),
  };
  return { block, instance, application, tower };
};

const attendsOf = (body: Row): RowOf<"attend">[] => {
  const found: RowOf<"attend">[] = [];
  const seen = new Set<Row>();
  const visit = (row: Row): void => {
    if (seen.has(row)) return;
    seen.add(row);
    row.src.forEach(visit);
    if (row.op === "attend") found.push(row);
  };
  visit(body);
  return found;
};
