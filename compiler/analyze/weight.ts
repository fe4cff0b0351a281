// What becomes of weights: frozen or trained, by path globs over owners; and where checkpoint maps say that they lie.
import type * as ast from "../../grammar/ast.ts";
import type { Context } from "./context.ts";
import type { At, Layout } from "./model.ts";
import type { Instance, Scope, WeightDraft } from "./value.ts";

// ── Globs ──────────────────────────────────────────────────────────────────────────────────────
/** Steps of a path: `vision.layers[5].q` is vision, layers, [5], q. */
const stepsOf = (path: string): string[] => path.replaceAll("[", ".[").split(".").filter(Boolean);
export const textOfGlob = (glob: ast.Glob): string =>
  glob.steps.map((s, i) => (s.kind === "index" ? `[${typeof s.value === "object" ? "i" : s.value === "any" ? "*" : s.value}]` : `${i ? "." : ""}${s.kind === "name" ? s.text : s.kind === "any" ? "*" : "**"}`)).join("");
const matchStep = (step: ast.GlobStep, text: string): boolean => {
  if (step.kind === "index") return text.startsWith("[") && (step.value === "any" || text === `[${String(step.value)}]`);
  return step.kind === "any" || (step.kind === "name" && step.text === text);
};
/** A glob that names a part covers everything in it. */
const matches = (steps: readonly ast.GlobStep[], path: readonly string[]): boolean => {
  let reach = new Set([0]);
  const skip = (at: Set<number>): Set<number> => {
    const out = new Set(at);
    for (const i of out) if (steps[i]?.kind === "rest") out.add(i + 1);
    return out;
  };
  reach = skip(reach);
  for (const text of path) {
    if (reach.has(steps.length)) return true;
    const next = new Set<number>();
    for (const i of reach) {
      const step = steps[i];
      if (!step) continue;
      if (step.kind === "rest") next.add(i);
      else if (matchStep(step, text)) next.add(i + 1);
    }
    reach = skip(next);
    if (!reach.size) return false;
  }
  return reach.has(steps.length);
};

/** Sets every weight's fate from `freeze` and `train`; a weight in both, or in neither, is a mistake. */
export const fates = (cx: Context, statements: readonly ast.FreezeStatement[], scope: Scope, at: At): void => {
  for (const statement of statements) {
    for (const glob of statement.paths) applyFate(cx, statement.kind, glob, scope);
  }
  const open = cx.weights.filter((w) => !w.fate);
  if (open.length && !cx.report.failed) {
    const roots = [...new Set(open.map((w) => rootOf(w.path)))];
    cx.fail("no-fate", at, [open[0]!.path, open.length, roots.map((r) => (open.some((w) => w.path === r) ? r : `${r}.**`))], { ...open[0]!.at, text: "declared here" });
  }
};
const rootOf = (path: string): string => path.split(/[.[]/, 1)[0]!;
const applyFate = (cx: Context, kind: "freeze" | "train", glob: ast.Glob, scope: Scope): void => {
  const at = scope.at(glob);
  let found = 0;
  for (const weight of cx.weights) {
    const own = matches(glob.steps, stepsOf(weight.path));
    if (!own) {
      if (weight.aliases.some((alias) => matches(glob.steps, stepsOf(alias)))) found++;
      continue;
    }
    found++;
    const trained = kind === "train";
    if (weight.fate && weight.fate.trained !== trained) {
      cx.fail("two-fates", at, [weight.path], { ...weight.fate.at, text: "and here" });
      return;
    }
    weight.fate = { trained, at };
  }
  if (!found && !cx.report.failed) cx.fail("glob-empty", at, [textOfGlob(glob), [...new Set(cx.weights.map((w) => rootOf(w.path)))]]);
};

// ── Checkpoints ────────────────────────────────────────────────────────────────────────────────
/** Gives the weights of every instance with checkpoint maps their sources. */
export const mapCheckpoints = (cx: Context, instances: readonly Instance[]): void => {
  for (const instance of instances) {
    for (const item of instance.template.items) if (item.kind === "checkpoint") mapOne(cx, instance, item);
    mapCheckpoints(cx, [...instance.parts.values()]);
  }
};
const mapOne = (cx: Context, instance: Instance, item: ast.CheckpointItem): void => {
  const inside = (path: string): string | undefined => (path.startsWith(`${instance.path}.`) ? path.slice(instance.path.length + 1) : undefined);
  const candidates: { weight: WeightDraft; path: string[]; owner: boolean }[] = [];
  for (const weight of cx.weights) {
    const own = inside(weight.path);
    if (own !== undefined) candidates.push({ weight, path: stepsOf(own), owner: true });
    for (const alias of weight.aliases) {
      const path = inside(alias);
      if (path !== undefined) candidates.push({ weight, path: stepsOf(path), owner: false });
    }
  }
  for (const entry of item.entries) {
    if (entry.kind === "ignore") continue;
    let found = 0;
    for (const { weight, path, owner } of candidates) {
      const index = matchTarget(cx, instance, entry.target, path);
      if (index === undefined) continue;
      found++;
      if (!owner) continue;
      if (weight.sources.some((s) => s.slot === instance.path && s.map === item.name.text)) {
        cx.fail("mapped-twice", instance.scope.at(entry.target), [weight.path]);
        return;
      }
      const value = layoutOf(cx, entry.source, instance, index);
      if (!value) return;
      weight.sources.push({ slot: instance.path, map: item.name.text, value });
    }
    if (!found) cx.fail("map-target", instance.scope.at(entry.target), [textOfGlob(entry.target), instance.template.name.text]);
  }
};
/** The index that `[i]` stands for, -1 where there is none, undefined where the path is another one. */
const matchTarget = (cx: Context, instance: Instance, target: ast.Glob, path: readonly string[]): number | undefined => {
  if (target.steps.length !== path.length) return undefined;
  let index = -1;
  for (const [n, step] of target.steps.entries()) {
    const text = path[n]!;
    if (step.kind === "index" && typeof step.value === "object") {
      if (step.value.kind !== "reference" || step.value.name !== "i") return void cx.fail("map-index", instance.scope.at(target), []);
      if (!text.startsWith("[")) return undefined;
      index = Number(text.slice(1, -1));
    } else if (!matchStep(step, text)) return undefined;
  }
  return index;
};
/** `"model.layers.{i}.q"`, `concat("a", "b")`, `split("a", parts: 3, take: 0)`, `transpose("a")`, `reshape("a", D, patch)`, `permute("a", 1, 0)` */
const layoutOf = (cx: Context, source: ast.Expr, instance: Instance, index: number): Layout | undefined => {
  const { scope } = instance;
  const at = scope.at(source);
  if (source.kind === "string") {
    const key = source.value.replace(/\{\s*(?:(\d+)\s*\*\s*)?i\s*(?:\+\s*(\d+)\s*)?\}/g, (_, times: string | undefined, plus: string | undefined) => String(Number(times ?? 1) * index + Number(plus ?? 0)));
    return /[{}]/.test(key) ? void cx.fail("map-template", at, [source.value]) : { kind: "key", key };
  }
  const name = source.kind === "call" && source.callee.kind === "reference" ? source.callee.name : "";
  if (source.kind !== "call") return void cx.fail("map-source", at, []);
  const inner: Layout[] = [];
  const numbers: number[] = [];
  const labels = new Map<string, number>();
  for (const argument of source.arguments) {
    if (argument.value.kind === "string" || (argument.value.kind === "call" && !argument.label)) {
      const made = layoutOf(cx, argument.value, instance, index);
      if (!made) return undefined;
      inner.push(made);
      continue;
    }
    const value = cx.evaluate(argument.value, scope);
    if (value.kind !== "number") return value.kind === "error" ? undefined : void cx.fail("map-source", at, []);
    if (argument.label) labels.set(argument.label.text, value.value);
    else numbers.push(value.value);
  }
  const [of] = inner;
  if (!of) return void cx.fail("map-source", at, []);
  const axis = labels.get("axis") ?? 0;
  if (name === "concat") return { kind: "concat", axis, of: inner };
  if (name === "transpose") return { kind: "transpose", of };
  if (name === "reshape") return { kind: "reshape", shape: numbers, of };
  if (name === "permute") return { kind: "permute", axes: numbers, of };
  const [parts, take] = [labels.get("parts"), labels.get("take")];
  if (name === "split" && parts !== undefined && take !== undefined) return { kind: "split", axis, parts, take, of };
  return void cx.fail("map-source", at, []);
};
