// A model after all names are resolved, as plain data and as text for people: what is there, who computes which rows,
// who sees whom, where each weight comes from. The text folds layers that are alike; the data fold nothing.
import { count } from "../../grammar/count.ts";
import type { Init, KindRows, Layout, Model, Process, Weight } from "./model.ts";
import { maskText } from "./printMask.ts";
import { rowText, SeqPrinter } from "./printSeq.ts";

export interface ExpandedWeight {
  readonly path: string;
  readonly shape: readonly number[];
  readonly trained: boolean;
  /** `zeros`, `normal(0.02)`, `copy(language.layers[0].q)`, `unset` */
  readonly init: string;
  /** other paths of the same weight */
  readonly aliases: readonly string[];
  readonly sources: readonly { readonly slot: string; readonly map: string; readonly value: string }[];
}
/** The stable form of `expand --json`. */
export interface Expanded {
  readonly schema: "graftwerk/expand@1";
  readonly model: string;
  readonly doc: string;
  readonly parameters: { readonly frozen: number; readonly trained: number };
  readonly kinds: readonly {
    readonly kind: string;
    readonly rows: string;
    readonly width: number;
    readonly enters: string;
  }[];
  readonly inputs: readonly { readonly name: string; readonly per: string; readonly type: string }[];
  readonly towers: readonly {
    readonly path: string;
    readonly template: string;
    readonly layers: readonly { readonly path: string; readonly template: string; readonly parameters: number }[];
  }[];
  /** sequences that are used more than once, by the names that stand for them below */
  readonly values: readonly { readonly name: string; readonly value: string }[];
  /** the sequence `h` after each step of the layers */
  readonly steps: readonly { readonly path: string; readonly h: string }[];
  readonly mask: string;
  readonly position: { readonly rule: string; readonly limit: number };
  readonly noise: readonly {
    readonly modality: string;
    readonly process: string;
    readonly given: string | null;
    readonly drawn: string | null;
    readonly after: string;
  }[];
  readonly guides: readonly { readonly name: string; readonly how: string }[];
  readonly heads: readonly { readonly modality: string; readonly kind: string; readonly value: string }[];
  /** `value`: of a loss that is not that of the head of that name */
  readonly losses: readonly { readonly name: string; readonly factor: number; readonly value: string | null }[];
  readonly weights: readonly ExpandedWeight[];
  readonly ignored: readonly { readonly slot: string; readonly map: string; readonly pattern: string }[];
}

const size = ({ shape }: Weight): number => shape.reduce((n, dim) => n * dim, 1);
const sum = (weights: readonly Weight[]): number => weights.reduce((n, weight) => n + size(weight), 0);

export const expand = (model: Model): Expanded => {
  const printer = new SeqPrinter(model);
  const steps = model.steps.map(({ path, value }) => ({ path, h: printer.step(value) }));
  const heads = model.heads.map(({ modality, kind, value }) => ({ modality, kind, value: printer.text(value) }));
  const losses = model.losses.map(({ name, factor, value }) => ({
    name,
    factor,
    value: value === undefined ? null : printer.text(value),
  }));
  return {
    schema: "graftwerk/expand@1",
    model: model.name,
    doc: model.doc,
    parameters: {
      frozen: sum(model.weights.filter((weight) => !weight.trained)),
      trained: sum(model.weights.filter((weight) => weight.trained)),
    },
    kinds: model.kinds.map(({ name, rows, width }) => {
      const embed = model.embeds.get(name);
      return { kind: name, rows: rowsText(rows), width, enters: embed ? rowText(embed.row, []) : "" };
    }),
    inputs: model.inputs.map(({ name, per, type }) => ({
      name,
      per: typeof per === "string" ? per : "span" in per ? per.span : per.row,
      type:
        type.kind === "index" ? `index(${type.below})` : type.shape.length ? `[${type.shape.join(", ")}]` : "number",
    })),
    towers: model.towers.map(({ path, template, layers }) => ({
      path,
      template,
      layers: layers.map((block) => {
        const own = model.weights.filter((weight) => weight.path.startsWith(`${block.path}.`));
        return { path: block.path, template: block.template, parameters: sum(own) };
      }),
    })),
    values: printer.values(),
    steps,
    mask: maskText(model.mask),
    position: model.position,
    noise: model.noise.map(({ modality, process, given, drawn, after }) => ({
      modality,
      process: processText(process),
      given: given ? `${given.input.name} = ${given.value}` : null,
      drawn: drawn
        ? `${drawn.input.name} ~ ${drawn.distribution.name}(${drawn.distribution.arguments.join(", ")})`
        : null,
      after,
    })),
    guides: model.guides.map(({ name, how }) => ({
      name,
      how:
        how.kind === "replace"
          ? `replace(${how.input.name}: ${how.value})`
          : `${how.kind}(${how.modality} before ${how.before})`,
    })),
    heads,
    losses,
    weights: model.weights.map(weightOf),
    ignored: model.ignored.map(({ slot, map, pattern }) => ({ slot, map, pattern })),
  };
};

const weightOf = ({ path, shape, trained, init, aliases, sources }: Weight): ExpandedWeight => ({
  path,
  shape,
  trained,
  init: initText(init),
  aliases,
  sources: sources.map(({ slot, map, value }) => ({ slot, map, value: layoutText(value) })),
});
const initText = (init: Init): string => {
  switch (init.kind) {
    case "value":
      return String(init.value);
    case "normal":
      return `normal(${init.std})`;
    case "copy":
      return `copy(${init.of.path})`;
    case "zeros":
    case "ones":
    case "identity":
    case "unset":
      return init.kind;
    default:
      return init satisfies never;
  }
};
const layoutText = (layout: Layout): string => {
  switch (layout.kind) {
    case "key":
      return JSON.stringify(layout.key);
    case "concat":
      return `concat(${layout.of.map(layoutText).join(", ")}, axis: ${layout.axis})`;
    case "split":
      return `split(${layoutText(layout.of)}, axis: ${layout.axis}, parts: ${layout.parts}, take: ${layout.take})`;
    case "transpose":
      return `transpose(${layoutText(layout.of)})`;
    case "reshape":
      return `reshape(${[layoutText(layout.of), ...layout.shape].join(", ")})`;
    case "permute":
      return `permute(${[layoutText(layout.of), ...layout.axes].join(", ")})`;
    default:
      return layout satisfies never;
  }
};
const rowsText = (rows: KindRows): string => {
  switch (rows.kind) {
    case "token":
      return "a token each";
    case "marker":
      return `the token ${rows.token} (${rows.id}) of ${rows.of}`;
    case "grid":
      return `grid ${rows.rows} x ${rows.cols} of [${rows.width}]${rows.order ? `, ${rows.order}` : ""}`;
    default:
      return rows satisfies never;
  }
};
const processText = (process: Process): string =>
  process.kind === "flow"
    ? `flow(clean: ${process.clean}, noise: ${process.noise}, predicts: ${process.predicts})`
    : `ddpm(steps: ${process.steps}, schedule: ${process.schedule}, predicts: ${process.predicts})`;

// ── Text ───────────────────────────────────────────────────────────────────────────────────────
/** A resolved model as text. */
export const expandedText = (found: Expanded): string => {
  const { kinds, inputs, towers, values, steps, noise, guides, heads, losses, weights, position, parameters } = found;
  const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ["rows", kinds.map(({ kind, rows, width, enters }) => `${kind}: ${rows}; enters as [${width}] = ${enters}`)],
    ["inputs", inputs.map(({ name, per, type }) => `${name}: ${type} per ${per}`)],
    [
      "towers",
      towers.map(({ path, template, layers }) => {
        const blocks = [...new Set(layers.map((layer) => layer.template))].join(", ");
        const total = layers.reduce((n, layer) => n + layer.parameters, 0);
        return `${path}: ${template}, ${layers.length} layers of ${blocks}, ${count(total)} parameters of its own in them`;
      }),
    ],
    ["values", values.map(({ name, value }) => `${name} = ${value}`)],
    ["layers", folded(steps.map(({ path, h }) => `${path}: h = ${h}`))],
    ["mask", [found.mask]],
    ["position", [`${position.rule}, at most ${count(position.limit)} rows`]],
    [
      "noise",
      noise.map(({ modality, process, given, drawn, after }) =>
        [`${modality}: ${process}`, given && `given: ${given}`, drawn && `drawn: ${drawn}`, `after: ${after}`]
          .filter(Boolean)
          .join("; "),
      ),
    ],
    ["guides", guides.map(({ name, how }) => `${name}: ${how}`)],
    ["heads", heads.map(({ modality, kind, value }) => `${modality}: ${kind}(${value})`)],
    [
      "loss",
      losses.map(({ name, factor, value }) => `${factor} * ${name}${value === null ? "" : `, the mean of ${value}`}`),
    ],
    ["weights", folded(weights.map(weightLine))],
  ];
  const head = `model ${found.model}: ${count(parameters.frozen)} parameters frozen, ${count(parameters.trained)} trained`;
  const body = sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `\n${title}\n${lines.map((line) => `  ${line}\n`).join("")}`);
  return `${found.doc ? `${found.doc}\n\n` : ""}${head}\n${body.join("")}`;
};

const weightLine = ({ path, shape, trained, init, aliases, sources }: ExpandedWeight): string =>
  [
    `${path} [${shape.join(", ")}] ${trained ? "trained" : "frozen"}, from ${init}`,
    ...aliases.map((alias) => `also ${alias}`),
    ...sources.map(({ slot, map, value }) => `${slot}/${map}: ${value}`),
  ].join("; ");

/** Lines that differ only in the index of a layer become one, for all of them, where the first of them stood. */
const folded = (lines: readonly string[]): string[] => {
  const groups: { readonly key: string; readonly first: number; last: number; readonly line: string }[] = [];
  const open = new Map<string, (typeof groups)[number]>();
  for (const line of lines) {
    const index = Number(/\[(\d+)\]/.exec(line)?.[1] ?? NaN);
    const key = line.replaceAll(`[${index}]`, "[i]").replace(`.${index}.`, ".{i}.");
    const group = open.get(key);
    if (group !== undefined && index === group.last + 1) group.last = index;
    else {
      const made = { key, first: index, last: index, line };
      groups.push(made);
      open.set(key, made);
    }
  }
  return groups.map(({ key, first, last, line }) =>
    first === last || Number.isNaN(first) ? line : `${key} for i in ${first} .. ${last}`,
  );
};
