// Draws all of a specification but its layers: towers of unlike width, depth and heads, modalities and their ends, inputs
// and conditions, masks. Sizes are tiny, so that a case costs milliseconds.
import type { Dice } from "./dice.ts";
import type {
  BlockSpec,
  ConditionSpec,
  InputSpec,
  Kinds,
  KindSpec,
  MaskSpec,
  ModalitySpec,
  SegmentSpec,
  Spec,
  TowerSpec,
} from "./spec.ts";
import { kindsOf } from "./spec.ts";

export type Frame = Omit<Spec, "loops">;

/** Everything but the layers. */
export const drawFrame = (dice: Dice): Frame => {
  const blocks: BlockSpec[] = [];
  const towers = drawTowers(dice, blocks);
  const modalities = drawModalities(dice, towers);
  const inputs = drawInputs(dice, modalities, kindsOf(modalities, towers));
  const withGains = modalities.map((m) =>
    m.kind === "tokens"
      ? {
          ...m,
          gain: dice.maybe(
            0.15,
            () => inputs.find((i) => i.type === "number" && (i.per === undefined || i.per === "document"))?.name,
          ),
        }
      : m,
  );
  const kinds = kindsOf(withGains, towers);
  const conditions = drawConditions(dice, towers, withGains, inputs, kinds);
  return {
    blocks,
    towers,
    modalities: withGains,
    inputs,
    conditions,
    mask: drawMask(dice, kinds, 3, true),
    limit: dice.maybe(0.5, () => 64),
    bridge: dice.maybe(0.2, () =>
      dice.pick([
        "bridge",
        "bridge(once)",
        "bridge(bias: true)",
        "bridge(once, norm: true)",
        "bridge(norm: true, init: normal(0.5))",
      ]),
    ),
    fates: dice.pick(["train", "freeze", "apart"] as const),
  };
};

// ── Towers ─────────────────────────────────────────────────────────────────────────────────────
const drawTowers = (dice: Dice, blocks: BlockSpec[]): TowerSpec[] => {
  const count = dice.pick([1, 2, 2, 2, 3, 3, 4]);
  // One geometry of heads for most towers, so that they may attend jointly.
  const heads = drawHeads(dice);
  const width = dice.pick([2, 3, 4, 4, 6, 8]);
  const towers: TowerSpec[] = [];
  for (let i = 0; i < count; i++) {
    const name = `t${i}`;
    const of = dice.maybe(0.2, () => towers.find((t) => !t.copy));
    const own = dice.chance(0.5) ? width : dice.pick([1, 2, 3, 4, 5, 6, 8]);
    const condition = of ? of.condition : dice.maybe(0.4, () => dice.pick([own, 2, 3]));
    const contract = of ? of.contract : condition !== undefined && dice.chance(0.4);
    const same = {
      name,
      tied: dice.chance(0.5),
      condition,
      contract,
      vocab: i === 0 || dice.chance(0.4) ? dice.within(3, 9) : undefined,
    };
    if (of) {
      const first = blocks[of.layers[0]!.block]!;
      towers.push({
        ...same,
        width: of.width,
        layers: [],
        copy: {
          of: of.name,
          share: dice.chance(0.5) ? dice.some(["o", ...(first.norm === "rms" ? ["norm1", "norm2"] : [])]) : [],
        },
      });
      if (of.layers.some(({ block }) => blocks[block]!.norm !== first.norm))
        towers[towers.length - 1] = { ...towers.at(-1)!, copy: { of: of.name, share: [] } };
      continue;
    }
    const layers = Array.from({ length: dice.pick([1, 1, 2]) }, () => {
      const takes = condition !== undefined && (!contract || dice.chance(0.5));
      blocks.push(
        drawBlock(
          dice,
          `B${blocks.length}`,
          own,
          dice.chance(0.7) ? heads : drawHeads(dice),
          takes ? condition : undefined,
        ),
      );
      return { block: blocks.length - 1, times: dice.pick([1, 1, 2]) };
    });
    towers.push({ ...same, width: own, layers, copy: undefined });
  }
  return towers;
};
interface Heads {
  readonly heads: number;
  readonly kv: number;
  readonly dim: number;
  readonly value: number;
}
const drawHeads = (dice: Dice): Heads => {
  const heads = dice.pick([1, 2, 3, 3, 4]);
  const dim = dice.pick([1, 2, 2, 4]);
  const kv = dice.pick([1, 2, 3, 4].filter((n) => heads % n === 0));
  return { heads, kv, dim, value: dice.chance(0.7) ? dim : dice.within(1, 3) };
};
const drawBlock = (dice: Dice, name: string, width: number, heads: Heads, condition: number | undefined): BlockSpec => {
  const even = heads.dim % 2 === 0;
  const norm = dice.pick(["rms", "rms", "layer", "none"] as const);
  return {
    name,
    width,
    ...heads,
    condition,
    norm,
    rope: even ? dice.pick(["none", "halves", "halves", "pairs", "llama3", "part"]) : "none",
    softcap: dice.maybe(0.25, () => dice.pick([1.5, 20])),
    scale: dice.maybe(0.25, () => dice.pick([1, 0.3])),
    bias: dice.chance(0.4),
    fused: heads.heads === heads.kv && heads.value === heads.dim && dice.chance(0.4),
    // A gate on rows that no norm bounds would square them at each layer, out of the range of f32.
    feed: dice.pick([...(norm === "none" ? [] : (["gated", "gated"] as const)), "gelu", "part", "none"]),
    attends: heads.heads === heads.kv && heads.value === heads.dim && dice.chance(0.1) ? 2 : 1,
  };
};

// ── Modalities ─────────────────────────────────────────────────────────────────────────────────
const drawModalities = (dice: Dice, towers: readonly TowerSpec[]): ModalitySpec[] => {
  const speakers = towers.filter((t) => t.vocab !== undefined);
  const tokens = (name: string): ModalitySpec => ({
    kind: "tokens",
    name,
    tower: dice.pick(speakers).name,
    added: dice.chance(0.5) ? ["<a>", "<b>"].slice(0, dice.within(1, 2)) : [],
    head: dice.chance(0.85),
    gain: undefined,
  });
  const made: ModalitySpec[] = dice.chance(0.9) ? [tokens("text")] : [];
  if (made.length === 0 || dice.chance(0.85)) made.push(span(dice, "image", dice.pick(towers), made, towers));
  if (dice.chance(0.3))
    made.push(dice.chance(0.3) ? tokens("code") : span(dice, "sound", dice.pick(towers), made, towers));
  return made.some((m) => m.head) ? made : made.map((m, i) => (i === 0 ? { ...m, head: true } : m));
};
const span = (
  dice: Dice,
  name: string,
  tower: TowerSpec,
  before: readonly ModalitySpec[],
  towers: readonly TowerSpec[],
): ModalitySpec => {
  const token = before.find((m) => m.kind === "tokens");
  const marker = (label: string): SegmentSpec[] => {
    if (!token || dice.chance(0.3)) return [];
    const vocab = towers.find((t) => t.name === token.tower)!.vocab!;
    return [
      {
        kind: "marker",
        name: label,
        of: token.name,
        token: token.added.length && dice.chance(0.7) ? dice.pick(token.added) : dice.below(vocab),
      },
    ];
  };
  const side = dice.pick([1, 1, 2]);
  const ordered = dice.chance(0.3);
  const channels = side === 2 ? dice.within(1, 2) : dice.within(1, 4);
  const grid: SegmentSpec = {
    kind: "grid",
    name: "patch",
    rows: dice.within(1, 3),
    cols: dice.within(1, 3),
    channels,
    side,
    ordered,
  };
  return {
    kind: "span",
    name,
    tower: tower.name,
    segments: [...marker("open"), grid, ...marker("close")],
    head: dice.chance(0.8),
    enter: {
      condition: tower.condition !== undefined && dice.chance(0.5),
      coordinates: dice.chance(0.4),
      reorder: dice.chance(0.3),
    },
    process: dice.pick([
      "flow(clean: 0, noise: 1, predicts: velocity) { after: given }",
      "ddpm(steps: 10, schedule: linear, predicts: noise) { after: never }",
      "flow(clean: 1, noise: 0, predicts: x) { after: last }",
    ]),
  };
};

// ── Inputs and conditions ──────────────────────────────────────────────────────────────────────
const drawInputs = (dice: Dice, modalities: readonly ModalitySpec[], kinds: readonly KindSpec[]): InputSpec[] => {
  const spans = modalities.filter((m) => m.kind === "span").map((m) => m.name);
  const rows = kinds.filter((k) => !k.token || modalities.some((m) => m.name === k.name)).map((k) => k.name);
  const of = (per: string | undefined): InputSpec => ({
    name: "",
    type: dice.pick(["number", "number", "index(5)", "[3]"]),
    per,
  });
  return [
    ...(dice.chance(0.4) ? [of(undefined)] : []),
    ...(dice.chance(0.4) ? [of("document")] : []),
    ...spans.flatMap((name) => (dice.chance(0.7) ? [of(name)] : [])),
    ...(dice.chance(0.4) ? [of(dice.pick(rows))] : []),
  ].map((input, i) => ({ ...input, name: `i${i}` }));
};
/** An expression of one number, known at all of `kinds`. */
export const numberAt = (dice: Dice, inputs: readonly InputSpec[], kinds: readonly KindSpec[]): string => {
  const known = inputs.filter((i) => i.type !== "index(5)" && isKnown(i, kinds));
  const input = dice.maybe(0.8, () => (known.length ? dice.pick(known) : undefined));
  if (!input) return String(dice.pick([0, 0.25, 1]));
  return input.type === "[3]" ? `${dice.pick(["mean", "sum"])}(${input.name})` : input.name;
};
const indexAt = (dice: Dice, inputs: readonly InputSpec[], kinds: readonly KindSpec[]): string => {
  const known = inputs.filter((i) => i.type === "index(5)" && isKnown(i, kinds));
  return known.length ? dice.pick(known).name : String(dice.below(5));
};
export const isKnown = ({ per }: InputSpec, kinds: readonly KindSpec[]): boolean =>
  per === undefined ||
  per === "document" ||
  kinds.every((k) => k.name === per || (k.modality === per && k.modality !== k.name));

const drawConditions = (
  dice: Dice,
  towers: readonly TowerSpec[],
  modalities: readonly ModalitySpec[],
  inputs: readonly InputSpec[],
  kinds: readonly KindSpec[],
): ConditionSpec[] =>
  towers.flatMap((tower) => {
    if (tower.condition === undefined) return [];
    const source = (of: readonly KindSpec[]): string => {
      const t = numberAt(dice, inputs, of);
      return dice.chance(0.6)
        ? `${tower.name}.condition(${t})`
        : `${tower.name}.labelled(${t}, ${indexAt(dice, inputs, of)})`;
    };
    if (dice.chance(0.3) || modalities.length === 1)
      return [{ name: `c_${tower.name}`, arms: [{ kinds: kinds.map((k) => k.name), source: source(kinds) }] }];
    const arms = modalities.map((m) => {
      const own = kinds.filter((k) => k.modality === m.name);
      return { kinds: own.map((k) => k.name), source: source(own) };
    });
    return [{ name: `c_${tower.name}`, arms }];
  });

// ── Masks ──────────────────────────────────────────────────────────────────────────────────────
/** A mask of every term to that depth; `open`: mostly one by which rows see something. */
export const drawMask = (dice: Dice, kinds: readonly KindSpec[], depth: number, open = false): MaskSpec => {
  if (open && dice.chance(0.6)) return { op: "or", left: { op: "causal" }, right: drawMask(dice, kinds, depth - 1) };
  const some = (): Kinds => dice.some(kinds.map((k) => k.name));
  const spans = [...new Set(kinds.filter((k) => k.modality !== k.name).map((k) => k.modality))];
  const within = (): MaskSpec => {
    const name = dice.maybe(0.7, () => (spans.length ? dice.pick(spans) : undefined));
    const own = kinds.filter((k) => k.modality === name).map((k) => k.name);
    return {
      op: "within",
      kinds: name === undefined ? some() : dice.chance(0.5) ? own : [own.find((k) => k.endsWith(".patch"))!],
    };
  };
  const leaf = dice.pick<() => MaskSpec>([
    () => ({ op: "causal" }),
    () => ({ op: "all" }),
    within,
    within,
    () => ({ op: "query", kinds: some() }),
    () => ({ op: "key", kinds: some() }),
  ]);
  if (depth <= 0 || dice.chance(0.3)) return leaf();
  if (dice.chance(0.25)) return { op: "not", of: drawMask(dice, kinds, depth - 1) };
  return {
    op: dice.pick(["and", "or"] as const),
    left: drawMask(dice, kinds, depth - 1),
    right: drawMask(dice, kinds, depth - 1),
  };
};
