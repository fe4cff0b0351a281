// What becomes of weights: frozen or trained, by path globs over owners; and where checkpoint maps say that they lie.
import type * as ast from "../../grammar/ast.ts";
import type { Context } from "./context.ts";
import type { At, Ignored, Layout } from "./model.ts";
import { describe, type Instance, type Scope, type WeightDraft } from "./value.ts";

// ── Globs ──────────────────────────────────────────────────────────────────────────────────────
/** Steps of a path: `vision.layers[5].q` is vision, layers, [5], q. */
const stepsOf = (path: string): string[] => path.replaceAll("[", ".[").split(".").filter(Boolean);
const textOfSteps = (steps: readonly ast.GlobStep[]): string =>
  steps
    .map((s, i) =>
      s.kind === "index"
        ? `[${typeof s.value === "object" ? "i" : s.value === "any" ? "*" : s.value}]`
        : `${i ? "." : ""}${s.kind === "name" ? s.text : s.kind === "any" ? "*" : "**"}`,
    )
    .join("");
const matchStep = (step: ast.GlobStep, text: string): boolean => {
  if (step.kind === "index")
    return text.startsWith("[") && (step.value === "any" || text === `[${String(step.value)}]`);
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
  const [first] = open;
  if (!first || cx.failed) return;
  const place = cx.model?.places.get(first.path) ?? first.at;
  cx.fail("no-fate", at, [first.path, open.length, globsOf(cx, open)], { ...place, text: "declared here" });
};
/** Few globs that match these weights and no other one. */
const globsOf = (cx: Context, weights: readonly WeightDraft[]): string[] => {
  const wanted = new Set(weights);
  const matched = new Set<WeightDraft>();
  const globs: string[] = [];
  for (const weight of weights) {
    if (matched.has(weight)) continue;
    const steps = stepsOf(weight.path).map(stepOf);
    const loose = steps.map((step): ast.GlobStep => (step.kind === "index" ? { kind: "index", value: "any" } : step));
    const wider = steps.slice(0, -1).map((_, i): ast.GlobStep[] => [...loose.slice(0, i + 1), { kind: "rest" }]);
    const added: ast.GlobStep[][] = loose.length > 2 && weight.path.includes(".added.") ? [loose.slice(0, 2)] : [];
    for (const glob of [...added, ...wider, loose, steps]) {
      const found = cx.weights.filter(({ path }) => matches(glob, stepsOf(path)));
      if (!found.every((w) => wanted.has(w))) continue;
      found.forEach((w) => matched.add(w));
      globs.push(textOfSteps(glob));
      break;
    }
  }
  return globs;
};
const stepOf = (text: string): ast.GlobStep =>
  text.startsWith("[") ? { kind: "index", value: Number(text.slice(1, -1)) } : { kind: "name", text };
/** Whether statements train or freeze a weight of this path, if there is one. */
export const hasFate = (statements: readonly ast.FreezeStatement[], path: string): boolean =>
  statements.some(({ paths }) => paths.some(({ steps }) => matches(steps, stepsOf(path))));
const rootOf = (path: string): string => path.split(/[.[]/, 1)[0]!;
/** The glob with its first wrong name mended, where a weight then matches. */
const nearGlob = (cx: Context, { steps }: ast.Glob): string | undefined => {
  const paths = cx.weights.map((w) => stepsOf(w.path));
  for (const [i, step] of steps.entries()) {
    if (step.kind === "rest") return undefined;
    if (paths.some((path) => matches([...steps.slice(0, i + 1), { kind: "rest" }], path))) continue;
    if (step.kind !== "name") return undefined;
    const before = steps.slice(0, i);
    const known = paths.flatMap((path) => (matches(before, path.slice(0, i)) && path[i] ? [path[i]] : []));
    const near = cx.nearest(step.text, new Set(known));
    const mended: ast.GlobStep[] = near ? [...before, { kind: "name", text: near }, ...steps.slice(i + 1)] : [];
    return near && paths.some((path) => matches(mended, path)) ? textOfSteps(mended) : undefined;
  }
  return undefined;
};
const applyFate = (cx: Context, kind: "freeze" | "train", glob: ast.Glob, scope: Scope): void => {
  const at = scope.at(glob);
  let found = 0;
  if (!cx.spend(at, 1 + cx.weights.length / 16)) return;
  for (const weight of cx.weights) {
    const own = matches(glob.steps, stepsOf(weight.path));
    if (!own) {
      if (weight.aliases.some((alias) => matches(glob.steps, stepsOf(alias)))) found++;
      continue;
    }
    found++;
    const trained = kind === "train";
    if (weight.fate && weight.fate.trained !== trained)
      return void cx.fail("two-fates", at, [weight.path], { ...weight.fate.at, text: "and here" });
    weight.fate = { trained, at };
  }
  if (found || cx.failed) return;
  const roots = [...new Set(cx.weights.map((w) => rootOf(w.path)))];
  cx.fail("glob-empty", at, [textOfSteps(glob.steps), nearGlob(cx, glob), roots]);
};

// ── Checkpoints ────────────────────────────────────────────────────────────────────────────────
/** Gives the weights of every instance with checkpoint maps their sources; returns the keys that maps ignore. */
export const mapCheckpoints = (cx: Context, instances: readonly Instance[]): Ignored[] =>
  instances.flatMap((instance) => [
    ...instance.template.items.flatMap((item) => (item.kind === "checkpoint" ? mapOne(cx, instance, item) : [])),
    ...mapCheckpoints(cx, [...instance.parts.values()]),
  ]);
interface Candidate {
  readonly weight: WeightDraft;
  readonly path: readonly string[];
  readonly owner: boolean;
}
const mapOne = (cx: Context, instance: Instance, item: ast.CheckpointItem): Ignored[] => {
  const inside = (path: string): string | undefined =>
    path.startsWith(`${instance.path}.`) ? path.slice(instance.path.length + 1) : undefined;
  const candidates: Candidate[] = [];
  for (const weight of cx.weights) {
    const own = inside(weight.path);
    if (own !== undefined) candidates.push({ weight, path: stepsOf(own), owner: true });
    for (const alias of weight.aliases) {
      const path = inside(alias);
      if (path !== undefined) candidates.push({ weight, path: stepsOf(path), owner: false });
    }
  }
  const slot = instance.path;
  const map = item.name.text;
  return item.entries.flatMap((entry): Ignored[] => {
    if (entry.kind === "ignore") return [{ slot, map, pattern: entry.pattern.value }];
    mapEntry(cx, instance, map, entry, candidates);
    return [];
  });
};
const mapEntry = (
  cx: Context,
  instance: Instance,
  map: string,
  { target, source }: Extract<ast.CheckpointEntry, { kind: "map" }>,
  candidates: readonly Candidate[],
): void => {
  const slot = instance.path;
  const wrong = target.steps.find(
    (step) => step.kind === "index" && typeof step.value === "object" && !isI(step.value),
  );
  if (wrong) return void cx.fail("map-index", instance.scope.at(target), []);
  let found = 0;
  for (const { weight, path, owner } of candidates) {
    const index = matchTarget(target, path);
    if (index === undefined) continue;
    found++;
    if (!owner) continue;
    if (weight.sources.some((s) => s.slot === slot && s.map === map))
      return void cx.fail("mapped-twice", instance.scope.at(target), [weight.path]);
    const value = layoutOf(cx, source, instance, index);
    if (!value) return;
    weight.sources.push({ slot, map, value });
  }
  if (found) return;
  const known = candidates.map(({ path }) =>
    path.map((step, i) => (step.startsWith("[") ? "[i]" : `${i ? "." : ""}${step}`)).join(""),
  );
  const path = textOfSteps(target.steps);
  const near = cx.nearest(path, new Set(known));
  cx.fail("map-target", instance.scope.at(target), [path, instance.template.name.text, near]);
};
const isI = (expr: ast.Expr): boolean => expr.kind === "reference" && expr.name === "i";
/** The index that `[i]` stands for, -1 where there is none, undefined where the path is another one. */
const matchTarget = (target: ast.Glob, path: readonly string[]): number | undefined => {
  if (target.steps.length !== path.length) return undefined;
  let index = -1;
  for (const [n, step] of target.steps.entries()) {
    const text = path[n]!;
    if (step.kind === "index" && typeof step.value === "object") {
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
    const key = source.value.replace(
      /\{\s*(?:(\d+)\s*\*\s*)?i\s*(?:\+\s*(\d+)\s*)?\}/g,
      (_, times: string | undefined, plus: string | undefined) =>
        String(Number(times ?? 1) * index + Number(plus ?? 0)),
    );
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
    if (value.kind === "error") return undefined;
    if (value.kind !== "number") return void cx.fail("number-wanted", scope.at(argument.value), [describe(value)]);
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
