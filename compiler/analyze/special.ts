// Built-in functions that make other things than rows: layers, masks, processes, heads.
import type * as ast from "../../grammar/ast.ts";
import { nearest } from "../../grammar/nearest.ts";
import type { Context } from "./context.ts";
import type { At } from "./model.ts";
import { orSymbol } from "./static.ts";
import { describe, error, none, type BlockInstance, type Scope, type Value } from "./value.ts";

type Special = (cx: Context, expr: ast.ExprOf<"call">, scope: Scope) => Value;

/** Arguments by name; `name?` may be absent, `name!` is a word of its own. Undefined after a mistake. */
const take = <N extends string>(cx: Context, expr: ast.ExprOf<"call">, scope: Scope, name: string, ...names: (N | `${N}?` | `${N}!`)[]): Record<N, Value> | undefined => {
  const plain = names.map((n) => n.replace(/[?!]/, "") as N);
  const found = Object.fromEntries(plain.map((n) => [n, none])) as Record<N, Value>;
  for (const [i, argument] of expr.arguments.entries()) {
    const label = (argument.label?.text ?? plain[i]) as N | undefined;
    const at = scope.at(argument.label ?? argument.value);
    if (label === undefined) return void cx.fail("too-many-arguments", at, [name, plain.length]);
    if (!plain.includes(label)) return void cx.fail("unknown-argument", at, [name, label, plain]);
    if (found[label].kind !== "none") return void cx.fail("argument-twice", at, [name, label]);
    const word = names.includes(`${label}!`) && argument.value.kind === "reference" ? argument.value.name : undefined;
    const value: Value = word === undefined ? orSymbol(cx, argument.value, scope) : { kind: "symbol", name: word };
    if (value.kind === "error") return undefined;
    found[label] = value;
  }
  const absent = plain.find((n, i) => !names[i]!.endsWith("?") && found[n].kind === "none");
  return absent ? void cx.fail("missing-argument", scope.at(expr), [name, absent]) : found;
};
const number = (cx: Context, value: Value, at: At, otherwise?: number): number | undefined => {
  if (value.kind === "number") return value.value;
  if (value.kind === "none" && otherwise !== undefined) return otherwise;
  return void cx.fail("number-wanted", at, [describe(value)]);
};
const choice = <C extends string>(cx: Context, value: Value, at: At, what: string, choices: readonly C[]): C | undefined => {
  const given = value.kind === "symbol" ? value.name : value.kind === "text" ? value.value : describe(value);
  return choices.find((c) => c === given) ?? void cx.fail("bad-choice", at, [what, given, choices.join(", ")]);
};
/** Blocks of a list of layers. */
const blocksOf = (cx: Context, value: Value, at: At): BlockInstance[] | undefined => {
  if (value.kind === "block") return [value.block];
  if (value.kind === "group") return [...value.blocks];
  const items = value.kind === "list" ? value.items : [];
  const blocks = items.flatMap((item) => (item.kind === "block" ? [item.block] : item.kind === "group" ? item.blocks : []));
  if (value.kind === "list" && blocks.length > 0 && items.every((item) => item.kind === "block" || item.kind === "group")) return blocks;
  return void cx.fail("layers-wanted", at, [describe(value)]);
};

export const specials: Readonly<Record<string, Special>> = {
  /** group i of n holds blocks floor(i m / n) .. floor((i + 1) m / n) - 1 */
  spread: (cx, expr, scope) => {
    const at = scope.at(expr);
    const given = take(cx, expr, scope, "spread", "list", "n");
    const blocks = given && blocksOf(cx, given.list, at);
    const n = given && number(cx, given.n, at);
    if (!blocks || n === undefined) return error;
    const m = blocks.length;
    if (!Number.isSafeInteger(n) || n < 1 || m < n) return cx.fail("spread", at, [m, n]);
    const items = Array.from({ length: n }, (_, i): Value => {
      const group = blocks.slice(Math.floor((i * m) / n), Math.floor(((i + 1) * m) / n));
      return group.length === 1 ? { kind: "block", block: group[0]! } : { kind: "group", blocks: group, mode: "held", own: undefined };
    });
    return { kind: "list", items };
  },
  chain: (cx, expr, scope) => {
    const blocks: BlockInstance[] = [];
    for (const argument of expr.arguments) {
      const value = cx.evaluate(argument.value, scope);
      const found = value.kind === "error" ? undefined : blocksOf(cx, value, scope.at(argument.value));
      if (!found) return error;
      blocks.push(...found);
    }
    return blocks.length ? { kind: "group", blocks, mode: "chain", own: undefined } : cx.fail("missing-argument", scope.at(expr), ["chain", "block"]);
  },
  held: (cx, expr, scope) => {
    const at = scope.at(expr);
    const given = take(cx, expr, scope, "held", "group", "own?");
    const blocks = given && blocksOf(cx, given.group, at);
    if (!blocks) return error;
    if (given.own.kind !== "none" && given.own.kind !== "kinds") return cx.fail("kinds-wanted", at, [describe(given.own)]);
    return { kind: "group", blocks, mode: "held", own: given.own.kind === "kinds" ? given.own.names : undefined };
  },
  /** the layers of a tower, or one block, to be made anew with those weights as initial values */
  copy: (cx, expr, scope) => {
    const at = scope.at(expr);
    const given = take(cx, expr, scope, "copy", "of", "share?");
    const blocks = given && blocksOf(cx, given.of, at);
    if (!blocks) return error;
    const names = given.share.kind === "list" ? given.share.items : [];
    const share = new Set<string>();
    for (const name of names) {
      const text = name.kind === "symbol" ? name.name : name.kind === "text" ? name.value : undefined;
      const known = [...blocks[0]!.instance.weights.keys()];
      if (text === undefined || !known.includes(text))
        return cx.fail("share-name", at, [text ?? describe(name), blocks[0]!.block.template, text && nearest(text, known)]);
      share.add(text);
    }
    return { kind: "list", items: blocks.map((of) => ({ kind: "copy", of, share })) };
  },
  share: (cx, expr, scope) => cx.fail("share-outside", scope.at(expr), []),
  normal: (cx, expr, scope) => {
    const given = take(cx, expr, scope, "normal", "std");
    const std = given && number(cx, given.std, scope.at(expr));
    return std === undefined ? error : { kind: "normal", std };
  },
  within: (cx, expr, scope) => {
    const names: string[] = [];
    for (const argument of expr.arguments) {
      const value = cx.evaluate(argument.value, scope);
      if (value.kind === "error") return value;
      if (value.kind !== "kinds") return cx.fail("kinds-wanted", scope.at(argument.value), [describe(value)]);
      names.push(...value.names);
    }
    return names.length ? { kind: "mask", mask: { op: "within", kinds: [...new Set(names)] } } : cx.fail("missing-argument", scope.at(expr), ["within", "kinds"]);
  },
  flow: (cx, expr, scope) => {
    const at = scope.at(expr);
    const given = take(cx, expr, scope, "flow", "clean", "noise", "predicts!");
    if (!given) return error;
    const [clean, noise] = [number(cx, given.clean, at), number(cx, given.noise, at)];
    const predicts = choice(cx, given.predicts, at, "predicts", ["velocity", "x", "noise"]);
    if (clean === undefined || noise === undefined || !predicts) return error;
    return { kind: "process", process: { kind: "flow", clean, noise, predicts } };
  },
  ddpm: (cx, expr, scope) => {
    const at = scope.at(expr);
    const given = take(cx, expr, scope, "ddpm", "steps", "schedule!", "predicts!");
    if (!given) return error;
    const steps = number(cx, given.steps, at);
    const schedule = choice(cx, given.schedule, at, "schedule", ["linear", "cosine"]);
    const predicts = choice(cx, given.predicts, at, "predicts", ["noise", "v", "x"]);
    if (steps === undefined || !schedule || !predicts) return error;
    if (!Number.isSafeInteger(steps) || steps < 1) return cx.fail("bad-size", at, ["steps", String(steps)]);
    return { kind: "process", process: { kind: "ddpm", steps, schedule, predicts } };
  },
  llama3: (cx, expr, scope) => {
    const at = scope.at(expr);
    const given = take(cx, expr, scope, "llama3", "factor", "low", "high", "original");
    if (!given) return error;
    const [factor, low, high, original] = [number(cx, given.factor, at), number(cx, given.low, at), number(cx, given.high, at), number(cx, given.original, at)];
    if (factor === undefined || low === undefined || high === undefined || original === undefined) return error;
    return { kind: "scaling", scaling: { factor, low, high, original } };
  },
  logit_normal: (cx, expr, scope) => distribution(cx, expr, scope, "logit_normal", "mean", "std"),
  uniform: (cx, expr, scope) => distribution(cx, expr, scope, "uniform", "from", "to"),
  next_token: (cx, expr, scope) => head(cx, expr, scope, "next_token"),
  denoise: (cx, expr, scope) => head(cx, expr, scope, "denoise"),
};

const distribution = (cx: Context, expr: ast.ExprOf<"call">, scope: Scope, name: "logit_normal" | "uniform", a: string, b: string): Value => {
  const at = scope.at(expr);
  const given = take(cx, expr, scope, name, a, b);
  if (!given) return error;
  const [x, y] = [number(cx, given[a]!, at), number(cx, given[b]!, at)];
  return x === undefined || y === undefined ? error : { kind: "distribution", distribution: { name, arguments: [x, y] } };
};
const head = (cx: Context, expr: ast.ExprOf<"call">, scope: Scope, name: "next_token" | "denoise"): Value => {
  const given = take(cx, expr, scope, name, "value");
  return given ? { kind: "head", head: name, value: given.value } : error;
};
