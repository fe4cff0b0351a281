// A prompt as rows: a list of parts, each text, token ids or an image. Text is text: nothing that a user types opens a span.
import type { DocumentRow, Values } from "../document.ts";
import { Failure } from "../failure.ts";
import type { Manifest } from "../manifest.ts";
import { type Picture, toPatches } from "../media/patches.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { argumentOf, imagesIn, layoutOf, spanRows, textRows, tokensIn } from "./rows.ts";
import { spanInputs } from "./conditions.ts";
import type { Written } from "./continuation.ts";

export type PromptPart =
  | string
  | { readonly ids: readonly number[] }
  /** RGB in -1 .. 1, of the size of the model's grid */
  | { readonly image: Picture }
  /** the numbers of all rows of the image's grid, row after row: a latent, or patches */
  | { readonly grid: Float32Array };

export interface PromptRows extends Written {
  readonly tokens: number;
  readonly images: number;
}

/**
 * All rows of a document: of a past that it goes on from, and of the parts behind it; tokens and images are those of the parts.
 * @throws Failure "call" where a part is none, or does not fit the model
 */
export const promptRows = (
  manifest: Manifest,
  tokenizer: Tokenizer,
  parts: readonly PromptPart[],
  given: Values,
  past?: Written,
): PromptRows => {
  if (!Array.isArray(parts))
    throw new Failure("call", "a prompt is a list of parts", '["a photo of ", { image }, ": what is in it?"]');
  const rows: DocumentRow[] = [];
  const before = past?.spans ?? {};
  const spans: Record<string, Values[]> = Object.fromEntries(Object.entries(before).map(([of, all]) => [of, [...all]]));
  const { name } = tokensIn(manifest);
  if (past === undefined) rows.push(...textRows(name, tokenizer.start));
  const addGrid = (numbers: Float32Array): void => {
    const { span, grid } = imagesIn(manifest);
    const count = grid.rows * grid.cols * grid.width;
    if (numbers.length !== count)
      throw new Failure(
        "call",
        `an image of ${numbers.length} numbers was given, and the rows of ${grid.kind} have ${count}`,
        `${grid.rows} x ${grid.cols} rows of ${grid.width} numbers each`,
      );
    const inputs = (spans[span.name] ??= []);
    rows.push(...spanRows(span, inputs.length, numbers, argumentOf(manifest, grid)));
    inputs.push(spanInputs(manifest, span, given, undefined));
  };
  for (const [i, part] of (parts as readonly unknown[]).entries()) {
    if (typeof part === "string") rows.push(...textRows(name, tokenizer.encode(part)));
    else if (isOf<"ids">(part, "ids")) rows.push(...textRows(name, part.ids));
    else if (isOf<"image">(part, "image")) addGrid(patchesOf(manifest, part.image));
    else if (isOf<"grid">(part, "grid")) addGrid(part.grid);
    else throw new Failure("call", `part ${i} of the prompt is none`, "give a text, { ids }, { image } or { grid }");
  }
  const count = (of: Readonly<Record<string, readonly Values[]>>): number =>
    Object.values(of).reduce((sum, { length }) => sum + length, 0);
  const tokens = rows.filter(({ kind }) => kind === name).length;
  const images = count(spans) - count(before);
  return { rows: [...(past?.rows ?? []), ...rows], spans, drafts: past?.drafts ?? new Set(), images, tokens };
};
const isOf = <K extends string>(part: unknown, key: K): part is Extract<PromptPart, { readonly [P in K]: unknown }> =>
  typeof part === "object" && part !== null && Object.hasOwn(part, key);

const patchesOf = (manifest: Manifest, picture: Picture): Float32Array => {
  const { size, patches } = layoutOf(imagesIn(manifest).grid);
  if (picture.width !== size.width || picture.height !== size.height || picture.channels !== size.channels)
    throw new Failure(
      "call",
      `a picture of ${picture.width} x ${picture.height} was given, and the model takes ${size.width} x ${size.height}`,
      "scale it: `readImage(path, { width, height })`",
    );
  return toPatches(picture, patches);
};
