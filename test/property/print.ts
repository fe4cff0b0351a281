// A specification as Graft text, as a person would write it: groups are named where they are used, arguments that are a
// template's defaults are left out.
import type {
  BlockSpec,
  Expr,
  GridSpec,
  Kinds,
  LoopSpec,
  MaskSpec,
  ModalitySpec,
  SegmentSpec,
  Spec,
  StatementSpec,
  TowerSpec,
} from "./spec.ts";

export const print = (spec: Spec): string => {
  const groups = new Groups(spec.modalities);
  const body = [
    ...spec.conditions.map(({ name, arms }) => `  let ${name} = ${condition(arms, groups)}`),
    ...fates(spec),
    ...spec.modalities.map((m) => embed(spec, m)),
    ...spec.loops.flatMap((loop) => printLoop(loop, groups, "  ")),
    `  mask = ${printMask(spec.mask, groups)}`,
    `  position = running${spec.limit === undefined ? "" : `(limit: ${spec.limit})`}`,
    ...spec.modalities.flatMap((m) => head(spec, m)),
  ];
  const used = new Set(spec.towers.flatMap((tower) => (tower.copy ? [] : tower.layers.map(({ block }) => block))));
  const blocks = spec.blocks.filter((_, i) => used.has(i));
  return [
    'import { Linear, TimeEmbedding } from "std/layers"',
    ...(spec.towers.some((tower) => tower.contract) ? ["contract Fuser { D  layers: ([D], c?: [C]) -> [D] }"] : []),
    ...(blocks.some((block) => block.rope === "part")
      ? ["part Turn(theta = 100) { forward(x: [heads, d]) -> [heads, d] { rotary(x, theta: theta) } }"]
      : []),
    ...(blocks.some((block) => block.feed === "part") ? [feedPart] : []),
    ...blocks.map(printBlock),
    ...spec.towers.map((tower) => printTower(spec, tower)),
    `/// Drawn by chance.\nmodel ${spec.bridge === undefined ? "M" : "Plain"}(${spec.towers.map(slot).join(", ")}) {`,
    ...spec.modalities.map(modality),
    ...groups.statements(),
    ...spec.inputs.map(({ name, type, per }) => `  input ${name}: ${type}${per === undefined ? "" : ` per ${per}`}`),
    ...body,
    "}",
    ...(spec.bridge === undefined ? [] : [`model M = Plain() with { ${spec.bridge} }`]),
    "",
  ].join("\n");
};

/** Names of sets of kinds. */
class Groups {
  readonly #names = new Map<string, { readonly name: string; readonly own: boolean }>();
  constructor(modalities: readonly ModalitySpec[]) {
    for (const m of modalities)
      if (m.kind === "span")
        this.#names.set(m.segments.map((s) => `${m.name}.${s.name}`).join(", "), { name: m.name, own: false });
  }
  of(kinds: Kinds): string {
    if (kinds.length === 1) return kinds[0]!;
    const key = kinds.join(", ");
    const known = this.#names.get(key);
    if (known) return known.name;
    const name = `g${this.#names.size}`;
    this.#names.set(key, { name, own: true });
    return name;
  }
  statements(): string[] {
    return [...this.#names].flatMap(([kinds, { name, own }]) => (own ? [`  group ${name} = ${kinds}`] : []));
  }
}

// ── Blocks and towers ──────────────────────────────────────────────────────────────────────────
const feedPart = `part Feed(D, hidden, bias = false) {
  weight first: [hidden, D], first_bias: [hidden] = zeros if bias
  weight second: [D, hidden]
  forward(x: [D]) -> [D] { linear(relu(linear(x, first, first_bias)), second) }
}`;
const rope = ({ rope }: BlockSpec, x: string): string => {
  switch (rope) {
    case "none":
      return x;
    case "halves":
      return `rotary(${x}, theta: 50)`;
    case "pairs":
      return `rotary(${x}, theta: 200, layout: pairs)`;
    case "llama3":
      return `rotary(${x}, theta: 500, scaling: llama3(factor: 4, low: 1, high: 4, original: 16))`;
    case "part":
      return `rope(${x})`;
    default:
      return rope satisfies never;
  }
};
const normed = ({ norm, bias }: BlockSpec, x: string, n: number): string =>
  norm === "none"
    ? x
    : norm === "rms"
      ? `rms_norm(${x}, norm${n}, 1e-5)`
      : bias
        ? `layer_norm(${x}, norm${n}, shift${n}, eps: 1e-3)`
        : `layer_norm(${x}, eps: 1e-4)`;

const printBlock = (b: BlockSpec): string => {
  const parameters = [
    "D",
    "heads",
    "kv = heads",
    "dim = D / heads",
    "value = dim",
    ...(b.condition === undefined ? [] : ["C = D"]),
    ...(b.rope === "part" ? ["rope = Turn()"] : []),
  ];
  const bias = (name: string): string => (b.bias ? `, ${name}_bias` : "");
  const weight = (name: string, rows: string, cols: string): string =>
    `${name}: [${rows}, ${cols}]${b.bias ? `, ${name}_bias: [${rows}] = zeros` : ""}`;
  const lines: string[] = [];
  const norms =
    b.norm === "none" || (b.norm === "layer" && !b.bias)
      ? []
      : [1, 2].map((n) => `weight norm${n}: [D] = ones${b.norm === "layer" ? `, shift${n}: [D] = zeros` : ""}`);
  lines.push(
    ...norms,
    ...(b.fused
      ? [`weight ${weight("qkv", "3 * heads * dim", "D")}`]
      : [
          `weight ${weight("q", "heads * dim", "D")}`,
          `weight ${weight("k", "kv * dim", "D")}, ${weight("v", "kv * value", "D")}`,
        ]),
    `weight o: [D, heads * value]`,
  );
  if (b.condition !== undefined) lines.push("weight modulation: [3 * D, C], modulation_bias: [3 * D] = zeros");
  if (b.feed === "gated") lines.push("hidden = 2 * D", "weight gate: [hidden, D], up: [hidden, D], down: [D, hidden]");
  if (b.feed === "gelu") lines.push(`weight ${weight("fc1", "D + 1", "D")}, fc2: [D, D + 1]`);
  if (b.feed === "part") lines.push(`part feed = Feed(D, 3${b.bias ? ", bias: true" : ""})`);
  lines.push("", `forward(x: [D]${b.condition === undefined ? "" : ", c: [C]"}) -> [D] {`);
  if (b.condition !== undefined)
    lines.push("  [scale, shift, open] = chunk(linear(silu(c), modulation, modulation_bias), 3)");
  lines.push(`  n = ${b.condition === undefined ? normed(b, "x", 1) : `${normed(b, "x", 1)} * (1 + scale) + shift`}`);
  const options = `${b.scale === undefined ? "" : `, scale: ${b.scale}`}${b.softcap === undefined ? "" : `, softcap: ${b.softcap}`}`;
  if (b.fused) lines.push(`  [queries, keys, values] = chunk(linear(n, qkv${bias("qkv")}), 3)`);
  else
    lines.push(
      `  queries = linear(n, q${bias("q")})`,
      `  keys = linear(n, k${bias("k")})`,
      `  values = linear(n, v${bias("v")})`,
    );
  lines.push(
    `  seen = attend(${rope(b, "split(queries, heads)")}, ${rope(b, "split(keys, kv)")}, split(values, kv)${options})`,
  );
  if (b.attends === 2)
    lines.push("  again = attend(split(keys + queries, heads), split(queries, kv), split(values, kv))");
  lines.push(
    `  y = x + ${b.condition === undefined ? "" : "open * "}linear(merge(${b.attends === 2 ? "seen + again" : "seen"}), o)`,
  );
  const m = normed(b, "y", 2);
  const feed = {
    gated: `y + linear(silu(linear(m, gate)) * linear(m, up), down)`,
    gelu: `y + linear(${b.bias ? "gelu" : "gelu_tanh"}(linear(m, fc1${bias("fc1")})), fc2)`,
    part: "y + feed(m)",
    none: "y",
  }[b.feed];
  if (b.feed !== "none") lines.push(`  m = ${m}`);
  lines.push(`  ${feed}`, "}");
  return `block ${b.name}(${parameters.join(", ")}) {\n${lines.map((line) => (line ? `  ${line}` : "")).join("\n")}\n}`;
};
const apply = (b: BlockSpec): string => {
  const given = [
    `D, heads: ${b.heads}`,
    ...(b.kv === b.heads ? [] : [`kv: ${b.kv}`]),
    ...(b.dim === b.width / b.heads ? [] : [`dim: ${b.dim}`]),
    ...(b.value === b.dim ? [] : [`value: ${b.value}`]),
    ...(b.condition === undefined || b.condition === b.width ? [] : [`C: ${b.condition}`]),
    ...(b.rope === "part" && b.bias ? ["rope: Turn(theta: 1_000)"] : []),
  ];
  return `${b.name}(${given.join(", ")})`;
};

const printTower = (spec: Spec, tower: TowerSpec): string => {
  const { name, width, copy, layers, condition, vocab, tied } = tower;
  const list = layers
    .map(({ block, times }) => `${apply(spec.blocks[block]!)}${times === 1 ? "" : ` * ${times}`}`)
    .join(" + ");
  const lines = [
    `D = ${copy ? "of.D" : width}`,
    `layers: ${copy ? `copy(of.layers${copy.share.length ? `, share: [${copy.share.join(", ")}]` : ""})` : list}`,
    ...(condition === undefined
      ? []
      : [
          `part time = TimeEmbedding(${condition}, 4, scale: 10)`,
          `weight labels: [5, ${condition}]`,
          `condition(t) -> [${condition}] { time(t) }`,
          `labelled(t, label) -> [${condition}] { time(t) + labels[label] }`,
        ]),
    ...(vocab === undefined
      ? []
      : [
          `vocab = ${vocab}`,
          "weight embed: [vocab, D], norm: [D] = ones",
          `weight head: [vocab, D]${tied ? " = share(embed) if true" : ""}`,
          "enter(id) -> [D] { embed[id] }",
          "features(x: [D]) -> [D] { rms_norm(x, norm) }",
          "logits(x: [D]) -> [vocab] { linear(features(x), head) }",
        ]),
    ...spec.modalities.flatMap((m) =>
      m.kind === "span" && m.tower === name
        ? m.segments.flatMap((s) => (s.kind === "grid" ? ends(tower, m.name, s, m.enter) : []))
        : [],
    ),
  ];
  return `tower ${name.toUpperCase()}${copy ? "(of)" : ""} {\n${lines.map((line) => `  ${line}`).join("\n")}\n}`;
};
const ends = (
  { condition, width }: TowerSpec,
  modality: string,
  grid: GridSpec,
  enter: { readonly condition: boolean; readonly coordinates: boolean; readonly reorder: boolean },
): string[] => {
  const z = enter.reorder ? `reorder(z, "p q c", "c p q", p: ${grid.side}, q: ${grid.side}, c: ${grid.channels})` : "z";
  const patch = `patch_${modality}`;
  const extra = [
    ...(enter.condition ? [`linear(c, from_${modality})`] : []),
    ...(enter.coordinates && width % 4 === 0
      ? [`concat(coordinates(col, D / 2, limit: ${grid.cols}), coordinates(row, D / 2, limit: ${grid.rows}))`]
      : []),
    ...(enter.coordinates && width % 4 !== 0 ? [`0.25 * index * slope_${modality}`] : []),
  ];
  const c = enter.condition ? `, c: [${condition}]` : "";
  return [
    `${patch} = ${grid.side} * ${grid.side} * ${grid.channels}`,
    `weight in_${modality}: [D, ${patch}], in_${modality}_bias: [D] = zeros, out_${modality}: [${patch}, D]`,
    ...(enter.condition ? [`weight from_${modality}: [D, ${condition}]`] : []),
    ...(enter.coordinates && width % 4 !== 0 ? [`weight slope_${modality}: [D]`] : []),
    `enter_${modality}(z: [${patch}]${c}) -> [D] { ${[`linear(${z}, in_${modality}, in_${modality}_bias)`, ...extra].join(" + ")} }`,
    `leave_${modality}(x: [D]${c}) -> [${patch}] { linear(${enter.condition ? `x + linear(c, from_${modality})` : "x"}, out_${modality}) }`,
  ];
};
const slot = ({ name, copy, contract }: TowerSpec): string =>
  `${name}${contract ? ": Fuser" : ""} = ${name.toUpperCase()}${copy ? `(${copy.of})` : ""}`;

// ── Modalities and their ends ──────────────────────────────────────────────────────────────────
const modality = (m: ModalitySpec): string => {
  if (m.kind === "tokens")
    return `  modality ${m.name} = tokens(vocab: ${m.tower}.vocab${m.added.length ? `, add: [${m.added.map((a) => `"${a}"`).join(", ")}]` : ""})`;
  return `  modality ${m.name} = span { ${m.segments.map((s) => `${s.name}: ${segment(m, s)}`).join(", ")} }`;
};
const segment = (m: ModalitySpec, s: SegmentSpec): string =>
  s.kind === "marker"
    ? `${s.of} ${typeof s.token === "number" ? s.token : `"${s.token}"`}`
    : `grid(${s.rows}, ${s.cols}, of: ${m.tower}.patch_${m.name}${s.ordered ? `, order: "p q c", channels: ${s.channels}` : ""})`;
const conditionNamed = (spec: Spec, tower: string): string =>
  spec.conditions.find((c) => c.name === `c_${tower}`)?.name ?? "none";
const embed = (spec: Spec, m: ModalitySpec): string => {
  if (m.kind === "tokens")
    return `  embed ${m.name}(id) = ${m.tower}.enter(id)${m.gain === undefined ? "" : ` * ${m.gain}`}`;
  const grid = m.segments.find((s) => s.kind === "grid")!;
  return `  embed ${m.name}.${grid.name}(z) = ${m.tower}.enter_${m.name}(z${m.enter.condition ? `, ${conditionNamed(spec, m.tower)}` : ""})`;
};
const head = (spec: Spec, m: ModalitySpec): string[] => {
  const noise = m.kind === "span" ? [`  noise ${m.name} = ${m.process}`] : [];
  if (!m.head) return noise;
  if (m.kind === "tokens") return [`  head ${m.name} = next_token(${m.tower}.logits(h))`];
  return [
    ...noise,
    `  head ${m.name} = denoise(${m.tower}.leave_${m.name}(h${m.enter.condition ? `, c: ${conditionNamed(spec, m.tower)}` : ""}))`,
  ];
};
const condition = (arms: Spec["conditions"][number]["arms"], groups: Groups): string =>
  arms.length === 1
    ? arms[0]!.source
    : `select { ${arms.map(({ kinds, source }) => `${groups.of(kinds)}: ${source}`).join(", ")} }`;
const fates = (spec: Spec): string[] => {
  if (spec.fates !== "apart" || spec.bridge !== undefined || spec.towers.length === 0)
    return [`  ${spec.fates === "freeze" ? "freeze" : "train"} **`];
  const loops = spec.loops.flatMap((loop) => (holdsItems(loop) ? [`${loop.name}.**`] : []));
  const added = spec.modalities.flatMap((m) => (m.kind === "tokens" && m.added.length ? [`${m.name}.added`] : []));
  const [first, ...rest] = spec.towers;
  const trained = [...rest.map((t) => `${t.name}.**`), ...added, ...loops];
  return [`  freeze ${first!.name}.**`, ...(trained.length ? [`  train ${trained.join(", ")}`] : [])];
};
const holdsItems = (loop: LoopSpec): boolean =>
  loop.body.some((s) => s.kind === "item" || (s.kind === "loop" && holdsItems(s.loop)));

// ── Layers ─────────────────────────────────────────────────────────────────────────────────────
const printLoop = (loop: LoopSpec, groups: Groups, indent: string): string[] => {
  const variables = loop.variables.map(
    ({ name, tower, spread }) =>
      `${name} in ${spread === undefined ? `${tower}.layers` : `spread(${tower}.layers, ${spread})`}`,
  );
  const body = loop.body.flatMap((s) =>
    s.kind === "loop" ? printLoop(s.loop, groups, `${indent}  `) : [`${indent}  ${statement(s, groups)}`],
  );
  return [`${indent}layers ${loop.name} ${variables.join(", ")} {`, ...body, `${indent}}`];
};
const statement = (s: Exclude<StatementSpec, { kind: "loop" }>, groups: Groups): string =>
  s.kind === "item"
    ? s.text
    : s.kind === "let"
      ? `let ${s.name} = ${printExpr(s.value, groups)}`
      : `h = ${printExpr(s.value, groups)}`;

const printExpr = (e: Expr, groups: Groups): string => {
  const inner = (x: Expr): string =>
    x.op === "union" || x.op === "two" || (x.op === "call" && x.sees) || (x.op === "around" && x.before.endsWith(" "))
      ? `(${printExpr(x, groups)})`
      : printExpr(x, groups);
  switch (e.op) {
    case "name":
      return e.text;
    case "restrict":
      return `${inner(e.of)}[${e.kinds.join(", ")}]`;
    case "call": {
      const callee = e.own ? `held(${e.callee}, own: ${groups.of(e.own)})` : e.callee;
      const call = `${callee}(${printExpr(e.of, groups)}${e.condition === undefined ? "" : `, c: ${e.condition}`})`;
      return e.sees ? `${call} sees ${printSees(e.sees, groups)}` : call;
    }
    case "select":
    case "joint":
      return `${e.op} { ${e.arms.map(({ kinds, value }) => `${groups.of(kinds)}: ${printExpr(value, groups)}`).join(", ")} }`;
    case "union":
      return `${inner(e.left)} | ${inner(e.right)}`;
    case "two":
      return /^\w/.test(e.sign)
        ? `${e.sign}(${printExpr(e.left, groups)}, ${printExpr(e.right, groups)})`
        : `${inner(e.left)} ${e.sign} ${inner(e.right)}`;
    case "around":
      return `${e.before}${e.before.endsWith("(") ? printExpr(e.of, groups) : inner(e.of)}${e.after}`;
    default:
      return e satisfies never;
  }
};
const printSees = (mask: MaskSpec, groups: Groups): string =>
  mask.op === "key"
    ? groups.of(mask.kinds)
    : mask.op === "and" || mask.op === "or" || mask.op === "not" || mask.op === "query"
      ? `(${printMask(mask, groups)})`
      : printMask(mask, groups);
const printMask = (mask: MaskSpec, groups: Groups): string => {
  const inner = (m: MaskSpec): string =>
    m.op === "and" || m.op === "or" ? `(${printMask(m, groups)})` : printMask(m, groups);
  switch (mask.op) {
    case "causal":
    case "all":
      return mask.op;
    case "within":
      return `within(${mask.kinds.length > 1 ? groups.of(mask.kinds) : mask.kinds[0]})`;
    case "query":
    case "key":
      return `${mask.op} is ${groups.of(mask.kinds)}`;
    case "and":
    case "or":
      return `${inner(mask.left)} ${mask.op} ${inner(mask.right)}`;
    case "not":
      return `not ${inner(mask.of)}`;
    default:
      return mask satisfies never;
  }
};
