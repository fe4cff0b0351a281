// Who sees whom: the mask over the rows of a small document as a grid of squares, each in the colour of the first term of
// the mask that allows it.
import type { Kind, Mask, Model } from "../analyze/model.ts";
import { maskText } from "../analyze/printMask.ts";
import { casesOf } from "../rows/mask.ts";
import { box, ink, streamColour, termColour, wrapped, write } from "./svgElement.ts";
import type { DrawnMask, Picture } from "./svgPicture.ts";

interface SampleRow {
  readonly kind: Kind;
  readonly span: number;
}
/** Three tokens, each span with few patches, two tokens: of every kind enough to see its mask; tokens alone: six. */
const sampleOf = (model: Model): SampleRow[] => {
  const rows: SampleRow[] = [];
  const tokens = (name: string, count: number): void => {
    const kind = model.kinds.find((each) => each.name === name)!;
    for (let i = 0; i < count; i++) rows.push({ kind, span: rows.length });
  };
  for (const modality of model.modalities) {
    if (modality.kind === "tokens") {
      tokens(modality.name, model.modalities.length > 1 ? 3 : 6);
      continue;
    }
    const span = rows.length;
    for (const name of modality.segments) {
      const kind = model.kinds.find((each) => each.name === name)!;
      for (let i = 0; i < (kind.rows.kind === "grid" ? 4 : 1); i++) rows.push({ kind, span });
    }
  }
  const text = model.modalities.find((modality) => modality.kind === "tokens");
  if (text && model.modalities.length > 1) tokens(text.name, 2);
  return rows;
};

const sees = (mask: Mask, rows: readonly SampleRow[], query: number, key: number): boolean => {
  const [q, k] = [rows[query]!, rows[key]!];
  const cases = casesOf(mask, q.kind, k.kind);
  const order = q.span === k.span ? cases.same : cases.other;
  return key <= query ? order.before : order.after;
};
const termsOf = (mask: Mask): Mask[] => (mask.op === "or" ? [...termsOf(mask.left), ...termsOf(mask.right)] : [mask]);

const LABELS = 96;
const ROOM = 208;
export const MASK_WIDTH = LABELS + ROOM;

/** The grid of one mask with what it is called and means, from a point downwards. @returns the drawing and its height */
export const drawMask = (
  model: Model,
  picture: Picture,
  { mask, towers }: DrawnMask,
  x: number,
  y: number,
): { readonly parts: readonly string[]; readonly height: number } => {
  const rows = sampleOf(model);
  const terms = termsOf(mask);
  const cell = Math.max(4, Math.min(18, Math.floor(ROOM / (rows.length + 1))));
  const colourOf = ({ kind }: SampleRow): string =>
    streamColour(picture.streams.findIndex((stream) => stream.kinds.includes(kind.name)));
  const parts = [write(x, y + 14, "Who sees whom", { size: 14, bold: true })];
  if (picture.masks.length > 1)
    parts.push(write(x + 136, y + 14, `in ${towers.join(", ")}`, { fill: ink.soft, room: ROOM - 40 }));
  const lines = wrapped(`mask = ${maskText(mask).replace(/^\((.*)\)$/, "$1")}`, MASK_WIDTH, 11, 4, true);
  lines.forEach((line, i) => parts.push(write(x, y + 34 + i * 15, line, { size: 11, mono: true, fill: ink.soft })));
  const [left, top] = [x + LABELS + cell, y + 44 + lines.length * 15 + cell];
  for (const [i, row] of rows.entries()) {
    const colour = colourOf(row);
    parts.push(box(left - cell - 3, top + i * cell, cell - 1, cell - 1, { fill: colour, radius: 2 }));
    parts.push(box(left + i * cell, top - cell - 3, cell - 1, cell - 1, { fill: colour, radius: 2 }));
    const first = i === 0 || rows[i - 1]!.kind !== row.kind;
    const style = { size: 11, anchor: "end", fill: colour, room: LABELS - 8 } as const;
    if (first && cell > 10) parts.push(write(left - cell - 9, top + i * cell + cell / 2 + 3, row.kind.name, style));
    for (const key of rows.keys()) {
      const term = terms.findIndex((each) => sees(each, rows, i, key));
      const fill = term < 0 ? ink.frame : termColour(term);
      parts.push(box(left + key * cell, top + i * cell, cell - 1, cell - 1, { fill, radius: 2 }));
    }
  }
  let below = top + rows.length * cell + 22;
  for (const [i, term] of terms.entries()) {
    parts.push(box(left, below - 10, 11, 11, { fill: termColour(i), radius: 2 }));
    const text = maskText(term);
    for (const line of wrapped(text, Math.max(80, x + MASK_WIDTH - left - 18), 11, 2, true)) {
      parts.push(write(left + 18, below, line, { size: 11, mono: true }));
      below += 16;
    }
  }
  parts.push(write(left, below, "each row sees what is filled", { size: 11, fill: ink.soft }));
  return { parts, height: below + 16 - y };
};
