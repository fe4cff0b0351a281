// Faults of what rows enter with: conditions, patches, tokens, documents.
import type { Model, Row } from "../../../compiler/analyze/model.ts";
import type { Node } from "../../../compiler/ir/node.ts";
import type { Subject } from "../../../cli/verify/verify.ts";
import { fed, type Mutation, nodes, reordered } from "../edit.ts";
import { reaches } from "../find.ts";

const hasSpans = ({ inputs }: Model): boolean => inputs.some(({ per }) => typeof per === "object" && "span" in per);
const spanInput = (port: string, { inputs }: Model): boolean =>
  inputs.some(({ name, per }) => name === port && typeof per === "object" && "span" in per);
const isPort = (port: string, argument: string): boolean => port.endsWith(`.${argument}`);
const hasGrid = ({ kinds }: Model): boolean => kinds.some(({ rows }) => rows.kind === "grid");

/** Index of the span that each row belongs to, in the spans of all documents: row.span + the document's first span. */
const spanIndex = (name: string, keep: 0 | 1): Mutation =>
  nodes(name, () => (node, src, g) => {
    const isIndex =
      node.op === "add" && node.src[0]!.op === "input" && reaches(node.src[1]!, "iota", ["slice", "split"]);
    if (!isIndex) return undefined;
    return keep === 0 ? g.op("add", [g.op("mul", [src[0]!, g.constant(0, "i32")]), src[1]!]) : src[0];
  });

/** Chunk i + 1 for chunk i of what one matrix makes of a condition. */
const chunksRotated = nodes("adaLN chunks rotated", () => (node, src, g) => {
  if (node.op !== "slice" || !reaches(node.src[0]!, "silu", ["linear", "split", "merge"])) return undefined;
  const { axis, start, size } = node.attrs;
  const whole = node.src[0]!.type.shape[axis] as number;
  return g.op("slice", src, { axis, start: ((start as number) + (size as number)) % whole, size });
});

export const conditions: readonly Mutation[] = [
  chunksRotated,
  fed("timestep of the other image", hasSpans, spanInput, (tensor) => {
    const spans = tensor.shape[1]!;
    return reordered(tensor, (i) => i - (i % spans) + (spans - 1 - (i % spans)));
  }),
  spanIndex("timestep of the first image", 0),
  spanIndex("timesteps of the first document", 1),
  nodes(
    "frequencies over 127 for 128",
    () => (node, src, g) =>
      node.op === "sinusoid" ? g.op("sinusoid", src, { ...node.attrs, divisor: node.attrs.divisor - 1 }) : undefined,
  ),
  nodes(
    "sin and cos of a timestep exchanged",
    () => (node, src, g) =>
      node.op === "sinusoid"
        ? g.op("sinusoid", src, { ...node.attrs, order: node.attrs.order === "cos sin" ? "sin cos" : "cos sin" })
        : undefined,
  ),
  nodes(
    "timestep of another scale",
    () => (node, src, g) =>
      node.op === "sinusoid" ? g.op("sinusoid", src, { ...node.attrs, scale: node.attrs.scale * 1.001 }) : undefined,
  ),
  nodes(
    "clean rows conditioned as noise",
    () => (node, _src, g) =>
      node.op === "sinusoid" && node.src[0]!.op === "constant"
        ? g.op("sinusoid", [g.constant(1)], node.attrs)
        : undefined,
  ),
];

/** Weights of which one, that `of` names, has its first two rows exchanged. */
const rowsExchanged = (name: string, of: (path: string) => boolean): Mutation => ({
  name,
  of: ({ model }): Subject | undefined => {
    const found = model.weights.find(({ path, shape }) => of(path) && shape[0] === 2);
    if (found === undefined) return undefined;
    return {
      weights: (weight, right) => {
        if (weight !== found) return right(weight);
        const [rows, width] = found.shape as [number, number];
        const numbers = right(weight);
        return Float32Array.from(numbers, (_, i) => numbers[(i + width) % (rows * width)]!);
      },
    };
  },
});

const reads = (row: Row, op: Row["op"]): boolean => row.op === op || row.src.some((each) => reads(each, op));
const hasCoordinates = ({ embeds }: Model): boolean => [...embeds.values()].some(({ row }) => reads(row, "coordinate"));
const channelsOf = ({ kinds }: Model): number =>
  kinds.map(({ rows }) => (rows.kind === "grid" ? rows.channels : undefined)).find((each) => each !== undefined)!;

export const entering: readonly Mutation[] = [
  fed(
    "patches in order c p q for p q c",
    hasGrid,
    (port) => isPort(port, "z"),
    (tensor, { model }) => {
      const width = tensor.shape[2]!;
      const channels = channelsOf(model);
      const pixels = width / channels;
      return reordered(
        tensor,
        (i) => i - (i % width) + ((i % width) % pixels) * channels + Math.floor((i % width) / pixels),
      );
    },
  ),
  nodes("patches not put in the tower's order", () => (node, [x], g) => {
    if (node.op !== "transpose") return undefined;
    const [, ...sizes] = node.type.shape;
    const flat = sizes.slice(1).reduce<Node>((now) => g.op("merge", [now], { axis: 1 }), x!);
    return g.op("split", [flat], { axis: 1, sizes });
  }),
  fed(
    "rows and columns exchanged",
    hasCoordinates,
    (port) => isPort(port, "row") || isPort(port, "col"),
    (_tensor, { inputs, port }) =>
      inputs[isPort(port, "row") ? port.replace(/row$/, "col") : port.replace(/col$/, "row")]!,
  ),
  rowsExchanged("added token rows exchanged", (path) => path.endsWith(".added.enter")),
  rowsExchanged("added logits exchanged", (path) => path.endsWith(".added.head")),
  fed(
    "tokens of another document",
    () => true,
    (port) => isPort(port, "id"),
    (tensor) => {
      const size = tensor.data.length / tensor.shape[0]!;
      return reordered(tensor, (i) => tensor.data.length - size - Math.floor(i / size) * size + (i % size));
    },
  ),
];
