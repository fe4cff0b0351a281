// Rows of text and of images, as the manifest says that a document's rows are laid out.
import type { DocumentRow } from "../document.ts";
import { Failure } from "../failure.ts";
import type { Manifest, Modality, Noise, Segment } from "../manifest.ts";
import type { PatchGrid, Picture } from "../media/patches.ts";

export type Span = Extract<Modality, { is: "span" }>;
export type Tokens = Extract<Modality, { is: "tokens" }>;
export type Grid = Extract<Segment, { is: "grid" }>;

export const tokensIn = ({ modalities, model }: Manifest): Tokens => {
  const found = modalities.find((modality) => modality.is === "tokens");
  if (found === undefined) throw new Failure("file", `${model}: has no text`);
  return found;
};

/** The modality of images, and the one grid in it. @throws Failure "call" when the model has none. */
export const imagesIn = ({ modalities, model }: Manifest): { readonly span: Span; readonly grid: Grid } => {
  for (const span of modalities) {
    const grid = span.is === "span" ? span.segments.find((segment) => segment.is === "grid") : undefined;
    if (span.is === "span" && grid !== undefined) return { span, grid };
  }
  throw new Failure("call", `${model}: has no images`, "give no images, and draw none");
};

/** A picture of 4,096 x 4,096. */
const MAX_NUMBERS = 3 * 4096 ** 2;

/** How pixels become the rows of a grid, and the size of a picture of it. @throws Failure "call" for latents. */
export const layoutOf = ({
  kind,
  rows,
  cols,
  width,
  order,
  channels,
}: Grid): { readonly size: Omit<Picture, "data">; readonly patches: PatchGrid } => {
  if (order === null || channels !== 3)
    throw new Failure(
      "call",
      `rows of ${kind} are no pixels${channels === null ? "" : `: they have ${channels} channels`}, so a picture needs a codec, which this version has not`,
      "use a model whose grid says `channels: 3` and an `order`",
    );
  const side = Math.sqrt(width / channels);
  if (!Number.isInteger(side) || rows * cols * width > MAX_NUMBERS)
    throw new Failure(
      "file",
      `rows of ${kind}: ${rows} x ${cols} of ${width} numbers are no picture`,
      "compile the model again",
    );
  return { size: { width: cols * side, height: rows * side, channels }, patches: { rows, cols, order } };
};

export const textRows = (kind: string, ids: readonly number[]): DocumentRow[] =>
  ids.map((id) => ({ kind, span: 0, index: 0, values: { id } }));

/** The rows of one span: markers, and the grid with its numbers. */
export const spanRows = ({ segments }: Span, index: number, numbers: Float32Array, argument: string): DocumentRow[] =>
  segments.flatMap((segment): DocumentRow[] => {
    if (segment.is === "marker") return [{ kind: segment.kind, span: index, index: 0, values: {} }];
    const { kind, rows, cols, width } = segment;
    return Array.from({ length: rows * cols }, (_, i) => ({
      kind,
      span: index,
      index: i,
      values: { [argument]: numbers.subarray(i * width, (i + 1) * width) },
    }));
  });

/** The name of the numbers of a grid's rows, as programs call them: `z` of `image.patch.z`. */
export const argumentOf = ({ programs }: Manifest, { kind, width }: Grid): string => {
  const inputs = programs.flatMap((program) => program.inputs);
  const port = inputs.find(
    ({ name, shape }) => name.startsWith(`${kind}.`) && shape.at(-1) === width && shape.length === 3,
  );
  return port?.name.slice(kind.length + 1) ?? "z";
};

export const noiseFor = ({ noise, model }: Manifest, span: Span): Noise & { readonly input: string } => {
  const found = noise.find(({ modality }) => modality === span.name);
  if (found === undefined || found.input === null)
    throw new Failure(
      "call",
      `${model}: draws no ${span.name}: its noise statement says nothing of drawn ones`,
      'draw none: `images: "never"`, or without --out',
    );
  return { ...found, input: found.input };
};
