// Faults of how towers are joined: which block, which arm, which adapter, which factor.
import type { Model, Seq } from "../../../compiler/analyze/model.ts";
import type { Node } from "../../../compiler/ir/node.ts";
import { type Mutation, nodes, remodelled, renamed, swapped } from "../edit.ts";
import { isResidual } from "../find.ts";

/** `alpha * x` without alpha. */
const dropped = (factor: string): Mutation =>
  nodes(`${factor} dropped`, () => (node, src) => {
    if (node.op !== "mul") return undefined;
    const at = node.src.findIndex(
      ({ op, attrs }) => op === "param" && "name" in attrs && attrs.name.endsWith(`.${factor}`),
    );
    return at < 0 ? undefined : src[1 - at];
  });

const residual = (of: "attention" | "mlp"): Mutation =>
  nodes(`residual of the ${of} dropped`, () => (node, src) => (isResidual(node, of) ? src[1] : undefined));

/** Each arm gives the other's kinds; only where both give rows of one width. */
const armsExchanged = (seq: Seq): Seq | undefined => {
  if (seq.op !== "select" || seq.path === "" || seq.attrs.arms.length !== 2) return undefined;
  const [one, two] = seq.attrs.arms;
  const widths = new Set([...seq.shapes.values()].map((shape) => shape.join()));
  const all = [one!, two!].every(({ value }) => [...seq.shapes.keys()].every((kind) => value.shapes.has(kind)));
  if (widths.size !== 1 || !all) return undefined;
  return {
    ...seq,
    attrs: {
      arms: [
        { ...one!, value: two!.value },
        { ...two!, value: one!.value },
      ],
    },
  };
};

/** The blocks that follow one another in one step: `vision.layers[1]` -> `vision.layers[2]` where they are a group. */
const reversed = (path: string, { towers, steps }: Model): string | undefined => {
  for (const { path: tower, layers } of towers) {
    if (layers.length % steps.length === 0 && layers.length === steps.length) continue;
    const group = (i: number): number =>
      steps.findIndex((_, n) => i < Math.floor(((n + 1) * layers.length) / steps.length));
    for (let i = 0; i + 1 < layers.length; i++)
      if (group(i) === group(i + 1)) {
        const other = swapped(path, `${tower}.layers[${i}].`, `${tower}.layers[${i + 1}].`);
        if (other !== undefined) return other;
      }
  }
  return undefined;
};

/** An adapter between widths, `fuse[1].to_vision_from_64.w`, of the layer after. */
const adapterAfter = (path: string, { steps }: Model): string | undefined => {
  const found = /^(\w+)\[(\d+)\](\.to_\w+\.\w+)$/.exec(path);
  return found ? `${found[1]}[${(Number(found[2]) + 1) % steps.length}]${found[3]}` : undefined;
};

export const joining: readonly Mutation[] = [
  renamed("towers exchanged", (path, { towers: [one, two] }) =>
    two === undefined ? undefined : swapped(path, `${one!.path}.layers[`, `${two.path}.layers[`),
  ),
  remodelled("arms of select exchanged", armsExchanged),
  dropped("alpha"),
  dropped("beta"),
  dropped("gamma"),
  renamed("bridge of another layer", adapterAfter),
  renamed("chain reversed", reversed),
  renamed("layers exchanged", (path, { towers: [tower] }) =>
    swapped(path, `${tower!.path}.layers[0].`, `${tower!.path}.layers[1].`),
  ),
  renamed("gate and up exchanged", (path) =>
    path.endsWith(".gate") || path.endsWith(".up") ? swapped(path, ".gate", ".up") : undefined,
  ),
  residual("attention"),
  residual("mlp"),
];

const activation = (name: string, from: Node["op"], to: "silu" | "gelu"): Mutation =>
  nodes(name, () => (node, src, g) => (node.op === from ? g.op(to, src) : undefined));

export const functions: readonly Mutation[] = [
  nodes(
    "eps of an rms norm 1e-6 for 1e-5",
    () => (node, src, g) => (node.op === "rmsNorm" ? g.op("rmsNorm", src, { eps: 1e-6 }) : undefined),
  ),
  nodes(
    "eps of a layer norm 1e-5 for 1e-6",
    () => (node, src, g) => (node.op === "layerNorm" ? g.op("layerNorm", src, { eps: 1e-5 }) : undefined),
  ),
  nodes(
    "norm weight 1 + w",
    () => (node, src, g) =>
      node.op === "rmsNorm" ? g.op("rmsNorm", [src[0]!, g.op("add", [src[1]!, g.constant(1)])], node.attrs) : undefined,
  ),
  nodes("final norm dropped", () => (node, src) => {
    const weight = node.op === "rmsNorm" ? node.src[1] : undefined;
    return weight?.op === "param" && !weight.attrs.name.includes("layers[") ? src[0] : undefined;
  }),
  activation("gelu for silu", "silu", "gelu"),
  activation("silu for gelu", "geluTanh", "silu"),
  activation("gelu by erf for gelu by tanh", "geluTanh", "gelu"),
  nodes(
    "biases dropped",
    () => (node, src, g) => (node.op === "linear" && src.length === 3 ? g.op("linear", src.slice(0, 2)) : undefined),
  ),
];
