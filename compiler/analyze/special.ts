// Built-in functions that make other things than rows: layers, masks, processes, heads.
import type * as ast from "../../grammar/ast.ts";
import type { Context } from "./context.ts";
import type { At } from "./model.ts";
import { describe, error, none, type BlockInstance, type Scope, type Value } from "./value.ts";

type Special = (cx: Context, expr: ast.ExprOf<"call">, scope: Scope) => Value;
/** An argument and where it was given; at the call where it was not. */
interface Given {
  readonly value: Value;
  readonly at: At;
}

/** Arguments by name; `name?` may be absent, `name!` is a word of its own. Undefined after a mistake. */
const take = <N extends string>(
  cx: Context,
  expr: ast.ExprOf<"call">,
  scope: Scope,
  name: string,
  ...names: (N | `${N}?` | `${N}!`)[]
): Record<N, Given> | undefined => {
  const plain = names.map((n) => n.replace(/[?!]/, "") as N);
  const found = new Map<string, Given>();
  for (const [i, argument] of expr.arguments.entries()) {
    const label = argument.label?.text ?? plain[i];
    const at = scope.at(argument.label ?? argument.value);
    if (label === undefined) return void cx.fail("too-many-arguments", at, [name, plain.length]);
    if (!plain.some((n) => n === label)) return void cx.fail("unknown-argument", at, [name, label, plain]);
    if (found.has(label)) return void cx.fail("argument-twice", at, [name, label]);
    const place = scope.at(argument.value);
    const isWord = names.some((n) => n === `${label}!`) && argument.value.kind === "reference";
    const value: Value =
      isWord && argument.value.kind === "reference"
        ? { kind: "symbol", name: argument.value.name, at: place }
        : cx.evaluate(argument.value, scope);
    if (value.kind === "error") return undefined;
    found.set(label, { value, at: place });
  }
  const absent = plain.find((n, i) => !names[i]!.endsWith("?") && (found.get(n)?.value ?? none).kind === "none");
  if (absent) return void cx.fail("missing-argument", scope.at(expr), [name, [absent]]);
  return Object.fromEntries(plain.map((n) => [n, found.get(n) ?? { value: none, at: scope.at(expr) }])) as Record<
    N,
    Given
  >;
};
const number = (cx: Context, { value, at }: Given): number | undefined =>
  value.kind === "number" ? value.value : void cx.fail("number-wanted", at, [describe(value)]);
const choice = <C extends string>(
  cx: Context,
  { value, at }: Given,
  what: string,
  choices: readonly C[],
): C | undefined => {
  const given = value.kind === "symbol" ? value.name : value.kind === "text" ? value.value : describe(value);
  return choices.find((c) => c === given) ?? void cx.fail("bad-choice", at, [what, given, choices]);
};
/** Blocks of a list of layers. */
const blocksOf = (cx: Context, { value, at }: Given): BlockInstance[] | undefined => {
  if (value.kind === "block") return [value.block];
  if (value.kind === "group") return [...value.blocks];
  const items = value.kind === "list" ? value.items : [];
  const blocks = items.flatMap((item) =>
    item.kind === "block" ? [item.block] : item.kind === "group" ? item.blocks : [],
  );
  const all = items.every((item) => item.kind === "block" || item.kind === "group");
  return blocks.length > 0 && all ? blocks : void cx.fail("layers-wanted", at, [describe(value)]);
};
/** Arguments without labels, one at least. */
const several = (
  cx: Context,
  expr: ast.ExprOf<"call">,
  scope: Scope,
  name: string,
  what: string,
): Given[] | undefined => {
  const given: Given[] = [];
  for (const { label, value } of expr.arguments) {
    if (label) return void cx.fail("unknown-argument", scope.at(label), [name, label.text, []]);
    const evaluated = cx.evaluate(value, scope);
    if (evaluated.kind === "error") return undefined;
    given.push({ value: evaluated, at: scope.at(value) });
  }
  return given.length ? given : void cx.fail("missing-argument", scope.at(expr), [name, [what]]);
};

/** group i of n holds blocks floor(i m / n) .. floor((i + 1) m / n) - 1 */
const spread: Special = (cx, expr, scope) => {
  const given = take(cx, expr, scope, "spread", "list", "n");
  const blocks = given && blocksOf(cx, given.list);
  const n = given && number(cx, given.n);
  if (!blocks || n === undefined) return error;
  const m = blocks.length;
  if (!Number.isSafeInteger(n) || n < 1 || m < n) return cx.fail("spread", given.n.at, [m, n]);
  const items = Array.from({ length: n }, (_, i): Value => {
    const group = blocks.slice(Math.floor((i * m) / n), Math.floor(((i + 1) * m) / n));
    return group.length === 1
      ? { kind: "block", block: group[0]! }
      : { kind: "group", blocks: group, mode: "held", own: undefined };
  });
  return { kind: "list", items };
};
const chain: Special = (cx, expr, scope) => {
  const blocks: BlockInstance[] = [];
  for (const each of several(cx, expr, scope, "chain", "block") ?? []) {
    const found = blocksOf(cx, each);
    if (!found) return error;
    blocks.push(...found);
  }
  return blocks.length ? { kind: "group", blocks, mode: "chain", own: undefined } : error;
};
const held: Special = (cx, expr, scope) => {
  const given = take(cx, expr, scope, "held", "group", "own?");
  const blocks = given && blocksOf(cx, given.group);
  if (!blocks) return error;
  const own = given.own.value;
  if (own.kind !== "none" && own.kind !== "kinds") return cx.fail("kinds-wanted", given.own.at, [describe(own)]);
  return { kind: "group", blocks, mode: "held", own: own.kind === "kinds" ? own.names : undefined };
};
/** the layers of a tower, or one block, to be made anew with those weights as initial values */
const copy: Special = (cx, expr, scope) => {
  const given = take(cx, expr, scope, "copy", "of", "share?");
  const blocks = given && blocksOf(cx, given.of);
  if (!blocks) return error;
  const named = given.share.value;
  if (named.kind !== "list" && named.kind !== "none") return cx.fail("not-a-list", given.share.at, [describe(named)]);
  const share = new Set<string>();
  const known = [...blocks[0]!.instance.weights.keys()];
  for (const name of named.kind === "list" ? named.items : []) {
    const text = name.kind === "symbol" ? name.name : name.kind === "text" ? name.value : describe(name);
    const at = name.kind === "symbol" ? name.at : given.share.at;
    if (!known.includes(text)) return cx.fail("share-name", at, [text, blocks[0]!.block.template, known]);
    share.add(text);
  }
  return { kind: "list", items: blocks.map((of) => ({ kind: "copy", of, share })) };
};
const normal: Special = (cx, expr, scope) => {
  const given = take(cx, expr, scope, "normal", "std");
  const std = given && number(cx, given.std);
  return std === undefined ? error : { kind: "normal", std };
};
const within: Special = (cx, expr, scope) => {
  const names = new Set<string>();
  for (const { value, at } of several(cx, expr, scope, "within", "kinds") ?? []) {
    if (value.kind !== "kinds") return cx.fail("kinds-wanted", at, [describe(value)]);
    value.names.forEach((name) => names.add(name));
  }
  return names.size ? { kind: "mask", mask: { op: "within", kinds: [...names] } } : error;
};

// ── Noise and heads ────────────────────────────────────────────────────────────────────────────
const flow: Special = (cx, expr, scope) => {
  const given = take(cx, expr, scope, "flow", "clean", "noise", "predicts!");
  const clean = given && number(cx, given.clean);
  const noise = given && number(cx, given.noise);
  const predicts = given && choice(cx, given.predicts, "predicts", ["velocity", "x", "noise"]);
  if (clean === undefined || noise === undefined || !predicts) return error;
  return { kind: "process", process: { kind: "flow", clean, noise, predicts } };
};
const ddpm: Special = (cx, expr, scope) => {
  const given = take(cx, expr, scope, "ddpm", "steps", "schedule!", "predicts!");
  const steps = given && number(cx, given.steps);
  const schedule = given && choice(cx, given.schedule, "schedule", ["linear", "cosine"]);
  const predicts = given && choice(cx, given.predicts, "predicts", ["noise", "v", "x"]);
  if (steps === undefined || !schedule || !predicts) return error;
  if (!Number.isSafeInteger(steps) || steps < 1) return cx.fail("bad-size", given!.steps.at, ["steps", steps]);
  return { kind: "process", process: { kind: "ddpm", steps, schedule, predicts } };
};
const llama3: Special = (cx, expr, scope) => {
  const given = take(cx, expr, scope, "llama3", "factor", "low", "high", "original");
  if (!given) return error;
  const [factor, low, high, original] = [given.factor, given.low, given.high, given.original].map((g) => number(cx, g));
  if (factor === undefined || low === undefined || high === undefined || original === undefined) return error;
  return { kind: "scaling", scaling: { factor, low, high, original } };
};
const distribution =
  (name: "logit_normal" | "uniform", a: string, b: string): Special =>
  (cx, expr, scope) => {
    const given = take(cx, expr, scope, name, a, b);
    const [x, y] = given ? [number(cx, given[a]!), number(cx, given[b]!)] : [];
    return x === undefined || y === undefined
      ? error
      : { kind: "distribution", distribution: { name, arguments: [x, y] } };
  };
const head =
  (name: "next_token" | "denoise"): Special =>
  (cx, expr, scope) => {
    const given = take(cx, expr, scope, name, "value");
    return given ? { kind: "head", head: name, value: given.value.value } : error;
  };

/** Those functions by name. */
export const specials: ReadonlyMap<string, Special> = new Map<string, Special>([
  ["spread", spread],
  ["chain", chain],
  ["held", held],
  ["copy", copy],
  ["share", (cx, expr, scope) => cx.fail("share-outside", scope.at(expr), [])],
  ["normal", normal],
  ["within", within],
  ["flow", flow],
  ["ddpm", ddpm],
  ["llama3", llama3],
  ["logit_normal", distribution("logit_normal", "mean", "std")],
  ["uniform", distribution("uniform", "from", "to")],
  ["next_token", head("next_token")],
  ["denoise", head("denoise")],
]);
