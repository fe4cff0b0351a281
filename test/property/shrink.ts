// Makes a failing specification smaller: every simpler neighbour is tried, and kept where it still fails in the same way.
import type { BlockSpec, Expr, LoopSpec, MaskSpec, Spec, StatementSpec } from "./spec.ts";
import { childrenOf, withChildren } from "./spec.ts";

/** The smallest found within `budget` milliseconds. `fails` says how a specification fails; undefined: it does not. */
export const shrink = async (
  spec: Spec,
  fails: (spec: Spec) => Promise<string | undefined>,
  budget = 20_000,
): Promise<Spec> => {
  const how = await fails(spec);
  const end = performance.now() + budget;
  let best = spec;
  for (let again = true; again;) {
    again = false;
    for (const simpler of simplerThan(best)) {
      if (performance.now() > end) return best;
      if ((await fails(simpler)) !== how) continue;
      best = simpler;
      again = true;
      break;
    }
  }
  return best;
};

/** Neighbours, those that leave out most first. */
export function* simplerThan(spec: Spec): Generator<Spec> {
  for (const i of spec.loops.keys()) if (spec.loops.length > 1) yield { ...spec, loops: without(spec.loops, i) };
  for (const i of spec.modalities.keys()) yield dropModality(spec, spec.modalities[i]!.name);
  for (const i of spec.towers.keys())
    yield {
      ...spec,
      towers: without(spec.towers, i),
      conditions: spec.conditions.filter((c) => c.name !== `c_${spec.towers[i]!.name}`),
    };
  if (spec.towers.some((t) => t.layers.length > 1 || t.layers.some((l) => l.times > 1)))
    yield {
      ...spec,
      towers: spec.towers.map((t) => ({ ...t, layers: t.layers.slice(0, 1).map((l) => ({ ...l, times: 1 })) })),
      loops: spec.loops.map(flat),
    };
  for (const towers of each(spec.towers, function* (t) {
    for (const i of t.layers.keys()) if (t.layers.length > 1) yield { ...t, layers: without(t.layers, i) };
    for (const layers of each(t.layers, function* (l) {
      if (l.times > 1) yield { ...l, times: l.times - 1 };
    }))
      yield { ...t, layers };
    if (t.tied) yield { ...t, tied: false };
    if (t.contract) yield { ...t, contract: false };
    if (t.copy?.share.length) yield { ...t, copy: { ...t.copy, share: [] } };
  }))
    yield { ...spec, towers };
  for (const loops of each(spec.loops, loopsSimpler)) yield { ...spec, loops };
  for (const mask of masksSimpler(spec.mask)) yield { ...spec, mask };
  for (const blocks of each(spec.blocks, blocksSimpler)) yield { ...spec, blocks };
  for (const i of spec.inputs.keys()) yield { ...spec, inputs: without(spec.inputs, i) };
  for (const conditions of each(spec.conditions, function* (c) {
    if (c.arms.length > 1)
      yield {
        ...c,
        arms: [{ ...c.arms[0]!, source: c.arms[0]!.source.replace(/\((.*)/, "(0)").replace("labelled", "condition") }],
      };
  }))
    yield { ...spec, conditions };
  for (const modalities of each(spec.modalities, modalitiesSimpler)) yield { ...spec, modalities };
  if (spec.bridge) yield { ...spec, bridge: spec.bridge === "bridge" ? undefined : "bridge" };
  if (spec.fates !== "train") yield { ...spec, fates: "train" };
  if (spec.limit !== undefined) yield { ...spec, limit: undefined };
}

const without = <T>(items: readonly T[], i: number): T[] => items.filter((_, n) => n !== i);
function* each<T>(items: readonly T[], simpler: (item: T) => Iterable<T>): Generator<T[]> {
  for (const [i, item] of items.entries())
    for (const other of simpler(item)) yield items.map((it, n) => (n === i ? other : it));
}
const flat = (loop: LoopSpec): LoopSpec => ({
  ...loop,
  variables: loop.variables.map((v) => ({ ...v, spread: undefined })),
  body: loop.body.map((s) => (s.kind === "loop" ? { kind: "loop", loop: flat(s.loop) } : s)),
});

// ── Layers ─────────────────────────────────────────────────────────────────────────────────────
function* loopsSimpler(loop: LoopSpec): Generator<LoopSpec> {
  for (const i of loop.body.keys()) yield { ...loop, body: without(loop.body, i) };
  for (const body of each(loop.body, statementsSimpler)) yield { ...loop, body };
  for (const i of loop.variables.keys())
    if (loop.variables.length > 1) yield { ...loop, variables: without(loop.variables, i) };
  for (const variables of each(loop.variables, function* (v) {
    if (v.spread !== undefined) yield { ...v, spread: undefined };
  }))
    yield { ...loop, variables };
}
function* statementsSimpler(s: StatementSpec): Generator<StatementSpec> {
  if (s.kind === "loop") for (const loop of loopsSimpler(s.loop)) yield { ...s, loop };
  if (s.kind === "let" || s.kind === "h") for (const value of exprsSimpler(s.value)) yield { ...s, value };
}
export function* exprsSimpler(e: Expr): Generator<Expr> {
  if (!(e.op === "name" && e.text === "h")) yield { op: "name", text: "h" };
  const children = childrenOf(e);
  yield* children;
  if (e.op === "call") {
    if (e.sees) {
      yield { ...e, sees: undefined };
      for (const sees of masksSimpler(e.sees)) yield { ...e, sees };
    }
    if (e.own) yield { ...e, own: undefined };
  }
  if (e.op === "select" || e.op === "joint")
    for (const i of e.arms.keys()) if (e.arms.length > 1) yield { ...e, arms: without(e.arms, i) };
  for (const replaced of each(children, exprsSimpler)) yield withChildren(e, replaced);
}
function* masksSimpler(mask: MaskSpec): Generator<MaskSpec> {
  if (mask.op !== "all") yield { op: "all" };
  if (mask.op !== "causal" && mask.op !== "all") yield { op: "causal" };
  if (mask.op === "and" || mask.op === "or") {
    yield mask.left;
    yield mask.right;
    for (const left of masksSimpler(mask.left)) if (left.op !== "all") yield { ...mask, left };
    for (const right of masksSimpler(mask.right)) if (right.op !== "all") yield { ...mask, right };
  }
  if (mask.op === "not") for (const of of masksSimpler(mask.of)) if (of.op !== "all") yield { ...mask, of };
}

// ── Blocks and modalities ──────────────────────────────────────────────────────────────────────
function* blocksSimpler(block: BlockSpec): Generator<BlockSpec> {
  const plain: Partial<BlockSpec> = {
    norm: "none",
    rope: "none",
    softcap: undefined,
    scale: undefined,
    bias: false,
    fused: false,
    feed: "none",
    attends: 1,
  };
  for (const [key, value] of Object.entries(plain))
    if (block[key as keyof BlockSpec] !== value) yield { ...block, [key]: value };
  if (block.heads > 1) yield { ...block, heads: 1, kv: 1 };
  if (block.dim > 1 && block.rope === "none") yield { ...block, dim: 1 };
  if (block.value > 1) yield { ...block, value: 1 };
}
function* modalitiesSimpler(m: Spec["modalities"][number]): Generator<Spec["modalities"][number]> {
  if (m.head) yield { ...m, head: false };
  if (m.kind === "tokens") {
    if (m.added.length) yield { ...m, added: [] };
    if (m.gain) yield { ...m, gain: undefined };
    return;
  }
  for (const i of m.segments.keys())
    if (m.segments[i]!.kind === "marker") yield { ...m, segments: without(m.segments, i) };
  for (const segments of each(m.segments, function* (s) {
    if (s.kind === "grid" && s.rows * s.cols > 1) yield { ...s, rows: 1, cols: s.cols > 1 ? 1 : s.rows };
    if (s.kind === "grid" && s.channels * s.side > 1) yield { ...s, channels: 1, side: 1 };
  }))
    yield { ...m, segments };
  for (const key of ["condition", "coordinates", "reorder"] as const)
    if (m.enter[key]) yield { ...m, enter: { ...m.enter, [key]: false } };
}

/** Without a modality, its kinds, and the arms and inputs that are left with none. */
const dropModality = (spec: Spec, name: string): Spec => {
  const keep = (kinds: readonly string[]): string[] =>
    kinds.filter((kind) => kind !== name && !kind.startsWith(`${name}.`));
  const mask = (m: MaskSpec): MaskSpec => {
    if (m.op === "and" || m.op === "or") return { ...m, left: mask(m.left), right: mask(m.right) };
    if (m.op === "not") return { ...m, of: mask(m.of) };
    if (m.op === "within" || m.op === "query" || m.op === "key")
      return keep(m.kinds).length ? { ...m, kinds: keep(m.kinds) } : { op: "causal" };
    return m;
  };
  const expr = (e: Expr): Expr => {
    const inner = withChildren(e, childrenOf(e).map(expr));
    if (inner.op === "select" || inner.op === "joint")
      return {
        ...inner,
        arms: inner.arms.map((arm) => ({ ...arm, kinds: keep(arm.kinds) })).filter((arm) => arm.kinds.length),
      };
    if (inner.op === "restrict") return { ...inner, kinds: keep(inner.kinds) };
    if (inner.op === "call")
      return { ...inner, own: inner.own && keep(inner.own), sees: inner.sees && mask(inner.sees) };
    return inner;
  };
  const loop = (l: LoopSpec): LoopSpec => ({
    ...l,
    body: l.body.map((s) =>
      s.kind === "loop" ? { ...s, loop: loop(s.loop) } : s.kind === "item" ? s : { ...s, value: expr(s.value) },
    ),
  });
  return {
    ...spec,
    modalities: spec.modalities.filter((m) => m.name !== name),
    inputs: spec.inputs.filter((i) => i.per !== name && !i.per?.startsWith(`${name}.`)),
    conditions: spec.conditions.map((c) => ({
      ...c,
      arms: c.arms.map((arm) => ({ ...arm, kinds: keep(arm.kinds) })).filter((arm) => arm.kinds.length),
    })),
    mask: mask(spec.mask),
    loops: spec.loops.map(loop),
  };
};
