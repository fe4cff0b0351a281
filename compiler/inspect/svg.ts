// A model as a picture: how rows enter, what each layer does with the rows of each stream, how they leave, and who sees
// whom. Text of an SVG that needs no font, script or other file, the same for the same model.
import { count } from "../../grammar/count.ts";
import type { Model } from "../analyze/model.ts";
import { box, dot, ink, page, span, streamColour, track, wrapped, write } from "./svgElement.ts";
import { columnX, drawGroup, gridOf, LANE_GAP, trackX, type Grid } from "./svgLayers.ts";
import { drawMask, MASK_WIDTH } from "./svgMask.ts";
import { pictureOf, type Picture } from "./svgPicture.ts";

const MARGIN = 32;
const MASK_GAP = 44;

/** The picture of a model, as the text of an SVG file. */
export const svg = (model: Model): string => {
  const picture = pictureOf(model);
  const grid = gridOf(picture, MARGIN + 8);
  const side = grid.frame + grid.width + MASK_GAP;
  const width = side + MASK_WIDTH + MARGIN;
  const parts = [...heading(picture, width)];
  let y = 74 + docLines(picture, width).length * 16;
  const ends = entering(picture, grid, y);
  parts.push(...ends.parts);
  y += ends.height;
  parts.push(...towers(picture, grid, y));
  const top = y;
  y += 64;
  for (const group of picture.groups) {
    const drawn = drawGroup(picture, group, grid, y);
    parts.push(...drawn.parts);
    y += drawn.height + 28;
  }
  const out = leaving(picture, grid, y - 14);
  parts.push(...out.parts);
  y += out.height;
  let below = top - 6;
  for (const mask of picture.masks) {
    const drawn = drawMask(model, picture, mask, side, below);
    parts.push(...drawn.parts);
    below += drawn.height + 24;
  }
  const height = Math.max(y, below + legendHeight) + 20;
  parts.push(...legend(side, below));
  return page(width, height, `${picture.model}: towers, rows and mask`, parts);
};

const docLines = ({ doc }: Picture, width: number): string[] => wrapped(doc, width - 2 * MARGIN, 13, 2);
const heading = (picture: Picture, width: number): string[] => {
  const { frozen, trained } = picture.parameters;
  const about = `${count(frozen + trained)} parameters: ${count(frozen)} frozen, ${count(trained)} trained`;
  return [
    write(MARGIN, 46, picture.model, { size: 24, bold: true, room: width - 420 }),
    write(width - MARGIN, 46, about, { size: 13, fill: ink.soft, anchor: "end" }),
    ...docLines(picture, width).map((line, i) => write(MARGIN, 70 + i * 16, line, { size: 13, fill: ink.soft })),
  ];
};

const ROW = 26;
/** One line a stream, named where its line begins. */
const entering = (picture: Picture, grid: Grid, y: number): { readonly parts: string[]; readonly height: number } => {
  const height = picture.streams.length * ROW + 22;
  const parts = picture.streams.flatMap(({ name, kinds, enters }, i) => {
    const [x, at, colour] = [trackX(grid, i), y + 10 + i * ROW, streamColour(i)];
    const others = kinds.length > 1 ? ` (with ${kinds.slice(1).join(", ")})` : "";
    const from = trackX(grid, picture.streams.length - 1) + LANE_GAP + 6;
    return [
      track(`M ${x} ${at} V ${y + height + 56}`, colour, ink.ground),
      dot(x, at, colour),
      `<text x="${from}" y="${at + 4}" font-size="13">${[
        span(`${name}${others}`, `font-weight="600" fill="${colour}"`, 60),
        span(`  ${enters}`, `fill="${ink.soft}"`, 60),
      ].join("")}</text>`,
    ];
  });
  return { parts, height };
};
const leaving = (picture: Picture, grid: Grid, y: number): { readonly parts: string[]; readonly height: number } => {
  const parts = picture.streams.flatMap(({ name, leaves }, i) => {
    const [x, at, colour] = [trackX(grid, i), y + 22 + (picture.streams.length - 1 - i) * ROW, streamColour(i)];
    const from = trackX(grid, picture.streams.length - 1) + LANE_GAP + 6;
    return [
      ...(leaves.length > 0 ? [track(`M ${x} ${y - 30} V ${at}`, colour, ink.ground), dot(x, at, colour)] : []),
      `<text x="${from}" y="${at + 4}" font-size="13">${[
        span(name, `font-weight="600" fill="${colour}"`, 60),
        span(`  ${leaves.join("; ") || "no output"}`, `fill="${ink.soft}"`, 80),
      ].join("")}</text>`,
    ];
  });
  return { parts, height: 10 + picture.streams.length * ROW };
};

const towers = (picture: Picture, grid: Grid, y: number): string[] =>
  picture.columns.flatMap(({ tower, about }, i) => {
    const x = columnX(grid, i) + 10;
    return [
      write(x, y + 14, tower, { size: 15, bold: true, room: grid.column - 12 }),
      ...about.map((line, j) => write(x, y + 31 + j * 15, line, { size: 11, fill: ink.soft, room: grid.column })),
    ];
  });

const legendHeight = 84;
const legend = (x: number, y: number): string[] => [
  write(x, y + 14, "In the layers", { size: 14, bold: true }),
  box(x, y + 27, 14, 14, { fill: streamColour(0), radius: 3 }),
  box(x + 18, y + 27, 14, 14, { fill: streamColour(1), radius: 3 }),
  write(x + 42, y + 38, "the matrix is applied to these rows", { fill: ink.soft }),
  box(x + 18, y + 49, 14, 14, { stroke: ink.edge, radius: 3 }),
  write(x + 42, y + 60, "not computed: nobody needs it", { fill: ink.soft }),
];
